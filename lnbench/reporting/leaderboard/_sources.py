"""What a leaderboard is built from: folders of results, bundles, or a folder of bundles; never averaged together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lnbench._data import DEMO_MODEL
from lnbench._paths import at_home
from lnbench.errors import DataError
from lnbench.reporting.leaderboard._files import read_bundle, usable_names
from lnbench.reporting.leaderboard._names import distinct, file_name
from lnbench.reporting.leaderboard._pack import pack_conditions, unpack
from lnbench.reporting.leaderboard._provenance import Provenance, provenance
from lnbench.reporting.leaderboard._recompute import check_recomputes
from lnbench.reporting.leaderboard._samples import pick_samples
from lnbench.reporting.leaderboard._schema import Bundle, BundleCondition, BundleSample
from lnbench.reporting.reading import Results, read_results
from lnbench.reporting.tables import Table, standard_tables

__all__ = ["INSTRUMENT", "Source", "is_instrument", "of_bundle", "read_sources", "tables_of"]

#: Stands wherever a table of the embedded model is shown.
INSTRUMENT = (
    f"{DEMO_MODEL} is the embedded planted positive control: an instrument that shows that the tool works, "
    "not evidence about language models."
)


@dataclass(frozen=True, eq=False)
class Source:
    """The results of one model from one place.

    Attributes:
        name: of the bundle or the folder, usable as a file name.
        results: of one model.
        about: model, neurons, versions.
        conditions: as a bundle numbers them; samples point into it.
        samples: some documents with outputs.
        contributor, note: of a bundle.
    """

    name: str
    results: Results
    about: Provenance
    conditions: Sequence[BundleCondition]
    samples: Sequence[BundleSample] = ()
    contributor: str | None = None
    note: str | None = None

    @property
    def model(self) -> str:
        """The model's name."""
        return self.about.model.name

    @property
    def instrument(self) -> bool:
        """Whether it is the embedded model, by its name or by the path of its packaged files."""
        return is_instrument(self.model)


def is_instrument(model: str) -> bool:
    """Whether a model's name is that of the embedded model, or a path to its packaged files."""
    return model == DEMO_MODEL or Path(model).parts[-3:] == ("neuron_sets", "demo", "model")


def read_sources(paths: Iterable[Path], *, neurons: str | None = None, samples: int = 0) -> list[Source]:
    """Read folders of results, bundles and folders of bundles.

    Args:
        paths: in the order in which they are shown.
        neurons: the neuron-set file of folders that do not name it.
        samples: documents a task that are shown with their outputs, for folders; bundles bring their own.

    Raises:
        DataError: there is nothing to read, or it is damaged.
    """
    found = [source for path in paths for source in _read(at_home(path), neurons, samples)]
    names = distinct([source.name for source in found])
    return [replace(source, name=name) for source, name in zip(found, names, strict=True)]


def of_bundle(bundle: Bundle, path: Path) -> Source:
    """The source of a bundle, its numbers recomputed.

    Raises:
        DataError: a value does not follow from its documents.
    """
    results = unpack(bundle, path)
    check_recomputes(results)
    about = Provenance(bundle.model, bundle.neurons, bundle.versions)
    return Source(bundle.name, results, about, bundle.conditions, bundle.samples, bundle.contributor, bundle.note)


def tables_of(source: Source) -> list[Table]:
    """The standardized tables, as they are read back from their JSON: every format shows the same digits."""
    tables = [Table.from_json(table.as_json()) for table in standard_tables(source.results)]
    first = (INSTRUMENT,) if source.instrument else ()
    told = (source.note,) if source.note and source.note not in first else ()
    return [replace(table, notes=(*first, *told, *table.notes)) for table in tables]


def _read(path: Path, neurons: str | None, samples: int) -> Iterator[Source]:
    if path.is_file():
        yield of_bundle(read_bundle(path), path)
    elif (path / "bundles").is_dir():
        bundles = sorted((path / "bundles").glob("*.json"))
        if not bundles:
            raise DataError(f"{str(path / 'bundles')!r} holds no bundle; make one with `lnbench leaderboard add`")
        yield from (of_bundle(read_bundle(file), file) for file in bundles)
    else:
        yield from _of_folder(path, neurons, samples)


def _of_folder(path: Path, neurons: str | None, samples: int) -> Iterator[Source]:
    results = read_results(path)
    for model in results.models:
        chosen = results.where(model=model)
        name = path.resolve().name if len(results.models) == 1 else model
        with usable_names(path):
            about = provenance(chosen, path, neurons=neurons)
            found = Source(file_name(name), chosen, about, pack_conditions(chosen), pick_samples(chosen, samples))
        yield found
