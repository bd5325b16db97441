"""What a foreign file holds, before languages are named and a model is known."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lnbench.errors import NeuronFileError, NeuronSetError, SpecError
from lnbench.neurons._architecture import MAX_LAYERS, MAX_WIDTH
from lnbench.neurons._rows import Rows
from lnbench.neurons._sites import SITES, known_site
from lnbench.neurons.foreign._facts import USUAL_SITE, FileFacts

#: Bounds of what is read: no published set comes near, and the memory that a hostile file can take stays below 2 GB.
MAX_TEXT = 32 * 2**20
MAX_BINARY = 512 * 2**20
MAX_ROWS = 8_000_000


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of a foreign file; ``site_id`` points into `SITES`."""

    rows: Rows
    languages: tuple[str, ...] | int
    """Labels, or how many languages there are without names."""
    layers: int | None = None
    """How many layers the file says that the model has; None where it lists only layers that have neurons."""
    spoken: int = 0
    """How many layers are spoken of, where not all are listed."""
    width: int | None = None
    """How many neurons of its site the file says that a layer has."""
    scores: npt.NDArray[np.float64] | None = None
    notes: tuple[str, ...] = ()
    """What was assumed or changed, for the header's history."""


@dataclass
class Columns:
    """Rows that are being collected, in few bytes each.

    `add` and `extend` raise NeuronSetError for a layer or index that no model has, and for too many rows.
    """

    language: array[int] = field(default_factory=lambda: array("q"))
    site: array[int] = field(default_factory=lambda: array("q"))
    layer: array[int] = field(default_factory=lambda: array("q"))
    index: array[int] = field(default_factory=lambda: array("q"))

    def add(self, language: int, site: str, layer: int, index: int) -> None:
        """One row."""
        _check_layer(layer)
        if not 0 <= index <= MAX_WIDTH:
            raise NeuronSetError(f"there is the index {brief(index)}: an index counts from 0 to {MAX_WIDTH}")
        self._check_room(1)
        self.language.append(language)
        self.site.append(SITES.index(site))
        self.layer.append(layer)
        self.index.append(index)

    def extend(self, language: int, site: str, layer: int, indices: npt.NDArray[np.int64]) -> None:
        """The rows of one layer; the indices are checked already."""
        _check_layer(layer)
        self._check_room(len(indices))
        for column, value in ((self.language, language), (self.site, SITES.index(site)), (self.layer, layer)):
            column.frombytes(np.full(len(indices), value, np.int64).tobytes())
        self.index.frombytes(np.ascontiguousarray(indices, np.int64).tobytes())

    def rows(self) -> Rows:
        """The table so far."""
        return Rows(*(np.array(c, np.int64) for c in (self.language, self.site, self.layer, self.index)))

    def _check_room(self, more: int) -> None:
        if len(self.index) + more > MAX_ROWS:
            raise NeuronSetError(f"it has more than {MAX_ROWS} rows, and no more are read: restrict it first")


def _check_layer(layer: int) -> None:
    if not 0 <= layer < MAX_LAYERS:
        raise NeuronSetError(f"there is the layer {brief(layer)}: no model has more than {MAX_LAYERS} layers from 0 on")


def brief(value: Any) -> str:
    """A value of a stranger's file, short enough for a sentence."""
    if isinstance(value, int) and abs(value) >= 10**30:
        return "of more than 30 digits"
    if isinstance(value, (list, tuple, dict)):
        return f"a {type(value).__name__} of {len(value)}"
    text = repr(value[:60] if isinstance(value, (str, bytes)) else value)
    return text if len(text) <= 60 else text[:57] + "..."


def site_of(facts: FileFacts) -> tuple[str, tuple[str, ...]]:
    """The site of a file that names none, and the note that says so."""
    if facts.site is not None:
        return facts.site, (f"site {facts.site} as told",)
    return USUAL_SITE, (f"site {USUAL_SITE}, because nothing else was told",)


def refuse_site(facts: FileFacts) -> None:
    """Refuse a site for a file that says its sites itself.

    Raises:
        SpecError: one was given.
    """
    if facts.site is not None:
        raise SpecError(f"the file says at which sites its neurons are, and site={facts.site} was given too: drop it")


def checked_site(value: Any) -> str:
    """A site that a file names.

    Raises:
        NeuronSetError: there is no such site.
    """
    try:
        return known_site(value if isinstance(value, str) else brief(value))
    except SpecError as error:
        raise NeuronSetError(str(error)[:300]) from None


def text_of(path: Path) -> str:
    """The file as text.

    Raises:
        NeuronFileError: it is too long or no UTF-8.
    """
    refuse_large(path, MAX_TEXT, "text", "convert it where it was made, to .npy or .safetensors")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NeuronFileError(f"{path} is no UTF-8 text (byte {error.start}): save it as UTF-8") from error


def refuse_large(path: Path, most: int, what: str, remedy: str) -> None:
    """Refuse a file that no neuron set fills.

    Raises:
        NeuronFileError: it is larger.
    """
    size = path.stat().st_size
    if size > most:
        raise NeuronFileError(f"{path} has {size} bytes, and {what} is read up to {most}: {remedy}")
