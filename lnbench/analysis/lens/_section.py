"""The lens as a section of a report."""

from __future__ import annotations

from collections.abc import Sequence

from lnbench._data import DEMO_MODEL
from lnbench.analysis._section import Picture, Section
from lnbench.analysis.lens._lens import Lens
from lnbench.analysis.lens._plot import areas_png, heat_png
from lnbench.analysis.lens._shares import GROUPS
from lnbench.analysis.lens._show import lens_tables, notes

_WHAT = (
    "The state after every layer goes through the model's own final norm and head, and the tokens that it would say "
    "there are judged by language (Zhao et al. 2024, figures 1 and 4). The row `embeddings` is the input of the first "
    "layer; at the last layer the tokens are the model's own."
)
_DEMO = (
    f"`{DEMO_MODEL}` is a planted positive control of {{layers}} layers: an instrument, and no evidence about language "
    "models. It was trained on parallel text of its languages in equal parts and was given no reason to think in "
    "English, so no English in its middle layers is what to expect of it, and says nothing about the paper's claim. "
    "Where embeddings and head are one matrix, as here, the first row shows little more than the token that was read."
)


def lens_section(lenses: Sequence[Lens]) -> Section:
    """What was found in one model.

    Args:
        lenses: its conditions on the same prompts, the original first; at least one.
    """
    first = lenses[0]
    paragraphs = [_WHAT, *notes(first), _english(first)]
    if first.model == DEMO_MODEL:
        paragraphs.append(_DEMO.format(layers=len(first.depths) - 1))
    pictures = (
        Picture(
            "lens-areas", "Share of each class of tokens by layer, for each language of prompts", areas_png(lenses)
        ),
        Picture(
            "lens-heat",
            "Share of the prompt's language and of English in what could be judged, by layer and language",
            heat_png(lenses),
        ),
    )
    tables = [table for lens in lenses for table in lens_tables(lens)]
    data = {"lenses": [lens.as_json() for lens in lenses]}
    return Section("layer-lens", "Layer lens", "\n\n".join(paragraphs), tables, pictures, data)


def _english(lens: Lens) -> str:
    """Where English was most, as it was measured, also where there is next to none."""
    english, own = GROUPS.index("english"), GROUPS.index("own")
    found = [
        (float(row[english]), float(row[own]), each.language, name)
        for each in lens.languages
        if each.language != "en" and each.parts["prompt"].documents
        for name, row in zip(lens.depths, each.parts["prompt"].groups, strict=True)
    ]
    if not found:
        return "No prompt was in another language than English, so nothing can be said about English on the way."
    most, of_own, language, layer = max(found)
    where = "at the embeddings" if layer == "embeddings" else f"after layer {layer}"
    return (
        f"On prompts in other languages, the largest share of English at any layer is {100 * most:.1f} percent "
        f"({language}, {where}, where {100 * of_own:.1f} percent are in {language}); there are more tokens of English "
        f"than of the prompt's language in {sum(e > o for e, o, *_ in found)} of {len(found)} pairs of language and "
        "layer."
    )
