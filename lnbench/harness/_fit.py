"""Prompts that do not fit a model's window lose the end of their passage; instruction, question and label stay.

lm-eval cuts such a prompt on its left, where the instruction is. That still happens with another model class, and here
when nothing is left to shorten.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lnbench.harness._passages import shorten

#: Tasks whose documents say what their passage is.
_OURS = "lnbench_"
#: An answer gets at least so many tokens, whatever the prompt takes.
_LEAST_ANSWER = 8
#: Characters of a passage that is worth shortening.
_LEAST_PASSAGE = 40
_log = logging.getLogger("lnbench")


@dataclass
class Fit:
    """Fits the prompts of generative requests into a window, and counts for the results what that took.

    Attributes:
        passages: (task, document) whose passage was shortened.
        answers: (task, document) whose answer may have fewer tokens than the task allows.
        cut: (task, document) that still do not fit, so that lm-eval cuts their beginning.
        window: most tokens of prompt and answer together, of the latest requests.
        told: how many of these have been warned of.
    """

    passages: set[tuple[str, int]] = field(default_factory=set)
    answers: set[tuple[str, int]] = field(default_factory=set)
    cut: set[tuple[str, int]] = field(default_factory=set)
    window: int = 0
    told: int = 0

    def requests(self, requests: Sequence[Any], length: Callable[[str], int], window: int) -> list[Any]:
        """The requests, those that do not fit replaced; the ones given stay as they are, for the sample log.

        Args:
            requests: lm-eval's instances of ``generate_until``.
            length: tokens of a prompt, special ones included.
            window: most tokens of prompt and answer together.
        """
        self.window = window
        return [self._fitted(request, length, window) for request in requests]

    def tell(self) -> None:
        """Warn of what has been counted since it was last told."""
        if sum(self.as_json().values()) > self.told:
            self.told = sum(self.as_json().values())
            _log.warning("lnbench: prompts do not fit the window of %d tokens: %s", self.window, self._words())

    def _words(self) -> str:
        """What has been counted, without the kinds of which there is none."""
        kinds = {
            ("passage loses its end", "passages lose their end"): self.passages,
            ("answer gets", "answers get"): self.answers,
            ("prompt still is too long and loses its", "prompts still are too long and lose their"): self.cut,
        }
        ends = ("", " fewer tokens than the task allows", " beginning")
        counted = zip(kinds.items(), ends, strict=True)
        return ", ".join(f"{len(n)} {one if len(n) == 1 else more}{end}" for ((one, more), n), end in counted if n)

    def join(self, everyones: Sequence[Fit]) -> None:
        """Count what several processes have counted, each on its share of the documents."""
        for one in everyones:
            self.passages |= one.passages
            self.answers |= one.answers
            self.cut |= one.cut

    def as_json(self) -> dict[str, int]:
        """How many documents were concerned, for the results."""
        return {
            "passages_shortened": len(self.passages),
            "answers_shortened": len(self.answers),
            "beginnings_cut": len(self.cut),
        }

    def clear(self) -> None:
        """Count anew, for another condition."""
        for counted in (self.passages, self.answers, self.cut):
            counted.clear()
        self.told = 0

    def _fitted(self, request: Any, length: Callable[[str], int], window: int) -> Any:
        prompt, settings = request.args[:2]
        answer = settings.get("max_gen_toks") if isinstance(settings, Mapping) else None
        ours = str(request.task_name).startswith(_OURS) and isinstance(request.doc, Mapping)
        # A token is at least one byte of text, but for the two or three that a tokenizer puts around it.
        if not ours or answer is None or len(prompt.encode()) + 8 + answer <= window:
            return request
        room = window - min(answer, max(window // 2, 1))
        fitted = _with_shorter_passage(prompt, str(request.doc.get("passage") or ""), length, room)
        left = min(answer, max(window - length(fitted), _LEAST_ANSWER))
        self._count(
            (request.task_name, request.doc_id), fitted != prompt, left < answer, length(fitted) + left > window
        )
        if fitted == prompt and left == answer:
            return request
        return replace(request, arguments=(fitted, {**settings, "max_gen_toks": left}))

    def _count(self, document: tuple[str, int], shortened: bool, less: bool, cut: bool) -> None:
        for happened, counted in ((shortened, self.passages), (less, self.answers), (cut, self.cut)):
            if happened:
                counted.add(document)


def _with_shorter_passage(prompt: str, passage: str, length: Callable[[str], int], room: int) -> str:
    """The prompt with as much of its passage, from the beginning, as ``room`` tokens hold; itself where it fits.

    The passage ends its line and is sought from the end: examples come first, and may hold the same words. A few words
    of passage are left alone; they make no prompt long, and might be found in the question.
    """
    at = prompt.rfind(f"{passage}\n")
    if len(passage) < _LEAST_PASSAGE or at < 0 or length(prompt) <= room:
        return prompt
    before, after = prompt[:at], prompt[at + len(passage) :]
    fits, too_long = 0, len(passage)
    while too_long - fits > 1:  # the most characters that fit, by bisection
        middle = (fits + too_long) // 2
        if length(before + passage[:middle] + after) <= room:
            fits = middle
        else:
            too_long = middle
    return before + shorten(passage, fits) + after
