"""What a task costs, in tokens, counted on its own requests before any of them is run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from lnbench.harness.task_data import block_of

#: Tokens that lm-eval generates where a task sets no bound.
DEFAULT_GENERATED = 256


@dataclass(frozen=True)
class Cost:
    """Tokens of one task under one condition, or of several together.

    Attributes:
        documents: documents that are evaluated.
        forward: tokens that go through the model to be scored or as prompts.
        generated: tokens that are generated at most; answers usually end earlier.
    """

    documents: int = 0
    forward: int = 0
    generated: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.documents + other.documents, self.forward + other.forward, self.generated + other.generated)

    @property
    def weight(self) -> int:
        """How much of a study's work this is, roughly: tokens through the model, however they get there."""
        return self.forward + self.generated


def measure(lm: Any, instances: Sequence[Any]) -> Cost:
    """Tokenize the requests of a task once, as the model will see them.

    Args:
        lm: the model, or a shell of it without weights: only its tokenizer and its length are asked.
        instances: lm-eval's built requests.
    """
    documents = len({instance.doc_id for instance in instances})
    blocks = [ids for instance in instances if (ids := block_of(instance.doc)) is not None]
    total = Cost(documents, sum(map(len, blocks)))
    others = (instance for instance in instances if block_of(instance.doc) is None)
    by_kind = sorted(others, key=lambda instance: str(instance.request_type))
    for kind, some in groupby(by_kind, key=lambda instance: str(instance.request_type)):
        total += _measured(lm, kind, [instance.args for instance in some])
    return total


def _measured(lm: Any, kind: str, requests: list[Any]) -> Cost:
    if kind == "generate_until":
        wanted = [int(arguments[1].get("max_gen_toks", DEFAULT_GENERATED)) for arguments in requests]
        prompts = _lengths(lm, [arguments[0] for arguments in requests])
        room = [max(lm.max_length - new, 0) for new in wanted]
        return Cost(0, sum(map(min, prompts, room)), sum(wanted))
    if kind == "loglikelihood":
        lengths = _lengths(lm, [arguments[0] + arguments[1] for arguments in requests])
        return Cost(0, sum(min(length, lm.max_length) for length in lengths))
    return Cost(0, sum(_lengths(lm, [arguments[0] for arguments in requests])))


def _lengths(lm: Any, texts: list[str]) -> list[int]:
    return [len(tokens) for tokens in lm.tokenizer(texts)["input_ids"]]
