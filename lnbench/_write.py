"""Writing files whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from lnbench._lock import Held, hold
from lnbench.errors import OutputError

#: How the hidden folders end in which files are written.
_PARTIAL = ".partial"
#: Bytes of a name; a disk takes 255, the hidden name's own included.
_LONGEST = 200


def check_writable(path: Path) -> None:
    """Refuse a path that cannot be written, before hours of work go into what should be written there.

    A file without a name is really written to the folder, since rights alone do not tell (a disk may be read-only).

    Raises:
        OutputError: the folder does not exist, cannot be written to, or the path is itself a folder.
    """
    path = _itself(path)
    _check_place(path)
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise OutputError(
            f"cannot write {str(path)!r}: {str(path.parent)!r} says {error.strerror!r}; choose another folder"
        ) from error


def _itself(path: Path) -> Path:
    """The file that a link leads to, which is written; the link stays."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _check_place(path: Path) -> None:
    if path.is_dir():
        raise OutputError(f"cannot write to {str(path)!r}, which is a folder; name a file")
    if path.is_symlink():
        raise OutputError(f"cannot write to {str(path)!r}, a link that leads in a circle; name the file itself")
    if path.exists() and not path.is_file():  # a file that is written whole takes the place of what is there
        raise OutputError(f"cannot write to {str(path)!r}, which is a device or a pipe; name a file")
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


def remedy(error: OSError, otherwise: str) -> str:
    """What to do where a file could not be written; a limit on its size is no matter of space, rights or place."""
    return "raise the limit on the size of files (ulimit -f)" if error.errno == errno.EFBIG else otherwise


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
    """Yield a temporary path that becomes ``path`` when the block ends well, and vanishes otherwise.

    Where ``path`` is a link, it becomes the file that the link leads to.

    It lies in a hidden folder beside ``path``, in which libraries may leave parts of their own; ``kill -9`` leaves the
    folder, and the next writing of the same file removes it.

    Raises:
        OutputError: the path cannot be written.
    """
    path = _itself(path)
    try:
        _check_place(path)
        with partial_beside(path) as folder:
            part = folder / f"part{path.suffix}"
            part.touch()
            yield part
            _to_disk(part)
            part.chmod(0o666 & ~_umask())
            part.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        what_to_do = remedy(error, "free space or choose another folder")
        raise OutputError(f"cannot write {str(path)!r}: {reason}; {what_to_do}") from error


@contextmanager
def partial_beside(path: Path) -> Iterator[Path]:
    """Yield a new hidden folder beside ``path`` that is gone at the end; those that killed processes left go first.

    Raises:
        OSError: it cannot be made.
    """
    _sweep(path)
    folder, held = _held_folder(path)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        held.release()


def _held_folder(path: Path) -> tuple[Path, Held]:
    """A new folder and the lock on it; again where another process swept it away before it was locked."""
    while True:
        folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{_short(path)}.", suffix=_PARTIAL))
        try:
            held = hold(folder)
        except FileNotFoundError:
            continue
        if held is not None and folder.exists():
            return folder, held


def _short(path: Path) -> str:
    """The name of a file, or what stands for one that leaves no room for a hidden name around it."""
    name = os.fsencode(path.name)
    return path.name if len(name) <= _LONGEST else hashlib.sha256(name).hexdigest()


def _sweep(path: Path) -> None:
    """Remove what killed processes have left of this file: folders of ours that nobody holds."""
    for place in path.parent.glob(f".{escape(_short(path))}.*{_PARTIAL}"):
        with suppress(OSError):
            held = hold(place, again=False)
            if held is not None:
                shutil.rmtree(place, ignore_errors=True)
                held.release()


def _to_disk(part: Path) -> None:
    """Have the contents on the disk before the name: a crash leaves the old file or the new one, never an empty one."""
    with part.open("rb") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
