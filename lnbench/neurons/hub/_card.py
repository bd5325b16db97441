"""The card of neuron sets on the hub: what they are, how they were found, how many there are, how to load them.

A card has a head, which is written once and then belongs to the repository's owner, and a part for every set between
two marks, which is written again when the set is pushed again. What a header says comes from strangers: it is shown
inside code spans only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lnbench.neurons._header_text import in_words
from lnbench.neurons._summary import summary
from lnbench.neurons.hub._markdown import code, table

if TYPE_CHECKING:
    from lnbench.neurons._set import NeuronSet

_TAGS = ["lnbench", "language-specific-neurons", "neurons", "interpretability", "multilingual"]
_MODEL_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+", re.ASCII)
_LABEL = re.compile(r"[A-Za-z0-9-]+")
_METHOD = re.compile(r"[a-z][a-z0-9-]{0,30}")
#: The planted model that comes with lnbench; it is on no hub, and what is found in it says nothing of language models.
_DEMO = "lnbench/demo"


def set_card(repo: str, sets: Mapping[str, NeuronSet], pictures: Mapping[str, str], existing: str | None = None) -> str:
    """The text of README.md.

    Args:
        repo: ``org/name``.
        sets: file in the repository -> the set in it.
        pictures: file of a set -> file of its picture.
        existing: the card that is there: what its owner wrote stays, the parts of these sets are replaced or added.
    """
    text = _head(repo, sets) if existing is None or not existing.strip() else existing
    for file, neurons in sets.items():
        section = card_section(repo, file, neurons, pictures.get(file))
        text = _with_part(text, _mark(file, "begin"), section, _mark(file, "end"))
    return text


def _with_part(text: str, begin: str, section: str, end: str) -> str:
    """The text with the part between the marks replaced, or added at the end where the marks are not.

    A mark is a line of its own: what a header quotes stands in the middle of one.
    """
    part = f"{begin}\n\n{section}\n\n{end}"
    there = re.compile(rf"^{re.escape(begin)}$.*?^{re.escape(end)}$", re.DOTALL | re.MULTILINE).search(text)
    if there is None:
        return f"{text.rstrip()}\n\n{part}\n"
    return text[: there.start()] + part + text[there.end() :]


def _mark(file: str, which: str) -> str:
    return f"<!-- lnbench set {file} {which} -->"


def _head(repo: str, sets: Mapping[str, NeuronSet]) -> str:
    import yaml

    metadata = yaml.safe_dump(_metadata(sets), sort_keys=False, allow_unicode=True).rstrip()
    return "\n".join(
        [
            "---",
            metadata,
            "# license: yours to choose",
            "---",
            "",
            f"# {repo.split('/')[1]}: language-specific neurons",
            "",
            "Which neurons of a model belong to which language, as files for [lnbench]"
            "(https://pypi.org/project/lnbench/), which ablates and steers them inside lm-evaluation-harness. lnbench "
            "writes the parts between the comments again when a set is pushed again; all else is yours to write.",
        ]
    )


def _metadata(sets: Mapping[str, NeuronSet]) -> dict[str, Any]:
    """The front matter: what the hub's search needs and nothing that it might refuse."""
    headers = [neurons.header for neurons in sets.values()]
    methods = sorted({h.method for h in headers if h.method and _METHOD.fullmatch(h.method)})
    models = sorted({h.model for h in headers if h.model and _MODEL_ID.fullmatch(h.model) and h.model != _DEMO})
    return {
        "library_name": "lnbench",
        "tags": [*_TAGS, *(method for method in methods if method not in _TAGS)],
        **({"base_model": models} if models else {}),
    }


def card_section(repo: str, file: str, neurons: NeuronSet, picture: str | None = None) -> str:
    """The part of a card about one set, Markdown."""
    data = summary(neurons)
    parts = [
        [f"## {file}", "", *_demo(neurons)],
        table([["", ""], *([name, value] for name, value in _facts(data) if value)], right=False),
        ["", *_loading(repo, file, neurons)],
        ["", "Neurons by language and site:", "", *table(_sites(data))],
        *([["", f"![Overlap of the languages and neurons by layer]({picture})"]] if picture else []),
        ["", "<details><summary>Neurons by layer</summary>", "", *table(_layers(data)), "", "</details>"],
    ]
    return "\n".join(line for part in parts for line in part)


def _demo(neurons: NeuronSet) -> list[str]:
    if neurons.header.model != _DEMO:
        return []
    return [f"`{_DEMO}` is a planted positive control: an instrument, not evidence about language models.", ""]


def _facts(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    header = data["header"]
    yield "neurons", f"{data['neurons']} in {data['layers']} layer{'s' * (data['layers'] != 1)}"
    yield "content hash", code(data["content_hash"])
    yield "model", _model(header)
    yield "architecture", _architecture(header["architecture"])
    yield "method", code(header["method"]) if header["method"] else ""
    yield "parameters", _pairs(header["parameters"])
    yield "corpus", _pairs(header["corpus"] or {})
    yield "scores", "one per neuron" if data["scores"] else ""
    yield "statistics", _measured(data)
    yield "made by", code(header["tool"])
    yield "history", "<br>".join(map(code, header["history"]))


def _model(header: dict[str, Any]) -> str:
    if not header["model"]:
        return ""
    return code(header["model"]) + (f" at {code(header['revision'])}" if header["revision"] else "")


def _architecture(data: dict[str, Any] | None) -> str:
    if data is None:
        return ""
    kind = f"{code(data['model_type'])}, " if data["model_type"] else ""
    told = ", ".join(f"{site} {_width(width)}" for site, width in data["widths"].items())
    return f"{kind}{data['layers']} layers, {told}; fingerprint {code(data['fingerprint'])}"


def _width(width: int | list[int]) -> str:
    return str(width) if isinstance(width, int) else f"{min(width)}-{max(width)}"


def _measured(data: dict[str, Any]) -> str:
    if not data["statistics"]["kinds"]:
        return ""
    kinds, languages = (", ".join(map(code, data["statistics"][of])) for of in ("kinds", "languages"))
    return f"{kinds} on {languages}"


def _pairs(values: Mapping[str, Any]) -> str:
    return "<br>".join(code(f"{key}: {in_words(value)}") for key, value in values.items())


def _loading(repo: str, file: str, neurons: NeuronSet) -> list[str]:
    name = f"hf://{repo}/{file}"
    model = "" if neurons.header.model else "pretrained=MODEL,"
    plain = [label for label in neurons.languages if _LABEL.fullmatch(label)]
    lang = f",lang={plain[0] if plain else 'LANGUAGE'}" if len(neurons.languages) > 1 else ""
    return [
        "```python",
        "import lnbench",
        "",
        f'neurons = lnbench.NeuronSet.load("{name}")',
        "```",
        "",
        "```bash",
        f"lnbench neurons show {name}",
        f"lm_eval --model lnbench --model_args {model}mask={name}{lang} --tasks TASKS",
        "```",
    ]


def _sites(data: dict[str, Any]) -> list[list[str]]:
    counts = data["counts"]
    rows = [
        [code(label), *map(str, of_site.values()), str(counts["language"][label])]
        for label, of_site in counts["language_site"].items()
    ]
    return [
        ["language", *data["sites"], "all"],
        *rows,
        ["all", *map(str, counts["site"].values()), str(data["neurons"])],
    ]


def _layers(data: dict[str, Any]) -> list[list[str]]:
    counts = data["counts"]["language_layer"]
    rows = [[str(n), *(str(counts[label][n]) for label in data["languages"])] for n in range(data["layers"])]
    return [["layer", *map(code, data["languages"])], *rows]
