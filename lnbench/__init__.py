"""lnbench: language-specific neurons, ablated and steered inside lm-evaluation-harness.

Everything here is loaded on first use, so that ``import lnbench`` stays free of torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lnbench.errors import LnbenchError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from lnbench.models import Applied
    from lnbench.neurons import Architecture, NeuronSet

__version__ = "0.1.0"

__all__ = ["Architecture", "LnbenchError", "NeuronSet", "__version__", "ablate"]

_ROOMS = (
    "identification",
    "neurons",
    "models",
    "detection",
    "scoring",
    "harness",
    "studies",
    "reporting",
    "analysis",
    "languages",
)


def ablate(
    model: Any, neurons: NeuronSet | str | Path, *, spec: Any = "zero", engine: str = "auto", **keys: Any
) -> AbstractContextManager[Applied]:
    """Intervene on a transformers causal language model for the length of a ``with`` block.

    Args:
        model: the loaded model; it is restored bit for bit on exit, also after an exception.
        neurons: a set, or what :meth:`NeuronSet.load` takes.
        spec: an operation (``zero``, ``scale:0.5``, ``set:mean:fr``), a YAML file or a dict (docs/specs.md).
        engine: ``fold`` (into the weights), ``hook`` or ``auto``.
        **keys: the other keys of a spec: ``lang``, ``sites``, ``layers``, ``exclude``, ``control``, ``seed`` ...

    Returns:
        A context manager that yields what was applied: ``.plan`` and ``.engine``.

    Raises:
        LnbenchError: the neurons do not fit the model, the spec asks for something unknown, or the engine cannot do it.
    """
    from lnbench.models import Spec, applied, architecture_of, compile_plan
    from lnbench.neurons import NeuronSet

    loaded = neurons if isinstance(neurons, NeuronSet) else NeuronSet.load(neurons)
    plan = compile_plan(Spec.parse(spec=spec, **keys), loaded, architecture_of(model))
    return applied(model, plan, engine=engine)


def _architecture_of(model: Any) -> Architecture:
    found: Architecture = importlib.import_module("lnbench.models").architecture_of(model)
    return found


def _paint_card(neurons: NeuronSet, name: str) -> bytes:
    picture: bytes = importlib.import_module("lnbench.reporting").set_picture(neurons, name)
    return picture


def __getattr__(name: str) -> Any:
    if name in ("NeuronSet", "Architecture"):
        neurons = importlib.import_module("lnbench.neurons")
        importlib.import_module("lnbench.neurons.hub").use_card_painter(_paint_card)  # for push_to_hub
        neurons.use_architecture_reader(_architecture_of)  # so that from_indices(..., model=model) can read a model
        return getattr(neurons, name)
    if name in _ROOMS:
        return importlib.import_module(f"lnbench.{name}")
    raise AttributeError(f"module 'lnbench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ROOMS})
