"""The corpus table: what text each language's neurons were found on, and how much of its vocabulary that covers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

from lnbench.analysis._grids import render_grids
from lnbench.analysis._section import Section, ShownTable
from lnbench.errors import DataError
from lnbench.neurons import NeuronSet
from lnbench.reporting import FORMATS

__all__ = ["corpus_section", "render_corpus"]

#: Label -> the values of :meth:`lnbench.detection.Coverage.as_json`.
Rows = Mapping[str, Mapping[str, Any]]

_HEADER = [
    "language",
    "documents",
    "tokens",
    "distinct words",
    "distinct tokens",
    "script",
    "of its tokens",
    "of the word list",
]
_FIELDS = ("documents", "tokens", "words", "words_exact", "distinct_tokens", "script", "script_tokens",
           "script_tokens_seen", "listed", "listed_seen")  # fmt: skip
_TOLD = [
    "Tokens: without the first position of each document. Words: runs of letters and marks, case folded; of scripts "
    "without spaces single characters. ~: estimated, with a standard error of 0.3 %.",
    "Of its tokens: share of the tokens of the model's vocabulary that decode to letters of the language's script, and "
    "of no other, that occur in the text; '-' where the label is no language of the table. Languages of one script "
    "have the same tokens to cover. Of the word list: share of its words that occur.",
]


def render_corpus(rows: Rows, form: str) -> str:
    """The corpus table in one of :data:`lnbench.reporting.FORMATS`.

    Args:
        rows: label -> the values of :meth:`lnbench.detection.Coverage.as_json`.
        form: the format.

    Raises:
        DataError: there is no such format.
    """
    if form == "json":
        return json.dumps({label: dict(row) for label, row in rows.items()}, ensure_ascii=False, indent=1) + "\n"
    if form == "csv":
        return _csv(rows)
    if form not in FORMATS:
        raise DataError(f"there is no format {form!r}; choose among {', '.join(FORMATS)}")
    return render_grids("Detection text by language", [("", _table(rows))], _TOLD, form)


def _table(rows: Rows) -> list[list[str]]:
    return [_HEADER, *(_shown(label, row) for label, row in rows.items())]


def _shown(label: str, row: Mapping[str, Any]) -> list[str]:
    counts = [f"{row.get(name, 0):,}" for name in ("documents", "tokens", "words", "distinct_tokens")]
    counts[2] += "" if row.get("words_exact", True) else "~"
    shares = [_share(row.get(f"{of}_seen"), row.get(of)) for of in ("script_tokens", "listed")]
    return [label, *counts, str(row.get("script") or "-"), *shares]


def _share(seen: int | None, of: int | None) -> str:
    return "-" if not of or seen is None else f"{100 * seen / of:.1f} % of {of:,}"


def _csv(rows: Rows) -> str:
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow(["language", *_FIELDS])
    for label, row in rows.items():
        writer.writerow([label, *("" if row.get(name) is None else str(row[name]).lower() for name in _FIELDS)])
    return made.getvalue()


def corpus_section(neurons: NeuronSet) -> Section:
    """The table that the header of a set carries, as a section of a report.

    Raises:
        DataError: the set was made without it.
    """
    corpus = neurons.header.to_json()["corpus"] or {}
    rows = corpus.get("coverage")
    if not isinstance(rows, dict) or not rows:
        raise DataError("the header of this neuron set has no corpus table; run `lnbench detect corpus` on its text")
    header, *body = _table(rows)
    caption = f"Detection text by language. {' '.join(_TOLD)}"
    text = "The text that each language's neurons were found on, after every cut, and what of its vocabulary it covers."
    return Section("corpus", "Detection text", text, [ShownTable(caption, header, body)], data={"corpus": rows})
