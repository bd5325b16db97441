"""``hf://org/repo/file@revision``: from the name to a file on this machine."""

from __future__ import annotations

import re
from pathlib import Path

from lnbench._hub import HubRefusal, Place, fetch
from lnbench.errors import NeuronFileError

_FORM = "hf://org/repo/file@revision"
_NAME = re.compile(
    r"hf://(?:(?P<kind>models|datasets)/(?=[^/@]+/[^/@]+/))?"
    r"(?P<repo>[^/@]+/[^/@]+)/(?P<file>[^@]+)(?:@(?P<revision>.+))?"
)
_REVISION_FIRST = re.compile(r"hf://(?P<repo>[^/@]+/[^/@]+)@(?P<revision>[^/]+)/(?P<file>[^@]+)")


def hub_place(name: str) -> Place:
    """The repository, file and revision that a name stands for.

    ``hf://datasets/org/repo/file`` is a file of a data-set repository; the revision may hold slashes (``refs/pr/1``),
    the file may lie in folders.

    Raises:
        NeuronFileError: the name is of another form.
    """
    if (other := _REVISION_FIRST.fullmatch(name)) is not None:
        meant = f"hf://{other['repo']}/{other['file']}@{other['revision']}"
        raise NeuronFileError(f"{name!r} is not of the form {_FORM}: the revision goes to the end, {meant}")
    match = _NAME.fullmatch(name)
    if match is None or any(part in ("", ".", "..") for part in match["file"].split("/")):
        raise NeuronFileError(f"{name!r} is not of the form {_FORM}: correct it")
    return Place(match["repo"], match["file"], match["revision"], (match["kind"] or "models").removesuffix("s"))


def fetch_set(name: str) -> Path:
    """The file on this machine that ``hf://...`` stands for, downloaded where the cache does not have it.

    Raises:
        NeuronFileError: the name is of another form, or neither hub nor cache gives the file.
    """
    try:
        return fetch(hub_place(name))
    except HubRefusal as refusal:
        raise NeuronFileError(f"{name} did not come from the hub: {refusal}") from refusal
