"""The ``lnbench`` command: a frame that loads a command's module only when that command is called.

It knows the commands' names and one line about each, and turns every refusal into one sentence and exit code 1.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from lnbench import __version__
from lnbench.errors import LnbenchError

#: command -> (module that holds its typer ``app``, the line that ``lnbench --help`` shows)
COMMANDS: dict[str, tuple[str, str]] = {
    "cache": ("lnbench.cli.cache", "The exported checkpoints that are kept for vLLM: show and clear."),
    "check": ("lnbench.cli.check", "Hold results to a baseline and to expectations; the exit code says what failed."),
    "data": ("lnbench.cli.data", "Say which tasks a folder of published data can serve."),
    "demo": ("lnbench.cli.demo", "Ablate the embedded planted positive control and print the table."),
    "detect": ("lnbench.cli.detect", "Find the neurons of languages, and compare what was found."),
    "eval": ("lnbench.cli.eval", "Run lm_eval with lnbench's model and tasks registered."),
    "export": ("lnbench.cli.export", "Write a model with neurons ablated or steered in its weights as a checkpoint."),
    "fidelity": ("lnbench.cli.fidelity", "In which languages the texts of a file are, against the expected one."),
    "leaderboard": ("lnbench.cli.leaderboard", "Build, extend and verify the tables and the page of a leaderboard."),
    "lens": ("lnbench.cli.lens", "Which language a model would speak, layer by layer."),
    "neurons": ("lnbench.cli.neurons", "Look at neuron-set files, and make others of them."),
    "paper": ("lnbench.cli.paper", "Run all experiments of a paper on one model and write one report."),
    "plot": ("lnbench.cli.plot", "Tables and heat maps: layer blocks, sweep, counts and overlap of neurons."),
    "study": ("lnbench.cli.study", "Plan, run and follow a study of many conditions."),
    "tune": ("lnbench.cli.tune", "Train only a language's neurons, and random ones and all parameters beside."),
}


class _LazyGroup(TyperGroup):
    """A group whose members are imported on use: ``lnbench --help`` costs no torch and no lm-eval."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command itself, or for the help page of the whole a stand-in that carries its line only."""
        if cmd_name not in COMMANDS:
            return None
        module, line = COMMANDS[cmd_name]
        if ctx.resilient_parsing or not _is_called(cmd_name):
            return get_command(_stand_in(line))
        command = get_command(importlib.import_module(module).app)
        command.name = cmd_name
        return command


def _is_called(name: str) -> bool:
    return name in sys.argv[1:]


def _stand_in(line: str) -> typer.Typer:
    stand_in = typer.Typer(add_completion=False, help=line)
    stand_in.command(help=line)(lambda: None)
    return stand_in


app = typer.Typer(
    cls=_LazyGroup,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Language-specific neurons, ablated and steered inside lm-evaluation-harness.",
)


@app.callback(invoke_without_command=True)
def _frame(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        print(f"lnbench {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; a refusal is one sentence on stderr and exit code 1."""
    try:
        app()
    except LnbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:  # `lnbench ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
