"""Measure a trained model: what it can do, which neurons LAPE finds, and what happens without them.

Run: `python -m scripts.demo_model.evaluate build/demo_model/planted-seed0/model --out results.json`

The neurons are those that LAPE finds on the packaged detection text. `planted.json`'s truth is only compared with
them. Everything is measured on held-out text.
"""

import argparse
import json
import random
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from tqdm import tqdm

from lnbench.identification import identify
from lnbench.neurons import NeuronSet

from .grammar import parallel
from .lexicon import LANGUAGES
from .measure import TOP_RATE, Subject, ratio, test_items, validation_texts
from .planting import NEURONS_PER_LANGUAGE, PLANTED_LAYERS, planted_neurons

RANDOM_SEEDS = range(5)
DOSES = (0.25, 0.5, 0.75, 1.0)
GENERATED_TASKS = {"summ": 40, "qa": 16, "arith": 6}
"""Task -> most new tokens."""
PROMPTS = 24
CONTINUATION_TOKENS = 30
Table = dict[str, Any]


def detection(subject: Subject, neurons: NeuronSet) -> Table:
    """Compare the neurons found with the planted ones: counts, precision and recall by language."""
    truth = planted_neurons(subject.model.config.intermediate_size)
    rows = {}
    for language in LANGUAGES:
        found = {
            (layer, int(index))
            for layer, indices in enumerate(neurons.indices(language, "ffn.act"))
            for index in indices
        }
        planted = {(layer, index) for layer, indices in truth[language].items() for index in indices}
        hits = len(found & planted)
        rows[language] = {
            "found": len(found),
            "recall": round(hits / len(planted), 3),
            "precision": round(hits / len(found), 3) if found else None,
        }
    return {
        "top_rate": TOP_RATE,
        "planted_per_language": NEURONS_PER_LANGUAGE * len(PLANTED_LAYERS),
        "by_language": rows,
    }


def perplexity(subject: Subject, neurons: NeuronSet) -> Table:
    """Perplexity of each language as trained, and its multiple under every ablation and random control."""
    texts = {language: validation_texts(language) for language in LANGUAGES}
    base = {language: subject.nats_per_token(texts[language]) for language in LANGUAGES}

    def multiples(ablated: str, **keys: Any) -> dict[str, float]:
        with subject.under(neurons, ablated, **keys):
            return {language: ratio(subject.nats_per_token(texts[language]), base[language]) for language in LANGUAGES}

    progress = tqdm(LANGUAGES, "perplexity")
    rows = {
        ablated: {
            "ablated": multiples(ablated),
            "random": [multiples(ablated, control="random", seed=seed) for seed in RANDOM_SEEDS],
        }
        for ablated in progress
    }
    original = {language: ratio(nats, 0.0) for language, nats in base.items()}
    return {"original": original, "by_ablated_language": rows}


def dose(subject: Subject, neurons: NeuronSet) -> Table:
    """Own-language perplexity multiple when a random share of the language's neurons is ablated (mean of 3 draws)."""
    return {language: _dose(subject, neurons, language) for language in tqdm(LANGUAGES, "dose")}


def _dose(subject: Subject, neurons: NeuronSet, language: str) -> dict[str, float]:
    texts = validation_texts(language)
    base = subject.nats_per_token(texts)

    def multiple(share: float, seed: int) -> float:
        with subject.under(_part(neurons, language, share, seed), language):
            return ratio(subject.nats_per_token(texts), base)

    return {str(share): round(mean(multiple(share, seed) for seed in range(3)), 3) for share in DOSES}


def _part(neurons: NeuronSet, language: str, share: float, seed: int) -> NeuronSet:
    """Return a random share of a language's neurons, as many as rounding gives."""
    layers = neurons.indices(language, "ffn.act")
    places = [(layer, int(index)) for layer, indices in enumerate(layers) for index in indices]
    chosen = random.Random(seed).sample(places, round(share * len(places)))  # noqa: S311
    by_layer = [sorted(index for layer, index in chosen if layer == wanted) for wanted in range(len(layers))]
    return NeuronSet.from_indices({language: {"ffn.act": by_layer}})


def tasks(subject: Subject, neurons: NeuronSet) -> Table:
    """Accuracy on every task: as trained, without the language's neurons, under a control, without another's."""
    table: Table = {}
    for position, language in enumerate(tqdm(LANGUAGES, "tasks")):
        other = LANGUAGES[(position + 1) % len(LANGUAGES)]
        conditions: dict[str, tuple[str, Table]] = {
            "own": (language, {}),
            "random": (language, {"control": "random", "seed": 0}),
            "other": (other, {}),
        }
        table[language] = {"original": accuracies(subject, language)}
        for name, (ablated, keys) in conditions.items():
            with subject.under(neurons, ablated, **keys):
                table[language][name] = accuracies(subject, language)
    return table


def accuracies(subject: Subject, language: str) -> dict[str, float]:
    """Return exact match on the generated tasks, and accuracy on the two-way choice."""
    found = {}
    for task, tokens in GENERATED_TASKS.items():
        items = test_items(task, language)
        answers = subject.continuations([item["prompt"] for item in items], tokens)
        hits = [answer.strip() == item["target"].strip() for answer, item in zip(answers, items, strict=True)]
        found[task] = round(mean(hits), 3)
    items = test_items("mc", language)
    found["mc"] = round(mean(subject.choose(item["prompt"], item["choices"]) == item["gold"] for item in items), 3)
    return found


def first_sentences(language: str, count: int) -> list[str]:
    """Return the first sentences of held-out plain documents, the same content in every language."""
    rng = random.Random(2001)  # noqa: S311
    return [parallel("plain", rng, (language,), held_out=True)[0].sentences[0] for _ in range(count)]


def share_in(texts: list[str], language: str) -> float:
    """Return how many of the texts are identified as `language`, among the seven."""
    return round(mean(identify(text, LANGUAGES) == language for text in texts), 3)


def language_kept(subject: Subject, neurons: NeuronSet) -> Table:
    """Share of greedy continuations in the prompt's language: as trained, ablated, under a random control."""

    def share(language: str) -> float:
        return share_in(subject.continuations(first_sentences(language, PROMPTS), CONTINUATION_TOKENS), language)

    table: Table = {}
    for language in tqdm(LANGUAGES, "language kept"):
        table[language] = {"original": share(language)}
        with subject.under(neurons, language):
            table[language]["own"] = share(language)
        with subject.under(neurons, language, control="random", seed=0):
            table[language]["random"] = share(language)
    return table


def steering(subject: Subject, neurons: NeuronSet) -> Table:
    """Share of continuations in the target language: its neurons set to their mean, the source's zeroed."""
    table: Table = {}
    for source in tqdm(LANGUAGES, "steering"):
        prompts = first_sentences(source, PROMPTS)
        table[source] = {}
        for target in LANGUAGES:
            if target == source:
                continue
            steps = [{"lang": source, "op": "zero"}, {"lang": target, "op": "set", "value": f"mean:{target}"}]
            with subject.under(neurons, spec={"steps": steps}):
                table[source][target] = share_in(subject.continuations(prompts, CONTINUATION_TOKENS), target)
    return table


def summary(results: Table) -> Table:
    """Return the few numbers that the model is held to."""
    rows = results["perplexity"]["by_ablated_language"]
    own = [row["ablated"][language] for language, row in rows.items()]
    others = [value for language, row in rows.items() for name, value in row["ablated"].items() if name != language]
    # A control avoids the ablated language's neurons but may draw one planted for another language, which then costs
    # that other language a little; so a control is held to the language that it stands in for.
    controls = [draw[language] for language, row in rows.items() for draw in row["random"]]
    anywhere = [value for row in rows.values() for draw in row["random"] for value in draw.values()]
    pairs = [share for row in results["steering"].values() for share in row.values()]
    recalls = [row["recall"] for row in results["detection"]["by_language"].values()]
    drops = [row["original"]["summ"] - row["own"]["summ"] for row in results["tasks"].values()]
    elsewhere = [
        row["original"]["summ"] - row[name]["summ"] for row in results["tasks"].values() for name in ("random", "other")
    ]
    return {
        "lape_recall": round(mean(recalls), 3),
        "own_perplexity_multiple_min": min(own),
        "other_perplexity_multiple_max": max(others),
        "random_perplexity_multiple_max": max(controls),
        "random_perplexity_multiple_max_anywhere": max(anywhere),
        "summary_drop_min": round(min(drops), 3),
        "summary_drop_elsewhere_max": round(max(elsewhere), 3),
        "steering_pairs_at_least_0.9": sum(share >= 0.9 for share in pairs),
        "steering_pairs": len(pairs),
        "steering_min": min(pairs),
    }


def evaluate(subject: Subject) -> Table:
    """Measure everything."""
    neurons = subject.detect()
    results: Table = {"detection": detection(subject, neurons)}
    for measure in (perplexity, dose, tasks, language_kept, steering):
        results[measure.__name__] = measure(subject, neurons)
    return {"summary": summary(results), **results}


def show(results: Table) -> None:
    """Print the tables that a reader wants to see first."""
    rows = results["perplexity"]["by_ablated_language"]
    print(
        "own-language perplexity multiple, largest elsewhere, largest random; found, recall; language kept; summaries"
    )
    for language in LANGUAGES:
        row, found = rows[language], results["detection"]["by_language"][language]
        elsewhere = max(value for name, value in row["ablated"].items() if name != language)
        control = max(draw[language] for draw in row["random"])
        kept = results["language_kept"][language]
        items = {name: scores["summ"] for name, scores in results["tasks"][language].items()}
        print(
            f"{language}  x{row['ablated'][language]:.2f} x{elsewhere:.3f} x{control:.3f}  {found['found']:3d} "
            f"{found['recall']:.2f}  {kept}  {items}"
        )
    print(json.dumps(results["summary"], indent=2))


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="directory of the model")
    parser.add_argument("--out", type=Path, help="write all results as JSON")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    results = evaluate(Subject(arguments.model))
    show(results)
    if arguments.out:
        arguments.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
