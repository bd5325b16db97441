"""A leaderboard as a value, and the files that it becomes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lnbench._paths import at_home
from lnbench.errors import DataError, OutputError
from lnbench.reporting.leaderboard._files import write_text
from lnbench.reporting.leaderboard._names import distinct, file_name
from lnbench.reporting.leaderboard._published import Published, read_published, render_published
from lnbench.reporting.leaderboard._show import board_of
from lnbench.reporting.leaderboard._sources import Source, read_sources, tables_of
from lnbench.reporting.page import page
from lnbench.reporting.tables import FORMATS, Table, render

__all__ = ["Leaderboard", "build", "check_out", "read_leaderboard", "stale", "write_leaderboard"]


@dataclass(frozen=True, eq=False)
class Leaderboard:
    """Sources with their tables, and the papers' tables.

    Attributes:
        sources: one for each model and place.
        tables: those of each source.
        references: of papers.
    """

    sources: Sequence[Source]
    tables: Sequence[Sequence[Table]]
    references: Sequence[Published] = ()

    @property
    def named(self) -> list[tuple[str, Table]]:
        """Every table with the name of its files, no two the same."""
        pairs = zip(self.sources, self.tables, strict=True)
        tables = [(f"{source.name}-{file_name(t.dataset)}", t) for source, found in pairs for t in found]
        names = distinct([f"published-{one.name}" for one in self.references] + [name for name, _ in tables])
        return list(zip(names[len(self.references) :], [table for _, table in tables], strict=True))

    def files(self) -> Iterator[tuple[str, str]]:
        """Path below the folder, and text, of everything that is built; the page last."""
        for name, table in self.named:
            yield from ((f"tables/{name}.{end}", render(table, form)) for form, end in FORMATS.items())
        for one in self.references:
            named = f"tables/published-{one.name}"
            yield from ((f"{named}.{end}", render_published(one, form)) for form, end in FORMATS.items())
        yield "index.html", self.page()

    def page(self) -> str:
        """The static page."""
        return page(board_of(self.sources, self.tables, self.references))


def build(
    paths: Sequence[Path], out: Path, *, neurons: str | None = None, samples: int = 3
) -> tuple[Leaderboard, list[Path]]:
    """Read results and write the tables in every format and the page.

    Args:
        paths: folders of results, bundles, folders of bundles.
        out: the folder to write to; made when it is missing.
        neurons: the neuron-set file, for the histogram of layers where the results do not name it.
        samples: documents a task in the page's viewer.

    Returns:
        The leaderboard, and the files that were written.

    Raises:
        DataError: as :func:`read_sources`.
        OutputError: a file cannot be written, or the folder is a leaderboard of other bundles.
    """
    check_out(out, paths)
    made = read_leaderboard(paths, neurons=neurons, samples=samples)
    return made, write_leaderboard(made, out)


def check_out(out: Path, paths: Sequence[Path]) -> None:
    """Refuse a folder that cannot be written, before results are read.

    Raises:
        OutputError: it is a file, or holds bundles that the tables would not be of.
    """
    if out.exists() and not out.is_dir():
        raise OutputError(f"{str(out)!r} is a file, and tables are written to a folder; name another")
    if (out / "bundles").is_dir() and out.resolve() not in [at_home(path).resolve() for path in paths]:
        raise OutputError(
            f"{str(out)!r} holds bundles, whose tables would be lost; use `lnbench leaderboard add`, or another --out"
        )


def read_leaderboard(paths: Sequence[Path], *, neurons: str | None = None, samples: int = 0) -> Leaderboard:
    """The leaderboard of some results, not yet written.

    Raises:
        DataError: as :func:`read_sources`.
    """
    if not paths:
        raise DataError("no results are named; give a study's store, lm-eval's --output_path, or a leaderboard")
    sources = read_sources(paths, neurons=neurons, samples=samples)
    references = [one for path in paths for one in read_published(at_home(path) / "references")]
    return Leaderboard(sources, [tables_of(source) for source in sources], references)


def write_leaderboard(board: Leaderboard, out: Path) -> list[Path]:
    """Write everything that is built from the bundles, and take away tables of bundles that are gone.

    Raises:
        OutputError: a file cannot be written.
    """
    written = []
    for name, text in board.files():
        write_text(out / name, text)
        written.append(out / name)
    if (out / "bundles").is_dir():
        for path in stale(out, {str(path.relative_to(out)) for path in written}):
            path.unlink()
    return written


def stale(out: Path, names: set[str]) -> list[Path]:
    """Files of tables that nothing builds any more."""
    endings = {f".{ending}" for ending in FORMATS.values()}
    found = [path for path in sorted((out / "tables").glob("*")) if path.suffix in endings]
    return [path for path in found if str(path.relative_to(out)) not in names]
