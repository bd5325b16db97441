"""The neurons of a report: those of the set that was named, or detected once and kept."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lnbench._write import make_folder
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
        return load_masks(setting.mask), setting.mask
    file = setting.work / f"neurons-{method}-{setting.key(method, dict(setting.detect))}.safetensors"
    if not file.is_file():
        make_folder(file.parent)
        _DETECTORS[method](setting).save(file)
    return NeuronSet.load(file), str(file)


#: The model that was loaded last, by its name and how it was loaded, with its tokenizer.
_held: dict[tuple[str, str], tuple[Any, Any]] = {}


def loaded(setting: Setting) -> tuple[Any, Any]:
    """The model and its tokenizer, loaded once for experiments that need it one after the other outside lm-eval."""
    from lnbench.models import load_model, load_tokenizer

    place = setting.place()
    key = (setting.model, json.dumps(place, sort_keys=True))
    if key not in _held:
        release()
        model = load_model(setting.model, **place)
        _held[key] = model, load_tokenizer(setting.model, revision=place.get("revision"))
    return _held[key]


def release() -> None:
    """Let go of the model: a study loads its own, and a device has room for one."""
    import torch

    _held.clear()
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


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
    from lnbench.models import commit_of, model_location

    revision = setting.place().get("revision")
    return commit_of(model_location(setting.model), revision, loaded(setting)[0].config) or revision


_DETECTORS: dict[str, Callable[[Setting], NeuronSet]] = {"lape": _lape, "plnd": _plnd}
