"""Plan, status and report of a study as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tabulate import tabulate

from lnbench.studies._rates import Rates, fitted, hours

if TYPE_CHECKING:
    from lnbench.studies._cell import Role
    from lnbench.studies._runner import RunReport
    from lnbench.studies._status import Forecast, Status

#: Failed cells that are named one by one.
SHOWN_FAILURES = 10


def plan_text(forecast: Forecast, store: Path, rates: Rates | None = None) -> str:
    """Conditions and tasks as two tables, what they cost, and what is finished.

    Args:
        forecast: what a run would do.
        store: its folder.
        rates: what a token takes, for device-hours; of the finished cells where none are given.
    """
    now = forecast.status
    plan = now.plan
    left = forecast.cost(now.left)
    lines = [f"study {plan.study.name}, model {forecast.model}, store {store}", "", _conditions(forecast), ""]
    lines += [_tasks(forecast), ""]
    lines += [f"{gap.dataset} has no {gap.language}: no cell" for gap in plan.missing]
    lines += [f"the neuron set has no neurons at {', '.join(s)}: no cell of {c}" for c, s in plan.absent.items()]
    lines += [f"note: {note}" for note in forecast.notes]
    if forecast.stale:
        lines.append(f"{len(forecast.stale)} finished cells are of another version of this study: use another --out")
    lines.append(
        f"{len(plan.cells)} cells, {len(now.finished)} finished; the others need {left.forward:,} forward tokens and "
        f"at most {left.generated:,} generated tokens"
    )
    lines += _device_hours(forecast, rates or fitted(forecast.timed, _finished_cells(forecast)))
    return "\n".join(lines)


def _finished_cells(forecast: Forecast) -> str:
    return f"from {len(forecast.timed)} finished cells on {', '.join(forecast.devices)}"


def _device_hours(forecast: Forecast, rates: Rates | None) -> list[str]:
    """What is left, and all of it, in hours of one device."""
    if rates is None:
        return ["no cell is timed: --measure or --tokens-per-second F,G say how many device-hours this is"]
    told = [f"at {rates}:"]
    now = forecast.status
    for what, roles in (("cells left", now.left), ("cells in all", now.plan.cells)):
        seconds = rates.seconds(forecast.cost(roles), len(roles))
        told.append(f"  {hours(seconds) if seconds is not None else 'not known'} for the {len(roles):,} {what}")
    if None in (rates.forward, rates.generated):
        told.append("  (no such tokens were timed; --measure or --tokens-per-second F,G)")
    return told


def _conditions(forecast: Forecast) -> str:
    rows = []
    for name, roles in _by_condition(forecast.status.plan.cells):
        done = sum(role.place in forecast.status.finished for role in roles)
        cost = forecast.cost(roles)
        ablated = " ".join(dict.fromkeys(role.condition.ablated or "-" for role in roles))
        runs = len({role.condition for role in roles})
        rows.append([name, ablated, runs, len(roles), done, f"{cost.forward:,}", f"{cost.generated:,}"])
    headers = ["condition", "ablated", "runs", "cells", "finished", "forward tokens", "generated, at most"]
    return _table(rows, headers, numbers=5)


def _tasks(forecast: Forecast) -> str:
    plan = forecast.status.plan
    rows = []
    for dataset in dict.fromkeys(task.dataset for task in plan.tasks):
        tasks = [task for task in plan.tasks if task.dataset == dataset]
        costs = [forecast.costs[task.name] for task in tasks]
        total = sum(costs[1:], costs[0])
        languages = " ".join(task.language for task in tasks)
        rows.append([dataset, languages, total.documents, f"{total.forward:,}", f"{total.generated:,}"])
    headers = ["one condition on", "evaluated", "documents", "forward tokens", "generated, at most"]
    return _table(rows, headers, numbers=3)


def status_text(status: Status) -> str:
    """Finished, failed and unfinished cells by condition, and why cells failed."""
    rows = [[name, *_ends(status, roles)] for name, roles in _by_condition(status.plan.cells)]
    rows.append(["all", *_ends(status, status.plan.cells)])
    table = _table(rows, ["condition", "cells", "finished", "failed", "left"], numbers=4)
    return "\n".join([table, *_failures(status)])


def _ends(status: Status, roles: Sequence[Role]) -> tuple[int, int, int, int]:
    """How many cells there are, and how many are finished, failed and left."""
    done = sum(role.place in status.finished for role in roles)
    failed = sum(role.place in status.failed for role in roles)
    return len(roles), done, failed, len(roles) - done - failed


def _failures(status: Status) -> Iterator[str]:
    for at, (place, error) in enumerate(status.failed.items()):
        if at == SHOWN_FAILURES:
            yield f"... and {len(status.failed) - at} more; each is in a failed.json"
            return
        condition, ablated, seed, _, task = place
        named = " ".join(str(part) for part in (condition, ablated, seed) if part is not None)
        yield f"failed: {task}, {named}: {error}"


def report_text(report: RunReport, store: Path) -> str:
    """One line at the end of a run."""
    parts = [f"{report.finished + report.ran} of {report.cells} cells finished, {report.ran} of them now"]
    if report.failed:
        parts.append(f"{report.failed} failed")
    if report.elsewhere:
        parts.append(f"{report.elsewhere} being run by another process")
    return f"{', '.join(parts)}; {report.seconds:.0f} s; results in {store}"


def _by_condition(cells: Sequence[Role]) -> list[tuple[str, list[Role]]]:
    names = list(dict.fromkeys(role.condition.name for role in cells))
    ordered = sorted(cells, key=lambda role: names.index(role.condition.name))
    return [(name, list(roles)) for name, roles in groupby(ordered, key=lambda role: role.condition.name)]


def _table(rows: list[list[Any]], headers: list[str], *, numbers: int) -> str:
    align = ["left"] * (len(headers) - numbers) + ["right"] * numbers
    return tabulate(rows, headers=headers, tablefmt="plain", disable_numparse=True, colalign=align)
