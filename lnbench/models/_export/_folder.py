"""A folder that appears whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from tempfile import TemporaryFile

from lnbench._lock import hold
from lnbench._write import partial_beside, remedy
from lnbench.errors import OutputError
from lnbench.models._export._record import PLAN_FILE

#: What is replaced, while the new one takes its place.
_EARLIER = "earlier"


def check_target(target: Path, replace: bool = False) -> None:
    """Refuse a folder that could not be made, before anything is loaded.

    Args:
        target: Folder to make.
        replace: An earlier export may be there, to be replaced.

    Raises:
        OutputError: it holds something else, is a file, or the folder above it takes no files.
    """
    _put_back(target)
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
        with partial_beside(target) as partial:
            yield partial
            partial.chmod(0o755)
            _take_place(partial, target)
    except OSError as error:
        what_to_do = remedy(error, "check the space and rights there")
        raise OutputError(f"cannot write {target}: {error.strerror or error}; {what_to_do}") from None


def _take_place(partial: Path, target: Path) -> None:
    """Rename; a folder in use steps aside first, and comes back if the renaming fails."""
    if not target.is_dir() or not any(target.iterdir()):
        partial.replace(target)
        return
    with partial_beside(target) as aside:
        target.rename(aside / _EARLIER)
        try:
            partial.rename(target)
        except OSError:
            (aside / _EARLIER).rename(target)
            raise


def _put_back(target: Path) -> None:
    """An export that a process was replacing when it was killed between the two renamings gets its name back."""
    for place in target.parent.glob(f".{escape(target.name)}.*.partial/{_EARLIER}"):
        with suppress(OSError):
            held = None if target.exists() else hold(place.parent, again=False)
            if held is not None:
                place.rename(target)
                held.release()
