"""The Hugging Face hub: a file from it, files to it in one commit, and what its refusals mean.

Nothing here waits long for a hub that does not answer: it is asked once, for a few seconds, before anything else is
tried. Nothing here knows what is in the files.
"""

from lnbench._hub._fetch import Place, fetch
from lnbench._hub._push import Pushed, check_names, check_push, push, read_text
from lnbench._hub._reach import offline_without_network, quick_without_network
from lnbench._hub._refusal import HubRefusal, endpoint, first_line, first_sentence, switched_off

__all__ = [
    "HubRefusal",
    "Place",
    "Pushed",
    "check_names",
    "check_push",
    "endpoint",
    "fetch",
    "first_line",
    "first_sentence",
    "offline_without_network",
    "push",
    "quick_without_network",
    "read_text",
    "switched_off",
]
