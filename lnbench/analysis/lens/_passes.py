"""Run a batch of prompts, let the model go on, and keep the state of every position at every depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from lnbench.models import layer_states

IntArray = npt.NDArray[np.int64]

PARTS = ("prompt", "generated")
_SKIPPED = -1


@dataclass(frozen=True)
class Passed:
    """What a batch left behind. A position is one that holds a token of text; special tokens and padding are none.

    Attributes:
        states: for each depth, ``[documents, fed tokens, hidden]`` on the CPU, in the model's dtype.
        ids: the tokens that were fed, int64 ``[documents, fed tokens]``.
        part: the place in :data:`PARTS` of each, or -1 where there is no position.
        following: the token that really comes next within the same part, -1 where there is none.
    """

    states: list[torch.Tensor]
    ids: IntArray
    part: IntArray
    following: IntArray


@torch.no_grad()
def run(model: Any, prompts: Sequence[Sequence[int]], new_tokens: int, special: frozenset[int], pad: int) -> Passed:
    """Greedy decoding of a batch.

    Args:
        model: a causal language model of transformers.
        prompts: token ids of each document.
        new_tokens: generated tokens of a document that are fed back and looked at; fewer where the model ends earlier.
        special: ids that are no text.
        pad: the id to fill up with, on the left.
    """
    longest = max(map(len, prompts))
    ids = torch.tensor([[pad] * (longest - len(row)) + list(row) for row in prompts])
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in prompts])
    kept: list[list[torch.Tensor]] = []

    def see(depth: int, states: torch.Tensor) -> None:
        if depth == len(kept):
            kept.append([])
        kept[depth].append(states.detach().to("cpu", copy=True))

    with layer_states(model, see):
        written = _generate(model, ids, mask, new_tokens, pad)
    states = [torch.cat(parts, dim=1) for parts in kept]
    fed = states[0].shape[1]
    part = _parts(written, mask.numpy(), special, _ends(model))
    following = np.where(part[:, 1:] == part[:, :-1], written[:, 1:], _SKIPPED)
    return Passed(states, written[:, :fed], part[:, :fed], following[:, :fed])


def _generate(model: Any, ids: torch.Tensor, mask: torch.Tensor, new_tokens: int, pad: int) -> IntArray:
    """Prompts and what follows, int64 ``[documents, tokens]``; the last token is chosen and not fed."""
    from transformers import GenerationConfig

    config = GenerationConfig(
        max_new_tokens=new_tokens + 1,
        do_sample=False,
        num_beams=1,
        repetition_penalty=1.0,
        no_repeat_ngram_size=0,
        use_cache=True,
        pad_token_id=pad,
    )
    place = "cpu" if model.device.type == "meta" else model.device  # offloaded: accelerate moves what it gets
    made = model.generate(input_ids=ids.to(place), attention_mask=mask.to(place), generation_config=config)
    written: IntArray = made.cpu().numpy()
    return written


def _ends(model: Any) -> frozenset[int]:
    given = model.generation_config.eos_token_id
    return frozenset() if given is None else frozenset([given] if isinstance(given, int) else given)


def _parts(written: IntArray, mask: IntArray, special: frozenset[int], ends: frozenset[int]) -> IntArray:
    """Prompt or generated, for each written token; -1 for padding, special tokens and all after an end."""
    prompt = mask.shape[1]
    part = np.full(written.shape, _SKIPPED, dtype=np.int64)
    part[:, :prompt][mask == 1] = 0
    ended = np.cumsum(np.isin(written[:, prompt:], list(ends)), axis=1) > 0
    part[:, prompt:][~ended] = 1
    part[np.isin(written, list(special))] = _SKIPPED
    return part
