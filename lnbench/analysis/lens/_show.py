"""A lens in words: a table for each language and part, with the tokens that really come next as its last line."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lnbench.analysis._section import ShownTable
from lnbench.analysis.lens._lens import LanguageLens, Lens
from lnbench.analysis.lens._passes import PARTS
from lnbench.analysis.lens._shares import GROUPS, Shares
from lnbench.scoring import script_of_language

#: What the columns are called.
NAMES = {"english": "English", "own": "own", "other": "other", "undecided": "undecided", "none": "no language"}
TEXT = "text"


def lens_tables(lens: Lens) -> list[ShownTable]:
    """One table for each language and part that has positions: percent of positions, with intervals."""
    found = []
    for each in lens.languages:
        found += [_table(lens, each, part) for part in PARTS if each.parts[part].documents]
    return found


def lens_text(*lenses: Lens) -> str:
    """The tables for a terminal, without intervals, and what to know when reading them.

    Args:
        lenses: conditions of one model on the same prompts; tables of one language and part stand below each other.
    """
    parts = [
        _shown(_table(lens, each, part))
        for at, first in enumerate(lenses[0].languages)
        for part in PARTS
        for lens in lenses
        if (each := lens.languages[at]).language == first.language and each.parts[part].documents
    ]
    return "\n\n".join([*parts, *dict.fromkeys(note for lens in lenses for note in notes(lens))])


def _shown(table: ShownTable) -> str:
    from tabulate import tabulate

    rows = [[cell.split(" [")[0] for cell in row] for row in table.rows]
    shown = tabulate(rows, headers=list(table.header), stralign="right", disable_numparse=True)
    return f"{table.caption}\n\n{shown}"


def notes(lens: Lens) -> list[str]:
    """What the numbers depend on, one sentence or two each."""
    candidates = lens.judge["candidates"]
    found = [
        f"Share of the {_which(lens)}; mean over prompts. {TEXT}: the tokens that really come next, judged alike, so "
        "what the judge makes of text whose language is known. own of judged: of the positions whose token was given "
        "a language.",
        f"Judged between {', '.join(candidates)}: by script where one alone writes it, else by "
        f"{lens.judge['identifier']} for lower-case words of {lens.judge['word_letters']} letters or more.",
    ]
    if alone := _alone(candidates):
        found.append(
            f"Only {alone} of these is written in Latin letters, so every piece in Latin letters counts as {alone}; "
            "name more candidates to tell them apart."
        )
    if cut := [f"{each.cut} of {each.language}" for each in lens.languages if each.cut]:
        found.append(f"Prompts that lost their beginning to {lens.settings.max_length} tokens: {', '.join(cut)}.")
    return found


def _which(lens: Lens) -> str:
    k = lens.settings.top_k
    weighed = " by their probabilities" if lens.settings.weight == "probability" and k > 1 else ""
    return f"{'likeliest token' if k == 1 else f'{k} likeliest tokens'} at each position{weighed}"


def _alone(candidates: Sequence[str]) -> str | None:
    latin = [code for code in candidates if "Latin" in script_of_language(code)]
    return latin[0] if len(latin) == 1 else None


def _table(lens: Lens, each: LanguageLens, part: str) -> ShownTable:
    found, text = each.parts[part], each.text[part]
    where = f"{found.positions:,} positions of {'prompts' if part == 'prompt' else 'generated text'}"
    caption = f"{each.language}, {lens.condition}: {where} ({found.documents} prompts), percent"
    groups = [group for group in GROUPS if group != "english" or each.language != "en"]
    rows = [[name, *_cells(found, depth, groups)] for depth, name in enumerate(lens.depths)]
    rows += [[TEXT, *_cells(text, 0, groups)]] if text.documents else []
    return ShownTable(caption, ["layer", *(NAMES[group] for group in groups), "own of judged"], rows)


def _cells(found: Shares, depth: int, groups: Sequence[str]) -> list[str]:
    places = [GROUPS.index(group) for group in groups]
    cells = [_cell(*(values[depth, place] for values in (found.groups, found.low, found.high))) for place in places]
    return [*cells, _cell(found.of_judged("own")[depth], math.nan, math.nan)]


def _cell(value: float, low: float, high: float) -> str:
    interval = "" if math.isnan(low) else f" [{100 * low:.1f}, {100 * high:.1f}]"
    return "" if math.isnan(value) else f"{100 * value:.1f}{interval}"
