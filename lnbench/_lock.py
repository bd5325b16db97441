"""Locks that end with the process, so that work in progress can be told from what a killed process left."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: nothing tells whose a left-over is, so it stays
    fcntl = None  # type: ignore[assignment]

#: What this process holds: (device, inode) -> [the locked handle, how often]. A process does not exclude itself.
_held: dict[tuple[int, int], list[int]] = {}


def _forget() -> None:
    """A forked process holds nothing: the lock is its parent's, and ends with that."""
    for handle, _ in _held.values():
        with suppress(OSError):
            os.close(handle)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


class Held:
    """A file or folder that this process holds until :meth:`release`, or its own end."""

    def __init__(self, key: tuple[int, int] | None) -> None:
        """Made by :func:`hold`."""
        self._key, self._process = key, os.getpid()

    def release(self) -> None:
        """Let go; a second call does nothing, nor does one in a process that was forked since."""
        key, self._key = self._key, None
        if key is None or self._process != os.getpid():
            return
        _held[key][1] -= 1
        if not _held[key][1]:
            with suppress(OSError):
                os.close(_held.pop(key)[0])

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()


def hold(path: Path, *, again: bool = True) -> Held | None:
    """Hold a file or folder that is there; None where another process does.

    On a file system without locks everybody holds everything.

    Args:
        path: the file or folder.
        again: whether what this process holds already may be held once more; if not, None there too.

    Raises:
        OSError: it is not there, or may not be read.
    """
    if fcntl is None:
        return Held(None)
    handle = os.open(path, os.O_RDONLY)
    about = os.fstat(handle)
    key = (about.st_dev, about.st_ino)
    if key in _held:
        os.close(handle)
        if not again:
            return None
        _held[key][1] += 1
        return Held(key)
    if not _locked(handle):
        os.close(handle)
        return None
    _held[key] = [handle, 1]
    return Held(key)


def _locked(handle: int) -> bool:
    """Lock an open file, unless another process has; true, too, on a file system without locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return not isinstance(error, BlockingIOError)
    return True
