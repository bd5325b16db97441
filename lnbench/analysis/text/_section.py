"""The perplexity matrix, steering and doses as sections of a report."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lnbench._data import DEMO_MODEL
from lnbench.analysis._section import Picture, Section, ShownTable
from lnbench.analysis.text._dose import Curve, curves
from lnbench.analysis.text._matrix import LossMatrix, matrices
from lnbench.analysis.text._plot import dose_png, matrix_png, steering_png
from lnbench.analysis.text._steering import Measure, Steering, steerings
from lnbench.reporting import Results, TableCell
from lnbench.reporting.leaderboard import INSTRUMENT

__all__ = ["dose_section", "matrix_section", "steering_section"]

_MARKS = "*: more than one more set of as many random neurons would (Holm-corrected)."


def matrix_section(results: Results, *, dataset: str | None = None, condition: str = "specific") -> Section:
    """The matrix of each metric; errors as in :func:`lnbench.analysis.text.matrices`."""
    found = matrices(results, dataset=dataset, condition=condition)
    tables = [table for one in found for table in (_matrix_table(one), _own_table(one))]
    text = (
        f"Perplexity of {found[0].table.dataset} text in each language without the neurons of each, as the change per "
        "block of text against the untouched model, beside as many random neurons in the same layers. "
        f"{' '.join([_matrix_verdict(found[0]), *found[0].table.notes])}{_instrument(results)}"
    )
    alt = "Change of the loss by ablated and evaluated language: random neurons left, the language's own right."
    picture = Picture("matrix", alt, matrix_png(found))
    return Section("matrix", "Perplexity matrix", text, tables, [picture], {"matrices": [m.as_json() for m in found]})


def steering_section(results: Results, *, dataset: str | None = None) -> Section:
    """Answers by language under steering; errors as in :func:`lnbench.analysis.text.steerings`."""
    found = steerings(results, dataset=dataset)
    full = _strongest(found)
    text = (
        "Asked in language A while A's neurons are off and B's are set to their mean on B's text. Answers are sorted "
        "by the identifier; an answer with lines in several languages counts as other. Random: as many random neurons "
        f"in the same layers, set to the same constants. {_steering_verdict(full)}{_instrument(results)}"
    )
    tables = [_answer_table(full), *([_kept_table(full)] if any(one.kept for one in full) else [])]
    alt = "Share answered in the language steered to, by language asked in: random neurons left, the language's right."
    picture = Picture("steering", alt, steering_png(full))
    return Section("steering", "Steering", text, tables, [picture], {"steerings": [one.as_json() for one in found]})


def dose_section(results: Results, *, dataset: str | None = None) -> Section:
    """Doses and responses; errors as in :func:`lnbench.analysis.text.curves`."""
    found = curves(results, dataset=dataset)
    text = (
        "The response to stronger interventions, and to interventions on more neurons. Intervals are over documents; "
        "of random neurons the mean over the draws and their range (of ablation: one standard deviation) are shown."
        f"{_instrument(results)}"
    )
    tables = [_curve_table(over, [one for one in found if one.over == over]) for over in ("strength", "top")]
    shown = [table for table in tables if table.rows]
    alt = "Response by dose with intervals, dashed for random neurons, dotted for the untouched model."
    picture = Picture("dose", alt, dose_png(found))
    return Section("dose", "Dose and response", text, shown, [picture], {"curves": [one.as_json() for one in found]})


def _instrument(results: Results) -> str:
    return f"\n\n{INSTRUMENT}" if DEMO_MODEL in results.models else ""


def _matrix_table(one: LossMatrix) -> ShownTable:
    rows = [["original", "", *(_number(one.original(code).value) for code in one.languages)]]
    for ablated in one.ablated:
        randoms = [one.random(ablated, code) for code in one.languages]
        rows.append(["random", ablated, *(_change(cell) for cell in randoms)])
        rows.append([one.condition, ablated, *(_change(one.change(ablated, code)) for code in one.languages)])
    caption = (
        f"{one.table.model} on {one.table.dataset}, {one.unit}: the original, and the mean change per block of text. "
        f"{_blocks(one)} {_MARKS}"
    )
    return ShownTable(caption, ["condition", "ablated", *one.languages], rows)


def _own_table(one: LossMatrix) -> ShownTable:
    rows = []
    for code in (ablated for ablated in one.ablated if ablated in one.languages):
        cell, random = one.change(code, code), one.random(code, code)
        apart = f"{cell.against_random:+.3f} {_interval(cell.against_random_interval)}"
        spread = f"{random.difference:+.3f} ± {random.sd:.3f} ({random.K})" if random.K else "-"
        rows.append([code, f"{cell.difference:+.3f} {_interval(cell.interval)}{cell.mark}", spread, apart])
        rows[-1].append(f"{one.others(code):+.3f}")
    caption = (
        f"The ablated language's own text, {one.unit}: change with its 95 % interval over blocks, of random sets mean "
        "± standard deviation (number of sets), the difference between the two with the interval for one more random "
        "set, and the mean change of the other languages."
    )
    return ShownTable(caption, ["ablated", one.condition, "random", "more than random", "others"], rows)


def _blocks(one: LossMatrix) -> str:
    counts = one.table.documents
    least, most = min(counts.values()), max(counts.values())
    return f"{least if least == most else f'{least} to {most}'} blocks a language."


def _matrix_verdict(one: LossMatrix) -> str:
    own = [code for code in one.ablated if code in one.languages]
    marked = [code for code in own if one.change(code, code).mark == "*"]
    others = [
        f"{ablated} on {code}"
        for ablated in one.ablated
        for code in one.languages
        if code != ablated and one.change(ablated, code).mark == "*"
    ]
    told = f"In {len(marked)} of {len(own)} languages a language's own text suffers more than under random neurons"
    named = f": {', '.join(others)}" if 0 < len(others) < 9 else ""
    return f"{told}; elsewhere {len(others)} of the changes are marked{named}."


def _strongest(found: Sequence[Steering]) -> list[Steering]:
    """Of several doses of one pair the usual one: all neurons at their mean, or what is nearest to it."""
    best: dict[tuple[str, str, str], Steering] = {}
    for one in sorted(
        found, key=lambda one: (one.dose.top is not None, abs(one.dose.strength - 1), -(one.dose.top or 0))
    ):
        best.setdefault((one.dataset, one.dose.source, one.target), one)
    return [one for one in found if one in best.values()]


def _answer_table(found: Sequence[Steering]) -> ShownTable:
    header = ["A", "B", "in B", "[95 %]", "random", "original", "in A", "random", "other", "undecided", "answers"]
    rows = []
    for one in found:
        target, source = one.shares["target"], one.shares["source"]
        mark = "*" if target.corrected_p < 0.05 and target.steered > target.random else ""
        shown = [f"{_share(target.steered)}{mark}", _interval(target.interval, percent=True), _share(target.random)]
        shown += [_share(target.original), _share(source.steered), _share(source.random)]
        shown += [_share(one.shares[name].steered) for name in ("other", "undecided")]
        rows.append([one.dose.source, one.target, *shown, str(target.n)])
    caption = (
        f"{found[0].model} on {', '.join(dict.fromkeys(one.dataset for one in found))}: percent of the answers to "
        f"questions in A, A's neurons off and B's on, by the language that they came in. {_MARKS}"
    )
    return ShownTable(caption, header, rows)


_KEPT = {"text": "B text", "own": "asked in B", "same": "asked in A, as B"}


def _kept_table(found: Sequence[Steering]) -> ShownTable:
    names = [name for name in _KEPT if any(name in one.kept for one in found)]
    header = ["A", "B"]
    for name in names:
        header += [_KEPT[name], "[95 %]", "random", "original"]
    rows = [[one.dose.source, one.target, *_kept_words(one, names)] for one in found]
    metrics = {name: next(one.kept[name].name for one in found if name in one.kept) for name in names}
    parts = {
        "text": f"B text: {metrics.get('text')} of text in B",
        "own": f"asked in B: {metrics.get('own')} of questions in B",
        "same": f"asked in A, as B: {metrics.get('same')} of the answers above against B's version of the question",
    }
    caption = f"What is kept under the same steering. {'; '.join(parts[name] for name in names)}."
    return ShownTable(caption, header, rows)


def _kept_words(one: Steering, names: Sequence[str]) -> list[str]:
    words: list[str] = []
    for name in names:
        found = one.kept.get(name)
        words += ["", "", "", ""] if found is None else _measure_words(found)
    return words


def _measure_words(found: Measure) -> list[str]:
    return [_number(found.steered), _interval(found.interval), _number(found.random), _number(found.original)]


def _steering_verdict(found: Sequence[Steering]) -> str:
    targets = [one.shares["target"] for one in found]
    most = max((random for share in targets for random in share.randoms), default=math.nan)
    against = f"; of random sets at most {_share(most)} % of the answers are" if math.isfinite(most) else ""
    half = [share for share in targets if share.steered > 0.5]
    told = f"In {len(half)} of {len(found)} pairs more than half of the answers are in B{against}."
    if not any(math.isfinite(share.corrected_p) for share in targets):
        return f"{told} With fewer than two random sets a pair nothing is tested."
    tested = [share for share in half if share.corrected_p < 0.05]
    return f"{told} In {len(tested)} of these it is more than one more random set would bring."


def _curve_table(over: str, found: Sequence[Curve]) -> ShownTable:
    rows = []
    for one in found:
        for point in one.points:
            interval = _interval((point.low, point.high))
            rows.append([one.name, one.words, f"{point.dose:g}", _number(point.value), interval, _number(point.random)])
            rows[-1].append(_number(one.original))
    what = {
        "strength": "what the usual value is multiplied with",
        "top": "neurons of each language with the highest scores",
    }
    header = ["steering", "response", "dose", "value", "[95 %]", "random", "original"]
    return ShownTable(f"Dose: {what[over]}.", header, rows)


def _change(cell: TableCell) -> str:
    return "-" if math.isnan(cell.difference) else f"{cell.difference:+.3f}{cell.mark}"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def _share(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.1f}".removesuffix(".0")


def _interval(ends: tuple[float, float], *, percent: bool = False) -> str:
    if not all(map(math.isfinite, ends)):
        return "[-]"
    low, high = (_share(end) if percent else f"{end:.3f}" for end in ends)
    return f"[{low}, {high}]"
