"""The weight files of an export: those with an edit are copied and overwritten tensor by tensor, the others linked.

At no time is more than one projection in memory; new biases, which are small, wait until the end for a file of their
own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from lnbench.models._export._place import Places
from lnbench.models._export._stored import INDEX, Stored, overwrite
from lnbench.models._weights import WeightEdit, fold

Done = Callable[[int], None]
_BLOCK = 16 * 2**20


@dataclass(frozen=True)
class Written:
    """Names of the weight files of an export, by what became of them, and the biases that are new."""

    rewritten: tuple[str, ...]
    linked: tuple[str, ...]
    copied: tuple[str, ...]
    biases: tuple[str, ...]


@dataclass
class FoldedFiles:
    """A folded plan as changes of files: which keys change, and their new values one projection at a time."""

    stored: Stored
    places: Places
    edits: list[WeightEdit]
    key_of: Callable[[str], str | None]
    names: Mapping[int, str] = field(default_factory=dict)
    """``id`` of a module -> its name in the model."""

    def unreadable(self) -> str | None:
        """The first parameter that is no tensor of its own in the files, or None."""
        for each in self.edits:
            for name in _needed(each):
                if self._is_new(each.module, name):
                    continue
                key, shape = self._key(each.module, name), _shape(each.module, name)
                if key is None or self.stored.dtype(key) is None or self.stored.shape(key) != shape:
                    return self._full(each.module, name)
        nameless = [self._full(module, "bias") for module in self.places.created if self._key(module, "bias") is None]
        return nameless[0] if nameless else None

    def files(self) -> set[str]:
        """The files that an edit falls into."""
        keys = (self.key_of(self._full(each.module, name)) for each in self.edits for name in _changed(each))
        return {self.stored.weight_map[key] for key in keys if key and key in self.stored.weight_map}

    def new_biases(self) -> tuple[str, ...]:
        """Keys of the biases that the checkpoint gains, sorted."""
        return tuple(sorted(str(self._key(module, "bias")) for module in self.places.created))

    def values(self) -> Iterator[dict[str, torch.Tensor]]:
        """What each edited projection becomes, as key -> tensor; then the biases that stay zero."""
        for module in {id(each.module): each.module for each in self.edits}.values():
            yield self._folded(module, [each for each in self.edits if each.module is module])
        edited = {id(each.module) for each in self.edits}
        for module in self.places.created:
            if id(module) not in edited:
                yield {str(self._key(module, "bias")): self._zeros(module)}

    def _folded(self, module: nn.Module, edits: list[WeightEdit]) -> dict[str, torch.Tensor]:
        before, needed = dict(module._parameters), {name for each in edits for name in _needed(each)}
        try:
            for name in needed:
                module._parameters[name] = nn.Parameter(self._read(module, name), requires_grad=False)
            fold(edits).refuse_overflow()
            after = {name: _own(module, name).data for name in needed}
        finally:
            module._parameters.update(before)
        wanted = {name for each in edits for name in _changed(each)}
        wanted |= {name for name in needed if self._is_new(module, name)}
        return {str(self._key(module, name)): value for name, value in after.items() if name in wanted}

    def _read(self, module: nn.Module, name: str) -> torch.Tensor:
        return self._zeros(module) if self._is_new(module, name) else self.stored.read(str(self._key(module, name)))

    def _zeros(self, module: nn.Module) -> torch.Tensor:
        """A bias, in the type that the files have for the module's weight."""
        return torch.zeros(_shape(module, "bias"), dtype=self.stored.dtype(str(self._key(module, "weight"))))

    def _is_new(self, module: nn.Module, name: str) -> bool:
        return name == "bias" and any(each is module for each in self.places.created)

    def _key(self, module: nn.Module, name: str) -> str | None:
        return self.key_of(self._full(module, name))

    def _full(self, module: nn.Module, name: str) -> str:
        return f"{self.names[id(module)]}.{name}"


def _changed(edit: WeightEdit) -> list[str]:
    """Parameters that an edit writes: the bias of outputs, the weight unless only constants are added."""
    module = edit.module
    has_bias = module._parameters.get("bias") is not None
    bias = has_bias and (edit.side == "out" or bool(edit.edit.offset.any()))
    weight = [edit.weight] if (edit.edit.scale != 1.0).any() else []
    return weight + (["bias"] if bias else [])


def _needed(edit: WeightEdit) -> list[str]:
    """Parameters that an edit reads or writes."""
    return [edit.weight] + (["bias"] if edit.module._parameters.get("bias") is not None else [])


def _own(module: nn.Module, name: str) -> torch.Tensor:
    parameter = module._parameters[name]
    assert parameter is not None
    return parameter


def _shape(module: nn.Module, name: str) -> tuple[int, ...]:
    return tuple(_own(module, name).shape)


def write_shards(folded: FoldedFiles, target: Path, link: bool, done: Done) -> Written:
    """Write the weight files, and their index, into ``target``.

    Args:
        folded: what changes.
        target: an empty folder.
        link: make hard links of unchanged files where the file system can.
        done: called with bytes that are written.
    """
    stored, biases = folded.stored, folded.new_biases()
    changed, names = folded.files(), _new_names(stored, bool(biases))
    linked = [each for each in stored.files if each not in changed and link and _link(stored, each, target, names)]
    copied = [each for each in stored.files if each not in changed and each not in linked]
    for each in [*sorted(changed), *copied]:
        copy_file(stored.folder / each, target / names[each], done)
    gained = _write_folded(folded, target, names)
    _write_index(stored, gained, names, target, done)
    return Written(
        tuple(names[each] for each in sorted(changed)),
        tuple(names[each] for each in linked),
        tuple(names[each] for each in copied),
        biases,
    )


def _write_folded(folded: FoldedFiles, target: Path, names: Mapping[str, str]) -> dict[str, torch.Tensor]:
    """Put what changes into the copies, one projection at a time, and what no file had into a new one; give that."""
    where, gained = folded.stored.weight_map, dict[str, torch.Tensor]()
    for tensors in folded.values():
        gained |= {key: value for key, value in tensors.items() if key not in where}
        for file in {where[key] for key in tensors if key in where}:
            overwrite(target / names[file], {k: v for k, v in tensors.items() if where.get(k) == file})
    if gained:
        save_file(gained, target / names[""], metadata={"format": "pt"})
    return gained


def copy_file(source: Path, target: Path, done: Done) -> None:
    """Copy bytes in blocks, and have them on the disk."""
    with source.open("rb") as taken, target.open("wb") as given:
        while block := taken.read(_BLOCK):
            given.write(block)
            done(len(block))
        given.flush()
        os.fsync(given.fileno())


def _new_names(stored: Stored, biases: bool) -> dict[str, str]:
    """File -> its name in the export; with new biases there is one file more, whose key is the empty name."""
    if not biases:
        return {name: name for name in stored.files}
    total = len(stored.files) + 1
    return {
        name: f"model-{number:05d}-of-{total:05d}.safetensors" for number, name in enumerate([*stored.files, ""], 1)
    }


def _link(stored: Stored, file: str, target: Path, names: Mapping[str, str]) -> bool:
    """Make a hard link, if the file system can; what a hub's cache links to is meant itself."""
    try:
        os.link((stored.folder / file).resolve(), target / names[file])
    except OSError:
        return False
    return True


def _write_index(
    stored: Stored, gained: Mapping[str, torch.Tensor], names: Mapping[str, str], target: Path, done: Done
) -> None:
    if not gained:
        if stored.sharded:
            copy_file(stored.folder / INDEX, target / INDEX, lambda _: None)
        return
    index = {**stored.index, "weight_map": {key: names[file] for key, file in stored.weight_map.items()}}
    index["weight_map"] |= dict.fromkeys(gained, names[""])
    index["weight_map"] = dict(sorted(index["weight_map"].items()))
    index["metadata"] = _totals(stored, gained)
    (target / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def _totals(stored: Stored, gained: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """The index's own sums with those of the new biases; a single file had no index, so its sums are taken now."""
    totals = dict(stored.index.get("metadata") or {}) if stored.sharded else stored.totals()
    for name, value in (
        ("total_size", sum(each.nbytes for each in gained.values())),
        ("total_parameters", sum(each.numel() for each in gained.values())),
    ):
        if isinstance(totals.get(name), int | float):
            totals[name] = int(totals[name]) + value
    return totals
