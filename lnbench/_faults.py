"""What goes wrong with the machine under a command, in one sentence: signals, full disks, denied permissions, memory.

Every command ends through :func:`ended_well` and lm-eval's own through :func:`sentence`, so each is said in one place.
What is neither of these nor a refusal is a fault of lnbench, and keeps its traceback.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from lnbench import _surroundings
from lnbench.errors import LnbenchError

#: Ends from outside that a command takes its own way out of; ctrl-C, which Python has a handler for, is the third.
_ENDS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
#: What an operating system says -> what to do.
_REMEDIES = {
    errno.ENOSPC: "free space there, or name another folder, and start the same command again",
    errno.EDQUOT: "free space there, or name another folder, and start the same command again",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f), or name another folder",
    errno.EROFS: "name a folder that you may write to",
    errno.EACCES: "name a file or folder that you may use",
    errno.EPERM: "name a file or folder that you may use",
    errno.EIO: "the disk is failing, or the network to it, or a file is at its limit (ulimit -f): look at it first",
    errno.ESTALE: "the network folder went away: start the same command again when it is back",
    errno.ENAMETOOLONG: "name a shorter path",
    errno.ELOOP: "a link there leads in a circle: name the file or folder itself",
    errno.EMFILE: "raise the number of open files (ulimit -n), and start the same command again",
    errno.ENFILE: "close other programs, and start the same command again",
}
#: How libraries that lose the number of an error put it.
_PUT_AS = {
    "no space left on device": errno.ENOSPC,
    "database or disk is full": errno.ENOSPC,
    "disk quota exceeded": errno.EDQUOT,
    "file too large": errno.EFBIG,
    "read-only file system": errno.EROFS,
    "readonly database": errno.EROFS,
    "disk i/o error": errno.EIO,
}
_NO_MEMORY = ("allocate memory", "out of memory", "bad_alloc", "bad allocation", "can't start new thread")


def sentence(error: BaseException) -> str | None:
    """The one sentence that a user reads; None for an error that is none of the known ones.

    Args:
        error: what ended a command, a refusal or not.
    """
    if isinstance(error, LnbenchError):
        return str(error)
    if is_out_of_memory(error):
        return (
            "there is not enough memory for this: lower the batch size (--batch-size, batch_size=) or the length of "
            "documents, load the model in bfloat16, or take a machine with more"
        )
    return _of_disk(error)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory, of the machine or of a device, is used up."""
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    if any(kind.__name__ == "OutOfMemoryError" for kind in type(error).__mro__):  # PyTorch's, for devices
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _NO_MEMORY)


def _of_disk(error: BaseException) -> str | None:
    number, file = getattr(error, "errno", None), getattr(error, "filename", None)
    if not isinstance(error, OSError) or number is None:
        text = str(error).lower()
        number = next((found for words, found in _PUT_AS.items() if words in text), None)
    if number not in _REMEDIES:
        return None
    where = f" at {str(file)!r}" if file is not None else ""
    return f"a file could not be read or written{where} ({os.strerror(number)}); {_REMEDIES[number]}"


_goes_on: list[str] = []


def goes_on(what: str, folder: Path) -> None:
    """Have a command that is stopped from here on say where finished parts are kept for the same command.

    Args:
        what: the parts, in the plural, as ``finished cells``.
        folder: where they are, or the file.
    """
    _goes_on[:] = [f"{what} are in {folder}, and the same command goes on"]


@contextmanager
def ended_well() -> Iterator[None]:
    """The outermost block of a command: whatever ends it is one sentence on stderr and an exit code.

    Codes: 1 for a refusal or a fault of the machine, 130 for ctrl-C, 143 for SIGTERM, 129 for SIGHUP; the command's own
    otherwise. An end from outside takes the way out that removes what is half written; ``kill -9`` cannot.
    """
    caught: list[int] = []
    _goes_on.clear()
    _surroundings.open_streams()
    with _listening(caught):
        try:
            _surroundings.check(sys.argv[1:])
            yield
            _flush()
        except (SystemExit, KeyboardInterrupt) as end:
            if caught or isinstance(end, KeyboardInterrupt):
                _stop(caught[0] if caught else signal.SIGINT)
            _flush(silently=end.code not in (0, None))  # what the code says already is worse
            raise
        except BrokenPipeError:  # `lnbench ... | head`
            _drop_output()
            sys.exit(1)
        except Exception as error:
            if caught:  # a library may have made another error of it
                _stop(caught[0])
            told = sentence(error)
            if told is None:
                raise
            _fail(told)


def _fail(told: str) -> NoReturn:
    say(f"error: {told}")
    _flush(silently=True)
    sys.exit(1)


def say(line: str) -> None:
    """Print on a line of its own: bars that an error has left open are closed first."""
    bar = getattr(sys.modules.get("tqdm"), "tqdm", None)
    with suppress(Exception):
        for each in list(getattr(bar, "_instances", ())):
            each.close()
    with suppress(OSError):
        print(line, file=sys.stderr)


def _stop(number: int) -> NoReturn:
    rest = _goes_on[-1] if _goes_on else "nothing is half written; start the same command again"
    name = "ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
    say(f"\nstopped by {name}; {rest}")
    _flush(silently=True)
    sys.exit(128 + number)


def _flush(silently: bool = False) -> None:
    """Have the output written now: what Python cannot write at its own end, it reports in words of its own."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
    except OSError as error:
        _drop_output()
        if not silently:
            _fail(f"the output cannot be written ({error.strerror}); free space where it goes, or name another file")


def _drop_output() -> None:
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _listening(caught: list[int]) -> Iterator[None]:
    """Turn ends from outside into ``SystemExit`` for the length of the block; an ignored one stays so (``nohup``)."""

    def end(number: int, _: Any) -> None:
        caught.append(number)
        raise SystemExit(128 + number)

    def interrupt(number: int, _: Any) -> None:
        caught.append(number)
        raise KeyboardInterrupt

    before = {}
    with suppress(ValueError):  # not in the main thread
        for number in (*_ENDS, signal.SIGINT):
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                before[number] = signal.signal(number, interrupt if number == signal.SIGINT else end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
