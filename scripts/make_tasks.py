"""Write the lm-eval task files in ``tasks/`` from the language table.

    python scripts/make_tasks.py [--check]

The files are committed. ``--check`` writes nothing and fails when they differ from what would be written.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lnbench.languages import DEMO_LANGUAGES

ROOT = Path(__file__).resolve().parents[1] / "tasks"
VERSION = "1.0"
HEADER = "# Written by scripts/make_tasks.py; change that or the .inc file, not this.\n"

#: Kind of demo task -> the metrics that its group averages over languages.
KINDS: dict[str, tuple[str, ...]] = {
    "summ": ("exact_match", "rouge1", "rougeL", "fidelity", "fidelity_coverage"),
    "mc": ("acc",),
    "qa": ("exact_match", "f1"),
    "arith": ("exact_match",),
}
#: What the group over all kinds averages, each over the tasks that have it.
OVERALL = ("acc", "exact_match", "fidelity")


def demo_task(kind: str, lang: str) -> str:
    """The file of one demo task."""
    return (
        f"{HEADER}include: _{kind}.inc\n"
        f"task: lnbench_demo_{kind}_{lang}\n"
        f"tag: lnbench_demo_{lang}\n"
        "dataset_kwargs:\n"
        f"  lnbench_file: demo/data/{kind}_{lang}.jsonl\n"
        f"  lnbench_kind: {kind}\n"
        f"metadata:\n  version: {VERSION}\n"
    )


def demo_text(lang: str) -> str:
    """The file of one text task."""
    return (
        f"{HEADER}include: _ppl.inc\n"
        f"task: lnbench_demo_ppl_{lang}\n"
        "dataset_kwargs:\n"
        f"  lnbench_file: demo/text/validation/{lang}.jsonl\n"
        f"metadata:\n  version: {VERSION}\n"
    )


def group(name: str, members: list[str], metrics: tuple[str, ...]) -> str:
    """The file of a group; every metric is averaged by sample."""
    listed = "".join(f"  - {member}\n" for member in members)
    averaged = "".join(f"  - metric: {metric}\n    weight_by_size: true\n" for metric in metrics)
    return f"{HEADER}group: {name}\ntask:\n{listed}aggregate_metric_list:\n{averaged}metadata:\n  version: {VERSION}\n"


def files() -> dict[str, str]:
    """Every generated file: path below ``tasks/`` -> content."""
    made: dict[str, str] = {}
    for kind, metrics in KINDS.items():
        names = [f"lnbench_demo_{kind}_{lang}" for lang in DEMO_LANGUAGES]
        made |= {f"demo/{name}.yaml": demo_task(kind, lang) for name, lang in zip(names, DEMO_LANGUAGES, strict=True)}
        made[f"demo/lnbench_demo_{kind}.yaml"] = group(f"lnbench_demo_{kind}", names, metrics)
    texts = [f"lnbench_demo_ppl_{lang}" for lang in DEMO_LANGUAGES]
    made |= {f"demo/{name}.yaml": demo_text(lang) for name, lang in zip(texts, DEMO_LANGUAGES, strict=True)}
    made["demo/lnbench_demo_ppl.yaml"] = group("lnbench_demo_ppl", texts, ("bits_per_byte",))
    made["demo/lnbench_demo.yaml"] = group("lnbench_demo", [f"lnbench_demo_{kind}" for kind in KINDS], OVERALL)
    return made


def stale(root: Path = ROOT) -> list[str]:
    """Paths whose content differs from what would be written, files that should not be there included."""
    wanted = files()
    present = {str(path.relative_to(root)) for path in root.glob("**/*.yaml")}
    differing = {name for name in wanted if name not in present or (root / name).read_text("utf-8") != wanted[name]}
    return sorted(differing | (present - set(wanted)))


def write(root: Path = ROOT) -> None:
    """Write every file, and remove task files that are no longer generated."""
    for name in stale(root):
        (root / name).unlink(missing_ok=True)
    for name, content in files().items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content, encoding="utf-8")


def main() -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="fail when the committed files differ; write nothing")
    if not parser.parse_args().check:
        write()
    differing = stale()
    for name in differing:
        print(f"differs from scripts/make_tasks.py: tasks/{name}", file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    raise SystemExit(main())
