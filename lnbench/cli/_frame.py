"""What all commands and groups of commands have in common: help pages, examples, and words for a misspelt name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from lnbench._near import nearest
from lnbench.cli._examples import EXAMPLES
from lnbench.cli._usage import refuse_huge, said_of

#: Heading -> options that go below it, in commands with many options; required ones stay at the top.
SECTIONS: dict[str, frozenset[str]] = {
    "The text": frozenset({"corpus", "document", "documents", "tokens", "field", "max_length", "order", "unequal"}),
    "The model and where it runs": frozenset({"model", "revision", "dtype", "device", "batch_size"}),
    "On a Ray cluster": frozenset({"executor", "address", "workers", "gpus"}),
}
_MANY = 16
#: Settings of every command: ``-h`` too, and lines as wide as the terminal, up to what one reads with ease.
SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Command(TyperCommand):
    """A command whose many options are told apart by what they are about."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments."""
        with said_of(ctx):
            read: list[str] = super().parse_args(ctx, args)
            refuse_huge(ctx)
        return read

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and options, in sections where there are many."""
        options = [each for each in self.get_params(ctx) if each.param_type_name == "option"]
        if len(options) < _MANY:
            super().format_options(ctx, formatter)
            return
        below = {each.name: head for head, names in SECTIONS.items() for each in options if each.name in names}
        for head in ("Arguments", "Options", *SECTIONS):
            rows = [each.get_help_record(ctx) for each in self.get_params(ctx) if _head(each, below) == head]
            if any(rows):
                with formatter.section(head):
                    formatter.write_dl([row for row in rows if row is not None])


def _head(parameter: Any, below: dict[str, str]) -> str:
    if parameter.param_type_name == "argument":
        return "Arguments"
    return "Options" if parameter.required else below.get(parameter.name, "Options")


class Group(TyperGroup):
    """A group that says what each of its commands does in a whole sentence, and which was meant by a misspelt name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments."""
        with said_of(ctx):
            read: list[str] = super().parse_args(ctx, args)
        return read

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the arguments name; one that does not exist is refused with the nearest that does."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            names = self.list_commands(ctx)
            ctx.fail(f"No such command {name!r}; {nearest(name, names, all_of='the commands are')}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write every command with the first sentence of its help."""
        names = self.list_commands(ctx)
        commands = [(name, self.get_command(ctx, name)) for name in names]
        rows = [(name, first_sentence(command.help or "")) for name, command in commands if command is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def first_sentence(text: str) -> str:
    """The first sentence of a help text, on one line."""
    paragraph = " ".join(text.split("\n\n", maxsplit=1)[0].split())
    return paragraph.split(". ", maxsplit=1)[0].rstrip(".") + "."


def dressed(app: typer.Typer, path: str) -> typer.Typer:
    """Give a module's ``app`` and everything below it the common help pages and their examples.

    Args:
        app: holds one command, or a group.
        path: what is typed before its own commands, such as ``neurons``.
    """
    alone = app.registered_callback is None
    for info in app.registered_commands:
        info.cls = Command
        info.epilog = examples_of(path if alone else f"{path} {info.name or _typed(info.callback)}")
    for group in app.registered_groups:
        if group.typer_instance is not None:
            dressed(group.typer_instance, f"{path} {group.name}")
    if not alone:
        app.info.cls = Group
        app.info.epilog = examples_of(path)
    return app


def _typed(callback: Any) -> str:
    return str(callback.__name__).lower().replace("_", "-")


def examples_of(path: str) -> str | None:
    """The end of a help page; None where a command has no examples."""
    lines = EXAMPLES.get(path, ())
    return _block("Examples" if len(lines) > 1 else "Example", lines) if lines else None


def _block(head: str, lines: Iterable[str]) -> str:
    """Text that is shown as it stands (a line with a backspace alone says so to click)."""
    return "\n".join(["\b", f"{head}:", *(f"  {part}" for line in lines for part in line.splitlines())])
