"""What ``lnbench doctor`` looks at: one module per subject, each gives a :class:`Part`."""

from __future__ import annotations

from lnbench.doctor._hub import hub
from lnbench.doctor._machine import devices, threads
from lnbench.doctor._places import caches, embedded, neuron_sets, task_data
from lnbench.doctor._plugin import plugin
from lnbench.doctor._report import Part, Problem, as_json, as_text
from lnbench.doctor._versions import extras, versions

__all__ = [
    "Part",
    "Problem",
    "as_json",
    "as_text",
    "caches",
    "devices",
    "embedded",
    "extras",
    "hub",
    "neuron_sets",
    "plugin",
    "task_data",
    "threads",
    "versions",
]
