"""The layer lens (Zhao et al. 2024, arXiv 2402.18815): which language a model would speak, layer by layer.

The state after every layer goes through the model's own final norm and head; the likeliest tokens are judged by
language. Held to the model's own logits at the last layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lnbench.analysis.lens._judge import Judge
from lnbench.analysis.lens._passes import PARTS, run
from lnbench.analysis.lens._settings import LensSettings
from lnbench.analysis.lens._shares import Shares, shares, shares_json
from lnbench.analysis.lens._tally import Tally, count
from lnbench.errors import DataError, SpecError
from lnbench.models import Readout, readout, site_map

#: Tokens of a prompt where nothing else is said.
_MOST_TOKENS = 512
#: ``done(language, documents)``, called after each batch.
Done = Callable[[str, int], None]


@dataclass(frozen=True)
class LanguageLens:
    """The prompts of one language.

    Attributes:
        language: its code.
        documents: how many prompts there were.
        cut: how many of them were longer than ``max_length`` tokens.
        parts: shares by depth, of the positions of the prompts and of the generated tokens.
        text: shares of the tokens that really come next at these positions, of one depth: what the judge makes of
            text whose language is known.
    """

    language: str
    documents: int
    cut: int
    parts: Mapping[str, Shares]
    text: Mapping[str, Shares]


@dataclass(frozen=True)
class Lens:
    """What was found in one model under one condition.

    Attributes:
        model: its name.
        condition: ``original``, or what was done to it.
        depths: names of the rows of every share: ``embeddings``, then the layers from ``0``.
        labels: names of the columns of :attr:`Shares.labels`.
        languages: one for each language of the prompts.
        judge: what verdicts depend on.
        settings: how it was looked.
    """

    model: str
    condition: str
    depths: tuple[str, ...]
    labels: tuple[str, ...]
    languages: tuple[LanguageLens, ...]
    judge: Mapping[str, Any]
    settings: LensSettings

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        s = self.settings
        settings = {name: getattr(s, name) for name in ("top_k", "weight", "new_tokens", "max_length")}
        languages = {each.language: self._language_json(each) for each in self.languages}
        return {
            "model": self.model,
            "condition": self.condition,
            "settings": settings,
            "judge": dict(self.judge),
            "languages": languages,
        }

    def _language_json(self, each: LanguageLens) -> dict[str, Any]:
        parts = {part: shares_json(found, self.labels, self.depths) for part, found in each.parts.items()}
        text = {part: shares_json(found, self.labels, ("text",)) for part, found in each.text.items()}
        return {"documents": each.documents, "cut": each.cut, **parts, "text": text}


def layer_lens(
    model: Any,
    tokenizer: Any,
    prompts: Mapping[str, Sequence[str]],
    settings: LensSettings | None = None,
    *,
    name: str | None = None,
    condition: str = "original",
    done: Done | None = None,
) -> Lens:
    """Look at every layer of a model on prompts of known languages, with whatever plan is applied to it now.

    Memory holds the states of one batch (depths x positions x hidden) and the logits of one chunk of positions of one
    depth (at most :data:`~lnbench.analysis.lens._tally.MOST_LOGITS`), never depths x positions x vocabulary.

    Args:
        model: a causal language model of transformers, in evaluation mode.
        tokenizer: its own.
        prompts: documents by language, BCP 47 codes; what the tokenizer puts before a text is put before each.
        settings: how to look.
        name: what the model is called; its config's name when None.
        condition: what was done to it, in words.
        done: told of progress.

    Raises:
        DataError: a language has no prompts.
        EngineError: the model computes no finite numbers.
        SpecError: prompts and new tokens are more than the model has positions, or ``top_k`` more than it has tokens.
        UnknownLanguageError: a language or candidate is no language tag.
        UnsupportedArchitectureError: lnbench has no description of this architecture.
    """
    chosen = _fitted(model, settings or LensSettings())
    judge = Judge(tokenizer, chosen.judged_between(tuple(prompts)), chosen.word_letters)
    look = _Look(model, tokenizer, readout(model), judge, chosen, done or (lambda *_: None))
    found = tuple(look.at(language, documents) for language, documents in prompts.items())
    depths = ("embeddings", *(str(layer) for layer in range(len(site_map(model).layers))))
    called = name or str(getattr(model, "name_or_path", "") or type(model).__name__)
    return Lens(called, condition, depths, judge.labels, found, judge.as_json(), chosen)


def _fitted(model: Any, settings: LensSettings) -> LensSettings:
    """The settings with a length of prompts that leaves room for the new tokens; no more tokens than there are."""
    config = model.config.get_text_config(decoder=True)
    if settings.top_k > config.vocab_size:
        raise SpecError(f"top_k={settings.top_k} is more than the model's {config.vocab_size} tokens; lower it")
    positions = getattr(config, "max_position_embeddings", None)
    room = _MOST_TOKENS if positions is None else positions - settings.new_tokens - 1
    wanted = settings.max_length if settings.max_length is not None else max(1, min(_MOST_TOKENS, room))
    if positions is not None and wanted > room:
        raise SpecError(
            f"prompts of {wanted} and {settings.new_tokens} new tokens are more than the model's {positions} "
            "positions; lower --max-length or --new-tokens"
        )
    return replace(settings, max_length=wanted)


@dataclass(frozen=True)
class _Look:
    """What all languages share."""

    model: Any
    tokenizer: Any
    readout: Readout
    judge: Judge
    settings: LensSettings
    done: Done

    def at(self, language: str, documents: Sequence[str]) -> LanguageLens:
        rows = [self.tokenizer(document)["input_ids"] for document in documents]
        if not rows or not all(rows):
            raise DataError(f"the prompts of {language!r} are empty; give at least one, with text in each")
        most = self.settings.max_length or _MOST_TOKENS
        tally = self._counted(language, [_cut(row, most, self.judge.pieces.special) for row in rows])
        labels = self.judge.labels
        return LanguageLens(
            language,
            len(rows),
            sum(len(row) > most for row in rows),
            {part: shares(tally.lens[number], labels, language) for number, part in enumerate(PARTS)},
            {part: shares(tally.text[None, number], labels, language) for number, part in enumerate(PARTS)},
        )

    def _counted(self, language: str, rows: list[list[int]]) -> Tally:
        """Batches of prompts of similar length, the longest first: what is too large for a device fails at once."""
        s, depths = self.settings, len(site_map(self.model).layers) + 1
        tally = Tally.empty(depths, len(rows), len(self.judge.labels))
        order = sorted(range(len(rows)), key=lambda number: -len(rows[number]))
        for at in range(0, len(order), s.batch_size):
            numbers = order[at : at + s.batch_size]
            passed = run(
                self.model, [rows[n] for n in numbers], s.new_tokens, self.judge.pieces.special, _pad(self.tokenizer)
            )
            count(passed, np.array(numbers), self.readout, self.judge, s.top_k, s.weight, tally)
            self.done(language, len(numbers))
        return tally


def _cut(row: list[int], most: int, special: frozenset[int]) -> list[int]:
    """The end of a long prompt, behind the special token that it began with."""
    if len(row) <= most:
        return row
    begin = row[:1] if row[0] in special and most > 1 else []
    return [*begin, *row[len(row) - most + len(begin) :]]


def _pad(tokenizer: Any) -> int:
    known = (tokenizer.pad_token_id, tokenizer.eos_token_id, 0)
    return int(next(number for number in known if number is not None))
