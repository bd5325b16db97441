"""A folder that appears whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from tempfile import TemporaryFile, mkdtemp

from lnbench.errors import OutputError
from lnbench.models._export._record import PLAN_FILE

try:
    import fcntl
except ImportError:  # Windows: nothing tells whose a left-over is, so it stays
    fcntl = None  # type: ignore[assignment]


def check_target(target: Path, replace: bool = False) -> None:
    """Refuse a folder that could not be made, before anything is loaded.

    Args:
        target: Folder to make.
        replace: An earlier export may be there, to be replaced.

    Raises:
        OutputError: it holds something else, is a file, or the folder above it takes no files.
    """
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise OutputError(f"{target} exists already and is no folder; export into a new or empty folder")
    if target.is_dir() and any(target.iterdir()) and not (replace and (target / PLAN_FILE).is_file()):
        remedy = "; it holds no earlier export, which alone may be replaced" if replace else ""
        raise OutputError(f"{target} exists already{remedy}; export into a new or empty folder")
    above = next(place for place in target.absolute().parents if place.exists())
    try:
        with TemporaryFile(dir=above):
            pass
    except OSError as error:
        raise OutputError(
            f"cannot write beside {target}: {above} says {error.strerror!r}; choose a folder that you may write"
        ) from None


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield a folder beside ``target`` that takes its name when the block ends well, and vanishes otherwise.

    What an earlier process that was killed has left beside ``target`` is removed. An earlier export of that name is
    there until the new one is whole.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        partial = Path(mkdtemp(prefix=f".{target.name}-", suffix=".partial", dir=target.parent))
    except OSError as error:
        raise OutputError(
            f"cannot write beside {target}: {error.strerror}; choose a folder that you may write"
        ) from None
    try:
        with _held(partial):
            yield partial
            partial.chmod(0o755)
            _take_place(partial, target)
    except OSError as error:
        raise OutputError(
            f"cannot write {target}: {error.strerror or error}; check the space and rights there"
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _take_place(partial: Path, target: Path) -> None:
    """Rename; a folder in use steps aside first, and comes back if the renaming fails."""
    if not target.is_dir() or not any(target.iterdir()):
        partial.replace(target)
        return
    aside = Path(mkdtemp(prefix=f".{target.name}-", suffix=".partial", dir=target.parent)) / "earlier"
    target.rename(aside)
    try:
        partial.rename(target)
    except OSError:
        aside.rename(target)
        raise
    finally:
        shutil.rmtree(aside.parent, ignore_errors=True)


@contextmanager
def _held(partial: Path) -> Iterator[None]:
    """Hold a lock that ends with the process, so that a left-over can be told from work in progress."""
    if fcntl is None:
        yield
        return
    handle = os.open(partial, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def _sweep(target: Path) -> None:
    """Remove what a killed process has left: folders of ours that nobody holds."""
    if fcntl is None:
        return
    for place in target.parent.glob(f".{escape(target.name)}-*.partial"):
        handle = os.open(place, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(place, ignore_errors=True)
        except OSError:  # somebody is at work there
            continue
        finally:
            os.close(handle)
