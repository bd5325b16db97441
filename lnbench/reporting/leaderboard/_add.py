"""Making a bundle from results and adding it to a leaderboard."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lnbench.errors import DataError, LnbenchError, OutputError
from lnbench.reporting.leaderboard._board import Leaderboard, read_leaderboard, write_leaderboard
from lnbench.reporting.leaderboard._files import as_text, read_bundle, usable_names, write_text
from lnbench.reporting.leaderboard._names import FILE, usable
from lnbench.reporting.leaderboard._pack import pack_conditions, pack_tasks
from lnbench.reporting.leaderboard._provenance import provenance
from lnbench.reporting.leaderboard._recompute import check_recomputes
from lnbench.reporting.leaderboard._samples import pick_samples
from lnbench.reporting.leaderboard._schema import Bundle, BundleTask
from lnbench.reporting.leaderboard._sources import of_bundle
from lnbench.reporting.leaderboard._verify import verify
from lnbench.reporting.reading import Results, read_results
from lnbench.reporting.tables import standard_tables

__all__ = ["add", "make_bundle"]


def make_bundle(
    folder: Path,
    name: str,
    *,
    model: str | None = None,
    contributor: str | None = None,
    note: str | None = None,
    neurons: str | None = None,
    samples: int = 0,
) -> Bundle:
    """The bundle of one model's results: the metrics that its tables show, with the score of every document.

    Args:
        folder: of results; every cell is finished.
        name: of the bundle, usable as a file name.
        model: which, where the folder has several.
        contributor, note: shown with the table.
        neurons: the neuron-set file, where the results do not name it.
        samples: documents a task whose outputs are included; 0 includes none.

    Raises:
        DataError: the results cannot become a table, are unfinished, or do not recompute.
    """
    named: dict[str, Any] = {"name": _checked("--name", name)}
    named |= {key: _checked(f"--{key}", text) for key, text in _given(contributor=contributor, note=note)}
    found = read_results(folder)
    if model is None and len(found.models) > 1:
        raise DataError(f"{folder} holds {len(found.models)} models ({', '.join(found.models)}); choose with --model")
    _refuse_unfinished(found, folder)
    chosen = found if model is None else found.where(model=model)
    check_recomputes(chosen)
    return _bundle(chosen, folder, named, neurons, samples)


def add(bundle: Bundle, to: Path) -> tuple[Path, Leaderboard]:
    """Put a bundle into a leaderboard and build its tables and page again.

    Returns:
        The bundle's file, and the leaderboard as it is now.

    Raises:
        DataError: the leaderboard has this bundle, its name, or a cell of it already; or a bundle there is damaged.
        OutputError: a file cannot be written.
    """
    if to.exists() and not to.is_dir():
        raise OutputError(f"{str(to)!r} is a file, and a leaderboard is a folder; name another with --to")
    path = to / "bundles" / f"{bundle.name}.json"
    of_bundle(bundle, path)
    if not _goes_on(bundle, path, to):
        _refuse_duplicate(bundle, path)
        write_text(path, as_text(bundle))
    try:
        board = read_leaderboard([to])
    except LnbenchError:  # a leaderboard that cannot be built is left as it was
        path.unlink()
        raise
    write_leaderboard(board, to)
    return path, board


def _bundle(results: Results, folder: Path, named: Mapping[str, Any], neurons: str | None, samples: int) -> Bundle:
    kept = _of_tables(results)
    with usable_names(folder):
        about = provenance(results, folder, neurons=neurons)
        return Bundle(
            **named,
            model=about.model,
            neurons=about.neurons,
            versions=dict(about.versions),
            signatures=_signatures(results),
            conditions=pack_conditions(kept),
            tasks=pack_tasks(kept),
            samples=pick_samples(kept, samples),
        )


def _given(**options: str | None) -> Iterator[tuple[str, str]]:
    yield from ((name, text) for name, text in options.items() if text)


def _of_tables(results: Results) -> Results:
    """Only the metrics that the tables show: these are checked, and other metrics would make files large."""
    shown = {(table.dataset, m) for table in standard_tables(results) for m in (table.metric, table.fidelity_metric)}
    entries = tuple(entry for entry in results if (entry.dataset, entry.metric) in shown)
    return Results(entries, signatures=results.signatures)


def _refuse_unfinished(results: Results, folder: Path) -> None:
    failed, left = len(results.failed), len(results.unfinished)
    if failed or left:
        raise DataError(
            f"{folder} has {failed} failed and {left} unfinished cells; finish the study with `lnbench study run` first"
        )


def _goes_on(bundle: Bundle, path: Path, to: Path) -> bool:
    """Whether an earlier adding of this very bundle was stopped before all tables were built."""
    return path.is_file() and path.read_bytes() == as_text(bundle).encode("utf-8", "replace") and bool(verify(to))


def _refuse_duplicate(bundle: Bundle, path: Path) -> None:
    if path.exists():
        raise DataError(f"{path} is there already; choose another --name, or take the old bundle away")
    cells = set(_cells(bundle))
    for other in sorted(path.parent.glob("*.json")):
        both = cells & set(_cells(read_bundle(other)))
        if both:
            raise DataError(
                f"{len(both)} of {len(cells)} cells of these results are in {other} already (same model, neurons, "
                "condition and documents); take it away to replace it"
            )


def _cells(bundle: Bundle) -> Iterator[tuple[str, ...]]:
    """What may be in a leaderboard once."""
    model = f"{bundle.model.name} {bundle.model.sha or bundle.model.revision} {bundle.model.dtype}"
    for task in bundle.tasks:
        documents = _documents(task)
        for at, one in enumerate(bundle.conditions):
            if any(metric.of[at] is not None for metric in task.metrics.values()):
                condition = json.dumps(one.model_dump(), sort_keys=True)
                yield model, str(bundle.neurons.hash), task.task, documents, condition


def _documents(task: BundleTask) -> str:
    content = json.dumps([sorted(zip(task.documents.doc, task.documents.target, strict=True)), task.documents.prompt])
    return hashlib.sha256(content.encode()).hexdigest()


def _signatures(results: Results) -> dict[str, dict[str, str]]:
    kinds: dict[str, Any] = results.signatures.get(results.models[0]) or {}
    datasets = {entry.dataset.removeprefix("demo_") for entry in results} | set(results.datasets)
    return {
        str(kind): {str(metric): str(text) for metric, text in found.items()}
        for kind, found in kinds.items()
        if kind in datasets
    }


def _checked(option: str, text: str) -> str:
    try:
        usable(text)
    except ValueError as error:
        raise DataError(f"{option} {text!r} holds {error}; write plain text") from error
    if option == "--name" and not FILE.fullmatch(text):
        raise DataError(f"--name {text!r} cannot be a file name; use letters, digits, - _ and .")
    return text
