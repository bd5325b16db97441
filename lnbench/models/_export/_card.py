"""The card of an exported folder, ``README.md``: what it is, for people and for the hub."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from lnbench import _yaml
from lnbench._data import DEMO_MODEL
from lnbench.models._export._record import chain
from lnbench.neurons import counted

README = "README.md"


def card(record: Mapping[str, Any]) -> str:
    """Markdown with the hub's YAML header, from the JSON of :class:`~lnbench.models._export._record.Record`."""
    base = record["base"]
    parts = [
        f"---\n{yaml.safe_dump(_header(base), sort_keys=False, allow_unicode=True)}---\n",
        f"# {_plain(base['model'])} with {counted(record['neurons'])} changed\n",
        f"{_what(record)}\n",
        *([f"{_DEMO}\n"] if base["model"] == DEMO_MODEL else []),
        f"## Provenance\n\n{_table(_provenance(record))}",
        f"## Neurons by layer\n\n{_by_layer(record['neurons_by_layer'])}",
        *([f"## Earlier exports\n\n{_earlier(record)}"] if chain(base.get("export")) else []),
        f"## Licence\n\n{_licence(base)}\n",
    ]
    return "\n".join(parts)


def licence_of(card_file: Path) -> str | None:
    """The licence that a model's card names, or None."""
    try:
        text = card_file.read_text(encoding="utf-8")
        match = re.match(r"---\r?\n(.*?)\r?\n---", text, re.DOTALL)
        header = _yaml.read(match[1])[1] if match else None
    except (OSError, ValueError, _yaml.UnreadableYaml):
        return None
    named = header.get("license") if isinstance(header, dict) else None
    return named if isinstance(named, str) else None


_DEMO = (
    "The base is a planted positive control: an instrument that shows whether a measurement works, and no evidence "
    "about language models."
)


def _header(base: Mapping[str, Any]) -> dict[str, Any]:
    header: dict[str, Any] = {"library_name": "transformers", "pipeline_tag": "text-generation"}
    if re.fullmatch(r"[\w.-]+/[\w.-]+", str(base["model"])) and base["model"] != DEMO_MODEL and not base["fingerprint"]:
        header |= {"base_model": base["model"], "base_model_relation": "finetune"}
    if base["license"]:
        header["license"] = base["license"]
    return {**header, "tags": ["lnbench", "language-specific-neurons"]}


def _what(record: Mapping[str, Any]) -> str:
    return (
        "An ordinary transformers checkpoint: the base model with the edits below written into its weights by "
        f"lnbench {_plain(record['lnbench'])} (`{_code(record['description'] or 'a plan without description')}`). Load "
        "it with `from_pretrained`; nothing of lnbench is needed to run it. It was changed to study which neurons "
        "carry a language, and is worse than its base at what they carry."
    )


def _provenance(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    base = record["base"]
    rows = [
        ("Base model", base["model"]),
        ("Revision", base["revision"]),
        ("Fingerprint of the base's files", base["fingerprint"]),
        ("Neuron set (content hash)", record.get("neuron_set")),
        ("Neuron-set files", ", ".join(f"{each['file']} ({each['sha256']})" for each in record.get("masks") or [])),
        ("Plan (hash)", record["plan_hash"]),
        ("Operations", ", then ".join(_step(step) for step in record.get("steps") or [])),
        ("Control", _control(record)),
        ("Neurons", f"{record['neurons']} ({_counts(record['sites'])})"),
        ("New biases", len(record["weights"].get("biases") or []) or None),
        ("Weights", record["weights"].get("how")),
        ("lnbench", record["lnbench"]),
        ("Command", record.get("command")),
    ]
    return [(name, str(value)) for name, value in rows if value not in (None, "")]


def _step(step: Mapping[str, Any]) -> str:
    return f"{step['op']} on {counted(step['neurons'])} of {'+'.join(step['languages'])}"


def _control(record: Mapping[str, Any]) -> str | None:
    if record.get("control") != "random":
        return None
    return f"random neurons of the same number (seed {record['seed']}, match {record['match']})"


def _counts(sites: Mapping[str, int]) -> str:
    return ", ".join(f"{site} {count}" for site, count in sites.items()) or "none"


def _table(rows: list[tuple[str, str]]) -> str:
    lines = [f"| {name} | `{_code(value)}` |" for name, value in rows]
    return "\n".join(["| | |", "|---|---|", *lines, ""])


def _by_layer(counts: Mapping[str, Mapping[str, int]]) -> str:
    sites = list(counts)
    if not sites:
        return "The plan changes nothing.\n"
    layers = sorted({int(layer) for by_layer in counts.values() for layer in by_layer})
    head = [f"| layer | {' | '.join(sites)} |", f"|---|{'---|' * len(sites)}"]
    rows = [f"| {layer} | {' | '.join(str(counts[site].get(str(layer), 0)) for site in sites)} |" for layer in layers]
    return "\n".join([*head, *rows, ""])


def _earlier(record: Mapping[str, Any]) -> str:
    """The base was itself an export: what was done to it before, last first."""
    lines = []
    for each in chain(record["base"].get("export")):
        base = each.get("base") or {}
        done = f"{each.get('description') or 'a plan'} (plan {each.get('plan_hash')})"
        lines.append(f"- `{_code(done)}` on `{_code(base.get('model'))}`")
    return "\n".join([*lines, ""])


def _licence(base: Mapping[str, Any]) -> str:
    named = f" (`{_code(base['license'])}`)" if base["license"] else ""
    return (
        f"A derivative of {_plain(base['model'])}: the licence of the base model{named} and its terms of use hold for "
        "these weights too. Licence files that came with the base are in this folder."
    )


def _plain(value: Any) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~-])", r"\\\1", " ".join(str(value).split()))


def _code(value: Any) -> str:
    """Text that can stand between backticks in a table."""
    return " ".join(str(value).split()).replace("`", "'").replace("|", "\\|")
