"""What a table answers: are these neurons really what the model uses for this language?

Yes takes two things. The table marks the language's own place: its neurons do more harm to it than one more random set
of the same size would, after Holm's correction. And every other language is told apart from it: no mark, and a harm
beyond random sets whose prediction interval lies wholly below that of the language's own. No mark alone would not do:
it is no proof of the contrary, and few random sets would give the best answers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lnbench.reporting.tables._format import Style
from lnbench.reporting.tables._table import Table, TableCell, TableRow

__all__ = ["QUESTION", "Answer", "Verdict", "answer_words", "answers", "change_words", "verdict_words"]

QUESTION = "Is this set of neurons really what the model uses for its language?"

#: More languages than this are counted, not listed.
_LISTED = 8
#: What is said of each kind; the codes stand inside.
_WORDS = {
    "shown": (
        "yes for {} against {sets}: harmed more than by one more of them, and clearly more than any other language"
    ),
    "wider": "for {} the harm reaches other languages too",
    "undecided": "for {} other languages may be harmed as much",
    "not shown": "not shown for {}",
    "nothing to lose": "no telling for {}, where the original scores 0",
    "untested": "no telling for {} with fewer than 2 random sets",
    "unscored": "no telling for {}, where fewer than 2 documents are scored in both conditions",
}
_UNTOLD = ("untested", "unscored")


@dataclass(frozen=True)
class Verdict:
    """One ablated language.

    Attributes:
        ablated: which.
        kind: ``shown``; ``wider``: marked, and so is another language; ``undecided``: marked, and another language is
            not told apart from it; ``not shown``: no mark; ``nothing to lose``: the original scores 0; ``untested``:
            fewer than 2 random sets; ``unscored``: fewer than 2 documents scored in both conditions.
        change: of the language's own score, in the metric's unit.
        random: the mean of the same over its random sets; NaN where there is none.
        others: mean change of the other languages; NaN where there is none.
        also: other languages that are marked, or else those that are not told apart.
        K: random sets that it is held against.
    """

    ablated: str
    kind: str
    change: float
    random: float
    others: float
    also: tuple[str, ...] = ()
    K: int = 0


@dataclass(frozen=True)
class Answer:
    """One condition of a table.

    Attributes:
        condition: its label.
        verdicts: in the order of the table.
        kept: share of all harm that is in the ablated language itself, NaN where nothing was harmed.
    """

    condition: str
    verdicts: Sequence[Verdict]
    kept: float

    def of(self, kind: str) -> list[str]:
        """The ablated languages with this verdict."""
        return [one.ablated for one in self.verdicts if one.kind == kind]

    @property
    def sets(self) -> str:
        """How many random sets those with a yes are held against: ``2 random sets``, ``2 to 5 random sets``."""
        counts = sorted({one.K for one in self.verdicts if one.kind == "shown"})
        return f"{' to '.join(map(str, dict.fromkeys((counts[0], counts[-1]))))} random sets" if counts else ""

    @property
    def untold(self) -> bool:
        """Whether nothing can be told of any language."""
        return all(one.kind in _UNTOLD for one in self.verdicts)

    def mean(self, name: str) -> float:
        """Mean over the ablated languages of ``change``, ``random`` or ``others``, of those that have it."""
        known = [value for one in self.verdicts if math.isfinite(value := getattr(one, name))]
        return float(np.mean(known)) if known else math.nan


def answers(table: Table) -> list[Answer]:
    """An answer for each condition that ablates single evaluated languages; ``specific`` first."""
    rows = [row for row in table.rows if not row.control and row.ablated in table.languages]
    labels = sorted(dict.fromkeys(row.condition for row in rows), key=lambda label: label != "specific")
    return [_answer(table, label, [row for row in rows if row.condition == label]) for label in labels]


def _answer(table: Table, label: str, rows: Sequence[TableRow]) -> Answer:
    found: Mapping[str, Any] = table.selectivity.get(label) or {}
    kept = found.get("diagonal_share")
    verdicts = [_verdict(table, row, str(row.ablated), (found.get("languages") or {}).get(row.ablated)) for row in rows]
    return Answer(label, verdicts, math.nan if kept is None else kept)


def _verdict(table: Table, row: TableRow, ablated: str, selective: Mapping[str, Any] | None) -> Verdict:
    own = row.cells.get(ablated, TableCell())
    others = {code: row.cells[code] for code in table.languages if code != ablated and code in row.cells}
    kind, also = _kind(table, own, others)
    worse = -1.0 if table.higher_is_better else 1.0
    off = (selective or {}).get("off_target")
    return Verdict(
        ablated,
        kind,
        own.difference,
        own.difference - worse * own.against_random,
        worse * (math.nan if off is None else off),
        also,
        own.K,
    )


def _kind(table: Table, own: TableCell, others: Mapping[str, TableCell]) -> tuple[str, tuple[str, ...]]:
    """The kind of a verdict, and the other languages that it speaks of."""
    if _marked(own):
        marked = tuple(code for code, cell in others.items() if _marked(cell))
        near = tuple(code for code, cell in others.items() if not _is_below(cell, own))
        return ("wider", marked) if marked else ("undecided", near) if near else ("shown", ())
    if table.higher_is_better and own.base == 0:
        return "nothing to lose", ()
    if math.isfinite(own.corrected_p):
        return "not shown", ()
    return "unscored" if own.n < 2 else "untested", ()


def _is_below(cell: TableCell, own: TableCell) -> bool:
    """Whether a harm is told apart from the own language's; one that is not known is not."""
    return cell.against_random_interval[1] < own.against_random_interval[0]


def _marked(cell: TableCell) -> bool:
    return cell.mark == "*"


def answer_words(table: Table) -> list[str]:
    """The answers in words with figures, one line for each condition."""
    return [f"{one.condition}: {verdict_words(one)}. {change_words(table, one)}" for one in answers(table)]


def verdict_words(one: Answer) -> str:
    """``yes for zh, fr (2 of 7) against 5 random sets: ...; not shown for ...``."""
    kinds = [(kind, text) for kind, text in _WORDS.items() if one.of(kind)]
    if len(one.of("untested")) == len(one.verdicts):
        return "no telling, with fewer than 2 random sets of this condition"
    return "; ".join(text.format(_listed(one.of(kind), len(one.verdicts)), sets=one.sets) for kind, text in kinds)


def change_words(table: Table, one: Answer) -> str:
    """The mean change of the ablated languages themselves, of the same under random sets, and of other languages."""
    style, unit = Style(table), "points" if table.percent else f"in {table.metric}"
    if not math.isfinite(one.mean("change")):
        return "The change of the ablated language itself is not known."
    told = [f"{style.change(one.mean('change'))} {unit}"]
    for name, words in (("random", "with random sets"), ("others", "other languages")):
        if math.isfinite(one.mean(name)):
            told.append(f"{words} {style.change(one.mean(name))}")
    return f"Mean change of the ablated language itself {', '.join(told)}."


def _listed(codes: Sequence[str], all_of: int) -> str:
    named = ", ".join(codes[:_LISTED]) + (f" and {len(codes) - _LISTED} more" if len(codes) > _LISTED else "")
    return named if all_of == 1 else f"{named} ({len(codes)} of {all_of})"
