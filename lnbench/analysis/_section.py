"""What an experiment has to show: a section of a report, as plain values.

An experiment fills it and knows no page; a report sets it as Markdown or HTML and knows no experiment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ShownTable:
    """A table of ready words, first row the header.

    Attributes:
        caption: what the numbers are, with their unit, and over what their intervals are.
        header: one word or so for each column.
        rows: as many cells as the header has; an empty text is a missing value.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Picture:
    """A picture, held in memory until a report is written.

    Attributes:
        name: the file's name without suffix; lower case and hyphens.
        alt: what is to be seen, for those who cannot see it.
        png: the bytes of the file.
    """

    name: str
    alt: str
    png: bytes


@dataclass(frozen=True)
class Section:
    """One experiment: what was asked, how, and what was found, also where an effect is absent.

    Attributes:
        key: names it in files and links; lower case and hyphens.
        title: a heading.
        text: paragraphs of Markdown prose.
        data: the numbers behind tables and pictures, as plain JSON.
    """

    key: str
    title: str
    text: str
    tables: Sequence[ShownTable] = ()
    pictures: Sequence[Picture] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
