"""`NeuronSet`: an immutable table of (language, site, layer, index) and what is known about its neurons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import numpy.typing as npt

from lnbench._near import hint
from lnbench.errors import SpecError, UnknownLanguageError
from lnbench.neurons import _hash, _measures, _rows
from lnbench.neurons._architecture import Architecture
from lnbench.neurons._check import check, layer_count, refuse_outside
from lnbench.neurons._header import Header, check_labels
from lnbench.neurons._header_text import counted
from lnbench.neurons._operations import Operations
from lnbench.neurons._rows import FloatArray, IntArray, Rows, check_ids, frozen, sort_order
from lnbench.neurons._sites import SITES, known_site

if TYPE_CHECKING:
    from typing_extensions import Self

    from lnbench.neurons._grouped import Heads


class NeuronSet(Operations):
    """Neurons with the language that each belongs to; nothing in it can be changed.

    Rows are sorted by language (in the order of `languages`), site (in the order of `SITES`), layer and index.
    Make one with `from_indices` or `load`; equality compares everything, `content_hash` the neurons only.

    Attributes:
        languages: labels in header order; a language without neurons keeps its place.
        sites: the sites that have rows, in the order of `SITES`.
        layers: number of layers of the model (where the architecture is unknown: as many as were spoken of).
        header: where the set comes from.
        scores: float32 [rows], the score by which each neuron was chosen, or None.
        statistic_languages: the languages of the text that statistics were measured on.
        statistics: kind (``mean``, ``median``, ``diff`` ...) to float32 [rows, statistic languages].
        frequency: site to float32 [statistic languages, layers, width]: the share of tokens on which **each** neuron
            of the site is active, in 0..1 (where layers differ in width: the largest, filled with 0).
    """

    languages: tuple[str, ...]
    sites: tuple[str, ...]
    layers: int
    header: Header
    scores: FloatArray | None
    statistic_languages: tuple[str, ...]
    statistics: Mapping[str, FloatArray]
    frequency: Mapping[str, FloatArray]

    def __init__(  # one value per column and table of the file
        self,
        rows: Rows,
        languages: Sequence[str],
        sites: Sequence[str],
        *,
        layers: int = 0,
        header: Header | None = None,
        scores: Any = None,
        statistic_languages: Sequence[str] = (),
        statistics: Mapping[str, Any] | None = None,
        frequency: Mapping[str, Any] | None = None,
    ) -> None:
        """Sort and check rows whose ids point into `languages` and `sites` (most callers want `from_indices`).

        Raises:
            NeuronSetError: rows come twice, point nowhere or contradict the architecture; a table has a wrong shape.
        """
        put = self.__dict__
        put["header"] = header if header is not None else Header()
        put["languages"] = check_labels(languages)
        put["layers"] = layer_count(rows, layers, self.header.architecture)
        order = self._sort_in(rows, sites)
        put["statistic_languages"] = check_labels(statistic_languages, "statistic language")
        put["scores"] = None if scores is None else _measures.scores(scores, order)
        put["statistics"] = _measures.statistics(statistics or {}, order, len(self.statistic_languages))
        put["frequency"] = _measures.frequency(frequency or {}, self)

    def _sort_in(self, rows: Rows, sites: Sequence[str]) -> IntArray:
        """Put the rows and their sites in place, sorted and checked; gives the order that sorts them."""
        rows = _rows.site_order(rows, sites)
        order = sort_order(rows)
        rows = rows.take(order)
        check_ids(rows, self.languages, SITES, self.layers)
        refuse_outside(rows, self.languages, self.header.architecture)
        present = np.unique(rows.site_id)
        rows = rows.replace(site_id=np.searchsorted(present, rows.site_id))
        self.__dict__["sites"] = tuple(SITES[i] for i in present)
        self.__dict__["_rows"] = Rows(*(frozen(column.astype(np.int32)) for column in rows.columns))
        return order

    def __setattr__(self, name: str, value: Any = None) -> NoReturn:
        raise AttributeError(f"a neuron set cannot be changed, and this would change {name!r}: make a new set")

    __delattr__ = __setattr__

    @classmethod
    def from_indices(
        cls,
        mapping: Mapping[str, Any],
        *,
        model: Any = None,
        architecture: Architecture | None = None,
        layers: int = 0,
        **header: Any,
    ) -> Self:
        """A set from ``{"zh": {"ffn.act": [[3, 7], [], ...]}}``: per site one list of indices per layer.

        Args:
            mapping: language to site to layers; a dict ``{layer: indices}`` may stand for the list of layers.
            model: a model id for the header, or a transformers model, whose architecture and name are then read.
            architecture: layers and widths of the model; with it indices are checked against the widths.
            layers: number of layers, where neither the architecture nor the lists tell.
            **header: other fields of `Header` (``method``, ``parameters``, ``corpus``, ``revision`` ...).

        Raises:
            NeuronSetError: an unknown site, a duplicate, an index that is negative or too large, an unusable label.
        """
        from lnbench.neurons._reader import header_of

        made = header_of(model, architecture, header)
        check_labels(mapping)
        rows, languages, sites, spoken = _rows.rows_from_mapping(mapping)
        return cls(rows, languages, sites, layers=max(layers, spoken), header=made)

    @classmethod
    def load(
        cls,
        name: str | Path,
        languages: Sequence[str] | None = None,
        *,
        site: str | None = None,
        model: Any = None,
        architecture: Architecture | None = None,
        heads: Heads | None = None,
        kv_map: str = "layout",
    ) -> NeuronSet:
        """Read a file of any format: a path, the name of a shipped set, or ``hf://org/repo/file@revision``.

        Args:
            name: our own formats, LAPE's ``.neuron.pth``, PLND's text, bool masks, JSON or CSV, told by content.
            languages: names for a format that carries none, in the file's order; else they must be the file's own.
            site: where the neurons are, for a format that does not say it (left out: ``ffn.act``).
            model: a model id for the header, or a transformers model, whose architecture is then read.
            architecture: layers and widths of the model, which the file is held to.
            heads: the model's attention heads, which PLND's k and v need where its architecture does not say them.
            kv_map: how PLND's k and v count, ``layout`` or ``released`` (`FileFacts`).

        Raises:
            NeuronFileError: there is no such file, or it is damaged, unsafe or no neuron set.
            UnknownLanguageError: `languages` are missing, not as many as the file has, or not those it names.
            ModelMismatchError: the neurons were not counted in this model.
            SpecError: `site` is no site, or the file names its own.
        """
        from lnbench.neurons._files import read
        from lnbench.neurons._reader import described
        from lnbench.neurons._resolve import resolve_mask
        from lnbench.neurons.foreign._facts import FileFacts

        model_name, revision, shape = described(model, architecture)
        named = None if languages is None else check_labels(languages)
        return read(resolve_mask(name), FileFacts(named, site, model_name, revision, shape, heads, kv_map))

    def save(self, path: str | Path) -> Path:
        """Write ``.safetensors`` or ``.pt`` (by the suffix), all or nothing; gives the path back.

        Raises:
            OutputError: the suffix is another one, or the folder cannot be written to.
        """
        from lnbench.neurons._files import write

        return write(self, Path(path))

    def push_to_hub(self, repo: str, file: str = "neurons.safetensors", **how: Any) -> str:
        """Send the set to a repository on the Hugging Face hub, with a card; gives its ``hf://`` name at that commit.

        Args:
            repo: ``org/name``; made where it does not exist.
            file: its name there, ``.safetensors`` or ``.pt``.
            **how: ``private``, ``revision`` (a branch), ``message`` of `lnbench.neurons.hub.push_sets`.

        Raises:
            OutputError: a name cannot be, or the hub does not take it; the sentence says why.
        """
        from lnbench.neurons.hub import push_sets

        return f"hf://{repo}/{file}@{push_sets(repo, {file: self}, **how).commit}"

    def rows(self) -> Rows:
        """The table: four read-only int32 arrays (`Rows`)."""
        rows: Rows = self.__dict__["_rows"]
        return rows

    def __len__(self) -> int:
        return len(self.rows())

    def count(self, language: str | None = None, site: str | None = None, layer: int | None = None) -> int:
        """The number of rows, of everything or of one language, site or layer.

        Raises:
            UnknownLanguageError: the set has no such language.
            SpecError: there is no such site or layer.
        """
        return int(self.mask(language, site, layer).sum())

    def mask(self, language: str | None = None, site: str | None = None, layer: int | None = None) -> npt.NDArray[Any]:
        """bool [rows]: the rows of a language, site and layer (None: any); errors as in `count`."""
        rows, keep = self.rows(), np.ones(len(self), bool)
        if language is not None:
            keep &= rows.language_id == self.language_id(language)
        if site is not None:
            keep &= rows.site_id == self._site_id(site)
        if layer is not None:
            keep &= rows.layer == self._layer(layer)
        return keep

    def indices(self, language: str, site: str) -> list[npt.NDArray[np.int64]]:
        """One sorted int64 array of neuron indices per layer; all empty where the language has none at the site.

        Raises:
            UnknownLanguageError: the set has no such language.
            SpecError: there is no such site.
        """
        keep = self.mask(language, site)
        return _by_layer(self.rows().index[keep].astype(np.int64), self.rows().layer[keep], self.layers)

    def statistic(self, kind: str, of: str, language: str, site: str) -> list[FloatArray]:
        """Values of a statistic measured on text of language `of`, aligned with ``indices(language, site)``.

        Raises:
            UnknownLanguageError: the set has no such language.
            SpecError: there is no such site, or the set lacks the statistic.
        """
        keep = self.mask(language, site)
        values = _measures.column(self, kind, of)
        return _by_layer(values[keep], self.rows().layer[keep], self.layers)

    def language_id(self, language: str) -> int:
        """The place of a language in `languages`.

        Raises:
            UnknownLanguageError: the set has no such language.
        """
        if language not in self.languages:
            boolean = " (YAML reads a bare `no` as a boolean: write it in quotes)" if isinstance(language, bool) else ""
            meant = hint(language, self.languages, close=0.6)
            has = ", ".join(self.languages) or "no language"
            raise UnknownLanguageError(f"this neuron set has no language {language!r}{boolean}: {meant}it has {has}")
        return self.languages.index(language)

    def _site_id(self, site: str) -> int:
        known_site(site)
        return self.sites.index(site) if site in self.sites else -1

    def _layer(self, layer: int) -> int:
        if not 0 <= layer < self.layers:
            raise SpecError(f"this neuron set has no layer {layer}: it has layers 0 to {self.layers - 1}")
        return layer

    @cached_property
    def content_hash(self) -> str:
        """sha256 (64 hex digits) of the sorted (language, site, layer, index) rows, as `lnbench.neurons._hash` says."""
        return _hash.hash_rows(self.rows(), self.languages, self.sites)

    def check(self, architecture: Architecture) -> None:
        """Refuse a model that these neurons were not counted in.

        Raises:
            ModelMismatchError: a neuron lies outside the model (the first is named), or layers or widths differ.
        """
        check(self, architecture)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NeuronSet):
            return NotImplemented
        return _measures.same(self, other)

    def __hash__(self) -> int:
        return hash(self.content_hash)

    def __reduce__(self) -> tuple[Any, ...]:
        from lnbench.neurons._payload import pack, unpack

        return unpack, pack(self)

    def __repr__(self) -> str:
        made_by = f", {self.header.method}" if self.header.method else ""
        languages, sites = "+".join(self.languages), "+".join(self.sites)
        return f"NeuronSet({counted(len(self))} of {languages} at {sites}{made_by}, {self.content_hash[:12]})"


def _by_layer(values: npt.NDArray[Any], layer: npt.NDArray[Any], layers: int) -> list[npt.NDArray[Any]]:
    """Split rows of one language and site, which are sorted by layer, into one array per layer."""
    return np.split(values, np.searchsorted(layer, np.arange(1, layers))) if layers else []
