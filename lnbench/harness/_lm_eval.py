"""What lm-eval's own command line refuses, in one sentence, with the name that was probably meant."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn

import yaml

from lnbench._data import packaged
from lnbench._faults import sentence
from lnbench._near import hint, near_option
from lnbench.errors import LnbenchError, TaskError
from lnbench.harness import _versions

#: Where an error begins that is about what was typed: an error of a task's own code keeps its traceback, as ours do.
_THEIRS = ("lm_eval", "transformers.generation")
_HELP = "see `lnbench eval --help`"
_LONGEST = 500


def usage_in_one_sentence(command_line: Any) -> None:
    """Have the parsers of lm-eval's command line refuse what is wrong as all commands here do, with exit code 2.

    Args:
        command_line: lm-eval's ``HarnessCLI``.
    """
    parsers = [command_line._parser, *command_line._subparsers.choices.values()]
    options = [name for parser in parsers for name in parser._option_string_actions if name.startswith("--")]
    for parser in parsers:
        parser.error = partial(_usage_error, options)


def _usage_error(options: list[str], message: str) -> NoReturn:
    unknown = [word.split("=")[0] for word in message.split() if word.startswith("--")]
    found = near_option(unknown[0], options) if message.startswith("unrecognized") and unknown else []
    meant = "".join(f"did you mean {name!r}? " for name in found)
    print(f"error: {message}; {meant}{_HELP}", file=sys.stderr)
    sys.exit(2)


@contextmanager
def one_sentence() -> Iterator[None]:
    """A block that runs lm-eval's command.

    Raises:
        TaskError: a task file cannot be read, or there is no such task.
        LnbenchError: lm-eval refuses something else.
    """
    try:
        yield
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{mark.name}, line {mark.line + 1}" if mark else "a YAML file"
        raise TaskError(f"{where} cannot be read: {error.problem}; mend the file") from error
    except LnbenchError:
        raise
    except Exception as error:
        told = _told(error)
        if told is None:
            raise
        raise told from error


def _told(error: Exception) -> LnbenchError | None:
    names = _versions.tasks_not_found(error)
    if names is not None:
        meant = hint(names.split(",")[0], [path.stem for path in packaged("tasks").rglob("*.yaml")])
        return TaskError(
            f"task {names!r} is not found; {meant}`lnbench eval ls tasks` lists the names, --include_path adds a folder"
        )
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    begun = str(frame.f_globals.get("__name__", ""))
    if sentence(error) is not None or not any(begun == each or begun.startswith(f"{each}.") for each in _THEIRS):
        return None
    words = _shown(" ".join(str(error).split())) or f"{type(error).__name__} in {begun}"
    words = words.rstrip(".:") + ("" if words.endswith("?") else ";")
    return LnbenchError(f"lm-eval refuses this: {words} {_HELP}, or run it as `lm_eval` for its traceback")


def _shown(words: str) -> str:
    """The words, cut; of the list of all models the nearest alone."""
    head, found, models = words.partition(" Supported model names: ")
    named = re.search("'([^']*)'", head)
    if not found or named is None:
        return words[:_LONGEST]
    return f"{head.rstrip('!')}; {hint(named[1], models.split(', '))}".strip()
