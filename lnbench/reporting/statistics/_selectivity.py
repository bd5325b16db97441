"""How much of the harm stays in the ablated language.

Harm is a drop, oriented so that more is worse. All measures are of numbers per language; a gain in another language
stays a gain (negative harm) except where a formula says otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

import numpy as np

from lnbench.errors import DataError, UnknownLanguageError

__all__ = ["Selectivity", "diagonal_share", "english_gap", "harms", "langspec_f1", "selectivity"]

_EPS = 1e-12
_AGGREGATES: dict[str, Callable[[Sequence[float]], float]] = {"mean": fmean, "max": max, "sum": sum}


@dataclass(frozen=True)
class Selectivity:
    """Harm of one ablated language's set.

    Attributes:
        target: harm in the ablated language.
        off_target: mean harm in the other languages, signed; NaN when there is none.
        difference: ``target - off_target``.
        languages: the other languages.
    """

    target: float
    off_target: float
    difference: float
    languages: tuple[str, ...]


def harms(
    original: Mapping[str, float], ablated: Mapping[str, float], *, higher_is_better: bool = True
) -> dict[str, float]:
    """Harm per language that both have: the drop, or the rise where lower is better."""
    sign = 1.0 if higher_is_better else -1.0
    return {code: sign * (original[code] - ablated[code]) for code in original if code in ablated}


def selectivity(matrix: Mapping[str, Mapping[str, float]]) -> dict[str, Selectivity]:
    """Target harm and mean off-target harm of several ablated languages.

    Args:
        matrix: ablated language -> evaluated language -> harm. Off-target means are over the languages that every row
            has (NaN counts as missing), so that rows can be compared.

    Returns:
        By ablated language; NaN where its own language was not evaluated.
    """
    common = [e for e in _columns(matrix) if all(math.isfinite(row.get(e, math.nan)) for row in matrix.values())]
    found = {}
    for ablated, row in matrix.items():
        others = tuple(e for e in common if e != ablated)
        target = float(row.get(ablated, math.nan))
        off = float(np.mean([row[e] for e in others])) if others else math.nan
        found[ablated] = Selectivity(target, off, target - off, others)
    return found


def diagonal_share(matrix: Mapping[str, Mapping[str, float]]) -> float:
    """Share of all harm that lies on the diagonal: in the language that was ablated.

    Over the languages that are both ablated and evaluated; gains count as no harm. 1: only the ablated languages
    suffer; 1 / languages: all suffer alike; NaN when nothing was harmed or a number of the square is missing.

    Args:
        matrix: ablated language -> evaluated language -> harm.
    """
    square = [a for a in matrix if a in _columns(matrix)]
    harm = np.array([[matrix[a].get(e, math.nan) for e in square] for a in square], dtype=np.float64)
    total = np.maximum(harm, 0.0).sum()
    return float(np.maximum(np.diag(harm), 0.0).sum() / total) if total > 0 else math.nan


def english_gap(harm: Mapping[str, float]) -> float:
    """Mean harm in the other languages minus harm in English, PLND's question (Zhao et al. 2024, arXiv 2402.18815).

    Positive: English is spared. NaN without English or without another language.

    Args:
        harm: evaluated language -> harm, of one condition.
    """
    others = [value for code, value in harm.items() if code != "en"]
    return float(np.mean(others)) - float(harm["en"]) if others and "en" in harm else math.nan


def langspec_f1(
    base: Mapping[str, float],
    ablated: Mapping[str, float],
    target: str,
    agg: Literal["mean", "max", "sum"] = "mean",
    *,
    higher_is_better: bool = True,
) -> float:
    """LangSpec-F1: does the ablation take away the target language (recall), and it alone (precision)?

    With the drop D = max(base - ablated, 0): precision P = D_t / (D_t + agg of the other languages' D + eps), recall
    R = D_t / (base_t + eps), F1 = 2PR / (P + R + eps), eps = 1e-12.

    Args:
        base, ablated: language -> score, finite and not negative; languages that only one of them has are left out.
        target: the ablated language.
        agg: how the drops of the other languages are put together.
        higher_is_better: of the metric; there is no such score for perplexities.

    Returns:
        0 (nothing of the target is lost) to 1 (all of the target is lost, and nothing else).

    Raises:
        DataError: lower is better, an unknown ``agg``, a score that is negative or not finite, or no other language.
        UnknownLanguageError: the target has no score.
    """
    if not higher_is_better:
        raise DataError(
            "LangSpec-F1 is made of the share of a score that ablation takes away, and where lower is better, as for a "
            "perplexity, there is none; give scores where higher is better, such as accuracy or ROUGE"
        )
    if agg not in _AGGREGATES:
        raise DataError(f"agg={agg!r} is unknown; use one of {', '.join(_AGGREGATES)}")
    common = [code for code in base if code in ablated]
    if target not in common:
        raise UnknownLanguageError(
            f"the target {target!r} has no score both before and after the ablation; choose one that has: "
            f"{', '.join(common) or 'there is none'}"
        )
    if len(common) == 1:
        raise DataError(
            f"LangSpec-F1 of {target!r} asks whether another language loses less, and only {target!r} has scores both "
            "before and after the ablation; add another language to both"
        )
    _check_scores([(code, float(scores[code])) for scores in (base, ablated) for code in common])
    drop = {code: max(float(base[code]) - float(ablated[code]), 0.0) for code in common}
    others = float(_AGGREGATES[agg]([drop[code] for code in common if code != target]))
    precision = drop[target] / (drop[target] + others + _EPS)
    recall = drop[target] / (float(base[target]) + _EPS)
    return 2 * precision * recall / (precision + recall + _EPS)


def _check_scores(scores: Sequence[tuple[str, float]]) -> None:
    for code, value in scores:
        if not math.isfinite(value) or value < 0:
            raise DataError(
                f"the score {value} of {code!r} is no number from 0 up, so no share of it can be lost (LangSpec-F1); "
                "leave that language out or use another metric"
            )


def _columns(matrix: Mapping[str, Mapping[str, float]]) -> list[str]:
    return list(dict.fromkeys(e for row in matrix.values() for e in row))
