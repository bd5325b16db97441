"""Packed text: documents joined into one long text of tokens and cut into blocks of one length, each a document.

So perplexities are measured by Tang et al. (ACL 2024, arXiv 2402.16438) and in their released code: whole blocks only,
every token but the first of a block predicted from those before it in the block, at most 2**20 tokens a language.

Blocks are of tokens, so the model whose tokenizer cuts must be there before the tasks are built: the latest one that
was made in this process, or the one that was named with :func:`cut_for`. A block says who cut it, and only that model
answers it.
"""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from lnbench.errors import DataError, TaskError

#: The most tokens of a language that are used, and the longest block where none is asked for: as published.
MOST_TOKENS, LONGEST = 2**20, 4096
#: A shorter block predicts next to nothing from next to nothing.
SHORTEST = 16
_AT_ONCE = 64

IntArray = npt.NDArray[np.int64]
#: The model whose tokenizer cuts, as long as it is in use elsewhere; at most one.
_models: list[weakref.ref[Any]] = []


@dataclass(frozen=True)
class Packed:
    """The text of one language as blocks.

    Attributes:
        documents: one per block, for lm-eval.
        block: tokens of a block, the first, which is not predicted, included.
        tokens: that were cut into blocks; up to ``block - 1`` that fill no block are left out.
    """

    documents: list[dict[str, Any]]
    block: int
    tokens: int


def cut_for(lm: Any) -> None:
    """Have the packed text of tasks that are built from now on cut by the tokenizer of this model."""
    _models[:] = [weakref.ref(lm)]


def pack(texts: Sequence[str], language: str, block: int | None, usual: int) -> Packed:
    """Tokenize, join and cut.

    A document begins with what the tokenizer puts before a text, or, where that is nothing, with its end-of-text token.

    Args:
        texts: documents.
        language: their code.
        block: tokens of a block; None: ``usual``, or the model's window where that is shorter.
        usual: of the task.

    Raises:
        DataError: no model is there to cut it, the length cannot be, or the text does not fill one block.
    """
    lm = next((model() for model in _models), None)
    if lm is None:
        raise DataError(
            "packed text is cut by the model's tokenizer, and no model of lnbench is made; use --model lnbench"
        )
    length = _length(block, usual, getattr(lm, "scored_length", lm.max_length))
    ids, sizes = _joined(lm.tokenizer, texts)
    if ids.size < length:
        raise DataError(
            f"the text of {language!r} has {ids.size} tokens, fewer than one block of {length}; add text, or cut "
            "shorter blocks with --metadata lnbench_block=N (in a study: max_length: N under model:)"
        )
    used = ids.size // length * length
    pairs = zip(ids[:used].reshape(-1, length), sizes[:used].reshape(-1, length), strict=True)
    made = [_document(lm, language, at, *pair) for at, pair in enumerate(pairs)]
    return Packed(made, length, int(used))


def block_of(document: Any) -> list[int] | None:
    """The token ids of a packed block; None for any other document."""
    found = document.get("block_ids") if isinstance(document, Mapping) else None
    return found if isinstance(found, list) else None


def answered(
    lm: Any, requests: Sequence[Any], disable_tqdm: bool, plain: Callable[[list[Any]], list[float]]
) -> list[Any]:
    """Answer requests for rolling log-likelihoods, blocks as (log-likelihood in nats, predicted tokens).

    Raises:
        TaskError: a block was cut for another model.
    """
    blocks = [request for request in requests if block_of(request.doc) is not None]
    rolling = [request for request in requests if block_of(request.doc) is None]
    of_blocks = iter(_block_answers(lm, blocks, disable_tqdm) if blocks else ())
    of_others = iter(plain(rolling) if rolling else ())
    return [next(of_others if block_of(request.doc) is None else of_blocks) for request in requests]


def _block_answers(lm: Any, requests: Sequence[Any], disable_tqdm: bool) -> Iterator[tuple[float, int]]:
    strange = next((r.doc["cut_by"] for r in requests if r.doc["cut_by"] != _name(lm)), None)
    if strange is not None:
        raise TaskError(
            f"packed text was cut for {strange}, not for {_name(lm)}; build the tasks after the model is made"
        )
    ids = [request.doc["block_ids"] for request in requests]
    found = lm._loglikelihood_tokens([(None, one[:1], one[1:]) for one in ids], disable_tqdm=disable_tqdm)
    return ((float(nats), len(one) - 1) for (nats, _), one in zip(found, ids, strict=True))


def _length(block: int | None, usual: int, window: int) -> int:
    if block is None:
        return min(usual, window)
    if not isinstance(block, int) or isinstance(block, bool) or not SHORTEST <= block <= window:
        raise DataError(
            f"lnbench_block={block!r} cannot be the tokens of a block; give a whole number from {SHORTEST} to the "
            f"model's window of {window}"
        )
    return block


def _joined(tokenizer: Any, texts: Sequence[str]) -> tuple[IntArray, IntArray]:
    """Token ids of all documents in a row, and how many bytes of text each token stands for."""
    begin = [] if tokenizer("")["input_ids"] else [token for token in [tokenizer.eos_token_id] if token is not None]
    ids: list[int] = []
    sizes: list[int] = []
    parts = (texts[at : at + _AT_ONCE] for at in range(0, len(texts), _AT_ONCE))
    for one, of_bytes in chain.from_iterable(_tokenized(tokenizer, some) for some in parts):
        ids += [*begin, *one]
        sizes += [*(0 for _ in begin), *of_bytes]
        if len(ids) >= MOST_TOKENS:
            break
    return np.array(ids[:MOST_TOKENS], dtype=np.int64), np.array(sizes[:MOST_TOKENS], dtype=np.int64)


def _tokenized(tokenizer: Any, texts: Sequence[str]) -> Iterator[tuple[list[int], list[int]]]:
    found = tokenizer(list(texts), return_offsets_mapping=tokenizer.is_fast, verbose=False)
    ends = found["offset_mapping"] if tokenizer.is_fast else [None] * len(texts)
    for text, ids, offsets in zip(texts, found["input_ids"], ends, strict=True):
        yield ids, _sizes(text, len(ids), offsets)


def _sizes(text: str, tokens: int, offsets: Sequence[tuple[int, int]] | None) -> list[int]:
    """Bytes by token; their sum is the text's. Of a character that is several tokens the first has the bytes.

    A tokenizer that tells no offsets has its bytes spread evenly.
    """
    if not tokens:
        return []
    upto = np.cumsum([0, *(len(character.encode("utf-8", "replace")) for character in text)])
    if offsets is None:
        ends = np.round(np.linspace(0, upto[-1], tokens + 1)[1:]).astype(np.int64)
    else:
        ends = upto[np.maximum.accumulate(np.array([end for _, end in offsets], dtype=np.int64))]
    ends[-1] = upto[-1]  # what the tokenizer dropped at the end
    return np.diff(ends, prepend=0).tolist()  # type: ignore[no-any-return]


def _document(lm: Any, language: str, at: int, ids: IntArray, sizes: IntArray) -> dict[str, Any]:
    digest = hashlib.sha256(ids.astype("<i8").tobytes()).hexdigest()
    return {
        "id": str(at + 1),
        "lang": language,
        "block": f"{language} block {at + 1} {digest}",
        "block_ids": ids.tolist(),
        "predicted": len(ids) - 1,
        "bytes": int(sizes[1:].sum()),
        "text": lm.tokenizer.decode(ids.tolist()),
        "cut_by": _name(lm),
    }


def _name(lm: Any) -> str:
    return f"{lm.tokenizer.name_or_path or 'a tokenizer in memory'} ({len(lm.tokenizer)} tokens)"
