"""From states to counts: one depth at a time, a bounded chunk of positions, and only the best tokens of each kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from lnbench.analysis.lens._judge import Judge
from lnbench.analysis.lens._passes import PARTS, Passed
from lnbench.errors import EngineError
from lnbench.models import Readout

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

#: Logits that are held at once: positions of a chunk times vocabulary. 64 MiB in float32.
MOST_LOGITS = 1 << 24


@dataclass(frozen=True)
class Tally:
    """Counts of one language's documents.

    Attributes:
        lens: weight of each label, float64 ``[parts, depths, documents, labels + 1]``; a position has weight 1 in all,
            and the last column is what of it the identifier decided.
        text: the same of the tokens that really come next, ``[parts, documents, labels + 1]``.
    """

    lens: FloatArray
    text: FloatArray

    @classmethod
    def empty(cls, depths: int, documents: int, labels: int) -> Tally:
        """Nothing counted yet."""
        shape = (len(PARTS), documents, labels + 1)
        return cls(np.zeros((len(PARTS), depths, documents, labels + 1)), np.zeros(shape))


@torch.no_grad()
def top_tokens(readout: Readout, states: torch.Tensor, k: int, weight: str) -> tuple[IntArray, FloatArray]:
    """The ``k`` likeliest tokens of each position and their weights (sum 1), ``[positions, k]`` each.

    Args:
        readout: of the model.
        states: ``[positions, hidden]``.
        k: how many.
        weight: ``equal``, or ``probability``, which weighs tokens by their probabilities among the ``k``.

    Raises:
        EngineError: the logits of a position are NaN or infinite.
    """
    ids, weights, at = [], [], 0
    step = 1  # the first chunk is one position: it tells the size of the vocabulary
    while at < len(states):
        logits = readout(states[at : at + step, None])[:, 0]
        best = logits.topk(k, dim=-1)
        if not bool(best.values[:, 0].isfinite().all()):
            raise EngineError(
                "the model computed logits that are no finite numbers, of which no token is the likeliest; load it "
                "with --dtype float32 or bfloat16, or use a weaker operation"
            )
        shares = best.values.double().softmax(-1) if weight == "probability" else torch.ones_like(best.values)
        ids.append(best.indices.cpu().numpy())
        weights.append((shares / shares.sum(-1, keepdim=True)).double().cpu().numpy())
        at += step
        step = max(1, MOST_LOGITS // logits.shape[-1])
    return np.concatenate(ids), np.concatenate(weights)


def count(passed: Passed, numbers: IntArray, readout: Readout, judge: Judge, k: int, weight: str, into: Tally) -> None:
    """Judge the best tokens at every position and depth of a batch, and what really comes next there.

    Args:
        passed: the batch.
        numbers: the place of each of its documents in ``into``, int64 ``[documents]``.
        readout, judge: of the model and its tokenizer.
        k, weight: as for :func:`top_tokens`.
        into: where counts are added.
    """
    rows, columns = np.nonzero(passed.part >= 0)
    if not len(rows):
        return
    part, document, begun = passed.part[rows, columns], numbers[rows], _begun(passed, judge)[rows, columns]
    for depth, states in enumerate(passed.states):
        ids, weights = top_tokens(readout, states[rows, columns], k, weight)
        place = (part[:, None], document[:, None])
        _add(into.lens[:, depth], place, ids, begun[:, None], weights, judge)
    following = passed.following[rows, columns]
    known = following >= 0
    _add(into.text, (part[known], document[known]), following[known], begun[known], np.ones(known.sum()), judge)


def _begun(passed: Passed, judge: Judge) -> npt.NDArray[np.object_]:
    """The begun character that the text ends in at each position, bytes ``[documents, fed tokens]``."""
    found = np.empty(passed.ids.shape, dtype=object)
    for row, ids in enumerate(passed.ids):
        before = b""
        for column, token in enumerate(ids):
            text = passed.part[row, column] >= 0
            before = found[row, column] = judge.begun(before, int(token)) if text else b""
    return found


def _add(
    into: FloatArray,
    place: tuple[IntArray, IntArray],
    ids: IntArray,
    begun: npt.NDArray[np.object_],
    weights: FloatArray,
    judge: Judge,
) -> None:
    labels = {label: number for number, label in enumerate(judge.labels)}
    before = np.broadcast_to(begun, ids.shape).ravel()
    verdicts = [judge.verdict(int(token), begin) for token, begin in zip(ids.ravel(), before, strict=True)]
    chosen = np.array([labels[verdict.language] for verdict in verdicts], dtype=np.int64).reshape(ids.shape)
    identified = np.array([verdict.by == "identifier" for verdict in verdicts], dtype=bool).reshape(ids.shape)
    part, document = (np.broadcast_to(each, ids.shape) for each in place)
    np.add.at(into, (part, document, chosen), weights)
    np.add.at(into, (part, document, np.full(ids.shape, len(labels))), weights * identified)
