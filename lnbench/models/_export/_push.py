"""Upload an exported folder to the hub."""

from __future__ import annotations

from pathlib import Path

from lnbench._hub import HubRefusal, check_push, push
from lnbench.errors import OutputError
from lnbench.models._export._card import README

_MESSAGE = "Upload an export of lnbench"


def check_export_push(repo: str) -> None:
    """Refuse an upload that could only fail, before anything is loaded.

    Raises:
        OutputError: ``repo`` is no ``ORG/NAME``, there is no token, or the hub is switched off.
    """
    try:
        check_push(repo, {README: b""}, _MESSAGE)
    except HubRefusal as refusal:
        raise OutputError(f"cannot upload to {repo!r}: {refusal}") from refusal


def push_export(folder: str | Path, repo: str, *, private: bool = False) -> str:
    """Upload an exported folder as a model repository, in one commit; it is made where there is none.

    Args:
        folder: What :func:`export` has made.
        repo: ``org/name``.
        private: Make the repository private.

    Returns:
        The repository's address.

    Raises:
        OutputError: the hub refuses or cannot be reached; the folder stays as it is.
    """
    root = Path(folder)
    files = {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*")) if path.is_file()}
    try:
        return push(repo, files, message=_MESSAGE, private=private).url
    except HubRefusal as refusal:
        raise OutputError(f"{root} is written, and not uploaded to {repo!r}: {refusal}") from refusal
