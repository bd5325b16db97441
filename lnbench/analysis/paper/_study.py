"""A study of a report: run in a store of the report's own, so that an unfinished report goes on."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from lnbench.analysis.paper._neurons import release
from lnbench.analysis.paper._setting import Setting
from lnbench.errors import StudyError
from lnbench.neurons import load_masks
from lnbench.reporting.reading import Results, read_results
from lnbench.studies import Bar, Store, Study, forecast, run, status


def results_of(setting: Setting, name: str, neurons: str, **keys: Any) -> Results:
    """What a study finds.

    Args:
        setting: the model, languages, limit and batch size.
        name: of the study.
        neurons: the file of its set.
        keys: the other keys of a study file; they win over those of the setting.

    Raises:
        StudyError: a cell failed; says which, and why.
        LnbenchError: the study cannot be run as it stands.
    """
    study = _study({**_common(setting, name), "neurons": neurons, **keys})
    content = load_masks(neurons).content_hash
    store = Store(setting.work / f"{name}-{setting.key(content, study.model_dump(mode='json'))}")
    if not _complete(study, store):
        _run(study, store)
    return read_results(store.folder)


def _study(keys: dict[str, Any]) -> Study:
    try:
        return Study.model_validate(keys)
    except ValidationError as error:
        raise StudyError("; ".join(str(one["msg"]) for one in error.errors())) from error


def _complete(study: Study, store: Store) -> bool:
    """Whether there is nothing to load a model for."""
    if not store.folder.exists():
        return False
    found = forecast(study, store)
    return not found.status.left and not found.stale


def _run(study: Study, store: Store) -> None:
    release()
    report = run(study, store, progress=Bar())
    release()
    if not report.complete:
        failed = next(iter(status(study, store).failed.values()), None)
        reason = f" ({failed})" if failed else ""
        raise StudyError(f"{report.failed} of {report.cells} cells of {study.name} failed{reason}; see {store.folder}")


def _common(setting: Setting, name: str) -> dict[str, Any]:
    model: dict[str, Any] = {"pretrained": setting.model, "batch_size": setting.batch_size, "threads": setting.threads}
    model |= {key: value for key, value in setting.place().items() if value != "auto"}
    keys: dict[str, Any] = {"name": name, "model": {key: value for key, value in model.items() if value is not None}}
    keys |= {"languages": list(setting.languages), "limit": setting.limit, "data_dir": setting.data_dir}
    return {key: value for key, value in keys.items() if value is not None}
