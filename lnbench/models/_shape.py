"""The layers, widths and heads of a model by its name, without its weights."""

from __future__ import annotations

import contextlib
from typing import Any

import torch

from lnbench._paths import at_home
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
    return shell_of(name, load_config(name, revision=revision, **options), dtype)


def load_config(name: str, *, revision: str | None = None, **options: Any) -> Any:
    """A model's config; arguments as for :func:`load_shell`.

    Raises:
        ModelArgumentError: there is no such model.
    """
    from transformers import AutoConfig

    location = model_location(name)
    local = at_home(location)
    asked = {"revision": revision} if revision and not local.is_dir() else {}
    with unloadable_in_one_sentence(name, "config"):
        return AutoConfig.from_pretrained(str(local) if local.is_dir() else location, **asked, **NO_CODE, **options)


def shell_of(name: str, config: Any, dtype: torch.dtype | None = None) -> Any:
    """The model of a config, on the meta device.

    Raises:
        ModelArgumentError: transformers has no such model.
    """
    from transformers import AutoModelForCausalLM

    with unloadable_in_one_sentence(name, "model"), _quiet(), torch.device("meta"):
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
