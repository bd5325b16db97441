"""What was found, as text and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Problem:
    """Attributes:
    sentence: what is wrong and what to do, in one sentence.
    needed: whether the main job cannot run so.
    """

    sentence: str
    needed: bool = False


@dataclass
class Part:
    """One subject: what there is, line by line, and what is wrong with it.

    Attributes:
        title: its heading.
        facts: what is found, as it is shown and as it goes into JSON.
        problems: what to mend.
    """

    title: str
    facts: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, sentence: str, *, needed: bool = False) -> None:
        """Note a problem."""
        self.problems.append(Problem(sentence, needed))


def as_text(parts: Sequence[Part]) -> str:
    """All parts under their headings, then every problem with its remedy, then one line that says how it stands."""
    width = max((len(name) for part in parts for name in part.facts), default=0)
    lines: list[str] = []
    for part in parts:
        lines += [part.title, *(f"  {name:<{width}}  {value}" for name, value in part.facts.items()), ""]
    for problem in (problem for part in parts for problem in part.problems):
        mark = "PROBLEM" if problem.needed else "note"
        lines += textwrap.wrap(f"{mark}: {problem.sentence}", 100, subsequent_indent="  ", break_long_words=False)
    return "\n".join([*lines, *([""] if any(part.problems for part in parts) else []), verdict(parts)])


def verdict(parts: Sequence[Part]) -> str:
    """The last line."""
    needed = sum(problem.needed for part in parts for problem in part.problems)
    if needed:
        return f"{needed} {'problem keeps' if needed == 1 else 'problems keep'} lnbench from its main job."
    return "Everything that the main job needs is here; try `lnbench demo`."


def as_json(parts: Sequence[Part]) -> dict[str, Any]:
    """The same as plain values."""
    problems = [
        {"part": part.title, "problem": problem.sentence, "needed": problem.needed}
        for part in parts
        for problem in part.problems
    ]
    return {
        "parts": {part.title: part.facts for part in parts},
        "problems": problems,
        "fine": not any(problem["needed"] for problem in problems),
    }
