"""The ``lnbench`` command: a frame that loads a command's module only when that command is called.

It knows the commands' names and one line about each; whatever ends one is a sentence and an exit code (`_faults`).
"""

from __future__ import annotations

import importlib
from typing import Any

import typer
from typer.main import get_command

from lnbench import __version__
from lnbench._faults import ended_well
from lnbench.cli._frame import SETTINGS, Group, dressed, examples_of
from lnbench.cli._usage import one_sentence

#: Heading -> command -> (module that holds its typer ``app``, the line that ``lnbench --help`` shows)
SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Start here": {
        "demo": ("lnbench.cli.demo", "Ablate the embedded planted positive control and print the table."),
        "doctor": ("lnbench.cli.doctor", "Say whether everything is here that lnbench needs, and what to do if not."),
    },
    "Neurons": {
        "detect": ("lnbench.cli.detect", "Find the neurons of languages, and compare what was found."),
        "neurons": ("lnbench.cli.neurons", "Look at neuron-set files, and make others of them."),
    },
    "Evaluation": {
        "eval": ("lnbench.cli.eval", "Run lm_eval with lnbench's model and tasks registered."),
        "study": ("lnbench.cli.study", "Plan, run and follow a study of many conditions."),
        "data": ("lnbench.cli.data", "Say which tasks a folder of published data can serve."),
        "fidelity": (
            "lnbench.cli.fidelity",
            "Say in which languages the texts of a file are.",
        ),
    },
    "Results": {
        "leaderboard": (
            "lnbench.cli.leaderboard",
            "Build, extend and verify a leaderboard's tables and page.",
        ),
        "check": (
            "lnbench.cli.check",
            "Hold results to a baseline and to expectations, for CI.",
        ),
        "plot": ("lnbench.cli.plot", "Print and draw a study's experiments, and the counts and overlap of neurons."),
    },
    "The papers' experiments": {
        "paper": ("lnbench.cli.paper", "Run all experiments of a paper on one model and write one report."),
        "lens": ("lnbench.cli.lens", "Show which language a model would speak, layer by layer."),
        "tune": ("lnbench.cli.tune", "Train only a language's neurons, and random ones and all parameters beside."),
    },
    "Checkpoints": {
        "export": (
            "lnbench.cli.export",
            "Write a checkpoint with neurons ablated or steered in its weights.",
        ),
        "cache": ("lnbench.cli.cache", "Show and clear the exported checkpoints that are kept for vLLM."),
    },
}
COMMANDS = {name: row for rows in SECTIONS.values() for name, row in rows.items()}


class _LazyGroup(Group):
    """A group whose members are imported on use: ``lnbench --help`` costs no torch and no lm-eval."""

    def make_context(self, *args: Any, **keys: Any) -> Any:
        """Read what is before the command's name; a line that is wrong is one sentence."""
        with one_sentence():
            return super().make_context(*args, **keys)

    def invoke(self, ctx: Any) -> Any:
        """Read the rest of the line and run the command; a line that is wrong is one sentence."""
        with one_sentence():
            return super().invoke(ctx)

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command itself; None where there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command = get_command(dressed(importlib.import_module(module).app, cmd_name))
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the line of every command, by what it is for; nothing is imported."""
        width = max(map(len, COMMANDS))
        for head, rows in SECTIONS.items():
            with formatter.section(head):
                formatter.write_dl([(name.ljust(width), line) for name, (_, line) in rows.items()])


app = typer.Typer(
    cls=_LazyGroup,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=SETTINGS,
    epilog=examples_of(""),
    help="Language-specific neurons, ablated and steered inside lm-evaluation-harness.",
)


@app.callback(invoke_without_command=True)
def _frame(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        print(f"lnbench {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; a refusal, a signal or a full disk is one sentence on stderr and an exit code."""
    with ended_well():
        app()
