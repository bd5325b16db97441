"""What every lm-eval model of ours adds to the class behind it, whoever runs it: one condition, told to lm-eval.

The response cache is fenced by the condition, prompts are fitted into the window, packed text is answered in blocks,
and the results say what was done. How a condition gets into the weights is the business of the two model classes.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval.utils import simple_parse_args_string

from lnbench._faults import goes_on
from lnbench.harness import _arguments, _chat, _masks, _output, _packing, _provenance
from lnbench.neurons import NeuronSet
from lnbench.scoring import expect_language

if TYPE_CHECKING:
    from lm_eval.api.model import TemplateLM as _Base
    from typing_extensions import Self

    from lnbench.harness._cache import CacheFence
    from lnbench.harness._delta import Tuned
    from lnbench.harness._fit import Fit
    from lnbench.neurons import Architecture
else:
    _Base = object


class InOneCondition(_Base):
    """To be put in front of a model class of lm-eval.

    Attributes:
        neurons: the set that ``mask`` names, or None.
        masks: the files of that set.
        model_name: the model as the user or the mask names it.
        architecture: layers and site widths of the model.
        fit: which prompts of this condition did not fit the window.
        tuned: the delta in the weights, if any; plans come on top of it.
    """

    neurons: NeuronSet | None
    masks: tuple[_provenance.MaskFile, ...]
    model_name: str
    pretrained: Any
    architecture: Architecture
    fit: Fit
    tuned: Tuned
    max_length: int
    _fence: CacheFence

    if TYPE_CHECKING:  # each class has its own

        @classmethod
        def known_arguments(cls) -> frozenset[str]:
            """The arguments that the class behind it takes."""

        @property
        def plan(self) -> Any:
            """What is done to the model now (:class:`lnbench.models.Plan`), or None for the original."""

        @property
        def engine(self) -> str | None:
            """What carries the plan out, or None for the original."""

        @property
        def engine_reason(self) -> str | None:
            """Why this engine, in words, or None for the original."""

        def output_key(self) -> str:
            """SHA-256 (hex) over everything that decides the answers of the model in its present condition."""

    @classmethod
    def create_from_arg_obj(cls, arg_dict: dict[str, Any], additional_config: dict[str, Any] | None = None) -> Self:
        """Called by lm-eval. Writes the resolved ``pretrained`` into ``arg_dict``, which names the results' folder.

        Raises:
            LnbenchError: as the constructor; OutputError before anything is loaded when no result could be saved.
        """
        _output.refuse_unwritable()
        if arg_dict.get("pretrained") is None:
            _arguments.refuse_unknown(set(arg_dict) - set(_arguments.OUR_KEYS), cls.known_arguments())
            arg_dict["pretrained"] = _own_name(arg_dict)
        additional = {key: value for key, value in (additional_config or {}).items() if value is not None}
        _arguments.refuse_twice(arg_dict, additional)
        return cls(**arg_dict, **additional)

    @classmethod
    def create_from_arg_string(cls, arg_string: str, additional_config: dict[str, Any] | None = None) -> Self:
        """Called by lm-eval when the arguments are one string; see :meth:`create_from_arg_obj`."""
        return cls.create_from_arg_obj(simple_parse_args_string(arg_string), additional_config)

    @property
    def condition(self) -> str:
        """What the model is now, in words: ``original``, the delta's name, the plan's description."""
        return _provenance.condition(self)

    def set_cache_hook(self, cache_hook: Any) -> None:
        """Called by lm-eval for ``--use_cache``: keep this condition's answers apart from all others.

        Raises:
            CacheError: the cache cannot be fenced.
        """
        if cache_hook.dbdict is not None:
            self._fence.attach(cache_hook.dbdict, self.output_key())
            goes_on("answers so far", Path(cache_hook.dbdict.filename))
        super().set_cache_hook(cache_hook)

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        """lm-eval's, but prompts that do not fit the window lose the end of their passage and not their beginning.

        The scorers, which come next, expect the language that this model is steered to.
        """
        expect_language(None if self.plan is None else self.plan.expect)
        fitted = self.fit.requests(requests, lambda prompt: len(self.tok_encode(prompt)), self.max_length)
        if self.world_size == 1:
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

    def record(self) -> dict[str, Any]:
        """What we did to the model, as plain JSON: the entry ``lnbench`` of lm-eval's results."""
        return _provenance.record(self)


def _own_name(arguments: dict[str, Any]) -> str:
    """The model that the mask among the arguments is for."""
    mask = arguments.get("mask")
    if mask is None or isinstance(mask, NeuronSet):
        return _masks.own_model(mask, [])
    paths = _arguments.mask_paths(mask)
    return _masks.own_model(_masks.load(paths, arguments), paths)
