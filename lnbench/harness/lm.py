"""The lm-eval model ``lnbench``: lm-eval's Hugging Face model with neurons ablated or steered in it.

It reads the arguments, has the spec compiled and applied, and tells lm-eval what was done. How an edit gets into the
weights is not its business (``lnbench.models``), nor how neurons were found (``lnbench.neurons``).
"""

from __future__ import annotations

import inspect
import os
import weakref
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from lm_eval.models.huggingface import HFLM
from transformers import LogitsProcessorList

from lnbench import models
from lnbench.errors import ModelArgumentError, SpecError
from lnbench.harness import _arguments, _delta, _loading, _masks, _packing, _provenance, _refusals
from lnbench.harness._cache import CacheFence
from lnbench.harness._finite import Finite, checked
from lnbench.harness._fit import Fit
from lnbench.harness._one_condition import InOneCondition
from lnbench.harness._ranks import check_device, gathered, in_order, number_process, own_of_each, placed
from lnbench.neurons import NeuronSet
from lnbench.scoring import expect_language

_refusals.say_in_one_sentence()


class LnbenchLM(InOneCondition, HFLM):
    """lm-eval's Hugging Face model in one condition: the original, or with a plan applied to it.

    Attributes:
        neurons: the set that ``mask`` names, or None.
        masks: the files of that set.
        model_name: the model as the user or the mask names it.
        architecture: layers and site widths of the loaded model.
        plan: the plan that is applied now, or None for the original.
        engine: the engine that carries it out (``fold`` or ``hook``), or None for the original.
        fit: which prompts of this condition did not fit the window.
        tuned: the delta in the weights, if any; plans come on top of it.
    """

    def __init__(
        self,
        pretrained: Any = None,
        *,
        mask: str | Path | list[str | Path] | NeuronSet | None = None,
        engine: str = "auto",
        announce: bool = True,
        **arguments: Any,
    ) -> None:
        """Load the model and apply the spec.

        Args:
            pretrained: a model id, a folder, ``lnbench/demo`` or a loaded model; left out: the mask's own model.
            mask: neuron-set file(s): a path, a shipped name, ``a.pt+b.pt``, a list, or a set in memory.
            engine: ``auto``, ``fold`` or ``hook``.
            announce: print one line that says what was resolved; a caller that runs many conditions leaves it out.
            arguments: ``languages``, ``site`` and ``kv_map`` of files of other projects, the keys of a spec (``spec``,
                ``lang``, ``sites``, ``layers``, ``exclude``, ``top``, ``control``, ``seed``, ``match``, ``tokens``,
                ``expect``, ``n1``, ``n2``), and everything that lm-eval's ``hf`` model takes; ``delta`` may also be a
                file of ``lnbench tune``.

        Raises:
            LnbenchError: anything of ours that is unknown, missing or does not fit the model; the model is then not
                left half edited.
        """
        _arguments.refuse_unknown(set(arguments) - set(_arguments.OUR_KEYS), self.known_arguments())
        _arguments.check_max_length(arguments.get("max_length"))
        _arguments.check_batch_size(arguments.get("batch_size"))
        check_device(arguments.get("device"))
        self._engine_wanted = _arguments.check_engine(engine)
        self.neurons, paths, spec = _arguments.neurons_and_spec(mask, pretrained, arguments)
        self.masks = _provenance.mask_files(paths)
        self.tuned = _delta.Tuned(_delta.own_delta(arguments))
        self._settings, self._fence, self.fit = _provenance.settings(arguments), CacheFence(), Fit()
        self.tokenizer_given = arguments.get("tokenizer")
        self.model_name, hf = _hf_model(pretrained, self.neurons, paths, arguments)
        with _loading.one_sentence(self.model_name):
            super().__init__(**placed(hf))
        self._begin(spec)
        if announce:
            self._announce()

    def _begin(self, spec: models.Spec | None) -> None:
        """Put the model that was loaded into its first condition."""
        self._check_tokens()
        self._parameters = getattr(self.model, "num_parameters", lambda: -1)()  # a plan may add biases
        number_process(self)
        weakref.finalize(self, expect_language, None)  # what it steered to ends with it
        self._applied: models.Applied | None = None
        self.architecture = models.architecture_of(self.model)
        self.tuned.put(self.model, self.tuned.given)
        self.set_plan(None if spec is None else self._compiled(spec))
        _packing.cut_for(self)

    @classmethod
    def known_arguments(cls) -> frozenset[str]:
        """The arguments that lm-eval's ``hf`` model takes."""
        return _hf_arguments()

    @property
    def plan(self) -> models.Plan | None:
        """The plan that is applied now, or None for the original."""
        return None if self._applied is None else self._applied.plan

    @property
    def engine(self) -> str | None:
        """The engine that carries out the plan now, or None for the original."""
        return None if self._applied is None else self._applied.engine

    @property
    def engine_reason(self) -> str | None:
        """Why this engine, in words, or None for the original."""
        return None if self._applied is None else self._applied.reason

    def set_spec(self, spec: Any = None, *, engine: str | None = None, **keys: Any) -> models.Plan:
        """Put the loaded model into the condition that a spec describes, and give the plan back.

        Args:
            spec: an operation, a path or a mapping, as in ``--model_args``.
            engine: another engine than the model was made with.
            keys: the inline keys of a spec (``lang``, ``layers``, ``control``, ``seed`` ...).

        Raises:
            LnbenchError: the model has no neuron set, or the spec does not fit it; the condition stays what it was.
        """
        plan = self._compiled(models.Spec.parse(spec, **keys))
        self.set_plan(plan, engine=engine)
        return plan

    def set_plan(self, plan: models.Plan | None, *, engine: str | None = None) -> None:
        """Put the loaded model into another condition: first restore it, then apply ``plan`` (None: the original).

        Attached response caches follow, so that no condition reads another's answers; and fidelity expects the
        language that the plan steers to.

        Raises:
            EngineError: the engine cannot carry the plan out; the model is then the original.
            UnknownLanguageError: the plan's ``expect`` is no language tag; the condition stays what it was.
        """
        wanted = _arguments.check_engine(engine or self._engine_wanted)
        expect_language(None if plan is None else plan.expect)
        self.fit.clear()
        if self._applied is not None:
            self._applied.restore()
            self._applied = None
        try:
            self._applied = None if plan is None else models.apply(self.model, plan, wanted)
        except BaseException:
            expect_language(None)
            raise
        finally:
            if self._fence.in_use:
                self._fence.move(self.output_key())

    def set_delta(self, delta: models.Delta | str | Path | None = None) -> None:
        """Put other tuned weights into the loaded model (None: those of its own ``delta=``, or the original's).

        Where the weights change, the plan is taken off first; :meth:`set_plan` puts one on top.

        Raises:
            DeltaError: the file is missing or damaged, or was made for other weights; the model is then the original.
        """
        wanted = self.tuned.given if delta is None else _delta.loaded(delta)
        if self.tuned.is_in(wanted):
            return
        self.set_plan(None)
        try:
            self.tuned.put(self.model, wanted)
        finally:
            if self._fence.in_use:
                self._fence.move(self.output_key())

    def output_key(self) -> str:
        """SHA-256 (hex) over everything that decides the answers of the model in its present condition."""
        return _provenance.output_key(self, self._settings)

    def barrier(self) -> None:
        """Called by lm-eval in every process when all requests are answered: then each knows of all prompts cut."""
        super().barrier()
        self.fit.join(gathered(self, self.fit))
        if self.rank == 0:
            self.fit.tell()

    def all_gather(self, tensor: Any) -> Any:
        """Called by lm-eval to have all processes do the same number of requests, which none of them needs here."""
        return tensor if self.world_size == 1 else own_of_each(tensor, self.world_size)

    def gather_object(self, obj: Any, dst: int = 0) -> list[Any] | None:
        """Called by lm-eval for the samples and metrics of all processes: in the order of one process."""
        return in_order(super().gather_object(obj, dst))

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """lm-eval's; refused under a token rule, which has no meaning where nothing is generated."""
        self._refuse_token_rule()
        answers: list[tuple[float, bool]] = super().loglikelihood(requests, disable_tqdm=disable_tqdm)
        return answers

    def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[Any]:
        """lm-eval's, and blocks of packed text, answered as (log-likelihood, predicted tokens).

        Refused under a token rule, which has no meaning where nothing is generated.
        """
        self._refuse_token_rule()
        return super().loglikelihood_rolling(requests, disable_tqdm=disable_tqdm)

    def tok_decode(self, tokens: Any, skip_special_tokens: bool = True) -> Any:
        """lm-eval's; None for None, which is what ends a text where the tokenizer has no token for that."""
        return None if tokens is None else super().tok_decode(tokens, skip_special_tokens=skip_special_tokens)

    def _model_call(self, *inputs: Any, **named: Any) -> Any:
        """lm-eval's; refuses logits that are no finite numbers."""
        return checked(super()._model_call(*inputs, **named), self.condition)

    def _model_generate(self, *inputs: Any, **named: Any) -> Any:
        """lm-eval's; refuses logits that are no finite numbers."""
        processors = LogitsProcessorList([Finite(self.condition)])
        return super()._model_generate(*inputs, logits_processor=processors, **named)

    def get_model_info(self) -> dict[str, Any]:
        """Called by lm-eval for the results file: its own entries and, under ``lnbench``, what we did to the model."""
        with _loading.folders_are_no_names(self):
            found = {**super().get_model_info(), "model_num_parameters": self._parameters}
        return {**{key: _provenance.plain(value) for key, value in found.items()}, "lnbench": self.record()}

    def _compiled(self, spec: models.Spec) -> models.Plan:
        if self.neurons is None:
            raise ModelArgumentError("a spec needs a neuron set, and this model was made without mask=FILE; add it")
        return models.compile_plan(spec, self.neurons, self.architecture)

    def _check_tokens(self) -> None:
        """Where the tokenizer lacks special tokens: one to begin a text with is needed, any other can fill up.

        lm-eval adds a token to fill up with where there is none, which the model has no row for.
        """
        if self.prefix_token_id is None:
            raise ModelArgumentError(
                f"the tokenizer of {self.model_name!r} has no token that begins or ends a text, and lm-eval needs one; "
                "name the one to use with prefix_token_id=N"
            )
        if self.tokenizer.pad_token_id >= self.model.get_input_embeddings().weight.shape[0]:
            self.tokenizer.pad_token_id = self.prefix_token_id  # masked wherever it stands

    def _refuse_token_rule(self) -> None:
        if self.plan is not None and self.plan.tokens != "all":
            raise SpecError(
                f"tokens={self.plan.tokens} is for tasks that generate text, and a task asks for log-likelihoods; "
                "leave that task out, or use tokens=all"
            )

    def _announce(self) -> None:
        if self.rank == 0 and os.environ.get("LOCAL_RANK", "0") == "0":
            print(_provenance.line(self), flush=True)


@cache
def _hf_arguments() -> frozenset[str]:
    return frozenset(inspect.signature(HFLM.__init__).parameters)


def _hf_model(
    pretrained: Any, neurons: NeuronSet | None, paths: Sequence[Path], arguments: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """The model's name and lm-eval's arguments for it; a model that the mask names comes in the mask's revision."""
    given = _masks.own_model(neurons, paths) if pretrained is None else pretrained
    if not isinstance(given, str | os.PathLike):
        return str(getattr(given, "name_or_path", "") or type(given).__name__), {**arguments, "pretrained": given}
    name = os.fspath(given)
    # lm-eval's command falls back to the CPU by naming a device that may not exist; from Python it would fail there.
    defaults = {"device": "cuda:0", **_masks.model_defaults(name, neurons)}
    return name, {**defaults, **arguments, "pretrained": _arguments.location(name)}
