"""Neurons, named by language, site, layer and index: sets, their files, their algebra, and random controls.

This room knows no model and no harness; `Architecture` is a plain value. Importing it imports no torch.
"""

from lnbench.neurons._algebra import with_header
from lnbench.neurons._architecture import Architecture
from lnbench.neurons._control import MATCHES, RandomControl, random_control
from lnbench.neurons._diff import DiffPart, SetDiff, diff, diff_text
from lnbench.neurons._draw import random_set
from lnbench.neurons._grouped import GroupedRows, Heads, grouped_query_index, grouped_query_rows
from lnbench.neurons._hash import target_hash
from lnbench.neurons._header import SCHEMA, Header
from lnbench.neurons._header_text import counted
from lnbench.neurons._reader import use_architecture_reader
from lnbench.neurons._resolve import load_masks, resolve_mask, resolve_masks
from lnbench.neurons._rows import Rows
from lnbench.neurons._set import NeuronSet
from lnbench.neurons._sites import SHORT_SITES, SITES, expand_sites
from lnbench.neurons._sniff import file_format, is_native
from lnbench.neurons._summary import histogram, summary, summary_text
from lnbench.neurons.foreign import FileFacts, write_foreign

__all__ = [
    "MATCHES",
    "SCHEMA",
    "SHORT_SITES",
    "SITES",
    "Architecture",
    "DiffPart",
    "FileFacts",
    "GroupedRows",
    "Header",
    "Heads",
    "NeuronSet",
    "RandomControl",
    "Rows",
    "SetDiff",
    "counted",
    "diff",
    "diff_text",
    "expand_sites",
    "file_format",
    "grouped_query_index",
    "grouped_query_rows",
    "histogram",
    "is_native",
    "load_masks",
    "random_control",
    "random_set",
    "resolve_mask",
    "resolve_masks",
    "summary",
    "summary_text",
    "target_hash",
    "use_architecture_reader",
    "with_header",
    "write_foreign",
]
