"""What a results file says about the model: which neurons, which plan, which engine, and the output key over it all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lnbench import __version__, models, scoring
from lnbench.errors import CacheError, LnbenchError
from lnbench.harness import _delta
from lnbench.harness.task_data import loaded
from lnbench.neurons import counted

if TYPE_CHECKING:
    from lnbench.harness._fit import Fit
    from lnbench.harness.lm import LnbenchLM
    from lnbench.neurons import Architecture, NeuronSet

#: lm-eval's arguments that the output key names by themselves, and those that change no answer.
_NOT_EXTRA = frozenset(
    (
        *("pretrained", "revision", "tokenizer", "peft", "dtype"),
        *("batch_size", "max_batch_size", "device", "device_map", "parallelize", "trust_remote_code"),
        *("max_memory_per_gpu", "max_cpu_memory", "offload_folder"),
    )
)


@dataclass(frozen=True)
class MaskFile:
    """A neuron-set file as it was found.

    Attributes:
        path: the file that the name stood for.
        sha256: the hash (hex) of its bytes.
    """

    path: Path
    sha256: str


class Described(Protocol):
    """What a model of ours says of itself, whoever runs it; the attributes of :class:`lnbench.harness.LnbenchLM`."""

    neurons: NeuronSet | None
    masks: tuple[MaskFile, ...]
    model_name: str
    pretrained: Any
    architecture: Architecture
    fit: Fit
    tuned: _delta.Tuned

    @property
    def plan(self) -> models.Plan | None:
        """What is done to the model, or None."""

    @property
    def engine(self) -> str | None:
        """What carries the plan out, or None."""

    @property
    def engine_reason(self) -> str | None:
        """Why this engine, in words, or None."""

    @property
    def condition(self) -> str:
        """What the model is, in words."""

    @property
    def max_length(self) -> int:
        """The window, in tokens."""

    def output_key(self) -> str:
        """Hash of everything that decides answers."""


def mask_files(paths: Sequence[Path]) -> tuple[MaskFile, ...]:
    """Name and hash the files of a mask."""
    return tuple(MaskFile(path.resolve(), hashlib.sha256(path.read_bytes()).hexdigest()) for path in paths)


def settings(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Those of lm-eval's own arguments that change answers and have no field of their own in the output key."""
    return {key: plain(value) for key, value in arguments.items() if key not in _NOT_EXTRA and value is not None}


def output_key(lm: LnbenchLM, extra: Mapping[str, Any]) -> str:
    """SHA-256 (hex) over what decides the answers of ``lm`` in its present condition.

    Raises:
        CacheError: the model was handed over in memory, so nothing says which weights it has.
    """
    if not isinstance(lm.pretrained, str):
        raise CacheError(
            "a model handed over in memory has no name that tells its weights apart, so answers of it cannot be "
            "cached; give pretrained= as a folder or a hub name, or run without --use_cache"
        )
    untouched = lm.plan is None or lm.plan.is_identity
    tuned = {} if lm.tuned.delta is None else {"lnbench_delta": lm.tuned.delta.content_hash}
    return models.output_key(
        plan_hash=(lm.plan or models.Plan.from_edits({})).plan_hash,
        model=lm.pretrained,
        revision=models.commit_of(lm.pretrained, lm.revision, lm.config) or lm.revision,
        tokenizer=_tokenizer_identity(lm.tokenizer_given),
        adapter=lm.peft,
        dtype=str(lm.model.dtype),
        engine="none" if untouched else str(lm.engine),
        extra={**extra, **tuned, "attention": str(getattr(lm.config, "_attn_implementation", None))},
    )


def _tokenizer_identity(tokenizer: Any) -> str | None:
    """The name of the tokenizer that was asked for; one handed over in memory by its contents."""
    if tokenizer is None or isinstance(tokenizer, str):
        return tokenizer
    contents = [sorted(tokenizer.get_vocab().items()), plain(tokenizer.init_kwargs), tokenizer.chat_template]
    return "memory:" + hashlib.sha256(json.dumps(contents, default=str).encode()).hexdigest()


def condition(lm: Described) -> str:
    """What a model is, in words: ``original``, the delta's name, the plan's description."""
    delta = lm.tuned.record()
    parts = [] if delta is None else [_delta.named(delta)]
    parts += [] if lm.plan is None else [lm.plan.description]
    return ", ".join(parts) or "original"


def record(lm: Described) -> dict[str, Any]:
    """What lnbench did, as plain JSON with string keys."""
    named = isinstance(lm.pretrained, str)
    return {
        "version": __version__,
        "condition": lm.condition,
        "model": lm.model_name,
        "engine": lm.engine,
        "engine_reason": lm.engine_reason,
        "neurons": lm.plan.neurons if lm.plan else 0,
        "neuron_set": lm.neurons.content_hash if lm.neurons is not None else None,
        "masks": [{"file": str(mask.path), "sha256": mask.sha256} for mask in lm.masks],
        "plan": plain(lm.plan.as_json()) if lm.plan else None,
        "delta": plain(lm.tuned.record()),
        "architecture": lm.architecture.fingerprint,
        "model_type": lm.architecture.model_type,
        "output_key": lm.output_key() if named else None,
        "signatures": _signatures(),
        "data": loaded(),
        "window": {"tokens": lm.max_length, **lm.fit.as_json()},
    }


def _signatures() -> dict[str, dict[str, str]] | None:
    """What the metrics of our own tasks mean, by kind of task; None where their language identifier is missing."""
    try:
        return {kind: scoring.signatures(kind) for kind in scoring.METRICS}
    except LnbenchError:  # other tasks may have been run, and their results must not be lost for it
        return None


def line(lm: Described) -> str:
    """The line that is printed once at the start: file, model, neurons, engine."""
    files = " + ".join(str(mask.path) for mask in lm.masks) or ("a set in memory" if lm.neurons is not None else "none")
    if lm.plan is None:
        what = "the original model" if lm.tuned.delta is None else lm.condition
        return f"lnbench: mask {files}, model {lm.model_name}, {what}"
    return (
        f"lnbench: mask {files}, model {lm.model_name}, {counted(lm.plan.neurons)}, engine {lm.engine} "
        f"({lm.engine_reason}); {lm.condition}"
    )


def plain(value: Any) -> Any:
    """``value`` as JSON has it: string keys, lists, numbers, text; anything else by its ``str``."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
