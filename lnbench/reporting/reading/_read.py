"""Finding results in a folder: a study's store, or plain lm-eval output."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from lnbench._paths import at_home
from lnbench.errors import DataError
from lnbench.reporting.reading._documents import Documents
from lnbench.reporting.reading._files import mapping, read_json, read_lines
from lnbench.reporting.reading._results import Failed, Results, Scores
from lnbench.reporting.reading._role import Role
from lnbench.reporting.reading._same import check_same, in_order
from lnbench.reporting.reading._task import Task, scores_of

__all__ = ["read_results"]

_Json = Mapping[str, Any]
#: ``results_DATE.json`` in a folder named after the model, ``NAME_DATE.json`` where --output_path was NAME.json.
_RESULTS = re.compile(r"(?:results(?:_(?P<any>.+))?|.+_(?P<date>\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?))\.json")
#: Newest major version of a cell's manifest that this code reads.
_SCHEMA = 1


def read_results(folder: str | Path) -> Results:
    """Read every finished cell of a store, or every lm-eval output below a folder, with the score of each document.

    A store has ``cells/ID/manifest.json``; what has no manifest is unfinished and left out. Plain output is what
    ``lm_eval --output_path FOLDER --log_samples`` writes, with any model; runs of ``--model lnbench`` say what was
    done to the model, all others are the original.

    Raises:
        DataError: there are no results; a file is missing, cut short or changed; samples are missing or have no hashes;
            two results for one cell; one name for two models; a cell of a newer lnbench.
    """
    path = at_home(folder)
    if not path.is_dir():
        raise DataError(f"there is no folder {str(folder)!r}; give a study's store or lm-eval's --output_path")
    cells = path / "cells" if (path / "cells").is_dir() else path
    is_store = cells != path or next(path.glob("*/manifest.json"), None) is not None
    found = _assembled(_Reader(), cells, store=is_store)
    return replace(found, absent=_absent(cells.parent / "study.json")) if cells != path else found


def _absent(study: Path) -> dict[str, tuple[str, ...]]:
    """What a store's ``study.json`` says of conditions that were left out."""
    listed = read_json(study).get("absent") if study.is_file() else None
    entries = [mapping(entry) for entry in listed] if isinstance(listed, list) else []
    sites = [listed if isinstance(listed := entry.get("sites"), list) else [] for entry in entries]
    return {str(entry.get("condition")): tuple(map(str, of)) for entry, of in zip(entries, sites, strict=True)}


def _assembled(reader: _Reader, folder: Path, *, store: bool) -> Results:
    entries = list(reader.cells(folder) if store else reader.plain(folder))
    if not entries:
        left = f" ({len(reader.unfinished)} unfinished and {len(reader.failed)} failed cells)" if store else ""
        raise DataError(
            f"{str(folder)!r} holds no results{left}; finish the study, or give the folder of lm-eval's "
            "--output_path with --log_samples"
        )
    check_same(entries, reader.identities)
    return Results(
        tuple(sorted(entries, key=in_order)),
        tuple(reader.failed),
        tuple(reader.unfinished),
        tuple(dict.fromkeys(reader.notes)),
        dict(sorted(reader.signatures.items())),
    )


class _Reader:
    """What is collected beside the entries while a folder is read."""

    def __init__(self) -> None:
        self.failed: list[Failed] = []
        self.unfinished: list[str] = []
        self.notes: list[str] = []
        self.signatures: dict[str, Any] = {}
        self.identities: dict[Path, tuple[str, _Json]] = {}
        self.pool: dict[Documents, Documents] = {}

    def cells(self, folder: Path) -> Iterator[Scores]:
        """The cells of a store."""
        for cell in sorted(path for path in folder.iterdir() if path.is_dir()):
            if (cell / "manifest.json").is_file():
                yield from self._cell(cell)
            elif (cell / "failed.json").is_file():
                record = read_json(cell / "failed.json")
                task = str(mapping(record.get("cell")).get("task"))
                with _named(cell / "failed.json"):
                    role = Role.of_manifest(mapping(record.get("role")))
                self.failed.append(Failed(cell.name, task, role, str(record.get("error"))))
            else:
                self.unfinished.append(cell.name)

    def plain(self, folder: Path) -> Iterator[Scores]:
        """The runs below a folder."""
        for file in sorted(folder.rglob("*.json")):
            named = _RESULTS.fullmatch(file.name)
            results = read_json(file) if named else {}
            if named and mapping(results.get("results")) and mapping(results.get("configs")):
                with _named(file):
                    role = Role.of_results(results)
                self._note(file, role, results)
                yield from self._run(file, named["any"] or named["date"], role, results)

    def _run(self, file: Path, date: str | None, role: Role, results: _Json) -> Iterator[Scores]:
        for name in results["configs"]:
            if name not in results["results"]:
                continue
            samples = file.parent / (f"samples_{name}_{date}.jsonl" if date else f"samples_{name}.jsonl")
            if not samples.is_file():
                raise DataError(f"{file} has no samples of {name!r} beside it; run lm-eval again with --log_samples")
            task = Task(role, name, results, read_lines(samples), file, samples, pool=self.pool)
            yield from scores_of(task, self.notes)

    def _cell(self, folder: Path) -> Iterator[Scores]:
        manifest = read_json(folder / "manifest.json")
        _refuse_newer(manifest, folder)
        try:
            (results_name, results_hash), signed = manifest["files"]["results"], manifest["files"]["samples"]
            name, told = str(manifest["cell"]["task"]), dict(manifest["role"])
            samples_name, samples_hash = signed[name]
            file, samples = (folder / Path(name).name for name in (results_name, samples_name))  # never outside
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"{folder / 'manifest.json'} is damaged ({error!r}); delete the folder and run the cell again"
            ) from error
        with _named(folder / "manifest.json"):
            role = Role.of_manifest(told)
        results = read_json(file, results_hash)
        self._note(file, role, results)
        lines = read_lines(samples, samples_hash)
        dataset, language = (None if told.get(key) is None else str(told[key]) for key in ("dataset", "language"))
        task = Task(role, name, results, lines, file, samples, dataset, language, pool=self.pool)
        yield from scores_of(task, self.notes)

    def _note(self, file: Path, role: Role, results: _Json) -> None:
        config = mapping(results.get("config"))
        self.identities[file] = (role.model, config)
        signatures = mapping(mapping(config.get("lnbench")).get("signatures"))
        if signatures:
            self.signatures[role.model] = signatures


@contextmanager
def _named(file: Path) -> Iterator[None]:
    """Name the file in what is refused of its content."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{file}: {error}") from error


def _refuse_newer(manifest: _Json, folder: Path) -> None:
    version = str(manifest.get("schema"))
    if version.split(".", maxsplit=1)[0] != str(_SCHEMA):
        raise DataError(
            f"{folder / 'manifest.json'} has schema {version}, and this lnbench reads {_SCHEMA}.x; update lnbench"
        )
