"""``neurons:`` of a study: files of any format, and what those of other projects do not say of themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lnbench.errors import ModelArgumentError, UnknownLanguageError
from lnbench.neurons import Architecture, FileFacts, NeuronSet, load_masks
from lnbench.studies._sections import Section, refused, unknown

if TYPE_CHECKING:
    from lnbench.studies._study import Study


class NeuronFile(Section):
    """One entry of ``neurons:``; text alone stands for ``{file: TEXT}``."""

    file: str
    languages: list[str] | None = None
    """Names of the languages of a file that names none, in its order."""
    site: str | None = None
    """Where the neurons are, where the file does not say it."""
    kv_map: str | None = None
    """How k and v of PLND's text count: ``layout`` or ``released``."""


def checked(given: Any) -> Any:
    """What is written under ``neurons``: language -> file, or a list of files, a single file as a list of one.

    Raises:
        PydanticCustomError: it is something else.
    """
    single = isinstance(given, str) or (isinstance(given, dict) and "file" in given)
    entries = [given] if single and given else given
    if (
        isinstance(entries, dict)
        and entries
        and all(isinstance(text, str) for pair in entries.items() for text in pair)
    ):
        return entries
    if not isinstance(entries, list) or not entries:
        raise refused(f"neurons: {given!r} names no files; write a file, a list of files, or language: file")
    for at, entry in enumerate(entries):
        _check_entry(entry, () if single else (at,))
    return entries


def _check_entry(entry: Any, where: tuple[int, ...]) -> None:
    fields = entry if isinstance(entry, dict) else {"file": entry.file if isinstance(entry, NeuronFile) else entry}
    for key in fields:
        if key not in NeuronFile.model_fields:
            raise refused(unknown("key", key, NeuronFile.model_fields), *where, key)
    languages = fields.get("languages")
    named = languages is None or (isinstance(languages, list) and all(isinstance(name, str) for name in languages))
    if not named or not all(isinstance(value, str) for key, value in fields.items() if key != "languages"):
        raise refused(f"neurons: {entry!r} names no file; write a file, or {{file: .., languages: [..]}}", *where)


def load_entries(study: Study) -> list[NeuronSet]:
    """The sets of the study's files; of a file under a language, that language's neurons.

    Raises:
        LnbenchError: a file is missing or damaged, lacks its language or a name for it, or does not fit the model.
    """
    shape = _shape(study)
    if isinstance(study.neurons, dict):
        return [_of_language(study.path(file), label, shape) for label, file in study.neurons.items()]
    return [_of_entry(study, entry, shape) for entry in study.neurons or []]


def _of_entry(study: Study, entry: str | NeuronFile, shape: Callable[[], Architecture]) -> NeuronSet:
    if isinstance(entry, str):
        return load_masks(study.path(entry), FileFacts(architecture=shape))
    languages = None if entry.languages is None else tuple(entry.languages)
    facts = FileFacts(languages, entry.site, architecture=shape, kv_map=entry.kv_map or "layout")
    return load_masks(study.path(entry.file), facts)


def _of_language(file: str, label: str, shape: Callable[[], Architecture]) -> NeuronSet:
    """That language's neurons; a file of one language without a name is taken to be of it."""
    try:
        found = load_masks(file, FileFacts(architecture=shape))
    except UnknownLanguageError as without_names:
        try:
            return load_masks(file, FileFacts((label,), architecture=shape))
        except UnknownLanguageError:
            raise without_names from None
    return found.select(languages=[label])


def _shape(study: Study) -> Callable[[], Architecture]:
    """The study's model without its weights, which files of other projects are held to."""

    def shape() -> Architecture:
        from lnbench.models import load_architecture

        name = study.model.pretrained
        if name is None:
            raise ModelArgumentError(
                "the study's neuron file does not name its model, and the study names none; add model: {pretrained:}"
            )
        options = {"subfolder": study.model.subfolder} if study.model.subfolder else {}
        return load_architecture(study.path(name), revision=study.model.revision, **options)

    return shape
