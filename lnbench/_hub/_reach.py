"""A hub that does not answer is known after one question, and its libraries are spared their minutes of retries."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lnbench._data import DEMO_MODEL
from lnbench._hub._refusal import endpoint, first_line

_log = logging.getLogger(__name__)
_SECONDS = 5.0


@contextmanager
def quick_without_network(name: str) -> Iterator[None]:
    """While something is loaded by name: where the hub does not answer, have its libraries take their cache at once.

    Args:
        name: what is loaded; a file or folder on this machine needs no hub, and none is asked.
    """
    here = name == DEMO_MODEL or os.path.exists(os.path.expanduser(name))  # noqa: PTH110, PTH111 (those raise on odd names)
    if here:
        yield
        return
    with offline_without_network() as why:
        if why:
            _log.warning("%s does not answer (%s): looking for %s in the cache alone", endpoint(), why, name)
        yield


@contextmanager
def offline_without_network() -> Iterator[str]:
    """The same, whatever is loaded.

    Yields:
        Why the hub gave no answer, or nothing.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE or (why := _why_silent()) is None:
        yield ""
        return
    # `datasets` has the switch a second time, taken over at its import
    switches: list[Any] = [constants, *filter(None, [sys.modules.get("datasets.config")])]
    before = [switch.HF_HUB_OFFLINE for switch in switches]
    for switch in switches:
        switch.HF_HUB_OFFLINE = True
    try:
        yield why
    finally:
        for switch, value in zip(switches, before, strict=True):
            switch.HF_HUB_OFFLINE = value


def _why_silent() -> str | None:
    """Why the hub gives no answer of any kind; None when it gives one."""
    from huggingface_hub import get_session

    try:
        get_session().head(endpoint(), timeout=_SECONDS)
    except Exception as error:  # its HTTP client raises many kinds
        return first_line(error)
    return None
