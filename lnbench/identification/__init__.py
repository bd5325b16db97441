"""In which language is a text written: :func:`identify` and the back ends behind it."""

from lnbench.identification._candidates import BENCHMARK, DEFAULT_CANDIDATES, DRIFT
from lnbench.identification._protocol import UNDECIDED, Identifier
from lnbench.identification._registry import BACKENDS, identifier, identify

__all__ = [
    "BACKENDS",
    "BENCHMARK",
    "DEFAULT_CANDIDATES",
    "DRIFT",
    "UNDECIDED",
    "Identifier",
    "identifier",
    "identify",
]
