"""``lnbench neurons push``: neuron sets to the Hugging Face hub, with a card."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated

import typer

import lnbench
from lnbench._write import check_takes_files, whole
from lnbench.cli import _neurons_options as options
from lnbench.errors import OutputError

if TYPE_CHECKING:
    from lnbench.neurons import NeuronSet


def push(
    sets: options.Files,
    repo: Annotated[str, typer.Option(help="The repository on the hub, org/name; made where there is none.")],
    private: Annotated[bool, typer.Option("--private", help="Make the repository private.")] = False,
    revision: Annotated[str | None, typer.Option("--revision", "--branch", help="A branch to send it to.")] = None,
    message: Annotated[str | None, typer.Option(help="Message of the commit.")] = None,
    card_only: Annotated[Path | None, typer.Option(help="Send nothing; write the card to this folder.")] = None,
    languages: options.Languages = None,
    site: options.Site = None,
) -> None:
    """Send neuron sets to the Hugging Face hub in one commit, with a card: counts, method, corpus, hash, a picture."""
    from lnbench.neurons.hub import check_names, push_sets

    files, told = _files(sets), options.Told(languages, site)
    said = message or f"Add {', '.join(files)}"
    if card_only is not None:
        check_takes_files(card_only, str(card_only), "--card-only")
        _write_card(repo, _loaded(files, told), card_only)
        return
    check_names(repo, list(files), said)
    loaded = _loaded(files, told)
    pushed = push_sets(repo, loaded, private=private, revision=revision, message=said)
    print(f"{pushed.url} at commit {pushed.commit}")
    for file in loaded:
        print(f"hf://{repo}/{file}{f'@{revision}' if revision else ''}")


def _files(sets: list[str]) -> dict[str, str]:
    """Name in the repository -> the set as it was typed."""
    found: dict[str, str] = {}
    for typed in sets:
        file = PurePosixPath(typed.partition("@")[0] if typed.startswith("hf://") else typed).name
        name = file if file.endswith((".safetensors", ".pt")) else f"{file.partition('.')[0]}.safetensors"
        if name in found:
            raise OutputError(f"{found[name]!r} and {typed!r} would both be {name!r} in the repository; rename one")
        found[name] = typed
    return found


def _loaded(files: dict[str, str], told: options.Told) -> dict[str, NeuronSet]:
    lnbench.NeuronSet  # noqa: B018 (this hands in who draws the card's pictures)
    return dict(zip(files, told.load_each(list(files.values())), strict=True))


def _write_card(repo: str, sets: dict[str, NeuronSet], folder: Path) -> None:
    from lnbench.neurons.hub import hub_files

    there = folder / "README.md"
    existing = there.read_text(encoding="utf-8", errors="replace") if there.is_file() else None
    for name, data in hub_files(repo, sets, existing).items():
        if name in sets:
            continue
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as part:
            part.write_bytes(data)
        print(path)
