"""What ``lnbench-vllm`` adds to lm-eval's vLLM model; :mod:`lnbench.harness.vllm.lm` puts the two together.

It is apart so that nothing here needs vLLM.
"""

from __future__ import annotations

import dataclasses
import inspect
import os
import weakref
from pathlib import Path
from typing import Any

from lnbench import models
from lnbench.harness import _delta, _packing, _provenance
from lnbench.harness._cache import CacheFence
from lnbench.harness._fit import Fit
from lnbench.harness._one_condition import InOneCondition
from lnbench.harness.vllm import _condition, _starting
from lnbench.harness.vllm._checkpoint import exported
from lnbench.harness.vllm._exports import Export, Exports
from lnbench.harness.vllm._key import output_key, settings
from lnbench.neurons import NeuronSet
from lnbench.scoring import expect_language

#: Arguments that lm-eval's vLLM model takes and drops.
_DROPPED = frozenset({"device", "swap_space"})


class Tuned(_delta.Tuned):
    """A delta that is in the weights of the exported checkpoint."""

    @property
    def delta(self) -> models.Delta | None:
        """What is in the weights."""
        return self.given


class OnExport(InOneCondition):
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
        self.neurons, self.masks, self._plan = found.neurons, found.masks, found.plan
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

    @property
    def plan(self) -> models.Plan | None:
        """The plan in the weights, or None for the original."""
        return self._plan

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
    def scored_length(self) -> int:
        """The most tokens that vLLM gives log-likelihoods of: it always generates one more."""
        return int(self.max_length) - 1

    def output_key(self) -> str:
        """SHA-256 (hex) over everything that decides the answers of the model; never that of ``lnbench`` or ``hf``."""
        return output_key(self, self._settings)

    def get_model_info(self) -> dict[str, Any]:
        """Called by lm-eval for the results file: under ``lnbench``, what we did to the model and who ran it."""
        told = {"model_dtype": self.dtype, "model_revision": self.revision or "main"}
        return {**told, "lnbench": self.record()}

    def record(self) -> dict[str, Any]:
        """What we did to the model, as plain JSON, with vLLM's version and the key of the exported checkpoint."""
        key = None if self.export is None else self.export.folder.name
        return {**super().record(), "vllm": _starting.version(), "export": key}

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
