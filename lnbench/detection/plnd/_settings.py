"""What is to be measured: sites, form and chunk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lnbench._near import hint
from lnbench.errors import SpecError
from lnbench.neurons import SITES

FORMS = ("output", "weights", "fast", "reference")
#: The sites that scores exist for, in the order of tables.
PLND_SITES = ("ffn.hidden", "attn.q", "attn.k", "attn.v", "attn.o")
_SHORT = {"ffn": ("ffn.hidden",), "attn": ("attn.q", "attn.k", "attn.v", "attn.o")}


@dataclass(frozen=True)
class Settings:
    """Checked settings.

    Raises:
        SpecError: an unknown site or form, or a chunk below 1.
    """

    sites: tuple[str, ...]
    form: str = "output"
    chunk: int | None = None
    """Most values of one intermediate tensor; None: 2^18 on a CPU, 2^25 on a GPU."""

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            meant = hint(self.form, FORMS)
            raise SpecError(f"unknown form {self.form!r} of PLND scores; {meant}choose one of {', '.join(FORMS)}")
        if self.chunk is not None and self.chunk < 1:
            raise SpecError(f"a chunk of {self.chunk} values is none; leave it out, or give at least 1")

    @property
    def attends(self) -> bool:
        """Whether attention weights are needed."""
        return "attn.q" in self.sites or "attn.k" in self.sites

    def chunk_on(self, device_type: str) -> int:
        """The chunk on a device."""
        return self.chunk or (1 << 18 if device_type == "cpu" else 1 << 25)


def plnd_sites(names: str | Iterable[str]) -> tuple[str, ...]:
    """Site names with ``ffn`` (``ffn.hidden``) and ``attn`` written out, in the order of :data:`PLND_SITES`.

    Raises:
        SpecError: a name is no site, or one that has no PLND score, or there is none.
    """
    wanted: set[str] = set()
    for name in [names] if isinstance(names, str) else names:
        wanted.update(_SHORT.get(name) or (_scored(name),))
    if not wanted:
        raise SpecError(f"no site to score; choose among {', '.join(PLND_SITES)}")
    return tuple(site for site in PLND_SITES if site in wanted)


def _scored(name: str) -> str:
    if name in PLND_SITES:
        return name
    if name in SITES:
        raise SpecError(
            f"{name} has no PLND score, which is of what enters a block's last projection; use ffn.hidden, whose "
            "neuron j is that of ffn.act"
        )
    raise SpecError(f"unknown site {name!r}: PLND scores {', '.join(PLND_SITES)} (or the short names ffn, attn)")
