"""Workers on a Ray cluster, for whoever has many items and many devices; ``import`` needs no Ray."""

from lnbench._cluster._join import connect
from lnbench._cluster._pool import Pool

__all__ = ["Pool", "connect"]
