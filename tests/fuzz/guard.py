"""What no parser may do with a file from outside, seen by Python's own audit events; and how long it may take."""

from __future__ import annotations

import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lnbench.errors import LnbenchError

#: Seconds of this thread's own time, and bytes of memory beyond what was used before.
MOST_SECONDS, MOST_MEMORY = 1.0, 200 * 2**20
LONGEST_SENTENCE = 2_000

_FORBIDDEN = frozenset(
    [
        "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "subprocess.Popen", "pty.spawn",
        "socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto", "os.remove", "os.rename", "os.rmdir",
        "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown", "os.putenv", "os.unsetenv",
        "os.chdir", "shutil.rmtree", "shutil.move", "shutil.copyfile", "tempfile.mkstemp", "tempfile.mkdtemp",
        "ctypes.dlopen", "webbrowser.open", "urllib.Request", "ftplib.connect", "smtplib.connect", "os.kill",
        "pickle.find_class", "code.__new__", "function.__new__", "sqlite3.connect",
    ]
)  # fmt: skip
_WRITING = ("w", "a", "x", "+")
_WRITE_FLAGS = 1 | 2 | 0o100 | 0o1000  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC

_at_work = False
_seen: list[str] = []
_hooked = False


#: After so many seconds of this process's own time a parser is stopped.
_HANGS = 20.0


class Forbidden(BaseException):
    """No ``except Exception`` of a parser hides it."""


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _at_work:
        return
    if event == "open":
        _, mode, flags = arguments
        written = any(c in _WRITING for c in mode) if isinstance(mode, str) else bool((flags or 0) & _WRITE_FLAGS)
        bad = written
    else:
        bad = event in _FORBIDDEN or (event in ("exec", "compile") and not _harmless(event))
    if bad and not _importing():
        _seen.append(f"{event} {str(arguments)[:200]}")
        raise Forbidden(_seen[-1])


def _hang(_number: int, frame: Any) -> None:
    _seen.append(f"hang in {frame.f_code.co_filename}:{frame.f_lineno}")
    raise Forbidden(_seen[-1])


def _harmless(event: str) -> bool:
    """Whether a text is only taken apart into a syntax tree, as ``ast.literal_eval`` does, and not made to run."""
    caller = sys._getframe(2)
    return event == "compile" and caller.f_code.co_name == "parse" and caller.f_code.co_filename.endswith("/ast.py")


def _importing() -> bool:
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def watch() -> None:
    """Have Python tell of what is done; this cannot be undone, and costs nothing while no parser is at work."""
    global _hooked  # noqa: PLW0603
    if not _hooked:
        sys.addaudithook(_hook)
        signal.signal(signal.SIGPROF, _hang)
        _hooked = True


def finding(parse: Callable[[Path], Any], path: Path, named: str) -> tuple[str, str] | None:
    """What is wrong with how a file was read (a short name of it, and the whole), None where all is well.

    What is slow is read once more: a collection of garbage, or another process, may have been at work.

    Args:
        parse: gives a valid value or raises an LnbenchError.
        path: the file.
        named: what a refusal must name; empty for nothing.
    """
    found = _found(parse, path, named)
    return _found(parse, path, named) if found is not None and found[0] == "slow" else found


def _found(parse: Callable[[Path], Any], path: Path, named: str) -> tuple[str, str] | None:
    global _at_work  # noqa: PLW0603 - an audit hook has no other way to know
    _seen.clear()
    memory, started = _peak(), time.thread_time()
    error: BaseException | None = None
    _at_work = True
    signal.setitimer(signal.ITIMER_PROF, _HANGS)
    try:
        parse(path)
    except LnbenchError as refusal:
        error = refusal
    except (Exception, Forbidden) as other:
        error = other
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        _at_work = False
    seconds, more = time.thread_time() - started, _peak() - memory
    if _seen:
        return f"does {_seen[0].split()[0]}", _seen[0]
    if error is not None and not isinstance(error, LnbenchError):
        return _where(error), f"{type(error).__name__}: {str(error)[:300]}"
    if seconds > MOST_SECONDS:
        return "slow", f"{seconds:.2f} seconds"
    if more > MOST_MEMORY:
        return "large", f"{more // 2**20} MiB"
    return None if error is None else _of_sentence(error, named)


def _of_sentence(error: BaseException, named: str) -> tuple[str, str] | None:
    sentence = str(error)
    if named and named not in sentence:
        return f"unnamed file, {_where(error)}", sentence[:300]
    if not sentence.isprintable():
        return f"unprintable sentence, {_where(error)}", repr(sentence)[:400]
    if not 8 < len(sentence) <= LONGEST_SENTENCE:
        return f"sentence of a wrong length, {_where(error)}", f"{len(sentence)}: {sentence[:200]}"
    return None


def _where(error: BaseException) -> str:
    """The kind of error, and the last line of ours that it came through."""
    place, trace = "?", error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if "/lnbench/" in name and "/tests/" not in name:
            place = f"{name.rpartition('/lnbench/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__} at {place}"


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
