"""Token ids on disk while a run lasts, so that text is read and tokenized once and memory stays small."""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from typing import TypeAlias, overload

import numpy as np
import numpy.typing as npt

from lnbench._write import remedy
from lnbench.errors import OutputError

IntArray: TypeAlias = npt.NDArray[np.int64]


class Spool:
    """Documents of token ids in a temporary file (in ``TMPDIR``) that vanishes with the object; 4 bytes a token."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the object)
        self._ends = array("q", [0])  # in tokens

    def append(self, ids: Sequence[int]) -> None:
        """Add a document.

        Raises:
            OutputError: the disk is full.
        """
        try:
            self._file.write(np.asarray(ids, dtype=np.int32).tobytes())
        except OSError as error:
            raise _full(error) from error
        self._ends.append(self._ends[-1] + len(ids))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def lengths(self) -> IntArray:
        """Tokens of each document, int64 ``[documents]``."""
        ends: IntArray = np.array(self._ends, dtype=np.int64)
        return ends[1:] - ends[:-1]

    def read(self, number: int) -> list[int]:
        """One document.

        Raises:
            OutputError: the disk was full when the last documents were written.
        """
        try:
            self._file.flush()
        except OSError as error:
            raise _full(error) from error
        start, end = self._ends[number], self._ends[number + 1]
        data = os.pread(self._file.fileno(), 4 * (end - start), 4 * start)
        ids: list[int] = np.frombuffer(data, dtype=np.int32).tolist()
        return ids


def _full(error: OSError) -> OutputError:
    folder = tempfile.gettempdir()
    what_to_do = remedy(error, "free space or set TMPDIR to another folder")
    return OutputError(f"cannot keep tokens in {folder!r} ({error.strerror}); {what_to_do}")


class Documents(Sequence[list[int]]):
    """The first documents of a spool as lists of token ids; read anew at every access, so memory stays small."""

    def __init__(self, spool: Spool, count: int, last: int) -> None:
        """The first ``count`` documents, the last of them cut to ``last`` tokens."""
        self._spool, self._count, self._last = spool, count, last

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, number: int) -> list[int]: ...

    @overload
    def __getitem__(self, number: slice) -> list[list[int]]: ...

    def __getitem__(self, number: int | slice) -> list[int] | list[list[int]]:
        if isinstance(number, slice):
            return [self[at] for at in range(*number.indices(self._count))]
        at = range(self._count)[number]
        ids = self._spool.read(at)
        return ids[: self._last] if at == self._count - 1 else ids

    def __iter__(self) -> Iterator[list[int]]:
        return (self[at] for at in range(self._count))

    def lengths(self) -> IntArray:
        """Tokens of each document, the first position included, int64 ``[documents]``."""
        lengths: IntArray = self._spool.lengths()[: self._count].copy()
        lengths[-1:] = np.minimum(lengths[-1:], self._last)
        return lengths
