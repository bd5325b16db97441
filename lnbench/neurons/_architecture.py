"""How many neurons a model has, and where: a plain value that knows no model class."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from lnbench.errors import NeuronSetError, SpecError
from lnbench.neurons._frozen import FrozenDict
from lnbench.neurons._sites import SITES

if TYPE_CHECKING:
    from lnbench.neurons._grouped import Heads

#: Bounds that no decoder comes near; a header beyond them is damaged or hostile.
MAX_LAYERS = 4_096
MAX_WIDTH = 2**31 - 1

Width = int | tuple[int, ...]


@dataclass(frozen=True)
class Architecture:
    """Layers, and the number of neurons at each site.

    ``widths`` maps a site to its width, or to one width per layer where layers differ. It holds every site that the
    model has. Equality and `fingerprint` look at layers and widths only. ``heads`` are written to files
    where they are known; rows of keys and values go to and from PLND's text by them.

    Raises:
        NeuronSetError: a count is not a positive integer, a site is unknown, or a width tuple has the wrong length.
    """

    layers: int
    widths: Mapping[str, Width]
    model_type: str = field(default="", compare=False)
    heads: Heads | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", _count(self.layers, "layers", MAX_LAYERS))
        if unknown := [site for site in self.widths if site not in SITES]:
            raise NeuronSetError(f"an architecture has no site {unknown[0]!r}: the sites are {', '.join(SITES)}")
        widths = {site: _width(self.widths[site], site, self.layers) for site in SITES if site in self.widths}
        object.__setattr__(self, "widths", FrozenDict(widths))

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites that the model has, in the order of `SITES`."""
        return tuple(self.widths)

    def width(self, site: str, layer: int = 0) -> int:
        """The number of neurons at a site of a layer.

        Raises:
            SpecError: the model has no such site or layer.
        """
        if site not in self.widths:
            raise SpecError(f"this model has no site {site!r}: it has {', '.join(self.sites)}")
        if not 0 <= layer < self.layers:
            raise SpecError(f"this model has no layer {layer}: it has layers 0 to {self.layers - 1}")
        width = self.widths[site]
        return width if isinstance(width, int) else width[layer]

    def widest(self, site: str) -> int:
        """The largest width of a site over the layers (0 where the model lacks the site)."""
        width = self.widths.get(site, 0)
        return width if isinstance(width, int) else max(width)

    @property
    def fingerprint(self) -> str:
        """The first 16 hex digits of the sha256 of ``{"layers": .., "widths": {..}}`` as canonical JSON."""
        return hashlib.sha256(_canonical(self._counts()).encode()).hexdigest()[:16]

    def _counts(self) -> dict[str, Any]:
        widths = {site: list(w) if isinstance(w, tuple) else w for site, w in self.widths.items()}
        return {"layers": self.layers, "widths": widths}

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: ``layers``, ``widths``, ``model_type``, ``heads`` if known and, for readers, ``fingerprint``."""
        heads = {} if self.heads is None else {"heads": asdict(self.heads)}
        return {**self._counts(), "model_type": self.model_type, **heads, "fingerprint": self.fingerprint}

    @classmethod
    def from_json(cls, data: Any) -> Architecture:
        """The value that `to_json` wrote; a ``fingerprint`` may be left out, a wrong one is an error.

        Raises:
            NeuronSetError: a field is missing or of the wrong kind.
        """
        if not isinstance(data, dict) or not isinstance(data.get("widths"), dict) or "layers" not in data:
            raise NeuronSetError(f"an architecture needs `layers` and `widths`, and this one is {short(data)}")
        made = cls(data["layers"], data["widths"], str(data.get("model_type", "")), _heads(data.get("heads")))
        stated = data.get("fingerprint", made.fingerprint)
        if stated != made.fingerprint:
            raise NeuronSetError(
                f"the architecture states the fingerprint {stated!r} and its layers and widths give "
                f"{made.fingerprint!r}: correct the one that is wrong, or leave `fingerprint` out"
            )
        return made


def _heads(value: Any) -> Heads | None:
    from lnbench.neurons._grouped import Heads

    if value is None:
        return None
    if not isinstance(value, dict) or set(value) != {"queries", "keys", "size"}:
        raise NeuronSetError(f"`heads` of an architecture are `queries`, `keys` and `size`, and not {short(value)}")
    return Heads(**value)


def _width(value: Any, site: str, layers: int) -> Width:
    if not isinstance(value, (list, tuple)):
        return _count(value, f"width of {site}", MAX_WIDTH)
    if len(value) != layers:
        raise NeuronSetError(f"{site} has {len(value)} widths for {layers} layers: give one number, or one per layer")
    widths = tuple(_count(width, f"width of {site}", MAX_WIDTH) for width in value)
    return widths[0] if len(set(widths)) == 1 else widths


def _count(value: Any, what: str, most: int) -> int:
    number = value if isinstance(value, int) else _as_int(value)
    if number is None or isinstance(value, bool) or not 1 <= number <= most:
        raise NeuronSetError(f"{what} of an architecture must be a whole number from 1 to {most}, not {short(value)}")
    return number


def _as_int(value: Any) -> int | None:
    try:
        return int(value.__index__())
    except AttributeError:
        return None


def short(value: Any) -> str:
    """A value as Python writes it, cut to 60 letters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _canonical(data: Any) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
