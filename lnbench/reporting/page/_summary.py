"""What stands at the top of the page: in words and figures, what the tables answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lnbench.reporting.page._sections import Section
from lnbench.reporting.tables import Answer, Table, answers
from lnbench.reporting.tables._format import MISSING, Style, share

__all__ = ["Finding", "Summary", "summaries_of"]


@dataclass(frozen=True)
class Finding:
    """One line of the summary: a table and its first condition.

    Attributes:
        section: id of the table's section.
        dataset, condition: which.
        sign, counted: the answer: a sign, and ``6 of 7``.
        figures: changes of the ablated language, with random sets, of other languages, and the share that stays.
    """

    section: str
    dataset: str
    condition: str
    sign: str
    counted: str
    figures: Sequence[str]


@dataclass(frozen=True)
class Summary:
    """One model from one place.

    Attributes:
        name, model: of the bundle or folder, and of the model.
        instrument: a sentence, where the model is an instrument and no evidence.
        words: the answer in one sentence; empty where nothing was ablated.
    """

    name: str
    model: str
    instrument: str | None
    words: str
    findings: Sequence[Finding]


def summaries_of(sections: Sequence[Section]) -> list[Summary]:
    """One for each model, in the order of the page."""
    groups: dict[int, list[Section]] = {}
    for section in sections:
        groups.setdefault(id(section.shown), []).append(section)
    return [_summary(group) for group in groups.values()]


def _summary(group: Sequence[Section]) -> Summary:
    shown = group[0].shown
    asked = [(section, found[0]) for section in group if (found := answers(section.table))]
    return Summary(
        shown.name,
        shown.model,
        shown.instrument,
        _words([(section.table.dataset, one) for section, one in asked]),
        [_finding(section, one) for section, one in asked],
    )


def _finding(section: Section, one: Answer) -> Finding:
    shown, number = len(one.of("shown")), len(one.verdicts)
    sign = "?" if one.untold else "✓" if shown == number else "◐" if shown else "–"
    counted = "no telling" if sign == "?" else f"{shown} of {number}"
    return Finding(section.id, section.table.dataset, one.condition, sign, counted, _figures(section.table, one))


def _figures(table: Table, one: Answer) -> list[str]:
    style = Style(table)
    unit = " points" if table.percent else f" {table.metric}"
    changes = [style.change(one.mean(name)) for name in ("change", "random", "others")]
    kept = share(one.kept)
    return [
        *(text if text == MISSING else f"{text}{unit}" for text in changes),
        kept if kept == MISSING else f"{kept} %",
    ]


def _words(asked: Sequence[tuple[str, Answer]]) -> str:
    return "; ".join(_parts(asked)) + "." if asked else ""


def _parts(asked: Sequence[tuple[str, Answer]]) -> Iterator[str]:
    kinds: dict[str, list[str]] = {"all": [], "some": [], "none": [], "untold": []}
    for dataset, one in asked:
        shown, number = len(one.of("shown")), len(one.verdicts)
        if one.untold:
            kinds["untold"].append(dataset)
        elif shown == number:
            kinds["all"].append(f"{dataset} ({shown} of {number}, against {one.sets})")
        elif shown:
            kinds["some"].append(f"{dataset} ({shown} of {number}, against {one.sets})")
        else:
            kinds["none"].append(dataset)
    words = {
        "all": "yes for every ablated language on {}",
        "some": "yes for some languages on {}",
        "none": "not shown for any language on {}",
        "untold": "no telling on {}, with too few random sets or scored documents",
    }
    yield from (words[kind].format(", ".join(names)) for kind, names in kinds.items() if names)
