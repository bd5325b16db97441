"""Becoming another user, who may write nothing of root's and still read Python, which may lie below root's home."""

from __future__ import annotations

import ctypes
import os

_KEEP_CAPABILITIES = 8  # PR_SET_KEEPCAPS
_VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3: two words of every set
_READ_AND_SEARCH = 1 << 2  # CAP_DAC_READ_SEARCH


def become(user: int) -> None:
    """Give up every right of root but that to read files and to search folders.

    Raises:
        OSError: the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    _held(libc.prctl(_KEEP_CAPABILITIES, 1, 0, 0, 0))
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
    header = (ctypes.c_uint32 * 2)(_VERSION, 0)
    rights = (ctypes.c_uint32 * 6)(_READ_AND_SEARCH, _READ_AND_SEARCH, 0, 0, 0, 0)  # effective, permitted, inherited
    _held(libc.capset(header, rights))


def _held(answer: int) -> None:
    if answer:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
