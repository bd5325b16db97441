"""A command line that is wrong, refused as everything else is: in one sentence on stderr, with exit code 2."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import typer

from lnbench._near import near_option

#: typer brings click under a name of its own from 0.26 on; its base of a bad parameter is what every wrong line raises.
_UsageError: Any = typer.BadParameter.__base__
#: Raised where a group stands alone: the help page is the answer.
_HELP = "NoArgsIsHelpError"
#: The largest number of anything, and of these: a seed has at most 18 digits in a spec, a study at most 10,000 draws.
_MOST, _MOST_OF = 10**12, {"seed": 10**18 - 1, "seeds": 10_000}


@contextmanager
def one_sentence() -> Iterator[None]:
    """A block that reads the command line; what is wrong with it is printed, and the command ends.

    Raises:
        Exit: typer's, with code 2.
    """
    try:
        yield
    except _UsageError as error:
        if type(error).__name__ == _HELP:
            raise
        with suppress(OSError):
            print(f"error: {usage_sentence(error)}", file=sys.stderr)
        raise typer.Exit(error.exit_code) from None


def usage_sentence(error: Any) -> str:
    """What is wrong, and the help page that says what is right.

    Args:
        error: a usage error of click, or of typer.
    """
    wrong = _wrong(error)
    command = "lnbench" if error.ctx is None else error.ctx.command_path
    return f"{wrong}{'' if wrong.endswith('?') else ';'} see `{command} --help`"


@contextmanager
def said_of(context: Any) -> Iterator[None]:
    """A block that reads the arguments of one command: what is wrong with them names its help page, not its group's."""
    try:
        yield
    except _UsageError as error:
        error.ctx = error.ctx or context
        raise


def refuse_huge(context: Any) -> None:
    """Refuse a whole number that counts nothing that there could be; most of what would take it fails much later.

    Raises:
        BadParameter: typer's, naming the option.
    """
    for parameter in context.command.params:
        value, most = context.params.get(parameter.name), _MOST_OF.get(parameter.name, _MOST)
        if isinstance(value, int) and abs(value) > most:
            raise typer.BadParameter(f"{value} is more than {most}; give a smaller one", context, param=parameter)


def _wrong(error: Any) -> str:
    """What click says, without its capital, its full stop and its lines; suggestions as everywhere else."""
    if hasattr(error, "possibilities") and hasattr(error, "option_name"):
        meant = near_option(error.option_name, error.possibilities or ())
        return f"no such option {error.option_name!r}" + "".join(f"; did you mean {name!r}?" for name in meant)
    words = " ".join(str(error.format_message()).split()).removesuffix(".")
    return _with_value(words[:1].lower() + words[1:], error.__cause__)


def _with_value(words: str, cause: Any) -> str:
    """The words with the value in them, which pydantic (typer from 0.26 on) leaves out."""
    if not hasattr(cause, "errors"):
        return words
    given = cause.errors()[0]["input"]
    what = words.replace(": Input should", ": it should", 1).split(", unable to parse", maxsplit=1)[0]
    return what.replace("invalid value", f"invalid value {given!r}", 1)
