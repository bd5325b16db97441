"""Numbers that the papers and their authors' files print, each with its source; everywhere marked as published."""

from __future__ import annotations

from lnbench.analysis._section import ShownTable

#: PLND's Table 1: ROUGE on XL-Sum; random and specific deactivate 0.13 % of the neurons.
_TABLE_1 = (
    ("Vicuna", "original", "14.2", "61.1", "10.4", "20.8", "26.6"),
    ("Vicuna", "random", "14.1", "61.6", "10.4", "20.8", "26.7"),
    ("Vicuna", "specific", "0.83", "0.00", "0.24", "0.42", "0.37"),
    ("Mistral", "original", "15.2", "56.4", "10.6", "21.0", "25.8"),
    ("Mistral", "random", "15.4", "55.9", "10.2", "21.2", "25.7"),
    ("Mistral", "specific", "0.21", "0.39", "0.15", "0.07", "0.21"),
)
#: Neurons of each language in the LAPE files that the authors released; None: the file has no such language.
LAPE_COUNTS: dict[str, dict[str, int]] = {
    "LLaMA-2-7B": {"en": 95, "zh": 583, "fr": 1022, "es": 838, "vi": 836, "id": 1068, "ja": 582},
    "Mistral-7B": {"en": 76, "zh": 1190, "fr": 919, "es": 838, "vi": 1554, "id": 1445},
}
#: Share of LLaMA-2-7B's 3,523 distinct neurons by block of layers, counted in the released file.
_LAPE_LAYERS = (("0-1", "25.3"), ("2-15", "6.7"), ("16-31", "67.9"))

_LAPE_FILES = "counted in the files that the authors of LAPE released (RUCAIBox/Language-Specific-Neurons)"


def table_1() -> ShownTable:
    """PLND's Table 1."""
    source = "Zhao et al., NeurIPS 2024, arXiv 2402.18815, Table 1"
    return ShownTable(
        f"Published: XL-Sum, ROUGE, with 0.13 % of the neurons deactivated ({source}). Other models than ours.",
        ("model", "condition", "fr", "zh", "es", "ru", "average"),
        _TABLE_1,
    )


def tuning_gains() -> ShownTable:
    """What PLND's abstract says of tuning."""
    return ShownTable(
        "Published: mean improvement by tuning a language's neurons on 400 documents, over all tasks, in the "
        "abstract's percent (Zhao et al., NeurIPS 2024, arXiv 2402.18815). Other models than ours.",
        ("languages", "improvement"),
        (("high-resource", "3.6"), ("low-resource", "2.3")),
    )


def lape_layers() -> ShownTable:
    """Where LLaMA-2-7B's neurons are."""
    return ShownTable(
        f"Published: share of LLaMA-2-7B's 3,523 distinct neurons by layers, percent ({_LAPE_FILES}).",
        ("layers", "share"),
        _LAPE_LAYERS,
    )


def lape_counts(model: str, ours: dict[str, int]) -> ShownTable:
    """Our neurons by language, beside those of the released files."""
    languages = list(dict.fromkeys([*ours, *(code for counts in LAPE_COUNTS.values() for code in counts)]))
    rows = [
        (code, _number(ours.get(code)), *(_number(counts.get(code)) for counts in LAPE_COUNTS.values()))
        for code in languages
    ]
    return ShownTable(
        f"Neurons by language: ours, and published ({_LAPE_FILES}).",
        ("language", model, *(f"published: {name}" for name in LAPE_COUNTS)),
        rows,
    )


def _number(count: int | None) -> str:
    return "" if count is None else f"{count:,}"
