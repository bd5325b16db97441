"""Stands for vLLM where that is not installed: what lm-eval's vLLM model uses of it, carried out by transformers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import ClassVar

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from vllm.engine.arg_utils import EngineArgs

__version__ = "0.32.0+stand.in"


class SamplingParams(SimpleNamespace):
    pass


class TokensPrompt(dict):
    pass


class LLM:
    """Greedy and in this process; `starts` holds the arguments of every engine."""

    starts: ClassVar[list[dict]] = []

    def __init__(self, model: str, **kwargs):
        self.starts.append({"model": model, **kwargs})
        given = EngineArgs(model=model, **kwargs)
        config = given.create_model_config()
        if given.max_model_len == 13:
            raise RuntimeError("Engine core initialization failed. See root cause above.")
        self._model = AutoModelForCausalLM.from_pretrained(model, dtype=config.dtype).eval()
        self._tokenizer = AutoTokenizer.from_pretrained(given.tokenizer or model)
        self.llm_engine = SimpleNamespace(model_config=config)

    @torch.no_grad()
    def generate(self, prompts, sampling_params, use_tqdm=False, lora_request=None):
        return [self._one(p["prompt_token_ids"], s) for p, s in zip(prompts, sampling_params, strict=True)]

    def _one(self, ids, params):
        logprobs = self._model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
        if getattr(params, "prompt_logprobs", None):
            pairs = [{t: row[t].item(), row.argmax().item(): row.max().item()} for t, row in zip(ids[1:], logprobs)]
            return SimpleNamespace(prompt_logprobs=[None, *pairs], outputs=[])
        out: list[int] = []
        while len(out) < params.max_tokens:
            out.append(int(logprobs[-1].argmax()))
            text = self._tokenizer.decode(out)
            if any(stop in text for stop in params.stop):
                break
            logprobs = self._model(input_ids=torch.tensor([[*ids, *out]])).logits[0].log_softmax(-1)
        text = self._tokenizer.decode(out)
        for stop in params.stop:
            text = text.split(stop)[0]
        return SimpleNamespace(outputs=[SimpleNamespace(text=text)])
