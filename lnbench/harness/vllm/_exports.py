"""Exported checkpoints kept on disk for engines: one per key, built once, used by several processes, cleared on demand.

The folder is ``$LNBENCH_CACHE/exports``, or ``~/.cache/lnbench/exports``.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from lnbench import _json
from lnbench._lock import Held, hold
from lnbench._paths import at_home
from lnbench.errors import OutputError
from lnbench.models import PLAN_FILE

try:
    import fcntl
except ImportError:  # Windows, where vLLM does not run either
    fcntl = None  # type: ignore[assignment]

LOCKS = ".locks"
_DAY = 86400.0
_log = logging.getLogger("lnbench")


def exports_folder() -> Path:
    """Where exported checkpoints are kept."""
    named = os.environ.get("LNBENCH_CACHE")
    return (at_home(named) if named else Path.home() / ".cache" / "lnbench") / "exports"


@dataclass(frozen=True)
class KeptExport:
    """One exported checkpoint.

    Attributes:
        folder: its name is the key.
        model: what was exported.
        description: what was done to it.
        size: bytes of its files.
        own: bytes that removing it frees; the others are hard links to the model's own files.
        used: when an engine last asked for it, in seconds since the epoch.
    """

    folder: Path
    model: str
    description: str
    size: int
    own: int
    used: float


class Export:
    """A kept checkpoint in use: nobody clears it before :meth:`close` or the end of the process."""

    def __init__(self, folder: Path) -> None:
        """Hold a folder that is there."""
        self.folder = folder
        self._handle: int | None = None
        if fcntl is not None:
            self._handle = os.open(folder, os.O_RDONLY)
            with suppress(OSError):  # a file system without locks
                fcntl.flock(self._handle, fcntl.LOCK_SH)

    def close(self) -> None:
        """Let go; a second call does nothing."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class Exports:
    """The kept checkpoints.

    Attributes:
        root: the folder that they are in.
    """

    def __init__(self, root: Path | None = None) -> None:
        """Look at a folder, which need not be there; None is :func:`exports_folder`."""
        self.root = root or exports_folder()

    def get(self, key: str, build: Callable[[Path], None]) -> Export:
        """The checkpoint of a key, built if it is not there; of several processes one builds, and the others wait.

        Args:
            key: hash of everything that decides the weights.
            build: makes the folder that it is given, whole or not at all.

        Raises:
            OutputError: the folder of kept checkpoints cannot be written.
        """
        folder = self.root / key
        with self._locked(key):
            if not (folder / PLAN_FILE).is_file():
                build(folder)
            with suppress(OSError):  # somebody else's, in a shared folder
                os.utime(folder)
            return Export(folder)

    def entries(self) -> list[KeptExport]:
        """What is kept, the latest used last."""
        if not self.root.is_dir():
            return []
        folders = (record.parent for record in self.root.glob(f"[!.]*/{PLAN_FILE}"))
        return sorted(map(_kept, folders), key=lambda entry: (entry.used, entry.folder.name))

    def clear(self, older_than: float | None = None) -> tuple[list[KeptExport], list[KeptExport]]:
        """Remove what is kept, and what killed exports left behind.

        Args:
            older_than: only what no engine asked for in so many days.

        Returns:
            What was removed, and what was left because an engine runs on it or it is being built.

        Raises:
            OutputError: the folder cannot be written.
        """
        before = time.time() - (older_than or 0.0) * _DAY
        old = [entry for entry in self.entries() if older_than is None or entry.used < before]
        done = [(entry, self._removed(entry.folder)) for entry in old]
        self._sweep()
        return [entry for entry, gone in done if gone], [entry for entry, gone in done if not gone]

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        place = self.root / LOCKS / f"{key}.lock"
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(place)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                _log.warning("lnbench: another process is exporting this checkpoint; waiting until it is done")
                lock.acquire()
        except (OSError, NotImplementedError) as error:
            raise OutputError(
                f"exported checkpoints cannot be kept in {self.root} ({getattr(error, 'strerror', None) or error}); "
                "name another folder with LNBENCH_CACHE"
            ) from error
        try:
            yield
        finally:
            lock.release()

    def _removed(self, folder: Path) -> bool:
        """Remove a folder unless it is in use; it leaves its name first, so that nothing finds half of it."""
        lock = FileLock(self.root / LOCKS / f"{folder.name}.lock")
        try:
            (self.root / LOCKS).mkdir(exist_ok=True)
            with lock.acquire(timeout=0), _alone(folder):
                aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", suffix=".partial", dir=self.root))
                folder.rename(aside / "cleared")
                shutil.rmtree(aside)
        except (Timeout, BlockingIOError):
            return False
        except OSError as error:
            raise OutputError(f"cannot remove {folder}: {error.strerror}; check its rights") from error
        return True

    def _sweep(self) -> None:
        """Remove half-written folders that nobody holds."""
        for place in self.root.glob(".*.partial"):
            with suppress(OSError), _alone(place):
                shutil.rmtree(place)


def _alone(folder: Path) -> Held:
    """Hold a folder that nobody holds.

    Raises:
        BlockingIOError: somebody does.
    """
    held = hold(folder, again=False)
    if held is None:
        raise BlockingIOError
    return held


def _kept(folder: Path) -> KeptExport:
    try:
        record = _json.loads((folder / PLAN_FILE).read_text(encoding="utf-8"))
        model, description = str(record["base"]["model"]), str(record["description"])
        delta = record.get("delta")
    except (OSError, ValueError, KeyError, TypeError):
        model, description, delta = "?", "unreadable record", None
    stats = [path.stat() for path in folder.rglob("*") if path.is_file()]
    size, own = sum(each.st_size for each in stats), sum(each.st_size for each in stats if each.st_nlink == 1)
    told = ", ".join(part for part in ("tuned" if delta else "", description) if part)
    return KeptExport(folder, model, told, size, own, folder.stat().st_mtime)
