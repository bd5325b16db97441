"""``lnbench tune``: train only a language's neurons, and random ones and all parameters beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lnbench._faults import goes_on
from lnbench._near import hint
from lnbench._write import check_takes_files, whole
from lnbench.cli import _detect_options as options
from lnbench.cli._outputs import write_json
from lnbench.errors import DataError, OutputError, SpecError

if TYPE_CHECKING:
    from lnbench.analysis.tuning import Experiment, TuningResult
    from lnbench.detection import Corpus

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)

#: Documents of each held-out text that are measured, when nothing else is said.
HELD_OUT = 100
_DEVICES = ("auto", "cpu", "cuda")


@app.command()
def tune(
    model: options.Model,
    mask: Annotated[str, typer.Option(help="The neuron set: a path, a shipped name, or hf://ORG/REPO/FILE.")],
    corpus: Annotated[str, typer.Option(help="LANG=SOURCE: the text to train on, as in lnbench detect.")],
    out: Annotated[Path, typer.Option(help="Folder of the deltas, of tuning.json and tuning.png.")],
    lang: Annotated[str | None, typer.Option(help="The language that is tuned; that of the corpus.")] = None,
    documents: Annotated[str, typer.Option(help="Numbers of documents to train on.")] = "100+200+400+800",
    conditions: Annotated[str, typer.Option(help="Of random, specific and full.")] = "random+specific+full",
    seeds: Annotated[int, typer.Option(min=1, help="Draws of documents, and of random neurons.")] = 3,
    held_out: Annotated[
        list[str] | None,
        typer.Option(help="LANG=SOURCE: text to measure on, any languages; else the end of the corpus."),
    ] = None,
    held_out_documents: Annotated[int, typer.Option(min=1, help="Documents of each that are measured.")] = HELD_OUT,
    sites: Annotated[str | None, typer.Option(help="Of the language's neurons those at these sites.")] = None,
    layers: Annotated[str | None, typer.Option(help="Of the language's neurons those in these layers.")] = None,
    exclude: Annotated[str | None, typer.Option(help="Leave out neurons that are also these languages'.")] = None,
    epochs: Annotated[float, typer.Option(help="Passes over the documents.")] = 3.0,
    learning_rate: Annotated[float, typer.Option(help="Of AdamW, the same in all conditions.")] = 1e-3,
    batch_size: Annotated[int, typer.Option(help="Documents of a step.")] = 16,
    accumulate: Annotated[int, typer.Option(help="Parts of a step that go through the model in turn.")] = 1,
    schedule: Annotated[str, typer.Option(help="Of the learning rate: constant, linear or cosine.")] = "linear",
    warmup: Annotated[float, typer.Option(help="Share of the steps in which the rate rises.")] = 0.0,
    weight_decay: Annotated[float, typer.Option(help="AdamW's.")] = 0.0,
    clip: Annotated[float, typer.Option(help="Largest norm of the gradient; 0 for none.")] = 1.0,
    points: Annotated[int, typer.Option(help="Points of the learning curve.")] = 5,
    document: options.Document = "line",
    field: options.Field = "text",
    max_length: options.MaxLength = 512,
    revision: options.Revision = None,
    dtype: options.Dtype = "auto",
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto (cuda where there is one).")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; the same bits need the same number.")] = None,
    checkpoints: Annotated[bool, typer.Option("--checkpoints", help="Also write ordinary checkpoints.")] = False,
) -> None:
    """Tune a language's neurons alone, and compare with the original, random neurons and full tuning (PLND 4.4).

    Every run ends as a delta, LANG-CONDITION-DOCUMENTS-seedSEED.safetensors, for --model_args delta=FILE. The same
    command goes on where it was stopped.
    """
    from lnbench.analysis.tuning import Experiment, TuningSettings
    from lnbench.detection import Corpus
    from lnbench.neurons import load_masks, resolve_mask

    settings = TuningSettings(
        epochs, learning_rate, batch_size, accumulate, max_length, schedule, warmup, weight_decay, clip, points
    )
    _check_device(device)
    text, *measured = [Corpus.parse(one, document, field) for one in (corpus, *(held_out or []))]
    _check_texts(text, measured, lang)
    sizes, wanted = _numbers(documents), _conditions(conditions)
    neurons = load_masks([resolve_mask(mask)])
    neurons.language_id(text.language)
    _check_amount(text, max(sizes))
    check_takes_files(out, str(out), "--out")
    scope = {"sites": sites, "layers": layers, "exclude": exclude}
    experiment = Experiment(
        *(neurons, text.language, text, {}, out, sizes, wanted, tuple(range(seeds)), scope),
        *(settings, model, revision, checkpoints),
    )
    _check_plans(experiment)
    _finish(_run(experiment, measured, held_out_documents, dtype, device, threads), out)


def _run(
    experiment: Experiment, measured: list[Corpus], documents: int, dtype: str, device: str, threads: int | None
) -> TuningResult:
    from lnbench.analysis.tuning import held_out, split
    from lnbench.analysis.tuning import tune as run
    from lnbench.models import check_placement, load_tokenizer

    place = _place(device, threads)
    check_placement(dtype, place)
    if not measured:
        trained, end = split(experiment.corpus, max(experiment.documents))
        experiment, measured = replace(experiment, corpus=trained), [end]
    length = experiment.settings.max_length
    tokenizer = load_tokenizer(experiment.model, revision=experiment.revision)
    texts = held_out(tokenizer, measured, documents=documents, max_length=length)
    loaded = options.Loaded.load(experiment.model, experiment.revision, dtype, place, length)
    experiment = replace(experiment, held_out=texts, revision=loaded.revision)
    _make(experiment.out)
    goes_on("finished deltas and the last checkpoint", experiment.out)
    with _bar(experiment) as done, options.memory_in_one_sentence(experiment.settings.batch_size):
        return run(loaded.model, tokenizer, experiment, done=done)


def _place(device: str, threads: int | None) -> str:
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device


@contextmanager
def _bar(experiment: Experiment) -> Iterator[Callable[[Any, int, float | None], None]]:
    """A bar over all optimizer steps; those of finished runs do not count towards the rate."""
    from tqdm import tqdm
    from tqdm.contrib.logging import logging_redirect_tqdm

    with logging_redirect_tqdm(), tqdm(total=experiment.steps(), desc="tuning", unit="step", dynamic_ncols=True) as bar:

        def done(which: Any, steps: int, loss: float | None) -> None:
            if loss is None:
                if not bar.disable:  # by TQDM_DISABLE
                    bar.initial += steps
            else:
                bar.set_postfix_str(
                    f"{which.condition} {which.documents} seed {which.seed}, loss {loss:.3f}", refresh=False
                )
            bar.update(steps)

        yield done


def _finish(result: TuningResult, out: Path) -> None:
    from tabulate import tabulate

    from lnbench.analysis.tuning import tuning_section

    section = tuning_section(result)
    print(section.text)
    for table in section.tables:
        print()
        rule = ["-" * max(map(len, column)) for column in zip(table.header, *table.rows, strict=True)]
        print(tabulate([table.header, rule, *table.rows], tablefmt="plain", stralign="right", disable_numparse=True))
        print(f"\n{table.caption}")
    write_json(dict(section.data), out / "tuning.json")
    with whole(out / "tuning.png") as part:
        part.write_bytes(section.pictures[0].png)
    print(f"\nDeltas, numbers (tuning.json) and picture (tuning.png): {out}")


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {str(out)!r}: {error.strerror}; choose another with --out") from None


def _numbers(text: str) -> tuple[int, ...]:
    from lnbench.detection import parse_amount

    return tuple(sorted({parse_amount(part, "documents") for part in text.replace(",", "+").split("+")}))


def _conditions(text: str) -> tuple[str, ...]:
    from lnbench.analysis.tuning import CONDITIONS

    named = [part.strip() for part in text.replace(",", "+").split("+")]
    for name in named:
        if name not in CONDITIONS:
            among = f"{hint(name, CONDITIONS)}choose among {', '.join(CONDITIONS)}"
            raise SpecError(f"unknown condition {name!r}; {among} (the original is always measured)")
    return tuple(condition for condition in CONDITIONS if condition in named)


def _check_device(device: str) -> None:
    if device not in _DEVICES:
        raise SpecError(
            f"tuning runs on one device, {', '.join(_DEVICES)}, not {device!r}; choose a GPU with CUDA_VISIBLE_DEVICES"
        )


def _check_texts(text: Corpus, measured: list[Corpus], lang: str | None) -> None:
    """Refuse texts to measure on without that of the tuned language, and another language than that of the corpus.

    Raises:
        SpecError: a language is named twice, or the tuned one is missing, or the training text has no end to take; or
            ``lang`` is another.
    """
    languages = [each.language for each in measured]
    if twice := [language for language in languages if languages.count(language) > 1]:
        raise SpecError(f"--held-out names {twice[0]!r} twice; put its files in one folder and name that")
    if measured and text.language not in languages:
        raise SpecError(
            f"--held-out has {', '.join(languages)} and not {text.language!r}, which is tuned; name text of it, too"
        )
    if not measured and text.source.startswith("datasets:"):
        raise SpecError(f"{text.source!r} may have no end to hold out; name text to measure on with --held-out")
    if lang not in (None, text.language):
        raise SpecError(f"--lang {lang} and the corpus of {text.language!r} contradict each other; name one language")


def _check_plans(experiment: Experiment) -> None:
    """Refuse what does not fit the set; where the set does not know its model's layers, that waits for the model."""
    if experiment.neurons.header.architecture is not None:
        for which in experiment.runs():
            experiment.plan(which, experiment.neurons.header.architecture)


def _check_amount(text: Corpus, documents: int) -> None:
    """Refuse too few documents before anything is loaded.

    Raises:
        DataError: the corpus is missing or has fewer.
    """
    if text.source.startswith("datasets:"):
        return
    found = sum(1 for _ in text.documents())
    if found < documents:
        raise DataError(
            f"the corpus of {text.language!r} ({text.source}) has {found} documents and {documents} were asked for; "
            "lower --documents or add text"
        )
