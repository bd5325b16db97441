"""A model that cannot be loaded, said in one sentence where the user can mend it; and folders, asked of nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lnbench._hub import first_sentence, quick_without_network
from lnbench.errors import ModelArgumentError

#: Arguments of older versions of transformers, which quantised while loading.
_QUANTISING = ("load_in_8bit", "load_in_4bit")


@contextmanager
def one_sentence(model: str) -> Iterator[None]:
    """Turn what transformers raises for a wrong name or a wrong argument into a refusal; other errors pass.

    Raises:
        ModelArgumentError: there is no such model, or it does not take an argument.
    """
    try:
        with quick_without_network(model):
            yield
    except Exception as error:
        refusal = _refusal(model, error)
        if refusal is None:
            raise
        raise refusal from error


def _refusal(model: str, error: Exception) -> ModelArgumentError | None:
    from huggingface_hub.errors import HFValidationError

    cannot = f"the model {model!r} cannot be loaded"
    if isinstance(error, (OSError, HFValidationError)):
        pretrained = "check pretrained=, which is a folder or a name on the hub"
        return ModelArgumentError(f"{cannot} ({first_sentence(error)}); {pretrained}")
    if isinstance(error, (ValueError, ImportError, AssertionError)):  # two that exclude each other, a missing package
        return ModelArgumentError(f"{cannot} with these arguments ({first_sentence(error)}); check --model_args")
    if isinstance(error, AttributeError) and "module 'torch' has no attribute" in str(error):
        return ModelArgumentError(f"{cannot} ({error}); check dtype=")
    if isinstance(error, TypeError) and (named := re.search(r"unexpected keyword argument '(\w+)'", str(error))):
        return _unknown(model, named[1])
    return None


def _unknown(model: str, argument: str) -> ModelArgumentError:
    if argument in _QUANTISING:
        return ModelArgumentError(
            f"this version of transformers has no {argument}; quantise {model!r} with a BitsAndBytesConfig, "
            "save it with save_pretrained, and give that folder as pretrained"
        )
    return ModelArgumentError(
        f"the model {model!r} does not take the argument {argument!r}; check its spelling in --model_args"
    )


@contextmanager
def folders_are_no_names(lm: Any) -> Iterator[None]:
    """Have an lm-eval model name its local folders by their full paths, and give it back its own names at the end.

    lm-eval asks the hub for the commit of whatever looks like ``org/name``. A folder ``models/mine`` does, and a
    stranger's commit of that name would stand in the results.
    """
    named = {key: getattr(lm, key, None) for key in ("pretrained", "peft", "delta")}
    folders = {key: name for key, name in named.items() if isinstance(name, str) and Path(name).is_dir()}
    try:
        for key, name in folders.items():
            setattr(lm, key, str(Path(name).resolve()))
        yield
    finally:
        for key, name in folders.items():
            setattr(lm, key, name)
