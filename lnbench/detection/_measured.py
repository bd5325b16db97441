"""Statistics of several sites with where they come from, and their file, from which selection takes seconds."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from lnbench import _json
from lnbench.detection._statistics import Statistics
from lnbench.detection._store import write_tensors
from lnbench.errors import DataError, NeuronSetError, SpecError
from lnbench.neurons import Architecture

#: Version of the file, ``major.minor``; a newer major version is refused.
SCHEMA = "1.0"
#: The metadata key that holds the JSON header.
HEADER_KEY = "lnbench.statistics"
_TABLES = ("active", "total", "squares", "active_total", "median", "active_median")


@dataclass(frozen=True)
class CorpusStatistics:
    """What one pass over the corpora measured, by site.

    Attributes:
        sites: site -> statistics, all of the same languages and tokens.
        architecture: layers and widths of the model.
        model, revision: its name and commit.
        corpus: description and hash of the text, plain JSON.
        settings: how it was measured (dtype, sampled tokens, batch size ...), plain JSON.
    """

    sites: Mapping[str, Statistics]
    architecture: Architecture
    model: str | None = None
    revision: str | None = None
    corpus: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def languages(self) -> tuple[str, ...]:
        """Labels in the order of the tables' last dimension."""
        return next(iter(self.sites.values())).languages

    def __getitem__(self, site: str) -> Statistics:
        """The statistics of a site.

        Raises:
            SpecError: it was not measured.
        """
        if site not in self.sites:
            raise SpecError(f"there are no statistics of {site!r}; measured were {', '.join(self.sites)}")
        return self.sites[site]

    def __iter__(self) -> Iterator[str]:
        return iter(self.sites)

    def of_model(self, model: str, revision: str | None = None) -> CorpusStatistics:
        """The same, with the name and commit of the model."""
        return dataclasses.replace(self, model=model, revision=revision)

    def save(self, path: str | Path) -> Path:
        """Write ``.safetensors``, all or nothing; the same statistics give the same bytes.

        Tensors are called ``SITE.TABLE`` (``active``, ``total``, ``squares``, ``active_total``, ``median``,
        ``active_median``), each ``[layers, width, languages]``; the JSON header is under one metadata key.

        Raises:
            OutputError: the path cannot be written.
        """
        tables = {
            f"{site}.{name}": table
            for site, found in self.sites.items()
            for name in _TABLES
            if (table := getattr(found, name)) is not None
        }
        text = json.dumps(self._header(), ensure_ascii=False, sort_keys=True, allow_nan=False)
        write_tensors(Path(path), tables, {HEADER_KEY: text})
        return Path(path)

    def _header(self) -> dict[str, Any]:
        from lnbench import __version__

        first = next(iter(self.sites.values()))
        return {
            "schema": SCHEMA,
            "tool": f"lnbench {__version__}",
            "languages": list(first.languages),
            "tokens": first.tokens.tolist(),
            "sites": list(self.sites),
            "model": self.model,
            "revision": self.revision,
            "architecture": self.architecture.to_json(),
            "corpus": dict(self.corpus),
            "settings": dict(self.settings),
        }

    @classmethod
    def load(cls, path: str | Path) -> CorpusStatistics:
        """Read a file that :meth:`save` wrote.

        Raises:
            DataError: the file is missing, damaged, of a newer format or no file of statistics.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="pt") as file:
                header = _read_header(file.metadata() or {}, path)
                return _from_header(header, {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
        except FileNotFoundError:
            raise DataError(f"no statistics at {str(path)!r}; name a file that --stats-out has written") from None
        except _DAMAGED as error:
            raise _unreadable(path, error) from error
        except (SafetensorError, OSError) as error:
            raise _unreadable(path, error) from error


#: What a header that says something else raises; torch tells of numbers that are too large by a RuntimeError.
_DAMAGED = (
    LookupError, TypeError, ValueError, AttributeError, OverflowError, RuntimeError, NeuronSetError, SpecError,
)  # fmt: skip


def _unreadable(path: str | Path, error: Exception) -> DataError:
    return DataError(f"the statistics {str(path)!r} cannot be read ({error}); collect them again")


def _read_header(metadata: Mapping[str, str], path: str | Path) -> dict[str, Any]:
    if HEADER_KEY not in metadata:
        raise DataError(f"{str(path)!r} holds no statistics (a neuron set? a checkpoint?); name a file of --stats-out")
    header: dict[str, Any] = _json.loads(metadata[HEADER_KEY])
    stated = header.get("schema")
    if str(stated).partition(".")[0] != SCHEMA.partition(".")[0]:
        raise DataError(f"{str(path)!r} has format {stated} and this lnbench reads {SCHEMA}; upgrade lnbench")
    return header


def _from_header(header: dict[str, Any], tables: Mapping[str, torch.Tensor]) -> CorpusStatistics:
    languages, tokens = tuple(header["languages"]), torch.tensor(header["tokens"], dtype=torch.int64)
    architecture = Architecture.from_json(header["architecture"])
    if not header["sites"] or tokens.shape != (len(languages),):
        raise ValueError(f"there are {len(languages)} languages, {len(header['sites'])} sites and other counts")
    found = {
        site: _of_shape(site, tables, (architecture.layers, architecture.widest(site), len(languages)))
        for site in header["sites"]
    }
    return CorpusStatistics(
        {site: Statistics(site, languages, tokens, **of_site) for site, of_site in found.items()},
        architecture,
        header["model"],
        header["revision"],
        header["corpus"],
        header["settings"],
    )


def _of_shape(site: str, tables: Mapping[str, torch.Tensor], shape: tuple[int, int, int]) -> dict[str, torch.Tensor]:
    """The tables of a site.

    Raises:
        ValueError: one has another shape.
    """
    found = {name: tables[f"{site}.{name}"] for name in _TABLES if f"{site}.{name}" in tables}
    for name, table in found.items():
        if tuple(table.shape) != shape:
            raise ValueError(f"{site}.{name} has shape {tuple(table.shape)} where {shape} is meant")
    return found
