"""The places in a decoder layer where a neuron can be, and their names. Knows no model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lnbench._near import hint
from lnbench.errors import SpecError

#: Every site, in the order in which tables list them (docs/neuron-sets.md says what each one is).
SITES: tuple[str, ...] = ("ffn.act", "ffn.hidden", "attn.q", "attn.k", "attn.v", "attn.o")

#: Names that stand for several sites.
SHORT_SITES: dict[str, tuple[str, ...]] = {
    "ffn": ("ffn.act", "ffn.hidden"),
    "attn": ("attn.q", "attn.k", "attn.v", "attn.o"),
}


def expand_sites(names: str | Iterable[str]) -> tuple[str, ...]:
    """Site names with the short ones (``ffn``, ``attn``) written out, in the order of `SITES`, each once.

    Raises:
        SpecError: a name is no site.
    """
    wanted: set[str] = set()
    for name in [names] if isinstance(names, str) else names:
        wanted.update(SHORT_SITES.get(name) or (known_site(name),))
    return tuple(site for site in SITES if site in wanted)


def known_site(name: object, among: Sequence[str] = SITES) -> str:
    """The name itself when it is one of `among`.

    Raises:
        SpecError: it is not.
    """
    if isinstance(name, str) and name in among:
        return name
    short = f" (or the short names {', '.join(SHORT_SITES)})" if among is SITES else ""
    raise SpecError(f"unknown site {name!r}: {hint(name, among)}the sites are {', '.join(among) or 'none'}{short}")
