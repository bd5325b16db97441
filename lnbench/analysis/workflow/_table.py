"""The layer-block table of the multilingual workflow: English, non-English, their changes, and the gap between these.

Zhao et al. 2024 (arXiv 2402.18815), section 3: neurons of one block of layers and one structure are deactivated; the
claim is that the non-English mean falls by more than English does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lnbench._data import DEMO_MODEL
from lnbench.analysis.workflow._groups import ENGLISH, Group, Sources, groups, sources
from lnbench.reporting import Results
from lnbench.reporting.leaderboard import INSTRUMENT
from lnbench.reporting.statistics import against_random, documents, full_range, gap_parts, holm, mean_of_draws
from lnbench.reporting.tables import (
    TOGETHER,
    Grid,
    Measured,
    Place,
    Table,
    TableCell,
    TableRow,
    beside_random,
    choose_metric,
    direction,
    grid,
    in_percent,
    marked,
    measure,
    noise_floor,
    of_control,
    resampled,
)

__all__ = ["COLUMNS", "WorkflowTable", "gap_of", "workflow_table", "workflow_tables"]

FloatArray = npt.NDArray[np.float64]
_RESAMPLES = 10_000
_EN, _OTHERS, _EN_CHANGE, _CHANGE, _GAP, _OVER = COLUMNS = (
    "English",
    "non-English",
    "English change",
    "non-English change",
    "gap",
    "gap over random",
)


@dataclass(frozen=True)
class WorkflowTable(Table):
    """The standardized table with other columns: :data:`COLUMNS`, one row for each condition."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Means, their changes, the gap, and the gap less that of random sets."""
        return COLUMNS

    @property
    def signed(self) -> frozenset[str]:
        """All but the two means."""
        return frozenset(COLUMNS[2:])


def workflow_tables(
    results: Results, *, english: str | None = None, seed: int = 0, resamples: int = _RESAMPLES
) -> list[WorkflowTable]:
    """One table for each model and dataset; errors as in :func:`workflow_table`."""
    pairs = list(dict.fromkeys((s.model, s.dataset) for s in results))
    return [
        workflow_table(results.where(model=model, dataset=dataset), english=english, seed=seed, resamples=resamples)
        for model, dataset in pairs
    ]


def workflow_table(
    results: Results,
    *,
    metric: str | None = None,
    english: str | None = None,
    seed: int = 0,
    resamples: int = _RESAMPLES,
) -> WorkflowTable:
    """The table of one model on one dataset.

    Args:
        results: of one model and dataset, with conditions that ablate one language at a time.
        metric: the usual one of the dataset when None.
        english: with whose neurons off English is asked: its ``own``, or each ``other`` language's in turn (the mean);
            when None ``own`` where every condition ablates English, else ``other``.
        seed, resamples: of the bootstrap.

    Raises:
        DataError: see :func:`sources` and :func:`lnbench.reporting.tables.grid`.
    """
    name = choose_metric(results, results.datasets[0], metric)
    whole = grid(results, name)
    found = groups(whole)
    chosen = sources(whole, found, english)
    higher = direction(results, name)
    rows, tested = _rows(whole, found, chosen, higher, seed, resamples)
    noise = noise_floor(whole)
    used = (ENGLISH, *chosen.others)
    return WorkflowTable(
        model=results.models[0],
        dataset=results.datasets[0],
        metric=name,
        higher_is_better=higher,
        percent=in_percent([s for s in results if s.metric == name], name),
        languages=used,
        documents={code: len(whole.original[code].documents) for code in used},
        parallel=whole.parallel,
        fidelity_metric=None,
        rows=(*rows, *(_empty(label, sites) for label, sites in results.absent.items())),
        noise={} if noise is None else {name: noise},
        settings={"level": 0.95, "seed": seed, "resamples": resamples, "tested": tested, "english": chosen.english},
        notes=tuple(_notes(whole, found, chosen, results)),
    )


@dataclass
class _Waiting:
    row: int
    column: str
    measured: Measured


def _rows(
    whole: Grid, found: Sequence[Group], chosen: Sources, higher: bool, seed: int, resamples: int
) -> tuple[list[TableRow], int]:
    waiting = [_Waiting(0, column, _original(whole, codes)) for column, codes in _averaged(chosen)]
    for at, group in enumerate(found, 1):
        waiting += [_Waiting(at, column, one) for column, one in _measured(whole, group, chosen, higher).items()]
    cells = resampled([one.measured for one in waiting], seed, resamples)
    corrected = holm([cell.against_random_p for cell in cells])
    floors = _floors(whole)
    made: list[dict[str, TableCell]] = [{} for _ in range(len(found) + 1)]
    for one, cell, p in zip(waiting, cells, corrected, strict=True):
        made[one.row][one.column] = marked(cell, p, floors[one.column])
    named = [TableRow("original", None, False, (), made[0])]
    named += [_row(group, cells) for group, cells in zip(found, made[1:], strict=True)]
    return named, sum(math.isfinite(p) for p in corrected)


def _averaged(chosen: Sources) -> list[tuple[str, tuple[str, ...]]]:
    return [(_EN, (ENGLISH,)), (_OTHERS, chosen.others)]


def _original(whole: Grid, codes: Sequence[str]) -> Measured:
    scores = [whole.original[code].scores for code in codes]
    place = Place("", scores, [scores], [], [[whole.original[code].value for code in codes]], whole.parallel)
    return measure(place, None, higher_is_better=True)


def _measured(whole: Grid, group: Group, chosen: Sources, higher: bool) -> dict[str, Measured]:
    """The measured cells of one row: both means and the gap; nothing where no neuron is edited."""
    places = {column: chosen.place(whole, group, column, codes) for column, codes in _averaged(chosen)}
    if not all(place.draws for place in places.values()) or _edits_nothing(group):
        return {}
    line = next(iter(group.lines.values()))
    found = {column: measure(place, line, higher_is_better=higher) for column, place in places.items()}
    return {**found, _GAP: gap_of(places[_EN], places[_OTHERS], control=group.control, higher_is_better=higher)}


def gap_of(english: Place, others: Place, *, control: bool, higher_is_better: bool) -> Measured:
    """The gap: mean harm in the other languages minus harm in English, with its noise and its random controls.

    Args:
        english, others: the scores; of the same draws.
        control: whether it is a random control.
        higher_is_better: of the metric.
    """
    sign = -1.0 if higher_is_better else 1.0
    draws = [_parts(english, others, at, sign) for at in range(len(english.draws))]
    number = min(len(english.controls), len(others.controls))
    randoms = [_parts(english, others, at, sign, "controls") for at in range(number)]
    units = documents(mean_of_draws(draws), parallel=english.parallel)
    gaps = [documents(parts, parallel=english.parallel).mean for parts in draws]
    cell = TableCell(value=float(np.mean(gaps)), n=units.n, difference=float(np.mean(gaps)), K=len(gaps))
    if control:
        return of_control(cell, gaps)
    scale = 2 * full_range([*english.original, *english.draws[0], *others.original, *others.draws[0]])
    found = against_random(draws, randoms, scale=scale, parallel=english.parallel)
    return Measured(beside_random(cell, found), units, scale, tested=True)


def _parts(english: Place, others: Place, at: int, sign: float, which: str = "draws") -> list[FloatArray]:
    first, rest = getattr(english, which)[at], getattr(others, which)[at]
    harm = sign * (first[0] - english.original[0])
    return gap_parts(harm, [sign * (c - o) for c, o in zip(rest, others.original, strict=True)])


def _floors(whole: Grid) -> dict[str, float]:
    """The one floor that the table prints, of any language; a gap is of two means, and can differ by twice as much."""
    floor = float((noise_floor(whole) or {}).get("floor", 0.0))
    return {_EN: floor, _OTHERS: floor, _GAP: 2 * floor}


def _row(group: Group, cells: dict[str, TableCell]) -> TableRow:
    seeds = next(iter(group.lines.values())).draws
    label = f"{group.label} (no neurons)" if _edits_nothing(group) else group.label
    shown = dict(_shown(cells)) if cells else {}
    return TableRow(label, None, group.control, tuple(seed for seed in seeds if seed is not None), shown)


def _shown(cells: dict[str, TableCell]) -> list[tuple[str, TableCell]]:
    """The columns of a row: a mean without its interval, which is the change's, and the change with it."""
    gap, found = cells[_GAP], []
    for mean, change in ((_EN, _EN_CHANGE), (_OTHERS, _CHANGE)):
        bare = replace(cells[mean], interval=(math.nan, math.nan), sd=math.nan, mark="")
        found += [(mean, bare), (change, replace(cells[mean], value=cells[mean].difference))]
    over = TableCell(
        value=gap.against_random,
        difference=gap.against_random,
        interval=gap.against_random_interval,
        rank_p=gap.rank_p,
        K=gap.K,
        reason=gap.reason,
    )
    return [*found, (_GAP, gap), *([(_OVER, over)] if math.isfinite(over.value) else [])]


def _edits_nothing(group: Group) -> bool:
    counts = group.neurons()
    return bool(counts) and not any(counts.values())


def _empty(label: str, sites: Sequence[str]) -> TableRow:
    return TableRow(f"{label} (no neurons at {', '.join(sites)})", None, False, (), {})


def _notes(whole: Grid, found: Sequence[Group], chosen: Sources, results: Results) -> list[str]:
    told = [INSTRUMENT] if results.models[0] == DEMO_MODEL else []
    told += _about_columns(chosen)
    if whole.parallel:
        told.append(f"{TOGETHER[:-1]} and in the gap.")
    told += [sentence for group in found if not group.control for sentence in _about_neurons(group, chosen)]
    if results.absent:
        told.append(f"Not run, for the neuron set has no neurons at these sites: {', '.join(results.absent)}.")
    if whole.again == {}:
        told.append("The original was run once, so the noise floor is not measured.")
    if results.failed or results.unfinished:
        told.append(f"Cells that failed: {len(results.failed)}; unfinished: {len(results.unfinished)}.")
    return told


def _about_columns(chosen: Sources) -> list[str]:
    asked = {
        "own": "English, like them, with its own neurons off",
        "other": f"English with the neurons of {', '.join(chosen.ablated)} off in turn, the mean of these",
    }[chosen.english]
    return [
        f"non-English: mean of {', '.join(chosen.others)}, each asked with its own neurons off; {asked}.",
        "gap: harm in the non-English mean less harm in English, positive where English is spared more; its mark says "
        "that it is wider (+: narrower) than that of one more random set; gap over random: less the mean gap of the "
        "random sets, with the prediction interval, uncorrected.",
    ]


def _about_neurons(group: Group, chosen: Sources) -> list[str]:
    counts = group.neurons()
    if not counts:
        return []
    if not any(counts.values()):
        return [f"{group.label}: no language has a neuron there; the model is the original, and no number is shown."]
    least, most = min(counts.values()), max(counts.values())
    shown = f"{group.label}: {least if least == most else f'{least} to {most}'} neurons off in each language"
    idle = [code for code in chosen.others if counts.get(code) == 0]
    why = f"; none in {', '.join(idle)}, whose unchanged scores are part of the mean" if idle else ""
    return [f"{shown}{why}."]
