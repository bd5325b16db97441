"""What a foreign file does not say of itself, and its reader must be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from lnbench.errors import SpecError
from lnbench.neurons._architecture import Architecture
from lnbench.neurons._grouped import Heads
from lnbench.neurons._header import check_labels
from lnbench.neurons._sites import known_site

#: Where the neurons of a file are that names no site: the output of the activation function, as in LAPE.
USUAL_SITE = "ffn.act"

#: How rows of queries are turned into rows of keys and values: by the layout of the heads, or as PLND's code does it.
KV_MAPS = ("layout", "released")


@dataclass(frozen=True)
class FileFacts:
    """What the reader of a foreign neuron file is told.

    Raises:
        NeuronSetError: a language cannot be a label.
        SpecError: there is no such site, or no such map.
    """

    languages: tuple[str, ...] | None = None
    """Names of the languages, in the order of the file, where it has none."""
    site: str | None = None
    """Where the neurons are, where the file does not say it; left out: ``ffn.act``."""
    model: str | None = None
    """Id of the model, for the header."""
    revision: str | None = None
    architecture: Architecture | Callable[[], Architecture] | None = None
    """Layers and widths of the model, or a function that tells them and is called when a foreign file is met."""
    heads: Heads | None = None
    """The model's attention heads, where its architecture does not say them."""
    kv_map: str = "layout"
    """``layout``: row i of the queries belongs to key/value row ``(i // (n*d)) * d + i % d``; ``released``: ``i // n``,
    as PLND's released code has it. n query heads of size d share a key/value head; without grouping both are i."""

    def __post_init__(self) -> None:
        if self.languages is not None:
            object.__setattr__(self, "languages", check_labels(self.languages))
        if self.site is not None:
            known_site(self.site)
        if self.kv_map not in KV_MAPS:
            raise SpecError(f"unknown map {self.kv_map!r} from query to key/value rows: choose {' or '.join(KV_MAPS)}")

    @cached_property
    def shape(self) -> Architecture | None:
        """The model's layers and widths, None where nobody knows."""
        return self.architecture() if callable(self.architecture) else self.architecture

    @property
    def attention(self) -> Heads | None:
        """The model's attention heads, None where nobody knows."""
        return self.heads or (self.shape.heads if self.shape is not None else None)

    def named(self, languages: tuple[str, ...] | None) -> FileFacts:
        """The same with other languages."""
        return replace(self, languages=languages)

    def of_native(self) -> FileFacts:
        """What of this a native file is held to: the model, where it is named."""
        return replace(self, languages=None, site=None, architecture=self.architecture if self.model else None)
