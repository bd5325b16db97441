"""``lnbench paper``: all experiments of a paper on one model, as one report."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lnbench._data import DEMO_MODEL
from lnbench._faults import goes_on
from lnbench._lock import hold
from lnbench._near import hint
from lnbench._write import check_takes_files, make_folder
from lnbench.cli import _detect_options as options
from lnbench.cli._outputs import quiet_libraries
from lnbench.errors import OutputError, SpecError
from lnbench.languages import DEMO_LANGUAGES, registered

if TYPE_CHECKING:
    from lnbench.analysis.paper import Experiment, Setting

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)

#: Exit code when an experiment could not be run.
NOT_ALL = 3


@app.command()
def paper(
    name: Annotated[str, typer.Argument(metavar="plnd|lape", help="The paper.")],
    model: options.Model,
    out: Annotated[Path, typer.Option(help="Folder of the report; the same command goes on where it was stopped.")],
    corpus: Annotated[
        list[str] | None,
        typer.Option(help="LANG=SOURCE, once a language: text to detect neurons on. The embedded model has its own."),
    ] = None,
    held_out: Annotated[list[str] | None, typer.Option(help="LANG=SOURCE: text to measure tuning on.")] = None,
    prompts: Annotated[list[str] | None, typer.Option(help="LANG=SOURCE: what the lens reads.")] = None,
    languages: Annotated[str | None, typer.Option(help="Some of the embedded model's, joined by +.")] = None,
    tasks: Annotated[str | None, typer.Option(help="Datasets of the tables, joined by +.")] = None,
    only: Annotated[str | None, typer.Option(help="Some of the experiments, joined by +.")] = None,
    mask: Annotated[str | None, typer.Option(help="A neuron set; left out: detected by the paper's method.")] = None,
    documents: Annotated[int | None, typer.Option(min=1, help="Of each language, to detect neurons on.")] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Documents of each task (all when left out), prompts and held-out documents."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=2, help="Draws of every random control; tuning takes three of them.")] = 5,
    n1: Annotated[int | None, typer.Option(min=1, help="Layers of the first block; chosen by the sweep.")] = None,
    n2: Annotated[int | None, typer.Option(min=1, help="Layers of the last block; chosen by the sweep.")] = None,
    tune: Annotated[str | None, typer.Option(help="The language that is tuned; the last of --corpus.")] = None,
    tune_model: Annotated[
        str | None, typer.Option(help="A model with something left to learn, to tune instead of --model.")
    ] = None,
    data_dir: Annotated[str | None, typer.Option(help="Folder of task data.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Of evaluation.")] = None,
    revision: options.Revision = None,
    dtype: options.Dtype = "auto",
    device: options.Device = "auto",
) -> None:
    """Run a paper's experiments on a model and write one report: Markdown, a page, and every number as JSON."""
    chosen = None if only is None else only.split("+")
    _check_names(name, chosen, model, corpus, languages)
    check_takes_files(out, str(out), "--out")
    from lnbench.analysis.paper import check_report

    check_report(out, {"paper": name, "model": model})
    load = {"revision": revision, "dtype": dtype, "device": device}
    if model == DEMO_MODEL:
        setting = _setting_of_demo(name, out, languages, limit, seeds, load)
    else:
        setting = _setting(model, out, corpus, limit, seeds, load)
    given: dict[str, Any] = {"held_out": _sources(held_out), "prompts": _sources(prompts), "mask": mask}
    given |= {"documents": documents, "tasks": None if tasks is None else tasks.split("+"), "batch_size": batch_size}
    given |= {"n1": n1, "n2": n2, "tune": tune, "tune_model": tune_model, "data_dir": data_dir}
    if name != "plnd":
        _refuse_idle(name, given)
    setting = replace(setting, **{key: value for key, value in given.items() if value})
    _check(setting)
    if tasks is not None:
        _check_tasks(setting)
    quiet_libraries()
    _report(name, setting, chosen)


def _report(name: str, setting: Setting, chosen: list[str] | None) -> None:
    from lnbench.analysis.paper import experiments_of, make_report, write_report

    steps = _Steps(len(list(experiments_of(name, chosen))))
    with _alone(setting.out):
        report, refused = make_report(name, setting, only=chosen, begin=steps.show)
        files = write_report(report, setting.out)
    print(f"{files[0]}, {files[1].name} and {files[2].name}, {len(files) - 3} pictures")
    if refused:
        print(f"not run: {', '.join(refused)}; the report says why")
        raise typer.Exit(NOT_ALL)


def _check_names(
    name: str, chosen: list[str] | None, model: str, corpus: list[str] | None, languages: str | None
) -> None:
    """Refuse what the arguments alone decide, before anything heavy is imported.

    Raises:
        LnbenchError: a paper, an experiment or a language that is not there; text that the model has, or lacks.
    """
    from lnbench.analysis.paper import PAPERS, check_keys

    if name not in PAPERS:
        raise SpecError(f"unknown paper {name!r}; {hint(name, PAPERS)}choose {' or '.join(PAPERS)}")
    check_keys(name, chosen or [])
    if model == DEMO_MODEL:
        _refuse_text(corpus)
        _of_demo(languages)
        return
    if languages is not None:
        raise SpecError(f"--languages {languages} is for the embedded model; name text of the languages by --corpus")
    _two_corpora(model, corpus)


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Have the folder of a report for this process alone.

    Raises:
        OutputError: it cannot be made, or another process is at work there.
    """
    make_folder(out)
    held = hold(out)
    if held is None:
        raise OutputError(f"another process is at work in {str(out)!r}; wait until it has ended, or name another --out")
    goes_on("finished parts", out)
    with held:
        yield


def _setting_of_demo(
    name: str, out: Path, languages: str | None, limit: int | None, seeds: int, load: dict[str, str | None]
) -> Setting:
    from lnbench.analysis.paper import demo_setting

    setting = demo_setting(name, out, limit=limit, seeds=seeds, languages=_of_demo(languages))
    asked = {key: value for key, value in load.items() if value not in (None, "auto")}
    return replace(setting, load={**setting.load, **asked})


def _setting(
    model: str, out: Path, corpus: list[str] | None, limit: int | None, seeds: int, load: dict[str, str | None]
) -> Setting:
    from lnbench.analysis.paper import Setting

    corpora = _two_corpora(model, corpus)
    return Setting(model=model, out=out, languages=tuple(corpora), corpora=corpora, limit=limit, seeds=seeds, load=load)


def _two_corpora(model: str, corpus: list[str] | None) -> dict[str, str]:
    corpora = _sources(corpus)
    if len(corpora) < 2:
        raise SpecError(
            f"--model {model} has no text of its own; name text of two languages or more, as in --corpus en=en.txt"
        )
    return corpora


def _refuse_idle(paper: str, given: dict[str, Any]) -> None:
    """Options that would change nothing."""
    for key in ("held_out", "prompts", "tasks", "n1", "n2", "tune", "tune_model"):
        if given[key]:
            option = f"--{key.replace('_', '-')}"
            raise SpecError(f"{option} is of the experiments of plnd, and {paper} has none of them; leave it out")


def _refuse_text(corpus: list[str] | None) -> None:
    if corpus:
        raise SpecError(
            f"--corpus {corpus[0]}: the embedded model's neurons are detected on the text that comes with it; leave "
            "--corpus out, and choose among its languages with --languages"
        )


def _check(setting: Setting) -> None:
    """Refuse what every experiment, or a later one, would fail at.

    Raises:
        LnbenchError: a language, a task, a set or a device that is not there, or text that cannot be read.
    """
    from lnbench.models import check_placement, load_architecture
    from lnbench.neurons import load_masks

    _check_languages(setting)
    check_placement(str(setting.load.get("dtype", "auto")), str(setting.load.get("device", "auto")))
    for sources, document, field in (
        (setting.corpora, setting.document, setting.text_field),
        (setting.held_out, "line", "text"),
        (setting.prompts, "line", setting.prompt_field),
    ):
        for code, source in sources.items():
            _check_text(f"{code}={source}", document, field, setting.documents)
    if setting.mask is not None:
        load_masks(setting.mask)
    for model in filter(None, (setting.model, setting.tune_model)):
        load_architecture(model, revision=setting.load.get("revision") if model == setting.model else None)


def _check_languages(setting: Setting) -> None:
    tuned = setting.tune or list(setting.corpora)[-1]
    if tuned not in setting.corpora:
        raise SpecError(f"--tune {tuned} has no text; choose among {', '.join(setting.corpora)}")
    if setting.held_out and tuned not in setting.held_out:
        raise SpecError(
            f"--held-out has {', '.join(setting.held_out)} and not {tuned}, which is tuned; name text of it, too, or "
            "another language with --tune"
        )


def _check_text(text: str, document: str, field: str, documents: int | None) -> None:
    from lnbench.detection import Corpus

    corpus = Corpus.parse(text, document, field)
    if not corpus.source.startswith("datasets:"):
        next(corpus.documents(), None)
    elif documents is None:
        raise SpecError(f"{corpus.source!r} may have no end; say how much to read with --documents")


def _check_tasks(setting: Setting) -> None:
    from lnbench.studies import Study

    keys: dict[str, Any] = {"name": "tasks", "tasks": list(setting.tasks), "languages": list(setting.languages)}
    Study.model_validate({**keys, "model": {"pretrained": setting.model}, "conditions": {"original": {}}}).plan()


def _of_demo(languages: str | None) -> list[str] | None:
    if languages is None:
        return None
    chosen = list(dict.fromkeys(languages.split("+")))
    strange = [code for code in chosen if code not in DEMO_LANGUAGES]
    if strange or len(chosen) < 2:
        wrong = f"{strange[0]!r} is none of them" if strange else f"{languages!r} is one"
        raise SpecError(f"--languages needs two or more of {', '.join(DEMO_LANGUAGES)}, and {wrong}; correct it")
    return chosen


def _sources(given: list[str] | None) -> dict[str, str]:
    from lnbench.detection import Corpus

    found: dict[str, str] = {}
    for text in given or []:
        code = registered(Corpus.parse(text).language)
        if code in found:
            raise SpecError(f"{text!r} names {code} a second time; put its text into one folder")
        found[code] = text.split("=", 1)[1]
    return found


class _Steps:
    """Says which experiment is being run."""

    def __init__(self, total: int) -> None:
        self._total, self._begun = total, 0

    def show(self, experiment: Experiment) -> None:
        """Print its title."""
        self._begun += 1
        print(f"[{self._begun}/{self._total}] {experiment.title}", file=sys.stderr, flush=True)
