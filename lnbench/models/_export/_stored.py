"""The tensors of a safetensors checkpoint where they lie: which file, which bytes, under which name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from lnbench import _json
from lnbench.errors import ModelArgumentError

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
_DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


@dataclass(frozen=True)
class Stored:
    """The weight files of a folder, as transformers would choose them."""

    folder: Path
    sharded: bool

    @classmethod
    def find(cls, folder: Path) -> Stored | None:
        """The folder's safetensors checkpoint, or None where its weights are of another kind."""
        for name in (SINGLE, INDEX):
            if (folder / name).is_file():
                return cls(folder, name == INDEX)
        return None

    @cached_property
    def index(self) -> dict[str, Any]:
        """The index file's content, ``{"metadata": ..., "weight_map": {key: file}}``; made up for a single file.

        Raises:
            ModelArgumentError: the index is damaged.
        """
        if not self.sharded:
            return {"metadata": {}, "weight_map": dict.fromkeys(self._header(SINGLE), SINGLE)}
        try:
            index = _json.loads((self.folder / INDEX).read_text(encoding="utf-8"))
            names = set(index["weight_map"].values())
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise _damaged(self.folder / INDEX, error) from None
        odd = sorted(str(name) for name in names if not self._is_file(name))
        if odd:
            raise ModelArgumentError(
                f"{self.folder / INDEX} names {odd[0]!r}, which is no file beside it; download the checkpoint again"
            )
        return dict(index)

    @property
    def weight_map(self) -> Mapping[str, str]:
        """Key -> file name."""
        found: dict[str, str] = self.index["weight_map"]
        return found

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the weight files, sorted."""
        return tuple(sorted(set(self.weight_map.values())))

    def size(self, file: str) -> int:
        """Bytes of one of the files."""
        return (self.folder / file).stat().st_size

    def read(self, key: str) -> torch.Tensor:
        """A copy of one tensor.

        Raises:
            ModelArgumentError: the file is damaged or lacks it.
        """
        path = self.folder / self.weight_map[key]
        try:
            with safe_open(path, "pt") as file:
                tensor: torch.Tensor = file.get_tensor(key).clone()
        except (OSError, SafetensorError) as error:
            raise _damaged(path, error) from None
        return tensor

    def shape(self, key: str) -> tuple[int, ...]:
        """The shape of one tensor; errors as in :meth:`read`."""
        return tuple(self._entry(key)["shape"])

    def dtype(self, key: str) -> torch.dtype | None:
        """The type of one tensor, or None where it is none that weights are computed in; errors as in :meth:`read`."""
        return _DTYPES.get(self._entry(key)["dtype"])

    def totals(self) -> dict[str, Any]:
        """Bytes and parameters of all files, as an index has them."""
        entries = [entry for file in self.files for entry in self._header(file).values()]
        size = sum(entry["data_offsets"][1] - entry["data_offsets"][0] for entry in entries)
        return {"total_parameters": sum(prod(entry["shape"]) for entry in entries), "total_size": size}

    def _entry(self, key: str) -> dict[str, Any]:
        file = self.weight_map[key]
        entry: dict[str, Any] | None = self._header(file).get(key)
        if entry is None:
            raise ModelArgumentError(f"{self.folder / file} lacks {key}, which the index promises; download it again")
        return entry

    def _header(self, file: str) -> dict[str, Any]:
        """Key -> type, shape and bytes of every tensor of one file."""
        if file not in self._headers:
            path = self.folder / file
            try:
                with safe_open(path, "pt"):  # which holds the header to the file
                    self._headers[file] = read_header(path)[0]
            except (OSError, ValueError, SafetensorError) as error:
                raise _damaged(path, error) from None
        return self._headers[file]

    @cached_property
    def _headers(self) -> dict[str, dict[str, Any]]:
        return {}

    def _is_file(self, name: Any) -> bool:
        if not isinstance(name, str) or Path(name).name != name:
            return False
        return os.path.isfile(self.folder / name)  # noqa: PTH113 (Path.is_file raises on names too long)


def read_header(path: Path) -> tuple[dict[str, Any], int]:
    """The entries of a safetensors file that is known to be whole, and where their bytes begin."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = _json.loads(file.read(length))
    entries = {key: entry for key, entry in header.items() if key != "__metadata__"}
    if not all(isinstance(entry, dict) for entry in entries.values()):
        raise ValueError("an entry of its header has no names")  # safetensors itself takes lists, too
    return entries, 8 + length


def overwrite(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Put tensors in the place of those of equal name, type and shape in a safetensors file."""
    header, start = read_header(path)
    with path.open("r+b") as file:
        for key, tensor in tensors.items():
            begin, end = header[key]["data_offsets"]
            data = tensor.detach().contiguous().flatten().view(torch.uint8).numpy()
            assert data.nbytes == end - begin, f"{key} has {data.nbytes} bytes in place of {end - begin}"
            file.seek(start + begin)
            file.write(data.data)
        file.flush()
        os.fsync(file.fileno())


def stored_names(model: nn.Module, stored: Stored) -> Callable[[str], str | None]:
    """From a parameter of the model to its key in the checkpoint, or to None where loading does more than rename.

    transformers renames keys and puts parameters together out of several, by maps of its own; these are asked. A key
    that no file has yet (a new bias) is named as its module's weight is.
    """
    rename, state = _renaming(model), model.state_dict()
    back: dict[str | None, list[str]] = {}
    for key in stored.weight_map:
        back.setdefault(rename(key, state), []).append(key)

    def key_of(parameter: str) -> str | None:
        found = back.get(parameter, [])
        if found:
            return found[0] if len(found) == 1 else None
        stem, _, kind = parameter.rpartition(".")
        beside = back.get(f"{stem}.weight", [])
        if kind != "bias" or len(beside) != 1 or not beside[0].endswith("weight"):
            return None
        key = beside[0].removesuffix("weight") + "bias"
        return key if rename(key, state) == parameter else None

    return key_of


def _renaming(model: Any) -> Callable[[str, Mapping[str, Any]], str | None]:
    """From a key and the model's state to the parameter that the key alone becomes, or None."""
    try:
        from transformers.conversion_mapping import get_model_conversion_mapping
        from transformers.core_model_loading import WeightConverter, WeightRenaming, rename_source_key
    except ImportError:  # transformers 4 has no such maps: only what has its very name is known
        return lambda key, state: key if key in state else None
    maps = get_model_conversion_mapping(model) or []
    renamings = [each for each in maps if isinstance(each, WeightRenaming)]
    converters = [each for each in maps if isinstance(each, WeightConverter)]

    def rename(key: str, state: Mapping[str, Any]) -> str | None:
        name, converter = rename_source_key(key, renamings, converters, model.base_model_prefix, state)
        if name not in state and key in state:
            name, converter = key, None
        return str(name) if converter is None and name in state else None

    return rename


def _damaged(path: Path, error: Exception) -> ModelArgumentError:
    reason = str(error).split("\n", maxsplit=1)[0]
    return ModelArgumentError(f"{path} cannot be read as a checkpoint ({reason}); download or save it again")
