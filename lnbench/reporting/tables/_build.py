"""From results to the standardized table: rows original, random, specific; columns languages, average, fidelity."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lnbench.errors import DataError
from lnbench.reporting.reading import Results
from lnbench.reporting.statistics import holm, mean_intervals, paired_ps
from lnbench.reporting.statistics._bootstrap import RESAMPLES
from lnbench.reporting.tables._grid import Grid, Line, grid
from lnbench.reporting.tables._measure import Measured, measure
from lnbench.reporting.tables._metrics import choose_metric, direction, fidelity_metric, in_percent
from lnbench.reporting.tables._noise import noise_floor
from lnbench.reporting.tables._places import original_places, places
from lnbench.reporting.tables._selective import selectivity_of
from lnbench.reporting.tables._table import FIDELITY, Table, TableCell, TableRow

__all__ = ["marked", "resampled", "standard_table", "standard_tables"]

_LEVEL = 0.95


@dataclass
class _Waiting:
    """A cell on its way: what of it is known, and what waits for the resampling of all cells together."""

    row: int
    column: str
    measured: Measured


def standard_tables(results: Results, *, seed: int = 0, resamples: int = RESAMPLES) -> list[Table]:
    """One table for each model and dataset, with the metric that is usual for the dataset.

    Raises:
        DataError: as :func:`standard_table`.
    """
    pairs = list(dict.fromkeys((s.model, s.dataset) for s in results))
    return [
        standard_table(results, model=model, dataset=dataset, seed=seed, resamples=resamples)
        for model, dataset in pairs
    ]


def standard_table(
    results: Results,
    *,
    dataset: str | None = None,
    metric: str | None = None,
    model: str | None = None,
    languages: Sequence[str] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Table:
    """The standardized table of one model on one dataset.

    Args:
        results: of :func:`lnbench.reporting.read_results`.
        dataset, model: may be left out where the results have only one.
        metric: the usual one of the dataset when None.
        languages: columns and their order; all, English first, when None.
        seed, resamples: of the bootstrap and the sign-flip test.

    Raises:
        DataError: several models or datasets and none named; no original; conditions with other documents, prompts or
            metrics than the original; a metric without a direction.
    """
    chosen = results.where(model=_only("model", model, results.models))
    chosen = chosen.where(dataset=_only("dataset", dataset, chosen.datasets))
    name = choose_metric(chosen, chosen.datasets[0], metric)
    fidelity = fidelity_metric(chosen)
    main = grid(chosen, name, languages)
    judged = None if fidelity is None else grid(chosen, fidelity, main.languages)
    noise = {of.metric: found for of in (main, judged) if of is not None and (found := noise_floor(of))}
    higher = {of.metric: direction(chosen, of.metric) for of in (main, judged) if of is not None}
    percent = in_percent([s for s in chosen if s.metric == name], name)
    rows, tested = _rows(main, judged, higher, noise, seed, resamples)
    rows = tuple(replace(row, cells=_within_scores(row.cells, percent)) for row in rows)
    return Table(
        model=chosen.models[0],
        dataset=chosen.datasets[0],
        metric=name,
        higher_is_better=higher[name],
        percent=percent,
        languages=main.languages,
        documents={code: len(s.documents) for code, s in main.original.items()},
        parallel=main.parallel,
        fidelity_metric=fidelity,
        rows=rows,
        noise=noise,
        selectivity=selectivity_of(rows, main.languages, higher_is_better=higher[name]),
        settings={"level": _LEVEL, "seed": seed, "resamples": resamples, "tested": tested},
        signatures=_signatures(results, chosen),
        notes=_notes(rows, noise, results),
    )


def _only(what: str, named: str | None, known: Sequence[str]) -> str:
    if named is None and len(known) != 1:
        raise DataError(f"the results are of several {what}s ({', '.join(known)}), which no table mixes; name one")
    return known[0] if named is None else named


def _rows(
    main: Grid, judged: Grid | None, higher: Mapping[str, bool], noise: Mapping[str, Any], seed: int, resamples: int
) -> tuple[tuple[TableRow, ...], int]:
    """The rows, and how many places were tested against random sets."""
    waiting = list(_waiting(main, judged, higher))
    cells = resampled([w.measured for w in waiting], seed, resamples)
    corrected = holm([cell.against_random_p for cell in cells])
    floors = {w.column: _floor(judged if w.column == FIDELITY else main, noise) for w in waiting}
    kinds = [("original", None, False, ()), *((n.condition, n.ablated, n.control, _seeds(n)) for n in main.lines)]
    made: list[dict[str, TableCell]] = [{} for _ in kinds]
    for w, cell, p in zip(waiting, cells, corrected, strict=True):
        made[w.row][w.column] = marked(cell, p, floors[w.column])
    rows = tuple(TableRow(*kind, row) for kind, row in zip(kinds, made, strict=True))
    return rows, sum(math.isfinite(p) for p in corrected)


def resampled(measured: Sequence[Measured], seed: int, resamples: int) -> list[TableCell]:
    """The finished cells: places with the same number of documents share their resamples."""
    values, scales = [m.units.values for m in measured], [m.scale for m in measured]
    intervals = mean_intervals(values, scales, level=_LEVEL, seed=seed, resamples=resamples)
    tested = [m.units.flips if m.tested else np.empty(0) for m in measured]
    ps = paired_ps(tested, seed=seed, resamples=resamples)
    return [m.finished(interval, p) for m, interval, p in zip(measured, intervals, ps, strict=True)]


def _within_scores(cells: Mapping[str, TableCell], percent: bool) -> dict[str, TableCell]:
    """No two sets differ by more than all of a score of 0..1, so neither do the ends of an interval; NaN stays."""
    kept = dict(cells)
    for column, cell in cells.items():
        if percent or column == FIDELITY:
            low, high = np.clip(cell.against_random_interval, -1.0, 1.0).tolist()
            kept[column] = replace(cell, against_random_interval=(low, high))
    return kept


def _floor(of: Grid | None, noise: Mapping[str, Any]) -> float:
    return float(noise.get(of.metric, {}).get("floor", 0.0)) if of is not None else 0.0


def _waiting(main: Grid, judged: Grid | None, higher: Mapping[str, bool]) -> Iterator[_Waiting]:
    ablated = dict.fromkeys(code for n in main.lines if n.ablated for code in n.ablated.split("+"))
    own = [code for code in ablated if code in main.original]  # a set's labels need not be languages

    def better(column: str) -> bool:
        return higher[judged.metric if judged is not None and column == FIDELITY else main.metric]

    for place in original_places(main, judged, own):
        yield _Waiting(0, place.column, measure(place, None, higher_is_better=better(place.column)))
    for at, line in enumerate(main.lines, 1):
        for place in places(main, line, judged):
            yield _Waiting(at, place.column, measure(place, line, higher_is_better=better(place.column)))


def marked(cell: TableCell, corrected: float, floor: float) -> TableCell:
    """The cell with its corrected p and its mark.

    Marked is what has a corrected p below 0.05, is above the noise floor, and lies beyond every random set: what the
    prediction interval says for a normal spread of sets must not hang on the spread being normal alone.
    """
    known = replace(cell, corrected_p=corrected)
    if not corrected < 1 - _LEVEL:
        return known
    if min(abs(cell.difference), abs(cell.against_random)) < floor:
        return replace(known, reason=f"the change, or what random sets do not explain of it, is below the noise floor "
                       f"of {floor:.3g}")  # fmt: skip
    beyond = 1 / (cell.K + 1) if cell.against_random > 0 else 1.0
    if not math.isclose(cell.rank_p, beyond):
        return replace(known, reason="not every random set lies on the same side")
    return replace(known, mark="*" if cell.against_random > 0 else "+")


def _seeds(line: Line) -> tuple[int, ...]:
    return tuple(seed for seed in line.draws if seed is not None)


def _signatures(results: Results, chosen: Results) -> dict[str, str]:
    kinds = results.signatures.get(chosen.models[0]) or {}
    name = chosen.datasets[0].removeprefix("demo_")
    found = kinds.get(chosen.datasets[0]) or kinds.get(name) or {}
    return {str(metric): str(signature) for metric, signature in found.items()}


def _notes(rows: Sequence[TableRow], noise: Mapping[str, Any], results: Results) -> tuple[str, ...]:
    compared = [row for row in rows if row.condition != "original" and not row.control]
    least = min((cell.K for row in compared for cell in row.cells.values()), default=0)
    notes = []
    if compared and least < 2:
        notes.append("Rows with fewer than 2 random sets to compare with are not marked.")
    if not noise:
        notes.append("The original was run once, so the noise floor is not measured.")
    if results.absent:
        notes.append(f"Not run, for the neuron set has no neurons at their sites: {', '.join(results.absent)}.")
    if results.failed or results.unfinished:
        notes.append(f"Cells that failed: {len(results.failed)}; unfinished: {len(results.unfinished)}.")
    return tuple(notes)
