"""From a foreign file to a neuron set: its table, the names of its languages, and the model it is held to."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lnbench.errors import ModelMismatchError, NeuronFileError, NeuronSetError, SpecError, UnknownLanguageError
from lnbench.neurons._architecture import Architecture
from lnbench.neurons._header import Header, check_labels
from lnbench.neurons._sites import SITES
from lnbench.neurons.foreign import _csv, _json, _lape, _mask, _plnd
from lnbench.neurons.foreign._facts import USUAL_SITE, FileFacts
from lnbench.neurons.foreign._table import Table

if TYPE_CHECKING:
    from lnbench.neurons._set import NeuronSet

READERS: dict[str, Callable[[Path, FileFacts], Table]] = {
    "lape": _lape.read,
    "plnd": _plnd.read,
    "mask": _mask.read,
    "json": _json.read,
    "csv": _csv.read,
}


@dataclass(frozen=True, eq=False)
class ForeignFile:
    """A foreign file that was read, before its languages are named."""

    path: Path
    kind: str
    table: Table

    @property
    def nameless(self) -> int:
        """How many languages need names."""
        return self.table.languages if isinstance(self.table.languages, int) else 0


def read_table(path: Path, kind: str, facts: FileFacts) -> ForeignFile:
    """Read a file of the format `kind`.

    Raises:
        NeuronFileError: it is damaged, hostile or no such file.
        SpecError: a site was given, and the file says its own.
    """
    with of_file(path):
        return ForeignFile(path, kind, READERS[kind](path, facts))


def neuron_set(file: ForeignFile, facts: FileFacts) -> NeuronSet:
    """The set that a file and what is told of it make; the header's history says how.

    With a model told (``facts.shape``), the number of layers and the width that the file states must be the model's,
    and every neuron must lie in it. Without one, indices are held to the widest model there could be, and only the
    model that the set is used on can refuse them.

    Raises:
        UnknownLanguageError: languages are missing, too few or too many, or differ from the file's own.
        ModelMismatchError: the neurons were not counted in this model.
        NeuronFileError: the table contradicts itself.
    """
    labels = _labels(file, facts.languages)
    told = facts.shape
    with of_file(file.path):
        made = _made(file, labels, Header())
        if told is not None:
            _refuse_other_shape(file, told, made.sites or (facts.site or USUAL_SITE,))
            made.check(told)
        header = Header(model=facts.model, revision=facts.revision, architecture=told, history=_history(file, labels))
        return _made(file, labels, header)


def _made(file: ForeignFile, labels: tuple[str, ...], header: Header) -> NeuronSet:
    from lnbench.neurons._set import NeuronSet

    table = file.table
    return NeuronSet(table.rows, labels, SITES, layers=table.layers or table.spoken, header=header, scores=table.scores)


@contextmanager
def of_file(path: Path) -> Iterator[None]:
    """Name the file in what its content is refused for."""
    try:
        yield
    except NeuronSetError as error:
        raise NeuronFileError(f"{path} is not a valid neuron set: {error}") from error
    except (ModelMismatchError, SpecError) as error:
        raise type(error)(str(error) if str(path) in str(error) else f"{path}: {error}") from error
    except (RecursionError, MemoryError, OverflowError) as error:
        raise NeuronFileError(f"{path} is too large or too deeply nested to be read: check it") from error
    except OSError as error:
        raise NeuronFileError(f"{path} cannot be read ({error.strerror or error}): check the file") from error


def _labels(file: ForeignFile, given: tuple[str, ...] | None) -> tuple[str, ...]:
    named = file.table.languages
    if isinstance(named, tuple):
        return _own_labels(file, named, given)
    if given is None:
        raise UnknownLanguageError(
            f"{file.path} ({file.kind}) has {_languages(named)} without a name: give them in the "
            f"file's order, as in {_EXAMPLES[min(named, 3)]}"
        )
    if len(given) != named:
        raise UnknownLanguageError(
            f"{file.path} ({file.kind}) has {_languages(named)}, and {len(given)} were named, {', '.join(given)}: name "
            "each once, in the file's order"
        )
    return given


def _own_labels(file: ForeignFile, named: tuple[str, ...], given: tuple[str, ...] | None) -> tuple[str, ...]:
    if given not in (None, named):
        raise UnknownLanguageError(
            f"{file.path} names its languages itself, {', '.join(named)}, and {', '.join(given or ())} was asked "
            "for: leave `languages` out, and choose among them with `lang` or `select`"
        )
    return check_labels(named)


_EXAMPLES = {1: "languages=zh", 2: "languages=en+zh", 3: "languages=en+zh+fr (--languages en,zh,fr in commands)"}


def _languages(count: int) -> str:
    return f"{count} language" if count == 1 else f"{count} languages"


def _refuse_other_shape(file: ForeignFile, told: Architecture, sites: Sequence[str]) -> None:
    table = file.table
    if table.layers is not None and table.layers != told.layers:
        raise ModelMismatchError(
            f"{file.path} counts {table.layers} layers and this model has {told.layers}: load a set made for this model"
        )
    for site in sites if table.width is not None else ():
        if table.width != told.widest(site):
            raise ModelMismatchError(
                f"{file.path} counts {table.width} neurons of a layer and this model has {told.widest(site)} at {site}"
                ": load a set made for this model, or name another site"
            )


def _history(file: ForeignFile, labels: tuple[str, ...]) -> tuple[str, ...]:
    digest = hashlib.sha256(file.path.read_bytes()).hexdigest()[:12]
    named = f"languages {'+'.join(labels)} {'as told' if file.nameless else 'as it names them'}"
    return (f"read from {file.path.name} ({file.kind}, sha256 {digest}): {named}", *file.table.notes)


def share_out(files: Sequence[ForeignFile], languages: tuple[str, ...] | None) -> list[tuple[str, ...] | None]:
    """Which of the languages that were told belong to each file.

    Where every file without names has as many languages as were told, they are the same in each; else they are handed
    out in the order of the files, and none may be left over.

    Raises:
        UnknownLanguageError: the numbers do not fit.
    """
    counts = [file.nameless for file in files]
    needed = [count for count in counts if count]
    if languages is None or len(files) < 2:
        return [languages] * len(files)
    if needed and all(count == len(languages) for count in needed):
        return [languages if count else None for count in counts]
    if sum(counts) != len(languages):
        lacking = ", ".join(f"{file.path.name} {count}" for file, count in zip(files, counts, strict=True))
        raise UnknownLanguageError(
            f"{len(languages)} languages were named, {', '.join(languages)}, and the files lack {sum(counts)} "
            f"({lacking}): name each once, in the order of the files"
        )
    starts = [sum(counts[:at]) for at in range(len(counts))]
    return [languages[start : start + count] if count else None for start, count in zip(starts, counts, strict=True)]
