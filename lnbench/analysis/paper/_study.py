"""A study of a report: run in a store of the report's own, so that an unfinished report goes on."""

from __future__ import annotations

from typing import Any

from lnbench.analysis.paper._setting import Setting
from lnbench.errors import StudyError
from lnbench.reporting.reading import Results, read_results
from lnbench.studies import Bar, Store, Study, run, status


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
    study = Study.model_validate({**_common(setting, name), "neurons": neurons, **keys})
    store = Store(setting.work / f"{name}-{setting.key(neurons, study.model_dump(mode='json'))}")
    report = run(study, store, progress=Bar())
    if not report.complete:
        failed = next(iter(status(study, store).failed.values()), None)
        reason = f" ({failed})" if failed else ""
        raise StudyError(f"{report.failed} of {report.cells} cells of {name} failed{reason}; see {store.folder}")
    return read_results(store.folder)


def _common(setting: Setting, name: str) -> dict[str, Any]:
    model: dict[str, Any] = {"pretrained": setting.model, "batch_size": setting.batch_size, "threads": setting.threads}
    model |= {key: value for key, value in setting.place().items() if value != "auto"}
    keys: dict[str, Any] = {"name": name, "model": {key: value for key, value in model.items() if value is not None}}
    keys |= {"languages": list(setting.languages), "limit": setting.limit, "data_dir": setting.data_dir}
    return {key: value for key, value in keys.items() if value is not None}
