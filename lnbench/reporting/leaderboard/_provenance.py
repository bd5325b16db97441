"""Which model and which neurons stand behind results: read from lm-eval's files and, where it is at hand, the set."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lnbench.errors import DataError, LnbenchError
from lnbench.reporting.leaderboard._schema import BundleModel, BundleNeurons
from lnbench.reporting.reading import Results

__all__ = ["Provenance", "neurons_of", "provenance"]

_Json = Mapping[str, Any]


@dataclass(frozen=True)
class Provenance:
    """The model, the neurons and the versions of one model's results."""

    model: BundleModel
    neurons: BundleNeurons = field(default_factory=BundleNeurons)
    versions: Mapping[str, str] = field(default_factory=dict)


def provenance(results: Results, folder: Path, *, neurons: str | None = None) -> Provenance:
    """What the results of one model say about their making.

    Args:
        results: of one model.
        folder: where they were read; a study's store names its neuron sets.
        neurons: the neuron-set file, where the folder does not name it.

    Raises:
        DataError: the file of ``neurons`` holds another set than the one that was ablated.
    """
    configs = list(_configs(results))
    first = configs[0] if configs else {}
    recorded: _Json = next((c["lnbench"] for c in configs if c.get("lnbench")), {})
    plans = [plan for c in configs if (plan := (c.get("lnbench") or {}).get("plan"))]
    model = BundleModel(
        name=results.models[0],
        revision=_text(first.get("model_revision")),
        sha=_text(first.get("model_sha")),
        dtype=_text(first.get("model_dtype")),
        parameters=_whole(first.get("model_num_parameters")),
    )
    versions = {"lnbench": recorded.get("version"), **_versions(results)}
    kept = {name: str(version) for name, version in versions.items() if version}
    return Provenance(model, _neurons(plans, folder, neurons), kept)


def neurons_of(name: str) -> BundleNeurons:
    """What a neuron-set file says: counts, layers, method and corpus.

    Raises:
        LnbenchError: it cannot be read.
    """
    from lnbench.neurons import load_masks, summary

    found = summary(load_masks(name))
    header = found["header"]
    corpus = (header.get("corpus") or {}).get("sha256")
    return BundleNeurons(
        hash=found["content_hash"],
        method=_text(header.get("method")),
        corpus=corpus if isinstance(corpus, str) else None,
        count=found["counts"]["language"],
        by_layer=found["counts"]["language_layer"],
    )


def _configs(results: Results) -> Iterator[_Json]:
    """The ``config`` of one results file for each condition and ablated language: draws differ in their seed alone."""
    for source in _sources(results):
        yield _read(source).get("config") or {}


def _sources(results: Results) -> list[Path]:
    return list({(s.condition, s.ablated): s.source for s in reversed(results.entries)}.values())[::-1]


def _read(source: Path) -> _Json:
    try:
        found: _Json = json.loads(source.read_bytes())
    except (OSError, ValueError):  # a bundle's own file; its provenance is in the bundle
        return {}
    return found if isinstance(found, dict) else {}


def _versions(results: Results) -> dict[str, Any]:
    content = _read(_sources(results)[0])
    pretty = str(content.get("pretty_env_info") or "")
    torch = next((line.split(":", 1)[1].strip() for line in pretty.split("\n") if line.startswith("PyTorch ver")), None)
    return {"lm_eval": content.get("lm_eval_version"), "transformers": content.get("transformers_version")} | (
        {"torch": torch} if torch else {}
    )


def _neurons(plans: list[_Json], folder: Path, named: str | None) -> BundleNeurons:
    hashes = list(dict.fromkeys(plan["neuron_set"] for plan in plans if plan.get("neuron_set")))
    counted: dict[str, int] = {}
    for plan in plans:
        counted |= {str(code): int(n) for code, n in (plan.get("target_neurons_by_language") or {}).items()}
    recorded = BundleNeurons(hash=hashes[0] if len(hashes) == 1 else None, count=counted)
    found = _file(folder, named)
    if found is None:
        return recorded
    if found.hash == recorded.hash:
        return found
    if named is not None:
        raise DataError(
            f"{named!r} holds the neuron set {found.hash}, and the results ablated {recorded.hash}; give the set that "
            "was ablated"
        )
    return recorded


def _file(folder: Path, named: str | None) -> BundleNeurons | None:
    if named is not None:
        return neurons_of(named)
    told = (_read(folder / "study.json").get("study") or {}).get("neurons")
    files = list(told.values()) if isinstance(told, dict) else told if isinstance(told, list) else []
    if not files or not all(isinstance(name, str) for name in files):
        return None
    try:
        return neurons_of("+".join(files))
    except (LnbenchError, ValueError):  # moved since: the counts that the results recorded remain
        return None


def _text(value: Any) -> str | None:
    return str(value) if value else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
