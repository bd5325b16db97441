"""From aligned results to what a row of the workflow table is made of: which documents under which ablation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lnbench.errors import DataError
from lnbench.reporting.tables import Grid, Line, Place, aligned

__all__ = ["ENGLISH", "READINGS", "Block", "Group", "Sources", "groups", "sources"]

FloatArray = npt.NDArray[np.float64]
#: Draw -> evaluated language -> (scores in the original's order, lm-eval's aggregate).
_Draws = Mapping[int | None, Mapping[str, tuple[FloatArray, float]]]

ENGLISH = "en"
#: Whose neurons are off while English is asked: its own, as every other language is asked, or each other language's.
READINGS = ("own", "other")


@dataclass(frozen=True)
class Block:
    """Which layers and structures a condition acts on.

    Attributes:
        layers: the selector: ``understanding``, ``solving``, ``generation`` or any other.
        sites: short or long names; empty for every site of the set.
        n1, n2: layers of the first and of the last block, None where the condition names none.
    """

    layers: str = "all"
    sites: tuple[str, ...] = ()
    n1: int | None = None
    n2: int | None = None

    @classmethod
    def of(cls, what: str | None) -> Block:
        """From what a role says is done to the neurons (canonical JSON)."""
        spec: dict[str, Any] = json.loads(what) if what else {}
        sites = tuple(map(str, spec.get("sites") or ()))
        return cls(str(spec.get("layers", "all")), sites, spec.get("n1"), spec.get("n2"))


@dataclass(frozen=True, eq=False)
class Group:
    """One condition for every language that it ablates.

    Attributes:
        label: the condition.
        control: whether it is a random control.
        block: where it acts.
        lines: ablated language -> its results.
    """

    label: str
    control: bool
    block: Block
    lines: Mapping[str, Line]

    def neurons(self) -> dict[str, int]:
        """Ablated language -> edited neurons, where the results say so."""
        found: dict[str, int] = {}
        for ablated, line in self.lines.items():
            counts = [s.neurons for draw in line.draws.values() for s in draw.values() if s.neurons is not None]
            found |= {ablated: max(counts)} if counts else {}
        return found


@dataclass(frozen=True)
class Sources:
    """What is averaged, the same for all rows of a table.

    Attributes:
        others: languages other than English; each is asked with its own neurons off.
        english: one of :data:`READINGS`.
        ablated: for ``other``, the languages whose neurons are off in turn while English is asked.
    """

    others: tuple[str, ...]
    english: str
    ablated: tuple[str, ...]

    def place(self, grid: Grid, group: Group, column: str, codes: Sequence[str]) -> Place:
        """The scores of some languages in a group, its draws and the draws of its random controls."""
        controls = {} if group.control else self._draws(grid, _controls(grid, group), codes)
        draws = self._draws(grid, group.lines, codes)
        return Place(
            column=column,
            original=[grid.original[code].scores for code in codes],
            draws=[[draw[code][0] for code in codes] for draw in draws.values()],
            controls=[[draw[code][0] for code in codes] for draw in controls.values()],
            values=[[draw[code][1] for code in codes] for draw in draws.values()],
            parallel=grid.parallel,
        )

    def _draws(self, grid: Grid, lines: Mapping[str, Line], codes: Sequence[str]) -> _Draws:
        """The draws that have every language under every ablation that is asked for."""
        pairs = {code: self.under(code) for code in codes}
        needed = [(code, ablated) for code, listed in pairs.items() for ablated in listed]
        if any(ablated not in lines for _, ablated in needed):
            return {}
        seeds = [seed for seed in next(iter(lines.values())).draws if all(_has(lines[a], seed, c) for c, a in needed)]
        return {seed: {code: _mean(grid, lines, seed, code, pairs[code]) for code in codes} for seed in seeds}

    def under(self, code: str) -> tuple[str, ...]:
        """Whose neurons are off, one language after the other, while a language is asked."""
        return self.ablated if code == ENGLISH and self.english == "other" else (code,)


def _has(line: Line, seed: int | None, code: str) -> bool:
    return seed in line.draws and code in line.draws[seed]


def _mean(
    grid: Grid, lines: Mapping[str, Line], seed: int | None, code: str, under: Sequence[str]
) -> tuple[FloatArray, float]:
    """Scores of one language, averaged over whose neurons are off; unscored where one of them is."""
    found = [lines[ablated].draws[seed][code] for ablated in under]
    scores: FloatArray = np.mean([aligned(grid.original[code], one) for one in found], axis=0)
    return scores, float(np.mean([one.value for one in found]))


def _controls(grid: Grid, group: Group) -> dict[str, Line]:
    found = {ablated: grid.controls(line) for ablated, line in group.lines.items()}
    return {ablated: lines[0] for ablated, lines in found.items() if lines}


def groups(grid: Grid) -> list[Group]:
    """The conditions of aligned results that ablate one language at a time; each random control before its own."""
    found: dict[str, dict[str, Line]] = {}
    for line in grid.lines:
        if line.ablated is not None and "+" not in line.ablated:
            found.setdefault(line.condition, {}).setdefault(line.ablated, line)
    made = [_group(label, lines) for label, lines in found.items()]
    return list(_ordered(grid, made))


def _group(label: str, lines: Mapping[str, Line]) -> Group:
    first = next(iter(lines.values()))
    return Group(label, first.control, Block.of(first.what), lines)


def _ordered(grid: Grid, found: Sequence[Group]) -> Iterator[Group]:
    """By block in the order of the layers, then by name; a control stands before the first that it controls."""
    stages = ("understanding", "solving", "generation")
    controls = {group.label: group for group in found if group.control}
    edits = [group for group in found if not group.control]
    for group in sorted(edits, key=lambda one: _place(one, stages)):
        for line in _controls(grid, group).values():
            if line.condition in controls:
                yield controls.pop(line.condition)
        yield group
    yield from controls.values()


def _place(group: Group, stages: Sequence[str]) -> tuple[int, int, int, int, str]:
    block = group.block
    stage = stages.index(block.layers) if block.layers in stages else -1
    structure = ("attn", "ffn").index(block.sites[0]) if block.sites in (("attn",), ("ffn",)) else 2
    return stage, block.n1 or 0, block.n2 or 0, structure, group.label


def sources(grid: Grid, found: Sequence[Group], english: str | None = None) -> Sources:
    """Which languages every row can show, and how English is asked.

    Args:
        grid: aligned results.
        found: the rows.
        english: one of :data:`READINGS`; None: ``own`` where every condition ablates English too, else ``other``.

    Raises:
        DataError: an unknown reading, no English documents, no language that every condition ablates and asks, or
            ``own`` where English is not ablated.
    """
    if english not in (None, *READINGS):
        raise DataError(f"english={english!r} is unknown; use one of {', '.join(READINGS)}")
    edits = [group for group in found if not group.control]
    if not edits:
        raise DataError("the results ablate no language by itself, so there is no gap; run a study of plnd-blocks")
    if ENGLISH not in grid.original:
        raise DataError(f"the results have no English documents, only {', '.join(grid.original)}; add en to languages")
    ablated = [code for code in edits[0].lines if code != ENGLISH and all(code in group.lines for group in edits)]
    others = [code for code in ablated if code in grid.original and all(_asked(group, code) for group in edits)]
    if not others:
        raise DataError("no language but English is ablated and evaluated in every condition; add one to languages")
    has_own = all(ENGLISH in group.lines and _asked(group, ENGLISH) for group in edits)
    if english == "own" and not has_own:
        raise DataError("not every condition ablates English, so it is not asked with its own neurons off; use other")
    return Sources(tuple(others), english or ("own" if has_own else "other"), tuple(ablated))


def _asked(group: Group, code: str) -> bool:
    return any(code in draw for draw in group.lines[code].draws.values())
