"""What the commands about neuron sets share: options that tell what a file does not say, and reading with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from lnbench.errors import SpecError

if TYPE_CHECKING:
    from lnbench.neurons import FileFacts, Heads, NeuronSet

File = Annotated[str, typer.Argument(help="A path, the name of a shipped set, or hf://org/repo/file@revision.")]
Files = Annotated[list[str], typer.Argument(help="Neuron sets of any format.")]
Languages = Annotated[
    str | None, typer.Option(help="Names for the languages of files without names, in the files' order: en,zh,fr.")
]
Site = Annotated[str | None, typer.Option(help="Site of a file that names none (left out: ffn.act).")]
Model = Annotated[
    str | None, typer.Option("--model", help="The model that the neurons were counted in: lnbench/demo, folder or hub.")
]
Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit of a model on the hub.")]
HeadsText = Annotated[
    str | None,
    typer.Option("--heads", help="In place of --model, for PLND's k and v: query heads, key/value heads, head size."),
]
KvMap = Annotated[
    str | None,
    typer.Option("--kv-map", help="How PLND's k and v count: layout of the heads, or released (i // n, as its code)."),
]
Lang = Annotated[str | None, typer.Option("--lang", help="Only these languages: zh,fr.")]


@dataclass(frozen=True)
class Told:
    """What is told of files, as it was typed."""

    languages: str | None = None
    site: str | None = None
    model: str | None = None
    revision: str | None = None
    heads: str | None = None
    kv_map: str | None = None

    def facts(self) -> FileFacts:
        """The same for the readers; the model's config is read where it is needed.

        Raises:
            LnbenchError: something cannot be.
        """
        from lnbench.neurons import Architecture, FileFacts

        def shape() -> Architecture:
            from lnbench.models import load_architecture

            return load_architecture(str(self.model), revision=self.revision)

        return FileFacts(
            languages=names(self.languages),
            site=self.site,
            model=self.model,
            revision=self.revision,
            architecture=shape if self.model else None,
            heads=_heads(self.heads),
            kv_map=self.kv_map or "layout",
        )

    def load(self, *files: str) -> NeuronSet:
        """The union of the sets in these files."""
        from lnbench.neurons import load_masks

        return load_masks(list(files), self.facts())

    def load_each(self, files: Sequence[str]) -> list[NeuronSet]:
        """The set of each file; our own files need no names of languages and sites, and get none."""
        from lnbench.neurons import is_native, resolve_mask

        own = replace(self, languages=None, site=None)
        return [(own if is_native(resolve_mask(name)) else self).load(name) for name in files]


def names(text: str | None) -> tuple[str, ...] | None:
    """``en,zh`` or ``en+zh`` as a tuple."""
    return None if text is None else tuple(name.strip() for name in text.replace("+", ",").split(","))


def _heads(text: str | None) -> Heads | None:
    from lnbench.neurons import Heads

    if text is None:
        return None
    counts = text.replace("+", ",").split(",")
    if len(counts) != 3 or not all(count.strip().isascii() and count.strip().isdigit() for count in counts):
        raise SpecError(f"--heads {text} is not query heads, key/value heads and head size, as in 32,8,128; correct it")
    queries, keys, size = (int(count) for count in counts)
    return Heads(queries, keys, size)


def refuse_overwriting(out: object, *files: str) -> None:
    """Refuse to write over what is read.

    Raises:
        OutputError: the output is one of the files.
    """
    from pathlib import Path

    from lnbench.errors import OutputError
    from lnbench.neurons import resolve_mask

    target = Path(str(out)).resolve()
    if target.exists() and any(resolve_mask(name).resolve() == target for name in files if not name.startswith("hf:")):
        raise OutputError(f"{str(out)!r} is what is read here, and would be written over: give another --out")
