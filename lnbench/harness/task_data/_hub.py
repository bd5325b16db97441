"""The same rows from the Hugging Face hub, at a pinned revision, and quickly refused where there is no network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lnbench._hub import endpoint, first_line, offline_without_network
from lnbench.errors import DataError
from lnbench.harness.task_data._sources import Benchmark, Files
from lnbench.languages import DATASETS

#: The branch in which the hub keeps a parquet copy of every data set; it has one layout for all and needs no code.
REVISION = "refs/convert/parquet"
_Rows = list[dict[str, Any]]


class NothingFromHub(Exception):
    """Why the hub gives no rows, as half a sentence."""


def revision_of(benchmark: Benchmark, given: str | Mapping[str, str] | None) -> str:
    """The revision to load: given for all data sets, or by data set; else :data:`REVISION`.

    Raises:
        DataError: it is neither text nor a mapping of data sets to text.
    """
    if isinstance(given, Mapping) and (unknown := [name for name in given if name not in DATASETS]):
        raise DataError(f"lnbench_revision has {unknown[0]!r}, which is no data set; use {', '.join(DATASETS)}")
    wanted = given.get(benchmark.name, REVISION) if isinstance(given, Mapping) else REVISION if given is None else given
    if not isinstance(wanted, str):
        raise DataError(f"lnbench_revision={given!r} names no revision of {benchmark.title}; give a commit or branch")
    return wanted


def from_hub(benchmark: Benchmark, name: str, revision: str) -> Files:
    """The raw rows of a language.

    Raises:
        NothingFromHub: there is no such data set, or it cannot be reached.
    """
    if benchmark.repository is None:
        raise NothingFromHub("it is on no hub")
    config = benchmark.config.format(name=name)
    rows, shots = _downloaded(benchmark, config, revision)
    source = f"{benchmark.repository}@{revision}/{config}"
    return Files(
        f"{source}/{benchmark.split}",
        _placed(rows, f"{source}/{benchmark.split}"),
        _placed(shots, f"{source}/{benchmark.shots_split}"),
    )


def _downloaded(benchmark: Benchmark, config: str, revision: str) -> tuple[_Rows, _Rows]:
    """The rows, and those of the shots."""
    import datasets

    splits = [split for split in (benchmark.split, benchmark.shots_split) if split]
    wanted = {split: [f"{config}/{split}/*.parquet", f"{config}/{split}-*.parquet"] for split in splits}
    with offline_without_network() as silent:
        try:
            found = datasets.load_dataset(benchmark.repository, data_files=wanted, revision=revision)
            rows = list(found[benchmark.split])
        except Exception as error:  # a dozen kinds, by what is missing: repository, revision, file, permission
            why = f"{endpoint()} does not answer" if silent else first_line(error)
            raise NothingFromHub(f"the hub gives no {benchmark.repository} ({why})") from error
    return rows, list(found[benchmark.shots_split]) if benchmark.shots_split in found else []


def _placed(rows: _Rows, source: str) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{source}, row {number}", row) for number, row in enumerate(rows, start=1)]
