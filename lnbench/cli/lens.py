"""``lnbench lens``: which language a model would speak, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lnbench import __version__
from lnbench._data import DEMO_MODEL, packaged
from lnbench._write import check_takes_files
from lnbench.cli import _detect_options as options
from lnbench.cli._outputs import check_outputs, write_json
from lnbench.errors import DataError, OutputError, SpecError
from lnbench.languages import DEMO_LANGUAGES, registered

if TYPE_CHECKING:
    from lnbench.analysis.lens import Lens, LensSettings
    from lnbench.detection import Corpus
    from lnbench.models import Spec
    from lnbench.neurons import NeuronSet

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_Prompts = Annotated[
    list[str] | None,
    typer.Option(
        "--prompts",
        help="LANG=SOURCE, once a language: a text file, .jsonl, a folder, or datasets:NAME:CONFIG:SPLIT:FIELD. "
        "The embedded model has its own.",
    ),
]


@app.command()
def lens(
    model: options.Model,
    prompts: _Prompts = None,
    document: options.Document = "line",
    field: options.Field = "text",
    documents: Annotated[int, typer.Option(min=1, help="Prompts of each language, the first ones.")] = 50,
    candidates: Annotated[
        str | None, typer.Option(help="More languages that tokens are judged between, joined by +.")
    ] = None,
    top_k: Annotated[int, typer.Option(min=1, help="Tokens that are judged at each position.")] = 1,
    weight: Annotated[str, typer.Option(help="equal, or probability: among the --top-k.")] = "equal",
    new_tokens: Annotated[int, typer.Option(min=0, help="Tokens that each prompt is continued by.")] = 32,
    max_length: Annotated[
        int | None, typer.Option(min=1, help="Tokens of a prompt, the last ones; 512 or what the model has room for.")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Prompts that run together.")] = 8,
    mask: Annotated[str | None, typer.Option(help="Neuron set: look at the changed model beside the original.")] = None,
    spec: Annotated[str | None, typer.Option(help="What is done to the neurons: zero, or a YAML file.")] = None,
    lang: Annotated[str | None, typer.Option(help="Which of the set's languages.")] = None,
    revision: options.Revision = None,
    dtype: options.Dtype = "auto",
    device: options.Device = "auto",
    json: Annotated[Path | None, typer.Option(help="Write every number to this file.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write stacked areas by layer to this PNG file.")] = None,
    heatmap: Annotated[
        Path | None, typer.Option(help="Write heat maps of languages by layer to this PNG file.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write all three to this folder.")] = None,
) -> None:
    """Decode the state after every layer by the model's own norm and head, and print the languages of its tokens."""
    from lnbench.analysis.lens import LensSettings

    files = _Files.checked(json, plot, heatmap, out)
    more = None if candidates is None else tuple(registered(code) for code in candidates.split("+"))
    settings = LensSettings(more, top_k, weight, new_tokens, max_length, batch_size)
    change = _Change.parsed(mask, spec, lang)
    corpora = _corpora(model, prompts, document, field)
    options_of_model = _checked_placement(model, revision, dtype, device)
    texts = {corpus.language: _first(corpus, documents) for corpus in corpora}
    lenses = _look(model, options_of_model, texts, settings, change)
    _print(lenses)
    files.write(lenses)


def _first(corpus: Corpus, documents: int) -> list[str]:
    found = list(islice(corpus.documents(), documents))
    if not found:
        raise DataError(f"the prompts {corpus.source!r} hold no text; name a file with at least one prompt")
    return found


def _corpora(model: str, prompts: list[str] | None, document: str, field: str) -> list[Corpus]:
    """The prompts that were named, else those of the embedded model; nothing is opened."""
    from lnbench.detection import Corpus

    if not prompts:
        if model != DEMO_MODEL:
            raise SpecError(f"--model {model} has no prompts of its own; name some, as in --prompts zh=zh.txt")
        data = packaged("tasks") / "demo" / "data"
        return [Corpus(code, str(data / f"summ_{code}.jsonl"), field="prompt") for code in DEMO_LANGUAGES]
    found = [Corpus.parse(text, document, field) for text in prompts]
    for number, corpus in enumerate(found):
        registered(corpus.language)
        if corpus.language in {before.language for before in found[:number]}:
            raise SpecError(f"--prompts names {corpus.language} twice; put its prompts into one folder")
    return found


def _checked_placement(model: str, revision: str | None, dtype: str, device: str) -> dict[str, Any]:
    from lnbench.models import check_placement

    check_placement(dtype, device)
    return {"revision": revision, "dtype": dtype, "device": device}


@dataclass(frozen=True)
class _Change:
    """What is done to the model for a second look."""

    spec: Spec
    neurons: NeuronSet

    @classmethod
    def parsed(cls, mask: str | None, spec: str | None, lang: str | None) -> _Change | None:
        from lnbench.models import Spec
        from lnbench.neurons import load_masks

        if mask is None:
            for name, value in (("--spec", spec), ("--lang", lang)):
                if value is not None:
                    raise SpecError(f"{name} {value} says what to do to neurons and no --mask names any; add one")
            return None
        return cls(Spec.parse(spec, lang=lang), load_masks(mask.split("+")))


def _look(
    name: str, place: dict[str, Any], texts: dict[str, list[str]], settings: LensSettings, change: _Change | None
) -> list[Lens]:
    """The original, and with a change the changed model too."""
    from lnbench.analysis.lens import layer_lens
    from lnbench.models import applied, architecture_of, compile_plan, load_model, load_tokenizer

    tokenizer = load_tokenizer(name, revision=place["revision"])
    model = load_model(name, **place)
    plan = None if change is None else compile_plan(change.spec, change.neurons, architecture_of(model))
    looks = 1 if plan is None else 2
    total = looks * sum(map(len, texts.values()))
    with _bar(total) as done, options.memory_in_one_sentence(settings.batch_size):
        found = [layer_lens(model, tokenizer, texts, settings, name=name, done=done)]
        if plan is not None:
            with applied(model, plan):
                condition = plan.description or "changed"
                found.append(layer_lens(model, tokenizer, texts, settings, name=name, condition=condition, done=done))
    return found


@contextmanager
def _bar(total: int) -> Iterator[Any]:
    from tqdm import tqdm

    with tqdm(total=total, desc="looking", unit="prompt", dynamic_ncols=True) as shown:

        def done(language: str, prompts: int) -> None:
            shown.set_postfix_str(language, refresh=False)
            shown.update(prompts)

        yield done


def _print(lenses: list[Lens]) -> None:
    from lnbench.analysis.lens import lens_text

    print(f"Model: {lenses[0].model}", end="")
    about = ", a planted positive control: an instrument, not evidence about language models."
    print(about if lenses[0].model == DEMO_MODEL else "")
    print(f"\n{lens_text(*lenses)}")


@dataclass(frozen=True)
class _Files:
    """What is written where."""

    json: tuple[Path, ...]
    areas: tuple[Path, ...]
    heat: tuple[Path, ...]
    folder: Path | None

    @classmethod
    def checked(cls, json: Path | None, plot: Path | None, heatmap: Path | None, out: Path | None) -> _Files:
        """Refuse what could not be written, before any work."""
        check_outputs(json, plot)
        check_outputs(json, heatmap)
        if plot is not None and heatmap is not None and plot.resolve() == heatmap.resolve():
            raise OutputError(f"the two pictures are two files, not both {str(plot)!r}; rename one")
        if out is not None:
            check_takes_files(out, str(out), "--out")

        def both(path: Path | None, name: str) -> tuple[Path, ...]:
            return tuple(each for each in (path, None if out is None else out / name) if each is not None)

        return cls(both(json, "lens.json"), both(plot, "lens-areas.png"), both(heatmap, "lens-heat.png"), out)

    def write(self, lenses: list[Lens]) -> None:
        """Write what was asked for, and say so."""
        from lnbench.analysis.lens import plot_lens_areas, plot_lens_heat

        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
        if any((self.json, self.areas, self.heat)):
            print()
        for path in self.json:
            write_json({"lnbench": __version__, "lenses": [each.as_json() for each in lenses]}, path)
            print(f"Numbers: {path}")
        for paths, draw, what in ((self.areas, plot_lens_areas, "Areas"), (self.heat, plot_lens_heat, "Heat maps")):
            for path in paths:
                draw(lenses, path)
                print(f"{what}: {path}")
