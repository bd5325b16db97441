"""What the checks of the embedded model are made of: loading, finding neurons, perplexity, answers, continuations.

Interventions go through `lnbench.ablate`, so the model is measured with the tool that it is shipped for.
"""

import json
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

import lnbench
from lnbench.detection import collect, detect_lape, read_documents, token_batches
from lnbench.neurons import NeuronSet

from .lexicon import LANGUAGES

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "neuron_sets" / "demo"
TOP_RATE = 0.05
"""Share of neurons that LAPE keeps; at the paper's 1 % there would be fewer than are planted (4 %)."""
BATCH = 50


class Subject:
    """A trained model with its tokenizer."""

    def __init__(self, directory: Path) -> None:
        self.model: Any = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
        self.tokenizer: Any = AutoTokenizer.from_pretrained(directory, padding_side="left")

    def under(self, neurons: NeuronSet, language: str | None = None, **keys: Any) -> AbstractContextManager[object]:
        """Return a context in which the model is intervened on; `keys` are those of `lnbench.ablate`."""
        return lnbench.ablate(self.model, neurons, lang=language, **keys)

    def detect(self, top_rate: float = TOP_RATE) -> NeuronSet:
        """Find language neurons with LAPE on the packaged detection text; the planted truth is not read."""
        texts = {language: read_documents(DEMO / "text" / "detection" / f"{language}.txt") for language in LANGUAGES}
        batches = {language: token_batches(self.tokenizer, documents) for language, documents in texts.items()}
        return detect_lape(self.model, collect(self.model, batches), top_rate=top_rate)

    @torch.inference_mode()
    def nats_per_token(self, texts: Sequence[str]) -> float:
        """Return the mean negative log-likelihood of all tokens after the first."""
        total, tokens = 0.0, 0
        for ids, mask in token_batches(self.tokenizer, texts, batch_size=BATCH):
            losses = self._losses(ids)
            total += float((losses * mask[:, 1:]).sum())
            tokens += int(mask[:, 1:].sum())
        return total / tokens

    @torch.inference_mode()
    def choose(self, prompt: str, choices: Sequence[str]) -> int:
        """Return the choice of the highest log-likelihood."""
        start = len(self.tokenizer.encode(prompt)) - 1
        scores = [-float(self._losses(self._ids(prompt + choice))[0, start:].sum()) for choice in choices]
        return max(range(len(choices)), key=scores.__getitem__)

    @torch.inference_mode()
    def continuations(self, prompts: Sequence[str], max_new_tokens: int) -> list[str]:
        """Return greedy continuations, each up to its first line break or end token."""
        texts: list[str] = []
        for start in range(0, len(prompts), BATCH):
            inputs = self.tokenizer(list(prompts[start : start + BATCH]), return_tensors="pt", padding=True)
            output = self.model.generate(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                max_new_tokens=max_new_tokens,
                do_sample=False,
            )
            new = output[:, inputs["input_ids"].shape[1] :]
            texts += [text.split("\n")[0] for text in self.tokenizer.batch_decode(new, skip_special_tokens=True)]
        return texts

    def _ids(self, text: str) -> torch.Tensor:
        return torch.tensor([self.tokenizer.encode(text)])

    def _losses(self, ids: torch.Tensor) -> torch.Tensor:
        """Return each token's loss, (rows, T-1)."""
        logits: torch.Tensor = self.model(input_ids=ids[:, :-1]).logits
        losses = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
        return losses.view(len(ids), -1)


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """Return a file's records."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def validation_texts(language: str) -> list[str]:
    """Return the held-out documents of one language."""
    return [record["text"] for record in read_jsonl(DEMO / "text" / "validation" / f"{language}.jsonl")]


def test_items(task: str, language: str) -> list[dict[str, Any]]:
    """Return the held-out items of one task."""
    return read_jsonl(ROOT / "tasks" / "demo" / "data" / f"{task}_{language}.jsonl")


def ratio(nats: float, base: float) -> float:
    """Return how many times larger a perplexity is than another, from their logarithms."""
    return round(math.exp(nats - base), 4)
