"""Folders: what comes with lnbench, what the user names, and what grows."""

from __future__ import annotations

import os
from pathlib import Path

from lnbench._data import DEMO_MODEL, demo_model_dir, packaged
from lnbench._paths import at_home
from lnbench.doctor._report import Part
from lnbench.errors import LnbenchError
from lnbench.languages import DATASETS

#: So many files of a folder are looked at; a cache of a cluster may have millions.
_MOST_FILES = 100_000
_STORES = Path("results")


def embedded() -> Part:
    """The embedded model, the tasks and the neuron sets that come with lnbench."""
    part = Part("What comes with lnbench")
    try:
        part.facts[DEMO_MODEL] = str(demo_model_dir())
        part.facts["tasks"] = f"{sum(1 for _ in packaged('tasks').rglob('*.yaml'))} files in {packaged('tasks')}"
    except LnbenchError as error:
        part.wrong(str(error), needed=True)
        return part
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        if not (demo_model_dir() / name).is_file():
            part.wrong(
                f"the embedded model lacks {name}; reinstall with `pip install --force-reinstall --no-deps lnbench`",
                needed=True,
            )
    return part


def neuron_sets() -> Part:
    """Where a neuron set is looked for by its name, and which come with lnbench."""
    named = os.environ.get("LNBENCH_NEURON_SETS", "")
    part = Part("Neuron sets", {"LNBENCH_NEURON_SETS": named or "-"})
    for folder in filter(None, named.split(os.pathsep)):
        if not at_home(folder).is_dir():
            part.wrong(f"LNBENCH_NEURON_SETS names {folder!r}, which is no folder; make it or take it out")
    try:
        shipped = packaged("neuron_sets")
    except LnbenchError:  # said above
        return part
    sets = sorted(path.name for path in shipped.iterdir() if path.suffix in (".pt", ".safetensors"))
    part.facts["shipped"] = f"{', '.join(sets)} in {shipped}"
    return part


def task_data() -> Part:
    """Whether LNBENCH_DATA names a folder, and which data sets it has a folder of."""
    named = os.environ.get("LNBENCH_DATA")
    part = Part("Task data", {"LNBENCH_DATA": named or "- (published data sets come from the hub then)"})
    if named is None:
        return part
    if not Path(named).is_dir():
        part.wrong(f"LNBENCH_DATA names {named!r}, which is no folder; name the folder of the published files")
        return part
    there = {path.name.lower() for path in Path(named).iterdir() if path.is_dir()}
    found = [name for name in DATASETS if name in there]
    part.facts["folders of"] = ", ".join(found) or "no data set by its name"
    part.facts["in full"] = f"lnbench data check {named}"
    return part


def caches() -> Part:
    """What is kept on this disk, and how large it is: exported checkpoints, stores of studies, the hub's cache."""
    from huggingface_hub import constants

    from lnbench.harness import Exports

    part = Part("Caches and stores")
    part.facts["exports for vLLM"] = _sized(Exports().root)
    part.facts["hub cache"] = _sized(Path(constants.HF_HUB_CACHE))
    part.facts["stores here"] = _sized(_STORES.absolute())
    part.facts["responses"] = "where --use_cache names a file; each condition has entries of its own"
    for name in ("LNBENCH_CACHE", "HF_HOME"):
        if os.environ.get(name) and not _may_write(Path(os.environ[name])):
            part.wrong(f"{name} names {os.environ[name]!r}, which cannot be written to; name another folder")
    return part


def _may_write(folder: Path) -> bool:
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return existing.is_dir() and os.access(existing, os.W_OK)


def _sized(folder: Path) -> str:
    if not folder.is_dir():
        return f"nothing yet ({folder})"
    size, files = 0, 0
    for where, _, names in os.walk(folder):
        for name in names:
            path = Path(where, name)
            size += 0 if path.is_symlink() else _size(path)
        files += len(names)
        if files > _MOST_FILES:
            return f"more than {size / 1e9:.1f} GB in {folder}"
    return f"{_shown(size)} in {files} {'file' if files == 1 else 'files'} ({folder})"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # removed meanwhile
        return 0


def _shown(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
