"""Ray itself: how a cluster is joined or started, and what its errors say."""

from __future__ import annotations

import copy
import importlib
import logging
import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from lnbench.errors import ClusterError

#: Seconds that the machine of an address may take to answer; Ray itself would wait minutes for a wrong one.
ANSWER = 5.0


def connect(address: str | None = None) -> bool:
    """Join a Ray cluster, or start one on this machine; whether one was joined or started now.

    Raises:
        ClusterError: Ray is not installed, or the cluster does not answer.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = ray_itself()
    if ray.is_initialized():
        return False
    found = address or os.environ.get("RAY_ADDRESS") or None
    local = {} if found else {"include_dashboard": False}
    try:
        _knock(found)
        with _own_way_out():
            ray.init(address=found, log_to_driver=False, logging_level=logging.ERROR, **local)
    except (ConnectionError, ValueError, RuntimeError, OSError, OverflowError) as error:
        place = f"the Ray cluster {found!r}" if found else "a Ray cluster on this machine"
        raise ClusterError(
            f"{place} cannot be joined ({sentence(error)}); check --address, and that `ray status` there shows it"
        ) from error
    return True


@contextmanager
def _own_way_out() -> Iterator[None]:
    """Keep the command's answer to SIGTERM, which Ray overwrites in the main thread; its own only exits, with code 15.

    A cluster that Ray started here ends with the process either way: by what Ray has asked for at exit.
    """
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None:  # None: not set from Python, so nothing that Python can put back
            with suppress(ValueError):  # not in the main thread, where Ray sets none either
                signal.signal(signal.SIGTERM, before)


def _knock(address: str | None) -> None:
    """Open a connection to an address with host and port and close it.

    Raises:
        OSError: nobody listens there.
    """
    named = re.fullmatch(r"(?:ray://)?\[?([^/\]]+?)\]?:(\d{1,5})/?", address or "")
    if named:
        socket.create_connection((named[1], int(named[2])), timeout=ANSWER).close()


def ray_itself() -> Any:
    """The package ``ray``, imported when it is first needed.

    Raises:
        ClusterError: it is not installed.
    """
    try:
        return importlib.import_module("ray")
    except ImportError:
        raise ClusterError("Ray is not installed; run pip install 'lnbench[ray]', or leave --executor out") from None


def cause(error: Any) -> BaseException:
    """What a worker raised, as it raised it."""
    found = getattr(error, "cause", None)
    return found if isinstance(found, Exception) else error


def of_ray(error: Any) -> bool:
    """Whether Ray's own lines to a worker broke, as they do where one is killed (2.40), and not the worker's task."""
    return isinstance(cause(error), OSError) and "_pool.py" not in str(error)


def travelling(error: Exception) -> Exception:
    """An exception that arrives as it is, or else a refusal that names it."""
    with suppress(Exception):
        if type(copy.deepcopy(error)) is type(error):  # by the same protocol as it travels
            return error
    return ClusterError(f"a worker on {socket.gethostname()} failed ({type(error).__name__}: {sentence(error)}); "
                        "see the cluster's logs for more")  # fmt: skip


def sentence(error: BaseException) -> str:
    """The line of an error that says why: Ray's, of a worker that could not be made, is the last."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1 if "creation task" in lines[0] else 0].strip().rstrip(".")
