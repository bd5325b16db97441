"""Load a causal language model and its tokenizer by name, with a sentence for what can go wrong.

lm-eval loads models by its own rules; this is for commands that need no lm-eval.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from lnbench._data import DEMO_MODEL, demo_model_dir
from lnbench._faults import is_out_of_memory
from lnbench._hub import first_sentence, quick_without_network, switched_off
from lnbench._near import hint
from lnbench._paths import at_home
from lnbench.errors import LnbenchError, ModelArgumentError

DTYPES = ("float32", "bfloat16", "float16", "auto")
#: Code that comes with a model is not run, and transformers is not to ask on the terminal whether it may.
NO_CODE = {"trust_remote_code": False}


def model_location(name: str) -> str:
    """Where a model's files are: the embedded model's folder for ``lnbench/demo``, else the name itself.

    Raises:
        ModelArgumentError: the embedded model is asked for and this installation lacks it.
    """
    if name != DEMO_MODEL:
        return name
    folder = demo_model_dir()
    if not (folder / "config.json").is_file():
        raise ModelArgumentError(f"the embedded model {DEMO_MODEL!r} is not in {folder}; reinstall lnbench")
    return str(folder)


def load_tokenizer(name: str, *, revision: str | None = None) -> Any:
    """The tokenizer of a model.

    Raises:
        ModelArgumentError: there is no such model, or it has no tokenizer.
    """
    from transformers import AutoTokenizer

    with unloadable_in_one_sentence(name, "tokenizer"):
        return AutoTokenizer.from_pretrained(model_location(name), **_revision(name, revision), **NO_CODE)


def load_model(name: str, *, revision: str | None = None, dtype: str = "auto", device: str = "cpu") -> Any:
    """A causal language model, in evaluation mode.

    Args:
        name: ``lnbench/demo``, a folder or a name on the hub.
        revision: branch, tag or commit on the hub.
        dtype: one of :data:`DTYPES`; ``auto`` is the checkpoint's own (float32 for the embedded model).
        device: ``cpu``, ``cuda``, ``cuda:1`` ..., or ``auto``: spread over what there is (``device_map="auto"``).

    Raises:
        ModelArgumentError: there is no such model, dtype or device.
    """
    from transformers import AutoModelForCausalLM

    check_placement(dtype, device)
    if dtype == "auto" and name == DEMO_MODEL:
        dtype = "float32"
    place = "auto" if device == "auto" else {"": torch.device(device)}
    with unloadable_in_one_sentence(name, "model"):
        model = AutoModelForCausalLM.from_pretrained(
            model_location(name), dtype=dtype, device_map=place, **_revision(name, revision), **NO_CODE
        )
    return model.eval()


def commit_of(name: str, revision: str | None = None, config: Any = None) -> str | None:
    """The commit of a model that was just loaded from the hub, or None for one that was not.

    transformers 5.23 no longer notes it in the config; the hub's cache, which the model came from, has it.

    Args:
        name: As it was loaded: a name on the hub, or a folder.
        revision: Branch, tag or commit that was asked for; None is the main branch.
        config: The loaded model's config, which is asked first.
    """
    noted = getattr(config, "_commit_hash", None)
    if noted or at_home(name).exists():
        return noted
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        cached = try_to_load_from_cache(name, "config.json", revision=revision)
    except HFValidationError:
        return None
    return Path(cached).parent.name if isinstance(cached, str) else None


def check_placement(dtype: str, device: str) -> None:
    """Refuse a dtype or device that :func:`load_model` would refuse, before hours of work.

    Raises:
        ModelArgumentError: it cannot be used on this machine, or holds no values (``meta``).
    """
    if dtype not in DTYPES:
        raise ModelArgumentError(f"unknown dtype {dtype!r}; {hint(dtype, DTYPES)}choose one of {', '.join(DTYPES)}")
    if device == "auto":
        return
    try:
        kind = torch.empty(0, device=torch.device(device)).device.type
    except (RuntimeError, AssertionError) as error:
        reason = re.split(r"\. |: |\n", str(error), maxsplit=1)[0].rstrip(".")
        raise ModelArgumentError(f"the device {device!r} cannot be used ({reason}); use cpu, cuda or auto") from error
    if kind == "meta":
        raise ModelArgumentError(f"the device {device!r} cannot be used (it holds no values); use cpu, cuda or auto")


def _revision(name: str, revision: str | None) -> dict[str, str]:
    return {"revision": revision} if revision and name != DEMO_MODEL else {}


@contextmanager
def unloadable_in_one_sentence(name: str, what: str) -> Iterator[None]:
    """Turn what transformers raises for a wrong name into a refusal, soon also where the hub does not answer.

    Raises:
        ModelArgumentError: there is no such model, or its files are damaged.
    """
    try:
        with quick_without_network(name):
            yield
    except LnbenchError:
        raise
    except Exception as error:  # transformers, and who reads the files for it, raise many kinds
        if is_out_of_memory(error):  # the name and the files are right
            raise
        reason = first_sentence(error)
        remedy = f"{hint(name, [DEMO_MODEL], close=0.8)}name a folder with a model or one on the hub"
        if (switch := switched_off()) and not at_home(name).exists():
            reason = f"the hub is switched off by {switch}, and its cache has no copy"
            remedy = f"{hint(name, [DEMO_MODEL], close=0.8)}unset it, or name a folder with a model"
        raise ModelArgumentError(f"the {what} of {name!r} cannot be loaded ({reason}); {remedy}") from error
