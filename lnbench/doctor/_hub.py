"""The Hugging Face hub: what is set, and, where that is asked for, whether it answers."""

from __future__ import annotations

import os
import urllib.error
import urllib.request

from lnbench.doctor._report import Part

OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")
SECONDS = 5.0


def hub(*, network: bool) -> Part:
    """What decides whether models and data sets can come from the hub.

    Args:
        network: also ask the hub, for at most five seconds.
    """
    from huggingface_hub import constants, get_token

    part = Part("Hugging Face hub", {name: os.environ.get(name, "-") for name in OFFLINE})
    part.facts["token"] = "there is one" if get_token() else "none (private and gated repositories need one)"
    part.facts["endpoint"] = constants.ENDPOINT
    if constants.HF_HUB_OFFLINE:
        part.facts["mode"] = "offline: only what is in the hub's cache can be loaded"
    part.facts["reachable"] = _asked(part, constants.ENDPOINT) if network else "not asked (--network asks)"
    return part


def _asked(part: Part, endpoint: str) -> str:
    """Whether the hub answers; an answer that refuses is an answer."""
    if not endpoint.startswith(("https://", "http://")):
        part.wrong(f"HF_ENDPOINT is {endpoint!r}, which is no address; write https://... or unset it")
        return "no"
    request = urllib.request.Request(endpoint, method="HEAD")  # noqa: S310 (checked above)
    try:
        with urllib.request.urlopen(request, timeout=SECONDS):  # noqa: S310
            return "yes"
    except urllib.error.HTTPError as error:
        return f"yes (it says {error.code})"
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        part.wrong(
            f"{endpoint} does not answer ({reason}); models and data that are on this machine work without it, for "
            "others connect, or set HF_ENDPOINT to a mirror"
        )
        return "no"
