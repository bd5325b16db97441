"""What the hub's errors mean to the one who reads them, and what to do."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence

from lnbench._near import hint

#: Answers that say nothing about what was asked for: the hub is busy or out of order.
BUSY = (408, 429, 500, 502, 503, 504)
_MOST_NAMES = 4


class HubRefusal(Exception):
    """Why the hub did not do it and what to do, as the end of a sentence: the caller writes its beginning."""


def endpoint() -> str:
    """The address of the hub, ``https://huggingface.co`` unless ``HF_ENDPOINT`` says otherwise."""
    from huggingface_hub import constants

    return constants.ENDPOINT


def switched_off() -> str | None:
    """The variable that keeps this process from the hub; None where nothing does."""
    from huggingface_hub import constants

    if not constants.HF_HUB_OFFLINE:
        return None
    return next((name for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE") if os.environ.get(name)), "HF_HUB_OFFLINE")


def status_of(error: Exception) -> int | None:
    """The status that the hub answered with, None when it gave no answer."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) else None


def first_line(error: Exception) -> str:
    """The first line of an error's text, or its kind."""
    return (str(error).strip().splitlines() or [""])[0].strip().rstrip(".") or type(error).__name__


def first_sentence(error: Exception) -> str:
    """The beginning of an error's text, up to the first stop, quotation or comma; or its kind."""
    words = " ".join(str(error).split())
    return re.split(r"(?<=[^.])\. |: '|, ", words, maxsplit=1)[0].rstrip(".") or type(error).__name__


def logging_in() -> str:
    """What gives the right to read or write, in view of whether there is a token."""
    from huggingface_hub import get_token

    if get_token() is None:
        return "log in with `hf auth login` or set HF_TOKEN"
    return "see whether the token in use (HF_TOKEN, `hf auth whoami`) may do this"


def no_repository(error: Exception, repo: str) -> str | None:
    """Why a repository cannot be read, None where the error says something else."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    if isinstance(error, GatedRepoError):
        return f"access to {repo} is gated: ask for it at {endpoint()}/{repo}, then {logging_in()}"
    if isinstance(error, RepositoryNotFoundError):
        return f"there is no repository {repo} on {endpoint()}, or it is private: check the name, or {logging_in()}"
    if status_of(error) in (401, 403):
        return f"{endpoint()} does not let you into {repo} ({first_line(error)}): {logging_in()}"
    return None


def near(name: str, there: Callable[[], Iterable[str]]) -> str:
    """What goes before the remedy: ``; did you mean 'A'? `` or, where no name is like it, the first ones there are."""
    try:
        names = list(there())
    except Exception:  # this only helps to help
        names = []
    found = hint(name, names, close=0.4)
    return f"; {found}" if found else f" (it has {_few(names)}): " if names else ": "


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    return shown if len(names) <= _MOST_NAMES else f"{shown} ..."
