"""Which versions are installed, and whether they are those that lnbench asks for."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import TYPE_CHECKING, Any

from lnbench import __version__
from lnbench.doctor._report import Part
from lnbench.errors import LnbenchError

if TYPE_CHECKING:
    from packaging.requirements import Requirement

#: Shown always; the others only where something is wrong with them.
SHOWN = ("torch", "transformers", "lm_eval", "datasets", "accelerate", "tokenizers", "numpy")
#: What each optional package is for.
EXTRAS = {
    "peft": "adapters",
    "lingua-language-detector": "LNBENCH_LID=lingua",
    "fasttext-wheel": "LNBENCH_LID=fasttext:MODEL",
    "jieba": "segmenting Chinese",
    "pythainlp": "segmenting Thai",
    "fugashi": "segmenting Japanese",
    "ray": "--executor ray",
    "vllm": "--model lnbench-vllm",
    "bitsandbytes": "8 and 4 bit checkpoints",
}


def versions() -> Part:
    """Python and what lnbench cannot do without; every one is held to the range that lnbench declares."""
    part = Part("Versions", {"python": f"{platform.python_version()} ({sys.executable})", "lnbench": __version__})
    part.facts |= {name: installed(name) or "not installed" for name in SHOWN}
    for requirement in _requirements():
        _hold(part, requirement)
    _known_bad(part)
    _back_ends(part)
    return part


def extras() -> Part:
    """What is optional: which of it is there, and what it is for."""
    found = {name: (installed(name), what) for name, what in EXTRAS.items()}
    return Part(
        "Optional packages",
        {name: f"{version or '-'}  ({what})" for name, (version, what) in found.items()},
    )


def installed(name: str) -> str | None:
    """The version of a distribution; None where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _requirements() -> Iterator[Requirement]:
    """What this installation of lnbench asks for on this machine; nothing where it is not installed as a package."""
    from packaging.requirements import Requirement

    try:
        lines = metadata.requires("lnbench") or []
    except metadata.PackageNotFoundError:
        return
    for line in lines:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement


def _hold(part: Part, requirement: Requirement) -> None:
    version = installed(requirement.name)
    if version is None:
        part.wrong(f"{requirement.name} is not installed; run `pip install '{_plain(requirement)}'`", needed=True)
    elif not requirement.specifier.contains(version, prereleases=True):
        part.wrong(
            f"{requirement.name} {version} is not {requirement.specifier}, which lnbench asks for; run "
            f"`pip install '{_plain(requirement)}'`",
            needed=True,
        )


def _plain(requirement: Requirement) -> str:
    extra = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extra}{requirement.specifier}"


def _known_bad(part: Part) -> None:
    """Combinations that install and then fail."""
    try:
        import torch
    except Exception as error:  # a broken build raises whatever its loader raises
        part.wrong(
            f"torch cannot be imported ({first_line(error)}); install it anew as https://pytorch.org says", needed=True
        )
        return
    wanted = _pinned_torch("vllm")
    if wanted is not None and not wanted.specifier.contains(torch.__version__, prereleases=True):
        part.wrong(
            f"vllm {installed('vllm')} asks for torch{wanted.specifier} and torch {torch.__version__} is here; give "
            "vLLM an environment of its own, as docs/vllm.md says"
        )


def _back_ends(part: Part) -> None:
    """What LNBENCH_LID and LNBENCH_SEGMENT name, which every generative task needs."""
    from lnbench.identification import identifier
    from lnbench.scoring import signature

    loads: dict[str, Callable[[], Any]] = {"LNBENCH_LID": identifier, "LNBENCH_SEGMENT": lambda: signature("rouge1")}
    for name, load in loads.items():
        if os.environ.get(name):
            part.facts[name] = os.environ[name]
            try:
                load()
            except LnbenchError as error:
                part.wrong(f"{name}: {error}", needed=True)


def _pinned_torch(package: str) -> Requirement | None:
    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(line) for line in metadata.requires(package) or []]
    except metadata.PackageNotFoundError:
        return None
    return next((one for one in wanted if one.name == "torch" and (not one.marker or one.marker.evaluate())), None)


def first_line(error: Exception) -> str:
    """The first line of an error's text, or its kind."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
