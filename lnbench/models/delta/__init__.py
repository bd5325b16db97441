"""A difference between two checkpoints as a small file: which rows and columns of which tensors, and their new values.

A delta is made for one base: it holds the hash of every tensor that it touches, and is refused on any other.
"""

from lnbench.models.delta._apply import AppliedDelta, apply_delta, delta_applied
from lnbench.models.delta._delta import SCHEMA, Delta, DeltaPart, fingerprint
from lnbench.models.delta._file import delta_header, delta_name, fill_delta_name, is_delta
from lnbench.models.delta._slots import Slot, slots_of
from lnbench.models.delta._write import delta_of, dense_delta, save_checkpoint

__all__ = [
    "SCHEMA",
    "AppliedDelta",
    "Delta",
    "DeltaPart",
    "Slot",
    "apply_delta",
    "delta_applied",
    "delta_header",
    "delta_name",
    "delta_of",
    "dense_delta",
    "fill_delta_name",
    "fingerprint",
    "is_delta",
    "save_checkpoint",
    "slots_of",
]
