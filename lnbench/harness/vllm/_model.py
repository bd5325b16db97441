"""What ``lnbench-vllm`` adds to lm-eval's vLLM model; :mod:`lnbench.harness.vllm.lm` puts the two together.

It is apart so that nothing here needs vLLM.
"""

from __future__ import annotations

import dataclasses
import inspect
import os
import weakref
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval.utils import simple_parse_args_string

from lnbench import models
from lnbench.harness import _arguments, _chat, _delta, _output, _packing, _provenance
from lnbench.harness._cache import CacheFence
from lnbench.harness._fit import Fit
from lnbench.harness.vllm import _condition, _starting
from lnbench.harness.vllm._checkpoint import exported
from lnbench.harness.vllm._exports import Export, Exports
from lnbench.harness.vllm._key import output_key, settings
from lnbench.neurons import NeuronSet
from lnbench.scoring import expect_language

if TYPE_CHECKING:
    from lm_eval.api.model import TemplateLM as _Base
else:
    _Base = object

#: Arguments that lm-eval's vLLM model takes and drops.
_DROPPED = frozenset({"device", "swap_space"})


class Tuned(_delta.Tuned):
    """A delta that is in the weights of the exported checkpoint."""

    @property
    def delta(self) -> models.Delta | None:
        """What is in the weights."""
        return self.given


class OnExport(_Base):
    """To be put in front of lm-eval's vLLM model: one condition, exported, loaded by vLLM, and told to lm-eval.

    Attributes:
        neurons: the set that ``mask`` names, or None.
        masks: the files of that set.
        model_name: the model as the user or the mask names it.
        architecture: layers and site widths of the model.
        plan: the plan in the weights, or None for the original.
        engine: ``vllm``, or None for the original.
        engine_reason: which checkpoint vLLM runs on, in words, or None for the original.
        fit: which prompts did not fit the window.
        tuned: the delta in the weights, if any.
        export: the kept checkpoint that vLLM loaded, or None where that is the model's own.
    """

    def __init__(
        self,
        pretrained: str | Path | None = None,
        *,
        mask: str | Path | list[str | Path] | NeuronSet | None = None,
        engine: str = "auto",
        announce: bool = True,
        **arguments: Any,
    ) -> None:
        """Resolve what is asked for, export it if that has not been done, and start vLLM on the checkpoint.

        Args:
            pretrained: a model id, a folder or ``lnbench/demo``; left out: the mask's own model.
            mask: neuron-set file(s): a path, a shipped name, ``a.pt+b.pt``, a list, or a set in memory.
            engine: ``auto`` or ``fold``, which are the same here.
            announce: print one line that says what was resolved.
            arguments: ``languages``, ``site`` and ``kv_map``, the keys of a spec, ``delta`` as a file of ``lnbench
                tune`` (all as :class:`lnbench.harness.LnbenchLM` takes them), ``vllm_seed`` (vLLM's own ``seed``), and
                everything that lm-eval's ``vllm`` model and vLLM take.

        Raises:
            LnbenchError: anything is unknown or missing, does not fit the model, or cannot be folded into weights that
                vLLM reads; nothing has been written then. Or vLLM does not start.
        """
        found, rest = _condition.resolved(pretrained, mask, engine, arguments, self.known_arguments())
        self.neurons, self.masks, self.plan = found.neurons, found.masks, found.plan
        self.model_name, self.architecture, self.tuned = found.name, found.architecture, Tuned(found.delta)
        self.pretrained, self.revision = found.location, found.revision
        self.tokenizer_given, self.adapter = rest.get("tokenizer"), rest.get("lora_local_path")
        self._settings, self._fence, self.fit = settings(rest), CacheFence(), Fit()
        self.export = self._exported(found, str(rest.get("dtype", "auto")))
        weakref.finalize(self, expect_language, None)  # what it steered to ends with it
        with _starting.one_sentence(self.model_name):
            super().__init__(**self._engine_arguments(found, rest))
        self.dtype = _starting.dtype_of(self)
        _packing.cut_for(self)
        if announce and os.environ.get("LOCAL_RANK", "0") == "0":
            print(_provenance.line(self), flush=True)

    @classmethod
    def known_arguments(cls) -> frozenset[str]:
        """The arguments that lm-eval's vLLM model, vLLM's ``LLM`` and its engine have."""
        from vllm import LLM
        from vllm.engine.arg_utils import EngineArgs

        taken = [name for base in (*cls.__mro__, LLM) for name in _parameters(base)]
        return _DROPPED.union(taken, (field.name for field in dataclasses.fields(EngineArgs)))

    @classmethod
    def create_from_arg_obj(cls, arg_dict: dict[str, Any], additional_config: dict[str, Any] | None = None) -> Any:
        """Called by lm-eval. Writes the resolved ``pretrained`` into ``arg_dict``, which names the results' folder.

        Raises:
            LnbenchError: as the constructor; OutputError before anything is exported when no result could be saved.
        """
        _output.refuse_unwritable()
        if arg_dict.get("pretrained") is None:
            _arguments.refuse_unknown(set(arg_dict) - set(_arguments.OUR_KEYS), cls.known_arguments())
            arg_dict["pretrained"] = _condition.own_name(arg_dict)
        additional = {key: value for key, value in (additional_config or {}).items() if value is not None}
        return cls(**arg_dict, **additional)

    @classmethod
    def create_from_arg_string(cls, arg_string: str, additional_config: dict[str, Any] | None = None) -> Any:
        """Called by lm-eval when the arguments are one string; see :meth:`create_from_arg_obj`."""
        return cls.create_from_arg_obj(simple_parse_args_string(arg_string), additional_config)

    @property
    def engine(self) -> str | None:
        """``vllm``, or None for the original."""
        return None if self.plan is None else "vllm"

    @property
    def engine_reason(self) -> str | None:
        """Which checkpoint vLLM runs on, in words, or None for the original."""
        if self.plan is None:
            return None
        if self.export is None:
            return "the plan changes nothing"
        return f"folded into exported checkpoint {self.export.folder.name[:12]}"

    @property
    def condition(self) -> str:
        """What the model is, in words: ``original``, the delta's name, the plan's description."""
        return _provenance.condition(self)

    @property
    def scored_length(self) -> int:
        """The most tokens that vLLM gives log-likelihoods of: it always generates one more."""
        return int(self.max_length) - 1

    def output_key(self) -> str:
        """SHA-256 (hex) over everything that decides the answers of the model; never that of ``lnbench`` or ``hf``."""
        return output_key(self, self._settings)

    def set_cache_hook(self, cache_hook: Any) -> None:
        """Called by lm-eval for ``--use_cache``: keep this condition's answers apart from all others.

        Raises:
            CacheError: the cache cannot be fenced.
        """
        if cache_hook.dbdict is not None:
            self._fence.attach(cache_hook.dbdict, self.output_key())
        super().set_cache_hook(cache_hook)

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        """lm-eval's, but prompts that do not fit the window lose the end of their passage and not their beginning.

        The scorers, which come next, expect the language that this model is steered to.
        """
        expect_language(None if self.plan is None else self.plan.expect)
        fitted = self.fit.requests(requests, lambda prompt: len(self.tok_encode(prompt)), self.max_length)
        self.fit.tell()
        answers: list[str] = super().generate_until(fitted, disable_tqdm=disable_tqdm)
        return answers

    def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[Any]:
        """lm-eval's, and blocks of packed text, answered as (log-likelihood, predicted tokens)."""
        plain = partial(super().loglikelihood_rolling, disable_tqdm=disable_tqdm)
        return _packing.answered(self, requests, disable_tqdm, plain)

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """lm-eval's, but where a template has no system role the instruction begins the first turn."""
        messages = _chat.with_instruction(
            chat_history, lambda some: self.tokenizer.apply_chat_template(some, tokenize=False)
        )
        return str(super().apply_chat_template(messages, add_generation_prompt))

    def get_model_info(self) -> dict[str, Any]:
        """Called by lm-eval for the results file: under ``lnbench``, what we did to the model and who ran it."""
        told = {"model_dtype": self.dtype, "model_revision": self.revision or "main"}
        return {**told, "lnbench": self.record()}

    def record(self) -> dict[str, Any]:
        """What we did to the model, as plain JSON, with vLLM's version and the key of the exported checkpoint."""
        key = None if self.export is None else self.export.folder.name
        return {**_provenance.record(self), "vllm": _starting.version(), "export": key}

    def _exported(self, found: _condition.Condition, dtype: str) -> Export | None:
        if found.checkpoint is None:
            return None
        return exported(found, dtype, Exports())

    def _engine_arguments(self, found: _condition.Condition, rest: dict[str, Any]) -> dict[str, Any]:
        """lm-eval's, for the model itself or for the export, which has a tokenizer and no revision."""
        given = {key: value for key, value in rest.items() if key != _condition.ENGINE_SEED}
        if _condition.ENGINE_SEED in rest:
            given["seed"] = rest[_condition.ENGINE_SEED]
        if self.export is None:
            return {**given, "pretrained": _condition.absolute(found.location)}
        given.pop("revision", None)
        return {**given, "pretrained": str(self.export.folder)}


def _parameters(base: type) -> list[str]:
    made = vars(base).get("__init__")
    return [] if made is None else [name for name in inspect.signature(made).parameters if name != "self"]
