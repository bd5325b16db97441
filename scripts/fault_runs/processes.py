"""Real processes that begin with everything imported: one process imports, and forks for every command."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

#: Imported once.
PRELOADED = (
    "lnbench.cli",
    "lnbench.cli._detect_options",
    "lnbench.studies",
    "lnbench.studies._runner",
    "lnbench.harness.lm",
    "lnbench.analysis",
    "lnbench.reporting.leaderboard",
    "lm_eval.evaluator",
    "lm_eval._cli",
    "lm_eval.tasks",
    "lm_eval.loggers",
    "transformers.models.llama.modeling_llama",
    "transformers.generation.utils",
    "datasets",
    "matplotlib.pyplot",
    "accelerate",
    "pydantic",
    "scipy.stats",
    "tabulate",
    "jinja2",
)


@dataclass(frozen=True)
class Job:
    """One process.

    Attributes:
        argv: the command, ``lnbench`` or ``lm_eval`` first.
        cwd: its working folder; changes below it are counted.
        stdout, stderr: files.
        user: a user id to become, 0 for none.
        environment: added to this one.
        injection: fields of an :class:`~scripts.fault_runs.injection.Injection`.
    """

    argv: Sequence[str]
    cwd: str
    stdout: str
    stderr: str
    user: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    injection: Mapping[str, Any] = field(default_factory=dict)


class Zygote:
    """The process that imports and forks."""

    def __init__(self) -> None:
        command, pipe = [sys.executable, "-m", "scripts.fault_runs.processes"], subprocess.PIPE
        alone = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=os.environ | alone)

    def start(self, job: Job) -> int:
        """Start a job; its process id."""
        return int(self._ask({"start": asdict(job)}))

    def wait(self, pid: int, seconds: float = 300.0) -> int:
        """The exit code of a job, negative for a signal; 999 when it had to be stopped after so many seconds."""
        return int(self._ask({"wait": pid, "seconds": seconds}))

    def run(self, job: Job) -> int:
        """Start and wait."""
        return self.wait(self.start(job))

    def close(self) -> None:
        """End the process that forks."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _ask(self, what: Mapping[str, Any]) -> str:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()


def _serve() -> Job | None:
    """Answer until a forked child has a job to do, which it returns; the others return None at the end."""
    for line in iter(sys.stdin.readline, ""):
        asked = json.loads(line)
        if "wait" in asked:
            answer = _waited(asked["wait"], asked["seconds"])
        else:
            answer = os.fork()
            if answer == 0:
                return Job(**asked["start"])
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()
    return None


def _waited(pid: int, seconds: float) -> int:
    previous = signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(TimeoutError()))
    signal.alarm(int(seconds))
    try:
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status)
    except TimeoutError:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return 999
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def _do(job: Job) -> None:
    """Become the command."""
    from scripts.fault_runs.injection import Injection

    os.setsid()
    for source, target in ((os.devnull, 0), (job.stdout, 1), (job.stderr, 2)):
        handle = os.open(source, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
        os.dup2(handle, target)
        os.close(handle)
    os.environ.update(job.environment)
    if job.environment.get("TMPDIR"):
        tempfile.tempdir = None
    os.chdir(job.cwd)
    if job.user:
        from scripts.fault_runs.user import become

        become(job.user)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has its background jobs ignore it
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and `nohup` this one
    injection = Injection(**job.injection)
    injection.arm(job.cwd)
    sys.argv = list(job.argv)
    if injection.count:
        import atexit

        atexit.register(lambda: Path(injection.count).write_text(injection.told(), encoding="ascii"))
    if job.argv[0] == "lm_eval":
        _as_lm_eval()
    else:
        from lnbench.cli import main

        main()


def _as_lm_eval() -> None:
    """Be its console script, also in the eyes of our plug-in, which has been imported already."""
    from lm_eval.__main__ import cli_evaluate

    from lnbench.harness._refusals import say_in_one_sentence

    script = ModuleType("__main__")
    script.cli_evaluate = cli_evaluate  # type: ignore[attr-defined]
    sys.modules["__main__"] = script
    say_in_one_sentence()
    cli_evaluate()


def _preload() -> None:
    for name in PRELOADED:
        __import__(name)
    from lnbench.detection import _batches
    from lnbench.identification import identifier

    identifier()  # unpacks 20 MB through a file: under a limit on the size of files nothing else would be tried
    _batches.SHARD_TOKENS = 1000  # several shards of little text


if __name__ == "__main__":
    _preload()
    found = _serve()
    if found is not None:
        with contextlib.suppress(BrokenPipeError):
            _do(found)
