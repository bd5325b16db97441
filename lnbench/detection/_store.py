"""A pass in shards on disk: what is done stays done when the process is killed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import torch

from lnbench import _json
from lnbench._lock import Held, hold
from lnbench._write import whole
from lnbench.errors import DataError, OutputError

_KEY = "lnbench-shards.json"
#: Under which a shard's header says which one it is.
_PLACE = "shard"


class ShardStore:
    """Shards of tensors by language and number in one folder, which belongs to one run.

    A shard is written whole or not at all, so one that exists is complete. The key says what the run is (model, corpus
    hash, settings ...): a folder of another run is refused, never mixed in.

    Raises:
        OutputError: the folder holds another run or something else, or cannot be written to.
    """

    def __init__(self, folder: str | Path, key: Mapping[str, Any]) -> None:
        """Open the folder, or make it.

        Args:
            folder: made if it does not exist; its parent must exist.
            key: plain JSON that is equal exactly when shards may be shared.
        """
        self.folder = Path(folder)
        self.key: dict[str, Any] = json.loads(json.dumps(key, sort_keys=True))
        self._held: Held | None = None
        self._open(self.key)

    @classmethod
    def existing(cls, folder: str | Path) -> ShardStore:
        """Open a folder that a run has filled, whatever its key.

        Raises:
            OutputError: it holds no shards.
        """
        return cls(folder, _key_in(Path(folder)))

    def hold(self) -> None:
        """Have the folder for this process alone, until this store is gone or the process ends.

        Raises:
            OutputError: another process is at work there.
        """
        try:
            held = hold(self.folder)
        except OSError as error:
            raise OutputError(f"cannot use the folder {str(self.folder)!r} ({error.strerror}); name another") from error
        if held is None:
            raise OutputError(
                f"another process is at work in {str(self.folder)!r}; wait until it has ended, or name another output"
            )
        self._held = held

    def _open(self, key: dict[str, Any]) -> None:
        try:
            self.folder.mkdir(exist_ok=True)
            empty = all(path.name.startswith(f".{_KEY}.") for path in self.folder.iterdir())  # a killed first run's
        except OSError as error:
            raise OutputError(f"cannot use the folder {str(self.folder)!r} ({error.strerror}); name another") from error
        if empty:
            with whole(self.folder / _KEY) as part:
                part.write_text(json.dumps(key, ensure_ascii=False, sort_keys=True, indent=1), encoding="utf-8")
        else:
            self._refuse_other(key)

    def _refuse_other(self, key: dict[str, Any]) -> None:
        folder, there = repr(str(self.folder)), _key_in(self.folder)
        if there != key:
            differing = sorted(name for name in {*there, *key} if there.get(name) != key.get(name))
            raise OutputError(
                f"the folder {folder} holds shards of another run (it differs in {', '.join(differing)}); "
                "delete it or name another"
            )

    def done(self, language: str, number: int) -> bool:
        """Whether a shard has been written."""
        return self._path(language, number).exists()

    def write(self, language: str, number: int, tensors: Mapping[str, torch.Tensor]) -> None:
        """Write a shard, all or nothing.

        Raises:
            OutputError: it cannot be written (the disk is full, say).
        """
        write_tensors(self._path(language, number), tensors, {_PLACE: _place(language, number)})

    def read(self, language: str, number: int) -> dict[str, torch.Tensor]:
        """The tensors of a shard, on the CPU.

        Raises:
            DataError: the shard does not exist or is damaged.
        """
        with self._opened(language, number) as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)

    def part(self, language: str, number: int, name: str, at: int) -> torch.Tensor:
        """Entry ``at`` of the first dimension of one tensor of a shard; the rest is not read.

        Raises:
            DataError: the shard does not exist, is damaged or lacks the tensor.
        """
        with self._opened(language, number) as file:
            entry: torch.Tensor = file.get_slice(name)[at]
            return entry

    @contextmanager
    def _opened(self, language: str, number: int) -> Iterator[Any]:
        """A shard's file, which says itself which one it is."""
        from safetensors import SafetensorError, safe_open

        path = self._path(language, number)
        try:
            with safe_open(path, framework="pt") as file:
                place = (file.metadata() or {}).get(_PLACE, _place(language, number))
                if place != _place(language, number):
                    raise OSError(f"it is the shard of {place}")
                yield file
        except (OSError, SafetensorError) as error:
            raise _unreadable(path, error) from error

    def drop(self, language: str, number: int) -> None:
        """Remove a shard that is no longer needed; it may be missing."""
        self._path(language, number).unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove every shard and the folder; anything else in the folder stays, and so does the folder then."""
        for path in [*self.folder.glob("*.shard"), self.folder / _KEY]:
            path.unlink(missing_ok=True)
        for path in self.folder.glob(".*.partial"):  # where a killed process was writing
            shutil.rmtree(path, ignore_errors=True)
        if not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _path(self, language: str, number: int) -> Path:
        return self.folder / f"{quote(language, safe='')}-{number:06d}.shard"


def _key_in(folder: Path) -> dict[str, Any]:
    try:
        key = _json.loads((folder / _KEY).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise OutputError(f"the folder {str(folder)!r} holds no shards of lnbench; name another") from None
    except OSError as error:
        raise OutputError(f"cannot use the folder {str(folder)!r} ({error.strerror}); name another") from error
    except (ValueError, RecursionError):
        key = None
    if not isinstance(key, dict):
        raise OutputError(f"{str(folder / _KEY)!r} is damaged, which says what the shards are of; delete the folder")
    return key


def _place(language: str, number: int) -> str:
    return f"{language} {number}"


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(f"the shard {str(path)!r} cannot be read ({error}); delete it and run again")


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> None:
    """Write a ``.safetensors`` file all or nothing; the same tensors give the same bytes.

    Raises:
        OutputError: it cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    with whole(path) as part:
        try:
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, part, dict(metadata))
        except SafetensorError as error:
            raise OSError(str(error)) from error
