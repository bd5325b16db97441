"""Neuron files of other projects, one module per format; nothing in them is ever run.

A module reads a file into a `Table` and writes a set. `read_table` and `neuron_set` lead from a file to a set,
`write_foreign` back; `FileFacts` is what a file does not say.
"""

from lnbench.neurons.foreign._facts import KV_MAPS, FileFacts
from lnbench.neurons.foreign._write import FORMATS, SUFFIXES, write_foreign

__all__ = ["FORMATS", "KV_MAPS", "SUFFIXES", "FileFacts", "write_foreign"]
