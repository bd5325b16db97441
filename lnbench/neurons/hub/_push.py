"""Neuron sets to the hub, with their card and pictures, in one commit."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from lnbench._hub import HubRefusal, Pushed, check_push, push, read_text
from lnbench._hub import check_names as check_places
from lnbench.errors import OutputError
from lnbench.neurons.hub._card import set_card
from lnbench.neurons.hub._painter import painted

if TYPE_CHECKING:
    from lnbench.neurons._set import NeuronSet

CARD = "README.md"


def hub_files(repo: str, sets: Mapping[str, NeuronSet], existing: str | None = None) -> dict[str, bytes]:
    """What a repository of these sets holds: the sets, a picture of each where somebody can draw, and the card.

    Args:
        repo: ``org/name``.
        sets: file in the repository, ``.safetensors`` or ``.pt``, folders allowed -> the set.
        existing: the card that is there; its owner's words stay.

    Raises:
        OutputError: a file has another suffix, or a name cannot be at the hub.
    """
    try:
        check_places(repo, sets)
    except HubRefusal as refusal:
        raise OutputError(f"there is no card for {repo!r}: {refusal}") from refusal
    files = {file: _bytes(neurons, file) for file, neurons in sets.items()}
    pictures = {file: f"pictures/{file}.png" for file in sets}
    drawn = {file: data for file, neurons in sets.items() if (data := painted(neurons, file)) is not None}
    card = set_card(repo, sets, {file: pictures[file] for file in drawn}, existing)
    return {**files, **{pictures[file]: data for file, data in drawn.items()}, CARD: card.encode()}


def check_names(repo: str, names: Mapping[str, object] | list[str], message: str) -> None:
    """Refuse, before anything is read or drawn, what could only fail at the hub.

    Raises:
        OutputError: a name cannot be, the hub is switched off, or there is no token.
    """
    for name in names:
        if PurePosixPath(name).suffix not in (".safetensors", ".pt"):
            raise OutputError(f"{name!r} has no suffix of a neuron set: call it {name}.safetensors or {name}.pt")
    try:
        check_push(repo, dict.fromkeys(names, b""), message)
    except HubRefusal as refusal:
        raise _not_sent(repo, refusal) from refusal


def push_sets(
    repo: str,
    sets: Mapping[str, NeuronSet],
    *,
    private: bool = False,
    revision: str | None = None,
    message: str | None = None,
) -> Pushed:
    """Send sets to a repository on the hub, in one commit with their card; the repository is made where there is none.

    The card (README.md) has counts, method, corpus, hash and a picture of each set. Of a card that is there only the
    parts about these sets are written again. It names no license: that is the owner's choice.

    Args:
        repo: ``org/name``.
        sets: file in the repository, ``.safetensors`` or ``.pt`` -> the set.
        private: make the repository private.
        revision: a branch, made where it does not exist; None is the main one.
        message: of the commit.

    Raises:
        OutputError: a name cannot be, or the hub does not take it; the sentence says why.
    """
    message = f"Add {', '.join(sets)}" if message is None else message
    check_names(repo, dict(sets), message)
    try:
        files = hub_files(repo, sets, read_text(repo, CARD, revision))
        return push(repo, files, message=message, private=private, revision=revision)
    except HubRefusal as refusal:
        raise _not_sent(repo, refusal) from refusal


def _not_sent(repo: str, refusal: HubRefusal) -> OutputError:
    return OutputError(f"nothing was sent to {repo!r}: {refusal}")


def _bytes(neurons: NeuronSet, file: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return neurons.save(Path(folder) / PurePosixPath(file).name).read_bytes()
