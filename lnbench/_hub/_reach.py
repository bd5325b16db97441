"""A hub that does not answer is known after one question, and its libraries are spared their minutes of retries."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

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
    from huggingface_hub import constants

    here = name == DEMO_MODEL or os.path.exists(os.path.expanduser(name))  # noqa: PTH110, PTH111 (those raise on odd names)
    if constants.HF_HUB_OFFLINE or here or (why := _why_silent()) is None:
        yield
        return
    _log.warning("%s does not answer (%s): looking for %s in the cache alone", endpoint(), why, name)
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = False


def _why_silent() -> str | None:
    """Why the hub gives no answer of any kind; None when it gives one."""
    from huggingface_hub import get_session

    try:
        get_session().head(endpoint(), timeout=_SECONDS)
    except Exception as error:  # its HTTP client raises many kinds
        return first_line(error)
    return None
