"""How lm-eval's own command shows a refusal of ours: one sentence, exit code 1, no traceback."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

from lnbench._faults import say, sentence
from lnbench.errors import LnbenchError

#: Loaded where a model of ours is asked for; without it the run is somebody else's.
_MODEL = "lnbench.harness.lm"


def say_in_one_sentence() -> None:
    """In the ``lm_eval`` command, and only there, print an uncaught :class:`LnbenchError` as its sentence.

    With a model of ours, a full disk, used-up memory and ctrl-C too.

    In anybody else's program the error stays an exception like any other, with its traceback.
    """
    if is_lm_eval_command() and not isinstance(sys.excepthook, _OneSentence):
        sys.excepthook = _OneSentence(sys.excepthook)


def is_lm_eval_command() -> bool:
    """Whether this process is ``lm_eval`` (its console script, or ``python -m lm_eval``)."""
    main = sys.modules.get("__main__")
    command = getattr(main, "cli_evaluate", None)
    run_as_module = getattr(getattr(main, "__spec__", None), "name", None)
    return callable(command) and (run_as_module or command.__module__) == "lm_eval.__main__"


class _OneSentence:
    def __init__(self, other: Any) -> None:
        self._other = other

    def __call__(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        told = str(error) if isinstance(error, LnbenchError) else sentence(error) if _MODEL in sys.modules else None
        if told is not None:
            say(f"error: {told}")
        elif isinstance(error, KeyboardInterrupt) and _MODEL in sys.modules:
            say("\nstopped by ctrl-C; answers so far are kept with --use_cache only")
        else:
            self._other(kind, error, trace)
