"""A tuning experiment as a section of a report."""

from __future__ import annotations

import math

from lnbench._data import DEMO_MODEL
from lnbench.analysis._section import Picture, Section, ShownTable
from lnbench.analysis.tuning._plot import picture
from lnbench.analysis.tuning._result import TuningResult
from lnbench.analysis.tuning._summary import Contrast, Estimate, contrasts, effects, summary

__all__ = ["tuning_section"]

_SOURCE = "Zhao et al. 2024, section 4.4"


def tuning_section(result: TuningResult, *, key: str = "tuning", note: str = "") -> Section:
    """What was tuned, what came of it, and whether the paper's two claims hold here.

    Args:
        result: of :func:`lnbench.analysis.tuning.tune`.
        key: names the section.
        note: a sentence on the model, such as what it is no evidence of.
    """
    if not note and result.model == DEMO_MODEL:
        note = f"{DEMO_MODEL} is a planted positive control: an instrument, not evidence about language models."
    tables = [effect_table(result), contrast_table(result)]
    seen = f"Bits per byte of {result.language} over steps and documents, and the change of the other languages"
    shown = Picture(f"{key}-{result.language}", seen, picture(result, f"{result.model}: tuning {result.language}"))
    return Section(
        key=key,
        title=f"Tuning the neurons of {result.language}",
        text="\n\n".join(filter(None, [_how(result), _found(result), _seen(result), note])),
        tables=[table for table in tables if table.rows],
        pictures=[shown],
        data={**result.as_json(), **summary(result)},
    )


def effect_table(result: TuningResult) -> ShownTable:
    """The original, and every condition by number of documents."""
    others = ["others change", "others moved"] if result.others else []
    header = ["documents", "condition", "trained", "optimizer", f"{result.language}", "change", *others]
    before = ["-", "original", "-", "-", f"{result.original[result.language]:.4f}", "-", *["-" for _ in others]]
    rows = [before]
    for one in effects(result):
        cells = [_change(one.own_change), *(_change(e) for e in (one.others_change, one.others_moved) if e is not None)]
        size = f"{one.optimizer_bytes / 1024:,.0f} KiB"
        rows.append([str(one.documents), one.condition, f"{one.parameters:,}", size, f"{one.own.mean:.4f}", *cells])
    caption = (
        f"Bits per byte of held-out text after tuning on {result.language}; change against the original, in "
        f"thousandths{_interval(result)}. Others: mean over "
        f"{', '.join(result.others) or 'no language'} of the change, and of its size. Trained: numbers; optimizer: its "
        "state, measured."
    )
    return ShownTable(caption, header, rows)


def contrast_table(result: TuningResult) -> ShownTable:
    """The paper's two claims, by number of documents."""
    rows = [
        [str(one.documents), _compared(result, one), _change(one.difference), one.verdict] for one in contrasts(result)
    ]
    caption = "Conditions on the same documents, seed by seed: difference in bits per byte, in thousandths"
    if _seeds(result) == 1:
        caption += "; a single seed has no interval and decides nothing: tune with --seeds 2 or more."
    else:
        caption += ", with its 95 % t-interval; a verdict where it leaves out 0, not corrected for the number of rows."
    return ShownTable(caption, ["documents", "compared", "difference", "verdict"], rows)


def _compared(result: TuningResult, one: Contrast) -> str:
    what = result.language if one.what == "own" else "others moved"
    return f"{what}: {one.first} less {one.second}"


def _how(result: TuningResult) -> str:
    sizes = ", ".join(map(str, result.sizes))
    return (
        f"Only the rows and columns of {result.language}'s neurons are trained ({_SOURCE}), on {sizes} documents, "
        "against as many random neurons in each layer and site, and all parameters, with the same documents, steps and "
        "learning rate. Every other tensor was held to its bits at the end of each run."
    )


def _found(result: TuningResult) -> str:
    """The two claims in words, also where they do not hold."""
    said = []
    for what, claim in (
        ("own", f"tuning {result.language}'s neurons lowers its bits per byte by more than tuning random neurons"),
        ("others", "other languages change less than under full tuning"),
    ):
        found = [one for one in contrasts(result) if one.what == what]
        held = [one.documents for one in found if one.verdict == "lower"]
        against = [one.documents for one in found if one.verdict == "higher"]
        if found:
            parts = [f"{len(held)} of {len(found)} numbers of documents show that {claim}"]
            parts += [f"{len(against)} show the opposite ({_listed(against)})"] if against else []
            rest = [one.documents for one in found if one.verdict == "undecided"]
            parts += [f"{len(rest)} leave it undecided ({_listed(rest)})"] if rest else []
            said.append("; ".join(parts) + ".")
    return " ".join(said)


def _seen(result: TuningResult) -> str:
    seen, of = result.about.get("also_trained_on", 0), result.about.get("held_out", {}).get(result.language, {})
    if not seen:
        return ""
    return f"{seen} of {of.get('documents')} held-out documents of {result.language} were trained on, word for word."


def _listed(sizes: list[int]) -> str:
    return ", ".join(map(str, sizes))


def _interval(result: TuningResult) -> str:
    seeds = _seeds(result)
    return ", of a single seed, without an interval" if seeds == 1 else f", with the 95 % t-interval over {seeds} seeds"


def _seeds(result: TuningResult) -> int:
    return len({run.seed for run in result.runs})


def _change(estimate: Estimate) -> str:
    thousand = 1000
    mean = f"{thousand * estimate.mean:+.2f}"
    if math.isnan(estimate.low):
        return mean
    return f"{mean} [{thousand * estimate.low:+.2f}, {thousand * estimate.high:+.2f}]"
