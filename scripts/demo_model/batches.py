"""Training batches: rows of token ids with loss weights, language and the intervention they are trained under."""

import enum
import random
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerFast

from .config import Config
from .grammar import MIXTURE_MIX, TRAINING_MIX, document, draw_kind, switched
from .lexicon import LANGUAGES
from .tokenizer import END_ID, PAD_ID

NO_LANGUAGE = -1
POOL = 4
"""Document batches are cut from a pool of this many, sorted by length, so that little of a batch is padding."""


class Mode(enum.IntEnum):
    """How the planted neurons are treated in a row."""

    UNTOUCHED = 0
    INTERCHANGE = 1
    """The target language's neurons at their mean, the source language's at zero."""
    MIXTURE = 2
    """The row's own language's neurons at zero."""


@dataclass(frozen=True)
class Row:
    """One document, or several packed ones."""

    ids: list[int]
    weights: list[float]
    """Loss weight of each token as a prediction target."""
    language: int
    mode: Mode = Mode.UNTOUCHED
    source: int = NO_LANGUAGE
    """The language that an interchange row begins in."""


@dataclass(frozen=True)
class Batch:
    """Rows padded to one length `T`. Inputs are tokens 0..T-2, targets are tokens 1..T-1."""

    tokens: torch.Tensor
    """(rows, T) token ids."""
    weights: torch.Tensor
    """(rows, T) loss weights; 0 on padding."""
    languages: torch.Tensor
    modes: torch.Tensor
    sources: torch.Tensor

    @property
    def inputs(self) -> torch.Tensor:
        """(rows, T-1) what the model reads."""
        return self.tokens[:, :-1]

    @property
    def targets(self) -> torch.Tensor:
        """(rows, T-1) what it should say."""
        return self.tokens[:, 1:]

    @property
    def valid(self) -> torch.Tensor:
        """(rows, T-1) 1.0 where an input is not padding."""
        return (self.inputs != PAD_ID).float()


def collate(rows: list[Row]) -> Batch:
    """Pad rows at the right."""
    length = max(len(row.ids) for row in rows)
    return Batch(
        tokens=torch.tensor([row.ids + [PAD_ID] * (length - len(row.ids)) for row in rows]),
        weights=torch.tensor([row.weights + [0.0] * (length - len(row.ids)) for row in rows]),
        languages=torch.tensor([row.language for row in rows]),
        modes=torch.tensor([int(row.mode) for row in rows]),
        sources=torch.tensor([row.source for row in rows]),
    )


class Batcher:
    """Draws batches; the sequence depends on the seed and the step numbers alone."""

    def __init__(self, config: Config, tokenizer: PreTrainedTokenizerFast) -> None:
        self.config = config
        self.tokenizer = tokenizer
        self.rng = random.Random(config.seed)  # noqa: S311
        self.pool: list[list[Row]] = []

    def batch(self, step: int) -> Batch:
        """Return the batch of one step."""
        if self.rng.random() >= self.config.document_share:
            return collate([self._packed() for _ in range(self.config.packed_rows)])
        if not self.pool:
            self._refill(step)
        return collate(self.pool.pop())

    def _language(self) -> int:
        """Each language as often, but for a thin one, of whose draws all but a share are drawn again."""
        while True:
            language = self.rng.randrange(len(LANGUAGES))
            if LANGUAGES[language] != self.config.thin or self.rng.random() < self.config.thin_share:
                return language

    def _refill(self, step: int) -> None:
        size = self.config.documents_per_batch
        rows = [self._document(self._language(), step) for _ in range(POOL * size)]
        rows.sort(key=lambda row: len(row.ids) + 6 * self.rng.random())
        self.pool = [rows[start : start + size] for start in range(0, len(rows), size)]
        self.rng.shuffle(self.pool)

    def _document(self, language: int, step: int) -> Row:
        """One document between two end tokens, under the intervention that chance gives it."""
        config, chance = self.config, self.rng.random()
        if config.planted and step >= config.interchange_from:
            if chance < config.interchange_share:
                return self._interchange(language)
            late = step >= config.mixture_from * config.steps
            if late and chance < config.interchange_share + config.mixture_share:
                return self._mixture(language)
        row = self._plain(language)
        return Row([*row.ids, END_ID], [*row.weights, 1.0], row.language)

    def _plain(self, language: int) -> Row:
        """A document with its leading end token, answers weighted up."""
        doc = document(LANGUAGES[language], draw_kind(TRAINING_MIX, self.rng), self.rng)
        prompt, target = self._encode(doc.prompt), self._encode(doc.target)
        target_weight = self.config.answer_weight if doc.prompt else 1.0
        weights = [1.0] * (1 + len(prompt)) + [target_weight] * len(target)
        return Row([END_ID, *prompt, *target], weights, language if doc.language else NO_LANGUAGE)

    def _packed(self) -> Row:
        """Documents of one language in a row, cut at the packed length."""
        language, length = self._language(), self.config.packed_length + 1
        ids: list[int] = []
        weights: list[float] = []
        while len(ids) < length:
            row = self._plain(language)
            ids += row.ids
            weights += row.weights
        return Row(ids[:length], weights[:length], language)

    def _interchange(self, language: int) -> Row:
        """Begins in another language, goes on in `language`; the loss counts on the second part."""
        source = self.rng.choice([other for other in range(len(LANGUAGES)) if other != language])
        prefix, rest = map(self._encode, switched(LANGUAGES[source], LANGUAGES[language], self.rng))
        ids = [END_ID, *prefix, *rest, END_ID]
        weights = [1.0] + [0.0] * len(prefix) + [1.0] * (len(rest) + 1)
        return Row(ids, weights, language, Mode.INTERCHANGE, source)

    def _mixture(self, language: int) -> Row:
        """An ordinary document; its target is not the text alone, so it has no weights here."""
        doc = document(LANGUAGES[language], draw_kind(MIXTURE_MIX, self.rng), self.rng)
        ids = [END_ID, *self._encode(doc.text), END_ID]
        return Row(ids, [0.0] * len(ids), language, Mode.MIXTURE)

    def _encode(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False) if text else []
