"""``lnbench demo``: the main job on the embedded planted positive control, with a table at the end."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lnbench import __version__
from lnbench._data import DEMO_MODEL
from lnbench.cli._outputs import check_outputs, quiet_libraries
from lnbench.errors import SpecError
from lnbench.languages import DEMO_LANGUAGES, meant

if TYPE_CHECKING:
    from lnbench.reporting import Matrix
    from lnbench.studies import TaskScores

app = typer.Typer(add_completion=False, rich_markup_mode=None)

#: Kind of task -> metric shown for it.
_SHOWN = {"summ": "exact_match", "mc": "acc", "qa": "exact_match", "arith": "exact_match"}


@app.command()
def demo(
    json: Annotated[Path | None, typer.Option(help="Write every number as JSON rows to this file.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write the matrix as a heat map to this PNG file.")] = None,
    mask: Annotated[str, typer.Option(help="Neuron set for the embedded model.")] = "demo_langs_ffn.safetensors",
    ablate: Annotated[str, typer.Option(help="Languages to ablate, joined by +.")] = "+".join(DEMO_LANGUAGES),
    seeds: Annotated[int, typer.Option(min=1, help="Random controls per language.")] = 5,
    limit: Annotated[int, typer.Option(min=1, help="Documents per task (there are 100).")] = 25,
) -> None:
    """Run original, matched random and language-specific ablation on the embedded model; print the table."""
    check_outputs(json, plot)
    chosen = _languages(ablate)
    _silence(mask)
    ablated = _neuron_set(mask)
    from lnbench.reporting import matrix, plot_matrix

    start = time.monotonic()
    scores = _scores(mask, chosen, seeds, limit)
    matrices = {kind: matrix(scores, kind, metric) for kind, metric in _SHOWN.items()}
    _print(matrices)
    print(f"\nlm-eval ran {len({s.condition for s in scores})} conditions in {time.monotonic() - start:.0f} s.")
    if json is not None:
        _write(scores, matrices, json, {**ablated, "seeds": seeds, "limit": limit})
    if plot is not None:
        plot_matrix(matrices["summ"], plot, title=f"{DEMO_MODEL} (planted positive control): summaries under ablation")
        print(f"Heat map: {plot}")


def _write(scores: list[TaskScores], matrices: dict[str, Matrix], path: Path, made_with: dict[str, object]) -> None:
    from lnbench.reporting import changes, rows_from_scores, write_rows
    from lnbench.scoring import METRICS, signatures

    about = {"model": DEMO_MODEL, **made_with, "lnbench": __version__}
    about["signatures"] = {kind: signatures(kind) for kind in METRICS}
    about["changes"] = {kind: changes(m) for kind, m in matrices.items()}
    write_rows(rows_from_scores(scores), path, **about)
    print(f"Rows: {path}")


def _neuron_set(mask: str) -> dict[str, object]:
    """What was ablated: the name as typed, the hash of its neurons and their number by language."""
    from lnbench.neurons import load_masks

    neurons = load_masks(mask)
    counts = {language: neurons.count(language) for language in neurons.languages}
    return {"mask": mask, "neuron_set": neurons.content_hash, "neurons": counts, "random_match": "layer-site"}


def _languages(text: str) -> list[str]:
    chosen = list(dict.fromkeys(part for part in text.split("+") if part))
    for code in chosen:
        if code not in DEMO_LANGUAGES:
            said = f"{meant(code, DEMO_LANGUAGES)}choose among {'+'.join(DEMO_LANGUAGES)}"
            raise SpecError(f"the embedded model has no language {code!r}; {said}")
    if not chosen:
        raise SpecError(f"no language to ablate in {text!r}; choose among {'+'.join(DEMO_LANGUAGES)}")
    return chosen


def _silence(mask: str) -> None:
    quiet_libraries()
    if "hf://" not in mask:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # the demo needs no network and must not wait for one


def _scores(mask: str, ablated: list[str], seeds: int, limit: int) -> list[TaskScores]:
    from tqdm import tqdm

    from lnbench.studies import conditions, run_demo

    total = len(conditions(ablated, seeds))
    print(f"Loading {DEMO_MODEL} for {total} conditions, {limit} documents a task.", file=sys.stderr)
    # The bar is first drawn once a condition is done: before that the model prints its line.
    with tqdm(total=total, unit="condition", disable=False, dynamic_ncols=True, delay=1e-3) as bar:

        def done(condition: object) -> None:
            bar.set_postfix_str(str(condition))
            bar.update()

        return run_demo(mask=mask, ablated=ablated, seeds=seeds, limit=limit, done=done)


def _print(matrices: dict[str, Matrix]) -> None:
    from lnbench.reporting import change_table, matrix_table, summary_table
    from lnbench.scoring import signatures

    summaries, named = matrices["summ"], signatures("summ")
    print(f"\nModel: {DEMO_MODEL}, a planted positive control: an instrument, not evidence")
    print("about language models. One-sentence summaries, percent exact match by evaluated")
    print(f"language, {summaries.documents} documents each, lnbench {__version__}:\n")
    print(matrix_table(summaries))
    print("\n[ ]: the ablated language itself. random: as many neurons in each layer, drawn")
    print("at random; mean over the seeds.")
    print("fidelity: share of the ablated language's own answers that are in that language,")
    print("of those long enough to tell (scored); in the first row the mean of all.")
    print(f"signatures: {named['exact_match']}\n            {named['fidelity']}")
    print("\nChange of the ablated language's own summaries, in points (interval: over")
    print("documents, docs/statistics.md):\n")
    print(change_table(summaries))
    print("\nAll tasks in percent, mean over the ablated languages:\n")
    print(summary_table(list(matrices.items())))
