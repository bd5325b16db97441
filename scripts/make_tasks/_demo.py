"""The files of the demo tasks."""

from __future__ import annotations

from lnbench.languages import DEMO_LANGUAGES
from scripts.make_tasks._parts import HEADER, METADATA, group

#: Kind of demo task -> the metrics that its group averages over languages.
KINDS: dict[str, tuple[str, ...]] = {
    "summ": ("exact_match", "rouge1", "rougeL", "fidelity", "fidelity_coverage"),
    "mc": ("acc",),
    "qa": ("exact_match", "f1"),
    "arith": ("exact_match",),
}
#: Tokens of a block of packed text: short, so that the little text makes many blocks.
DEMO_BLOCK = 128
#: What the group over all kinds averages, each over the tasks that have it.
OVERALL = ("acc", "exact_match", "fidelity")


def files() -> dict[str, str]:
    """Path below ``tasks/`` -> content."""
    made: dict[str, str] = {}
    for kind, metrics in KINDS.items():
        names = [f"lnbench_demo_{kind}_{lang}" for lang in DEMO_LANGUAGES]
        made |= {f"demo/{name}.yaml": _task(kind, lang) for name, lang in zip(names, DEMO_LANGUAGES, strict=True)}
        made[f"demo/lnbench_demo_{kind}.yaml"] = group(f"lnbench_demo_{kind}", names, metrics)
    texts = [f"lnbench_demo_ppl_{lang}" for lang in DEMO_LANGUAGES]
    made |= {f"demo/{name}.yaml": _text(lang) for name, lang in zip(texts, DEMO_LANGUAGES, strict=True)}
    made["demo/lnbench_demo_ppl.yaml"] = group("lnbench_demo_ppl", texts, ("bits_per_byte",))
    blocks = [f"lnbench_demo_packed_{lang}" for lang in DEMO_LANGUAGES]
    made |= {f"demo/{name}.yaml": _packed(lang) for name, lang in zip(blocks, DEMO_LANGUAGES, strict=True)}
    made["demo/lnbench_demo_packed.yaml"] = group("lnbench_demo_packed", blocks, ("nats_per_token", "bits_per_byte"))
    made["demo/lnbench_demo.yaml"] = group("lnbench_demo", [f"lnbench_demo_{kind}" for kind in KINDS], OVERALL)
    return made


def _task(kind: str, lang: str) -> str:
    return (
        f"{HEADER}include: _{kind}.inc\n"
        f"task: lnbench_demo_{kind}_{lang}\n"
        f"tag: lnbench_demo_{lang}\n"
        "dataset_kwargs:\n"
        f"  lnbench_file: demo/data/{kind}_{lang}.jsonl\n"
        f"  lnbench_kind: {kind}\n"
        f"{METADATA}"
    )


def _text(lang: str) -> str:
    return (
        f"{HEADER}include: _ppl.inc\n"
        f"task: lnbench_demo_ppl_{lang}\n"
        "dataset_kwargs:\n"
        f"  lnbench_file: demo/text/validation/{lang}.jsonl\n"
        f"{METADATA}"
    )


def _packed(lang: str) -> str:
    file = f"demo/text/validation/{lang}.jsonl"
    return (
        f"{HEADER}include: _packed.inc\n"
        f"task: lnbench_demo_packed_{lang}\n"
        f'dataset_kwargs: {{lnbench_lang: "{lang}", lnbench_file: {file}, lnbench_usual_block: {DEMO_BLOCK}}}\n'
        f"{METADATA}"
    )
