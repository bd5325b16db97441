"""Text for tuning: the documents that are trained on, and those that are held out to measure on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from lnbench.detection import Corpus, TokenDocuments, token_documents
from lnbench.errors import DataError, EngineError

#: Documents of the training corpus that are held out where no other text is given, at most.
HELD_OUT = 100


@dataclass(frozen=True)
class HeldOut:
    """Documents of one language, as token ids, with the bytes that they stand for.

    Attributes:
        documents: token ids of each.
        bytes: of the text of all tokens that are predicted (UTF-8).
    """

    documents: Sequence[Sequence[int]]
    bytes: int


def training_documents(tokenizer: Any, corpus: Corpus, *, documents: int, max_length: int, seed: int) -> TokenDocuments:
    """So many documents of a corpus in an order of the seed's own; those of a smaller number are the first of them.

    Raises:
        DataError: the corpus is missing or has fewer.
    """
    return token_documents(
        tokenizer, [corpus], documents=documents, max_length=max_length, order="shuffled", seed=seed, equal=False
    )


def held_out(
    tokenizer: Any, corpora: Sequence[Corpus], *, documents: int | None, max_length: int
) -> dict[str, HeldOut]:
    """The first documents of each corpus.

    Raises:
        DataError: a corpus is missing, or holds no text.
    """
    found = {}
    for corpus in corpora:
        texts = list(corpus.documents())[:documents]
        if not texts:
            raise DataError(f"the held-out text of {corpus.language!r} ({corpus.source}) is empty; name another file")
        rows = tokenizer(texts, truncation=True, max_length=max_length)["input_ids"]
        kept = [row for row in rows if len(row) > 1]
        found[corpus.language] = HeldOut(kept, sum(_bytes(tokenizer, row) for row in kept))
    return found


def split(corpus: Corpus, documents: int) -> tuple[Corpus, Corpus]:
    """A corpus in two: documents to train on, and at most `HELD_OUT` at its end to measure on.

    Raises:
        DataError: it has not enough documents for both.
    """
    texts = list(corpus.documents())
    left = len(texts) - documents
    if left < 1:
        raise DataError(
            f"the corpus of {corpus.language!r} ({corpus.source}) has {len(texts)} documents, of which {documents} are "
            "trained on and none is left to measure on; add text, lower --documents or name other text with --held-out"
        )
    at = len(texts) - min(left, HELD_OUT)
    return Corpus.of(corpus.language, texts[:at]), Corpus.of(corpus.language, texts[at:])


@torch.inference_mode()
def bits_per_byte(model: Any, texts: Mapping[str, HeldOut], *, batch_size: int, pad: int) -> dict[str, float]:
    """Language -> bits that the model needs for a byte of its held-out text, each document by itself.

    Sum of ``-log2 p`` of every token after a document's first, over the bytes of those tokens.

    Raises:
        EngineError: the model computes no finite numbers.
    """
    model.eval()
    found = {language: _nats(model, text, batch_size, pad) / text.bytes for language, text in texts.items()}
    for language, nats in found.items():
        finite(nats, f"the model's loss on the held-out text of {language!r}")
    return {language: nats / math.log(2) for language, nats in found.items()}


def finite(loss: float, what: str) -> float:
    """Give a loss back.

    Raises:
        EngineError: it is NaN or infinite.
    """
    if not math.isfinite(loss):
        raise EngineError(f"{what} is {loss}; lower --learning-rate, or load the model with --dtype float32")
    return loss


def _nats(model: Any, text: HeldOut, batch_size: int, pad: int) -> float:
    total = 0.0
    ordered = sorted(text.documents, key=len)
    for start in range(0, len(ordered), batch_size):
        ids, mask = padded(ordered[start : start + batch_size], pad)
        ids, mask = ids.to(model.device), mask.to(model.device)
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1].float()
        losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")
        total += float((losses * mask[:, 1:]).sum(dtype=torch.float64))
    return total


def padded(rows: Sequence[Sequence[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Right-padded ids and attention mask, int64 ``[documents, tokens]``."""
    longest = max(map(len, rows))
    ids = torch.tensor([[*row, *[pad] * (longest - len(row))] for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    return ids, mask


def _bytes(tokenizer: Any, row: Sequence[int]) -> int:
    """Bytes of the text of all tokens but the first."""
    return len(tokenizer.decode(list(row[1:]), skip_special_tokens=True).encode())
