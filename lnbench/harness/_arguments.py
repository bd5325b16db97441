"""The arguments of the model ``lnbench``: which of them are ours, what they name, what was probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lnbench import models
from lnbench._near import hint, near
from lnbench._surroundings import is_text
from lnbench.errors import ModelArgumentError
from lnbench.harness._masks import FILE_KEYS, load, refuse_without_files
from lnbench.neurons import NeuronSet, resolve_masks

#: Arguments that say what is done to which neurons; each needs ``mask``.
SPEC_KEYS = ("spec", *models.SPEC_KEYS)
OUR_KEYS = ("mask", *FILE_KEYS, "engine", *SPEC_KEYS)

#: Words that people use for one of our arguments (or lm-eval's) and that nothing else understands.
_SYNONYMS = {
    "language": "lang",
    "neurons": "mask",
    "neuron_set": "mask",
    "op": "spec",
    "model": "pretrained",
    "model_name": "pretrained",
}
#: Arguments of ``from_pretrained`` that look like ours and are not.
_LOOKALIKES = frozenset({"token", "config", "state_dict", "cache_dir", "use_cache", "variant"})
_CLOSE = 0.75


def refuse_unknown(keys: Iterable[str], known: Iterable[str]) -> None:
    """Catch a mistyped argument, which would otherwise wander on into ``from_pretrained``.

    A key that resembles none of ours passes: transformers knows many, and refuses what it does not know.

    Args:
        keys: the arguments left over, to be checked.
        known: the arguments of lm-eval's own model, which pass.

    Raises:
        ModelArgumentError: a key is close to one of ours.
    """
    passed = _LOOKALIKES.union(known)
    for key in keys:
        meant = None if key in passed else _meant(key)
        if meant:
            raise ModelArgumentError(f"unknown model argument {key!r}; did you mean {meant!r}?")


def _meant(key: str) -> str | None:
    plain = key.lower().replace("-", "_")
    if plain in (*OUR_KEYS, *_SYNONYMS):
        return _SYNONYMS.get(plain, plain)
    return next(iter(near(plain, OUR_KEYS, close=_CLOSE)), None)


def refuse_twice(in_model_args: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Refuse what stands among the model's arguments and is an option of lm-eval's own, too.

    Raises:
        ModelArgumentError: names the first.
    """
    for key in options:
        if key in in_model_args:
            raise ModelArgumentError(
                f"{key}={in_model_args[key]!r} in --model_args is lm-eval's own option; write --{key} "
                f"{in_model_args[key]} and leave it out there"
            )


def check_max_length(given: Any) -> None:
    """Refuse a window that holds no token.

    Raises:
        ModelArgumentError: it is no number of tokens.
    """
    if given is not None and not (isinstance(given, int) and given > 0):
        raise ModelArgumentError(f"max_length={given!r} is no number of tokens; give 1 or more, or leave it out")


def check_batch_size(given: Any) -> None:
    """Refuse a batch of no requests.

    Raises:
        ModelArgumentError: it is neither a number of them nor lm-eval's ``auto``.
    """
    if given is not None and not re.fullmatch(r"auto(:[0-9]+(\.[0-9]+)?)?|[1-9][0-9]{0,8}", str(given)):
        raise ModelArgumentError(f"batch_size={given!r} is no number of requests; give 1 or more, or auto")


def check_engine(engine: Any) -> str:
    """The engine's name.

    Raises:
        ModelArgumentError: there is no such engine.
    """
    if engine not in models.ENGINES:
        raise ModelArgumentError(
            f"unknown engine {engine!r}; {hint(engine, models.ENGINES)}engine is one of {', '.join(models.ENGINES)}"
        )
    return str(engine)


def mask_paths(mask: str | Path | Sequence[str | Path]) -> list[Path]:
    """The neuron-set files of ``mask``: ``a.pt``, ``a.pt+b.pt``, ``[a.pt,b.pt]`` as text, or a list.

    Raises:
        ModelArgumentError: the argument names no file.
        NeuronFileError: there is no such file.
    """
    names = _bracketed(mask) if isinstance(mask, str) else [mask] if isinstance(mask, Path) else mask
    if not isinstance(names, list | tuple) or not names or not all(str(name).strip() for name in names):
        raise ModelArgumentError(f"mask={mask!r} names no neuron-set file; write mask=a.pt or mask=a.pt+b.pt")
    if not all(is_text(str(name)) for name in names):
        raise ModelArgumentError(f"mask={mask!r} holds bytes that no results file could name; rename the file")
    return [path for name in dict.fromkeys(str(name).strip() for name in names) for path in resolve_masks(name)]


def _bracketed(mask: str) -> list[str]:
    """A list in ``--model_args`` arrives as text."""
    if mask.startswith("[") and mask.endswith("]"):
        return [name.strip().strip("'\"") for name in mask[1:-1].split(",")]
    return [mask]


def neurons_and_spec(
    mask: str | Path | Sequence[str | Path] | NeuronSet | None, pretrained: Any, arguments: dict[str, Any]
) -> tuple[NeuronSet | None, list[Path], models.Spec | None]:
    """The neuron set that is asked for, its files, and what to do to it.

    Args:
        mask: file(s), or a set in memory.
        pretrained: the model, as lm-eval is given it.
        arguments: all others; those that are about the set and the spec are taken out.

    Raises:
        LnbenchError: a file or the spec cannot be read, or one of them is missing.
    """
    spec_keys = {key: arguments.pop(key, None) for key in SPEC_KEYS}
    told = {key: arguments.pop(key, None) for key in FILE_KEYS}
    paths = [] if mask is None or isinstance(mask, NeuronSet) else mask_paths(mask)
    refuse_without_files(told, paths)
    neurons = mask if isinstance(mask, NeuronSet) else load(paths, told, pretrained, arguments)
    return neurons, paths, spec_of(spec_keys, neurons)


def spec_of(keys: Mapping[str, Any], neurons: NeuronSet | None) -> models.Spec | None:
    """The spec that the arguments describe; None where there is no neuron set.

    Raises:
        LnbenchError: they describe none, or say what to do to neurons that are not given.
    """
    if neurons is None:
        refuse_without_mask(keys)
        return None
    return models.Spec.parse(**keys)


def refuse_without_mask(given: Mapping[str, Any]) -> None:
    """Refuse arguments that do nothing without a neuron set.

    Raises:
        ModelArgumentError: names the first of them.
    """
    for key in SPEC_KEYS:
        if given.get(key) is not None:
            raise ModelArgumentError(f"{key}={given[key]!r} has no effect without a neuron set; add mask=FILE")


def location(pretrained: str) -> str:
    """Where the weights of ``pretrained`` are: the embedded model's folder for its name, else the name itself.

    Raises:
        ModelArgumentError: the embedded model is asked for and this installation lacks it.
    """
    return models.model_location(pretrained)
