"""From counts to shares: means over documents, with intervals, and the classes that a reader asks for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lnbench.analysis.lens._judge import NO_LANGUAGE, UNDECIDABLE
from lnbench.languages import same_language
from lnbench.reporting.statistics import mean_intervals

FloatArray = npt.NDArray[np.float64]

#: The classes of a picture: English, the language of the prompt, others, letters that nobody can tell, no letters.
GROUPS = ("english", "own", "other", "undecided", "none")


@dataclass(frozen=True)
class Shares:
    """Shares of one language's positions in one part, by depth.

    A document's share is of its positions; shares are means over documents. Every row sums to 1. Of English prompts
    ``english`` is 0: it is their ``own``.

    Attributes:
        documents: how many have such positions.
        positions: how many there are in all of them.
        groups: float64 ``[depths, groups]``, in the order of :data:`GROUPS`; NaN without documents.
        low, high: 95 % intervals over documents, of the same shape; NaN with fewer than two documents.
        labels: share of each label of the judge, ``[depths, labels]``.
        identified: what of it the identifier decided, not the script, ``[depths]``.
    """

    documents: int
    positions: int
    groups: FloatArray
    low: FloatArray
    high: FloatArray
    labels: FloatArray
    identified: FloatArray

    @property
    def judged(self) -> FloatArray:
        """Share of positions whose token was given a language, ``[depths]``."""
        judged: FloatArray = self.groups[:, : GROUPS.index("undecided")].sum(axis=1)
        return judged

    def of_judged(self, group: str) -> FloatArray:
        """The share of a group of the positions that were given a language, ``[depths]``; NaN where none was."""
        share, judged = self.groups[:, GROUPS.index(group)], self.judged
        found: FloatArray = np.divide(share, judged, out=np.full(len(judged), math.nan), where=judged > 0)
        return found


def shares(counts: FloatArray, labels: Sequence[str], own: str) -> Shares:
    """The shares that counts make.

    Args:
        counts: ``[depths, documents, labels + 1]``, as :class:`~lnbench.analysis.lens._tally.Tally` keeps them.
        labels: of the judge.
        own: the language of the prompts.
    """
    weights = counts[..., :-1].sum(-1)
    with_positions = weights[0] > 0
    if not with_positions.any():
        nothing = np.full((counts.shape[0], counts.shape[-1]), math.nan)
        groups = nothing[:, :1].repeat(len(GROUPS), axis=1)
        return Shares(0, 0, groups, groups, groups, nothing[:, :-1], nothing[:, -1])
    each = counts[:, with_positions] / weights[:, with_positions, None]
    grouped = each[..., :-1] @ _membership(labels, own)
    low, high = _intervals(grouped)
    mean = each.mean(axis=1)
    positions = round(float(weights[0].sum()))
    return Shares(int(with_positions.sum()), positions, grouped.mean(axis=1), low, high, mean[:, :-1], mean[:, -1])


def _membership(labels: Sequence[str], own: str) -> FloatArray:
    """1 where a label is of a group, ``[labels, groups]``."""
    made = np.zeros((len(labels), len(GROUPS)))
    for row, label in enumerate(labels):
        made[row, GROUPS.index(_group(label, own))] = 1
    return made


def _group(label: str, own: str) -> str:
    if label in (UNDECIDABLE, NO_LANGUAGE):
        return "undecided" if label == UNDECIDABLE else "none"
    if " " in label:
        return "other"  # a script that no candidate has
    return "own" if same_language(label, own) else "english" if label == "en" else "other"


def _intervals(grouped: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Of ``[depths, documents, groups]``, each ``[depths, groups]``; a share is never outside 0 and 1."""
    depths, _, groups = grouped.shape
    samples = [grouped[d, :, g] for d in range(depths) for g in range(groups)]
    found = np.array(mean_intervals(samples, [1.0] * len(samples))).reshape(depths, groups, 2)
    return np.clip(found[..., 0], 0, 1), np.clip(found[..., 1], 0, 1)


def shares_json(s: Shares, labels: Sequence[str], depths: Sequence[str]) -> dict[str, Any]:
    """Plain values; null for what is not known."""
    rows = [_row(s, depth, labels) | {"layer": name} for depth, name in enumerate(depths)]
    return {"documents": s.documents, "positions": s.positions, "layers": rows if s.documents else []}


def _row(s: Shares, depth: int, labels: Sequence[str]) -> dict[str, Any]:
    def named(values: FloatArray, names: Sequence[str]) -> dict[str, float | None]:
        return {name: _plain(value) for name, value in zip(names, values[depth], strict=True)}

    return {
        "shares": named(s.groups, GROUPS),
        "low": named(s.low, GROUPS),
        "high": named(s.high, GROUPS),
        "labels": {name: share for name, share in named(s.labels, labels).items() if share},
        "by_identifier": _plain(s.identified[depth]),
        "judged": _plain(s.judged[depth]),
        "own_of_judged": _plain(s.of_judged("own")[depth]),
    }


def _plain(value: float) -> float | None:
    return round(float(value), 6) if math.isfinite(value) else None
