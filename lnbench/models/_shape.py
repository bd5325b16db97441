"""The layers, widths and heads of a model by its name, without its weights."""

from __future__ import annotations

import contextlib
from typing import Any

import torch

from lnbench._data import DEMO_MODEL
from lnbench.models._load import NO_CODE, model_location, unloadable_in_one_sentence
from lnbench.models._sitemap import architecture_of
from lnbench.neurons import Architecture


def load_architecture(name: str, *, revision: str | None = None, **options: Any) -> Architecture:
    """Layers, site widths and heads of a model, from its config alone.

    Args:
        name: ``lnbench/demo``, a folder or a name on the hub.
        revision: branch, tag or commit on the hub.
        options: what ``AutoConfig.from_pretrained`` takes beside, as ``subfolder``.

    Raises:
        ModelArgumentError: there is no such model.
        UnsupportedArchitectureError: lnbench has no description of it.
    """
    return architecture_of(load_shell(name, revision=revision, **options))


def load_shell(name: str, *, revision: str | None = None, dtype: torch.dtype | None = None, **options: Any) -> Any:
    """A model without weights (on the meta device), from its config alone: its modules and their shapes.

    Args:
        name: ``lnbench/demo``, a folder or a name on the hub.
        revision: branch, tag or commit on the hub.
        dtype: of its parameters; the config's when left out.
        options: what ``AutoConfig.from_pretrained`` takes beside, as ``subfolder``.

    Raises:
        ModelArgumentError: there is no such model.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    asked = {"revision": revision} if revision and name != DEMO_MODEL else {}
    with unloadable_in_one_sentence(name, "config"):
        config = AutoConfig.from_pretrained(model_location(name), **asked, **NO_CODE, **options)
        with _quiet(), torch.device("meta"):
            return AutoModelForCausalLM.from_config(config, **({} if dtype is None else {"dtype": dtype}))


@contextlib.contextmanager
def _quiet() -> Any:
    """Without transformers' remarks on a model that is never used."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
