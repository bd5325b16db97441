"""The words that an expectation may use: what the results and the baseline hold, and names for kinds of tasks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lnbench._near import nearest
from lnbench.reporting.checking._cells import Cell

__all__ = ["Words"]

#: Names that a reader knows -> datasets.
KINDS = {
    "summaries": ("demo_summ", "xlsum"),
    "questions": ("demo_qa", "xquad"),
    "choices": ("demo_mc", "xcsqa"),
    "arithmetic": ("demo_arith", "mgsm", "mgsm_direct"),
    "text": ("demo_ppl", "ppl"),
}
#: Names that a reader knows -> metrics.
METRICS = {"coverage": "fidelity_coverage"}


@dataclass(frozen=True)
class Words:
    """Attributes:
    languages: evaluated ones.
    ablated: languages whose neurons are edited.
    tasks: word -> datasets or tasks that it names.
    metrics: word -> metric.
    conditions: labels.
    """

    languages: frozenset[str]
    ablated: frozenset[str]
    tasks: dict[str, frozenset[str]]
    metrics: dict[str, str]
    conditions: frozenset[str]

    @classmethod
    def of(cls, cells: Iterable[Cell]) -> Words:
        """What these cells can be asked for."""
        known = list(cells)
        tasks = {name: frozenset({name}) for cell in known for name in (cell.place.task, cell.dataset)}
        for kind, datasets in KINDS.items():
            if found := frozenset(datasets) & tasks.keys():
                tasks[kind] = frozenset(found)
        metrics = {cell.metric: cell.metric for cell in known}
        metrics |= {word: metric for word, metric in METRICS.items() if metric in metrics}
        return cls(
            frozenset(cell.place.language for cell in known),
            frozenset(cell.place.ablated for cell in known if cell.place.ablated is not None),
            tasks,
            metrics,
            frozenset(cell.place.condition for cell in known),
        )

    def nearest(self, word: str, known: Iterable[str]) -> str:
        """``; did you mean 'zh'?``, or what there is."""
        return nearest(word, known, most=2)

    @property
    def all(self) -> set[str]:
        """Every word of a scope."""
        return {*self.languages, *self.tasks, *self.metrics, *self.conditions}
