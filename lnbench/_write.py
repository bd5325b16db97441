"""Writing files whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lnbench.errors import OutputError


def check_writable(path: Path) -> None:
    """Refuse a path that cannot be written, before hours of work go into what should be written there.

    Raises:
        OutputError: the folder does not exist, cannot be written to, or the path is itself a folder.
    """
    if path.is_dir():
        raise OutputError(f"cannot write to {str(path)!r}, which is a folder; name a file")
    if not path.parent.is_dir():
        raise OutputError(f"cannot write {str(path)!r}: there is no folder {str(path.parent)!r}; create it first")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"cannot write {str(path)!r}: no write access to {str(path.parent)!r}; choose another folder")


def check_takes_files(folder: Path, named: str, option: str) -> None:
    """Try, leaving nothing behind, whether files could be written to a folder that need not exist yet.

    Args:
        folder: where results would go.
        named: what the user typed.
        option: the option to name another one with.

    Raises:
        OutputError: the folder, or the nearest one above it that exists, takes no file.
    """
    nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        raise OutputError(
            f"results cannot be written to {named!r}: {nearest} says {error.strerror!r}; "
            f"name a folder that you may write to with {option}"
        ) from error


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, where they are missing.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {str(folder)!r}: {error.strerror}; name another") from error


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder that becomes ``path`` when the block ends well, and vanishes otherwise.

    Raises:
        OutputError: the path cannot be written.
    """
    part: Path | None = None
    try:
        check_writable(path)
        part = _new_beside(path)
        yield part
        _to_disk(part)
        part.chmod(0o666 & ~_umask())  # mkstemp makes files that only their owner can read
        part.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"cannot write {str(path)!r}: {reason}; free space or choose another folder") from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def _new_beside(path: Path) -> Path:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    return Path(name)


def _to_disk(part: Path) -> None:
    """Have the contents on the disk before the name: a crash leaves the old file or the new one, never an empty one."""
    with part.open("rb") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
