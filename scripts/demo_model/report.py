"""Write the measured tables of `docs/demo-model.md` from `neuron_sets/demo/training.json`.

Run: `python -m scripts.demo_model.report`. Text outside the two marker lines stays as it is.
"""

import json
from collections.abc import Iterable
from typing import Any

from .lexicon import LANGUAGES
from .measure import DEMO, ROOT

DOCUMENT = ROOT / "docs" / "demo-model.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
TASKS = ("summ", "qa", "arith", "mc")
#: Whose perplexity under ablation, and which end of it: the languages' own should rise, all others' should not.
EXTREMES = (("own", "min"), ("other", "max"), ("random", "max"), ("random", "max_anywhere"))
Table = dict[str, Any]


def markdown(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    lines = [list(header)]
    lines += [["---"] * len(lines[0]), *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def neurons_table(measured: Table) -> str:
    """One line a language: what LAPE found, and what ablating it does to perplexity and to the language of text."""
    header = ["language", "perplexity", "LAPE found", "recall", "precision", "own text", "others, at most"]
    header += ["random, at most", "stays in language: original", "ablated", "random"]
    rows = []
    for language in LANGUAGES:
        found, kept = measured["detection"]["by_language"][language], measured["language_kept"][language]
        row = measured["perplexity"]["by_ablated_language"][language]
        others = max(value for name, value in row["ablated"].items() if name != language)
        control = max(draw[language] for draw in row["random"])
        precision = "-" if found["precision"] is None else f"{found['precision']:.2f}"
        rows.append(
            [
                language,
                f"{measured['perplexity']['original'][language]:.2f}",
                str(found["found"]),
                f"{found['recall']:.2f}",
                precision,
                f"x{row['ablated'][language]:.2f}",
                f"x{others:.3f}",
                f"x{control:.3f}",
                *(f"{kept[name]:.2f}" for name in ("original", "own", "random")),
            ]
        )
    return markdown(header, rows)


def tasks_table(measured: Table) -> str:
    """One line a language, one column a task: original, own neurons ablated, random control, another's ablated."""

    def cell(language: str, task: str) -> str:
        scores = [measured["tasks"][language][name][task] for name in ("original", "own", "random", "other")]
        return " / ".join(f"{score:.2f}" for score in scores)

    rows = ([language, *(cell(language, task) for task in TASKS)] for language in LANGUAGES)
    return markdown(["language", *TASKS], rows)


def dose_table(measured: Table) -> str:
    """One line a language: own perplexity multiple by share of its neurons ablated."""
    doses = list(measured["dose"]["en"])
    rows = ([language, *(f"x{measured['dose'][language][dose]:.2f}" for dose in doses)] for language in LANGUAGES)
    return markdown(["language", *doses], rows)


def steering_table(measured: Table) -> str:
    """One line a source language, one column a target."""
    rows = (
        [source, *(f"{measured['steering'][source][t]:.2f}" if t != source else "" for t in LANGUAGES)]
        for source in LANGUAGES
    )
    return markdown(["from \\ to", *LANGUAGES], rows)


def runs_table(record: Table) -> str:
    """One line a training run: the numbers that the model is held to."""
    runs = {"planted-seed0 (shipped)": record, **record["other_runs"]}
    header = [
        "run",
        "steps",
        "LAPE recall",
        "own perplexity, at least",
        "others, at most",
        "random, at most",
        "random on any, at most",
    ]
    header += ["summaries lost: own, at least", "elsewhere, at most", "pairs steered"]
    return markdown(header, (_run_line(name, run) for name, run in runs.items()))


def _run_line(name: str, run: Table) -> list[str]:
    found = run["measured"]["summary"]
    perplexities = [f"x{found[f'{which}_perplexity_multiple_{end}']:.3f}" for which, end in EXTREMES]
    # Without planting there is no truth to recall.
    recall = f"{found['lape_recall']:.2f}" if run["recipe"]["planted"] else "-"
    summaries = [f"{found[key]:.2f}" for key in ("summary_drop_min", "summary_drop_elsewhere_max")]
    steered = f"{found['steering_pairs_at_least_0.9']} of {found['steering_pairs']}"
    return [name, str(run["recipe"]["steps"]), recall, *perplexities, *summaries, steered]


def report(record: Table) -> str:
    """Return the whole measured part."""
    measured = record["measured"]
    parts = [
        f"Trained in {record['seconds'] / 60:.0f} minutes ({record['recipe']['steps']} steps, "
        f"{record['recipe']['threads']} thread on a busy machine). All numbers are from held-out text.",
        "### Neurons\n\nNeurons are those that LAPE finds (`top_rate=0.05`) on the packaged detection text; recall and "
        "precision are against the planted truth. Perplexity columns are multiples of the original: of the language "
        "itself without its neurons, of the worst of the others, and of the language itself under the worst of five "
        "random controls of the same size.",
        neurons_table(measured),
        "### Tasks\n\nOriginal / own neurons ablated / random control / another language's ablated. Exact match "
        "for `summ`, `qa` and `arith`, accuracy for `mc` (chance is 0.50).",
        tasks_table(measured),
        "### Dose\n\nOwn-language perplexity when a random share of the language's neurons is ablated.",
        dose_table(measured),
        "### Steering\n\nShare of continuations in the target language, with the source's neurons at zero and the "
        "target's at their mean.",
        steering_table(measured),
        "### All runs\n\nThe same measurements on every run: the weakest language or pair of each. `natural` is the "
        "same text and shape with planting off. A pair is steered when at least .9 of its continuations are in the "
        "target language. A random control may draw neurons that are planted for another language: what it then costs "
        "that one is in the column `random on any`.",
        runs_table(record),
    ]
    return "\n\n".join(parts)


def main() -> None:
    """Rewrite the measured part of the document."""
    record = json.loads((DEMO / "training.json").read_text(encoding="utf-8"))
    text = DOCUMENT.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{report(record)}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
