"""What a folder of published files can serve: each data set and language, with the file, its rows and its problem."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from lnbench._paths import at_home
from lnbench.errors import DataError
from lnbench.harness.task_data._documents import FORMS
from lnbench.harness.task_data._loading import BENCHMARKS
from lnbench.harness.task_data._record import checksum
from lnbench.harness.task_data._sources import Benchmark, in_folder
from lnbench.languages import DATASETS, LANGUAGES, Language, languages_of


@dataclass(frozen=True)
class Served:
    """One data set in one language.

    Attributes:
        dataset: ``mgsm``, ``xquad``, ``xcsqa``, ``xlsum``, ``open`` or ``ppl``.
        language: code of the language.
        tasks: the tasks that the folder can serve; empty when it has no file, or one that cannot be right.
        expects: the file that the folder should hold.
        file: what was found, or None.
        rows: how many documents; 0 without any.
        published: how many the published split has, where that is known.
        sha256: the checksum (hex) that results of these tasks show, or None.
        problem: why a file that is there cannot serve, or None.
    """

    dataset: str
    language: str
    tasks: tuple[str, ...]
    expects: str
    file: str | None = None
    rows: int = 0
    published: int | None = None
    sha256: str | None = None
    problem: str | None = None


def survey(folder: str | Path) -> Iterator[Served]:
    """Look at a folder as the tasks do, data set by data set.

    Raises:
        DataError: it is no folder.
    """
    found = Path(os.path.realpath(at_home(folder)))  # pathlib's own raises where links lead in a circle
    if not found.is_dir():
        raise DataError(f"{str(folder)!r} is no folder; name the folder that holds the published files")
    for benchmark in BENCHMARKS.values():
        rows = languages_of(benchmark.name) if benchmark.name in DATASETS else tuple(LANGUAGES.values())
        yield from (_served(benchmark, language, found) for language in rows)


def _served(benchmark: Benchmark, language: Language, folder: Path) -> Served:
    forms = [form for form, one in FORMS.items() if one.benchmark == benchmark.name] or [benchmark.name, "packed"]
    name = benchmark.name_of(language)
    nothing = Served(forms[0], language.code, (), benchmark.expects.format(name=name))
    try:
        loaded = in_folder(benchmark, folder, name)
    except DataError as error:
        return replace(nothing, problem=str(error))
    if loaded is None:
        return nothing
    return replace(
        nothing,
        tasks=tuple(f"lnbench_{form}_{language.slug}" for form in forms),
        file=loaded.source,
        rows=len(loaded.rows),
        published=benchmark.size,
        sha256=checksum(loaded.rows),
    )
