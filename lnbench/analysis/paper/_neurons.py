"""The neurons of a report: those of the set that was named, or detected once and kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from lnbench.analysis.paper._setting import Setting
from lnbench.neurons import NeuronSet, load_masks

if TYPE_CHECKING:
    from lnbench.detection import TokenDocuments

#: What most models have room for, and what detection reads of a document.
_MAX_LENGTH = 512


def neurons_of(setting: Setting, method: str) -> tuple[NeuronSet, str]:
    """The set, and the name of its file.

    Args:
        setting: names the set, or the text to detect it on.
        method: ``lape`` or ``plnd``.

    Raises:
        LnbenchError: there is no such set, or detection refuses the text or the options.
    """
    if setting.mask is not None:
        return load_masks(setting.mask.split("+")), setting.mask
    file = setting.work / f"neurons-{method}-{setting.key(method, dict(setting.detect))}.safetensors"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        _DETECTORS[method](setting).save(file)
    return NeuronSet.load(file), str(file)


@cache
def _loaded(model: str, place: tuple[tuple[str, Any], ...]) -> tuple[Any, Any]:
    from lnbench.models import load_model, load_tokenizer

    options = dict(place)
    return load_model(model, **options), load_tokenizer(model, revision=options.get("revision"))


def loaded(setting: Setting) -> tuple[Any, Any]:
    """The model and its tokenizer; loaded once for all experiments that need it outside lm-eval."""
    return _loaded(setting.model, tuple(sorted(setting.place().items())))


def _text(setting: Setting) -> TokenDocuments:
    from lnbench.detection import Corpus, token_documents, with_coverage

    tokenizer = loaded(setting)[1]
    corpora = [Corpus.parse(f"{code}={source}", setting.document, setting.text_field)
               for code, source in setting.corpora.items()]  # fmt: skip
    found = token_documents(tokenizer, corpora, documents=setting.documents, max_length=_MAX_LENGTH)
    return with_coverage(tokenizer, found)


def _lape(setting: Setting) -> NeuronSet:
    from lnbench.detection import collect_sites, lape_from_statistics

    measured = collect_sites(loaded(setting)[0], _text(setting), sites=["ffn.act"], batch_size=setting.batch_size)
    return lape_from_statistics(measured.of_model(setting.model, _commit(setting)), **setting.detect)


def _plnd(setting: Setting) -> NeuronSet:
    from lnbench.detection import detect_plnd

    model = loaded(setting)[0]
    return detect_plnd(model, _text(setting), model_id=setting.model, revision=_commit(setting), **setting.detect)


def _commit(setting: Setting) -> str | None:
    commit: str | None = getattr(loaded(setting)[0].config, "_commit_hash", None)
    return commit


_DETECTORS: dict[str, Callable[[Setting], NeuronSet]] = {"lape": _lape, "plnd": _plnd}
