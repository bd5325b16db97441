"""A report made: every experiment run in turn; what cannot be run says why, and the others go on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from lnbench import __version__
from lnbench._faults import sentence
from lnbench.analysis._section import Section
from lnbench.analysis.paper._experiments import Experiment, experiments_of
from lnbench.analysis.paper._markdown import plain
from lnbench.analysis.paper._report import Report
from lnbench.analysis.paper._setting import Setting

_log = logging.getLogger(__name__)

_TITLES = {
    "plnd": "PLND and MWork: how a language model handles languages",
    "lape": "LAPE: language-specific neurons",
}
_SOURCES = {
    "plnd": "Zhao et al., How do Large Language Models Handle Multilingualism?, NeurIPS 2024 (arXiv 2402.18815)",
    "lape": (
        "Tang et al., Language-Specific Neurons: The Key to Multilingual Capabilities in Large Language Models, ACL "
        "2024 (arXiv 2402.16438)"
    ),
}
_DEMO = (
    "The model is a **planted positive control**: it was trained so that chosen neurons carry each language. The "
    "report shows that every experiment runs, and what each shows where the effect is known to be there; it is no "
    "evidence about language models. Its three planted layers are no three-stage workflow, and nobody planted one."
)


def make_report(
    paper: str,
    setting: Setting,
    *,
    only: Sequence[str] | None = None,
    begin: Callable[[Experiment], None] = lambda _: None,
) -> tuple[Report, list[str]]:
    """Run a paper's experiments.

    Args:
        paper: ``plnd`` or ``lape``.
        setting: what they are run with.
        only: keys of the experiments; None for all.
        begin: told of each before it is run.

    Returns:
        The report, and the keys of experiments that could not be run; their sections say why.

    Raises:
        DataError: a key is unknown.
    """
    sections, refused = [], []
    for experiment in experiments_of(paper, only):
        begin(experiment)
        try:
            sections.append(replace(experiment.make(setting), key=experiment.key))
        except Exception as error:  # hours of other experiments are not lost to one
            refused.append(experiment.key)
            sections.append(_refused(experiment, error))
    about = {"paper": paper, "lnbench": __version__, **setting.as_json()}
    return Report(f"{_TITLES[paper]}, on {setting.model}", _intro(paper, setting), sections, about), refused


def _refused(experiment: Experiment, error: Exception) -> Section:
    told = sentence(error)
    if told is None:
        _log.error("the experiment %s ended with an error", experiment.key, exc_info=error)
        told = f"{type(error).__name__}: {str(error).strip()}"
    return Section(experiment.key, experiment.title, f"Not run here: {plain(told)}.", data={"not_run": told})


def _intro(paper: str, setting: Setting) -> str:
    detected = f"detected by {paper.upper()} on the text of the section Detection text"
    amounts: dict[str, Any] = {
        "languages": " ".join(setting.languages),
        "documents a task": setting.limit or "all",
        "draws of every random control": setting.seeds,
        "neurons": detected if setting.mask is None else f"`{setting.mask}`",
    }
    amounts |= {"seeds of tuning": len(setting.tuning_seeds)} if paper == "plnd" else {}
    about = "\n".join(f"- {name}: {value}" for name, value in amounts.items())
    parts = [
        f"The experiments of {_SOURCES[paper]}, in its order, made for `{setting.model}` by lnbench {__version__}. "
        "Numbers of the paper stand beside ours where they are known; they are marked as published, and are of other "
        "models.",
        about,
        _DEMO if setting.is_demo else "",
    ]
    return "\n\n".join(filter(None, parts))
