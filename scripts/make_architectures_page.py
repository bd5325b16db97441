"""Write the tables of ``docs/architectures.md`` from what the descriptions claim.

    python -m scripts.make_architectures_page [--check]

The page is committed. ``--check`` writes nothing and fails when its tables differ from what would be written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from lnbench.models import OPERATIONS, Claims, claims_of, supported_architectures
from lnbench.neurons import SITES, expand_sites
from scripts.page import table_line, write_or_check

PAGE = Path(__file__).resolve().parents[1] / "docs" / "architectures.md"
MARK, END = "<!-- {}: written by scripts/make_architectures_page.py -->\n", "<!-- end of table -->\n"
_KINDS: dict[Literal["gated", "plain", "experts"], str] = {
    "gated": "with a gate, `act(gate) * up`",
    "plain": "without a gate",
    "experts": "fused experts",
}


def architectures() -> str:
    """One row for the architectures that claim the same, in Markdown."""
    titles = ("`model_type`", "feed-forward", "constants exported at", "watched", "PLND", "its projections")
    lines = [table_line(titles), table_line("---" for _ in titles)]
    for claims, names in _groups():
        kinds = ", ".join(f"`{name}`" for name in names)
        sites = (_sites(claims.constants), _sites(claims.observed), _sites(claims.plnd))
        lines.append(table_line((kinds, claims.feed_forward, *sites, claims.layout)))
    return "".join(lines)


def engines() -> str:
    """What each kind of feed-forward, and attention, takes: site by operation, with the engines that carry it out."""
    titles = ("site", "feed-forward", *(f"`{operation}`" for operation in OPERATIONS))
    lines = [table_line(titles), table_line("---" for _ in titles)]
    for kind, words in _KINDS.items():
        for site in ("ffn.act", "ffn.hidden"):
            lines.append(table_line((f"`{site}`", words, *_engines(Claims(kind), site))))
    attention = {tuple(_engines(Claims(kind), site)) for kind in _KINDS for site in expand_sites("attn")}
    for cells in attention:
        lines.append(table_line((", ".join(f"`{site}`" for site in expand_sites("attn")), "any", *cells)))
    return "".join(lines)


TABLES = {"architectures": architectures, "engines": engines}


def updated(page: str) -> str:
    """``page`` with each table between its two marks written anew."""
    for name, table in TABLES.items():
        before, _, rest = page.partition(MARK.format(name))
        _, _, after = rest.partition(END)
        page = f"{before}{MARK.format(name)}{table()}{END}{after}"
    return page


def _groups() -> Iterator[tuple[Claims, list[str]]]:
    """Claims and who makes them: dense ones first, in the order of their names."""
    found: dict[Claims, list[str]] = {}
    for name in supported_architectures():
        claims = claims_of(name)
        if claims is not None:
            found.setdefault(claims, []).append(name)
    yield from sorted(found.items(), key=lambda item: (tuple(_KINDS).index(item[0].feed_forward), item[1]))


def _engines(claims: Claims, site: str) -> Iterator[str]:
    for operation in OPERATIONS:
        yield ", ".join(claims.engines(site, operation)) or "refused"


def _sites(names: Iterable[str]) -> str:
    """Sites in few words: ``all``, ``ffn``, ``attn.q/k/v``."""
    given = set(names)
    if given == set(SITES):
        return "all"
    feed_forward, attention = set(expand_sites("ffn")), expand_sites("attn")
    parts = ["ffn"] if feed_forward <= given else sorted(given & feed_forward)
    heads = [site.rpartition(".")[2] for site in attention if site in given]
    if heads:
        parts.append("attn" if len(heads) == len(attention) else "attn." + "/".join(heads))
    return ", ".join(parts) or "none"


def main() -> int:
    """Entry point; returns the exit code."""
    return write_or_check("make_architectures_page", __doc__, PAGE, updated)


if __name__ == "__main__":
    raise SystemExit(main())
