"""A folder that appears whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from lnbench.errors import OutputError


def check_new(target: Path) -> None:
    """Refuse a folder that holds something.

    Raises:
        OutputError: it does, or it is a file.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OutputError(f"{target} exists already; export into a new or empty folder")


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield a folder beside ``target`` that takes its name when the block ends well, and vanishes otherwise.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise OutputError(
            f"cannot write beside {target}: {error.strerror}; choose a folder that you may write"
        ) from None
    try:
        yield partial
        partial.chmod(0o755)
        partial.replace(target)
    except OSError as error:
        raise OutputError(
            f"cannot write {target}: {error.strerror or error}; check the space and rights there"
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
