"""One command under one fault, in real processes: how it ended, what it said, whether it goes on to the same result."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from scripts.fault_runs.bench import Bench, Calm, Outcome

_TRACE = "Traceback (most recent call last)"
_UNSCORED = "have no scores"
_NOBODY = 65534
_DAY = 86400.0


def judged(bench: Bench, codes: list[int], expected: Callable[[int], bool]) -> Outcome:
    """The exit codes and the words of processes under a fault."""
    text = bench.stderr()
    lines = [line for part in text.splitlines() if (line := part.split("\r")[-1].strip())]
    told = [line for line in lines if line.startswith(("error:", "stopped by"))]
    outcome = Outcome(codes, (told or lines or [""])[-1])
    if not all(map(expected, codes)):
        outcome.wrong.append(f"exit codes {codes}")
    if _TRACE in text:
        outcome.wrong.append("a traceback")
    if any(code in (1, 2, 129, 130, 143) for code in codes) and not told:  # 3 and 4 are told on stdout
        outcome.wrong.append("no word")
    return outcome


def _only_logged(bench: Bench, code: int) -> bool:
    """Whether a command that is not ours has ended well, and its log says that results could not be saved."""
    return bench.command.foreign and code == 0 and "Could not save" in bench.stderr()


def goes_on(bench: Bench, calm: Calm, outcome: Outcome, *, damaged: bool = False, unfinished: bool = False) -> Outcome:
    """Run the command again, undisturbed, and hold it against the undisturbed result.

    Args:
        damaged: a part is, which the command may refuse.
        unfinished: parts may lack something, and are made again then.
    """
    before = bench.kept()
    codes = bench.run()
    if any(codes):
        told = bench.stderr().strip().splitlines()[-1][-200:]
        if not (damaged and told.startswith("error: ") and _TRACE not in bench.stderr()):
            outcome.wrong.append(f"the second run ends with {codes}: {told}")
        else:
            outcome.said = told
        return outcome
    if bench.command.result(bench.folder) != calm.result:
        outcome.wrong.append("another result")
    after = bench.kept()
    if not (damaged or unfinished) and any(after.get(path, kept) != kept for path, kept in before.items()):
        outcome.wrong.append("finished parts were made again")
    if left := bench.left_over():
        outcome.wrong.append(f"left behind: {left[0]}")
    return outcome


def by_signal(name: str, share: float) -> Callable[[Bench, Calm], Outcome]:
    """The signal at a share of the way: of the forward passes, or of the changes to files where there are none."""
    number = {"kill": -9, "int": 130, "term": 143, "hup": 129}[name]

    def fault(bench: Bench, calm: Calm) -> Outcome:
        at = max(1, round(share * (calm.passes if bench.command.passes and name != "kill" else calm.writes)))
        where = "forward" if bench.command.passes and name != "kill" else "write"
        bench.fresh()
        codes = [bench.disturbed(**{where: at, "do": name})]
        at_once = (128 - number,) if bench.command.foreign else ()  # which a shell shows as the same number
        outcome = judged(bench, codes, lambda code: code in (number, *at_once))
        if name != "kill" and bench.left_over():
            outcome.wrong.append(f"half written: {bench.left_over()[0]}")
        return goes_on(bench, calm, outcome)

    return fault


@contextmanager
def _mounted(bench: Bench, *options: str) -> Iterator[None]:
    subprocess.run(["mount", *options, str(bench.out)], check=True)
    try:
        yield
    finally:
        os.chdir("/")
        subprocess.run(["umount", "-l", str(bench.out)], check=True)


def full_disk(bench: Bench, calm: Calm) -> Outcome:
    """A small file system takes two thirds of the output; later it is larger."""
    bench.fresh()
    size = max(4, calm.size * 2 // 3 // 1024)
    with _mounted(bench, "-t", "tmpfs", "-o", f"size={size}k", "none"):
        outcome = judged(bench, bench.run(), lambda code: code in (0, 1, 2, 3))
        if 0 in outcome.codes[-1:] and not _only_logged(bench, 0):
            outcome.wrong.append("no failure")
        if bench.left_over():
            outcome.wrong.append(f"half written: {bench.left_over()[0]}")
        subprocess.run(["mount", "-o", "remount,size=256m", str(bench.out)], check=True)
        return goes_on(bench, calm, outcome)


def read_only(bench: Bench, calm: Calm) -> Outcome:
    """The output's folder is on a file system that is read only."""
    bench.fresh()
    with _mounted(bench, "-t", "tmpfs", "-o", "ro", "none"):
        started = time.monotonic()
        outcome = judged(bench, bench.run(), lambda code: code in (1, 2))
        outcome.said += f" ({time.monotonic() - started:.0f} s)"
    return outcome


def not_mine(bench: Bench, calm: Calm) -> Outcome:
    """The output's folder is somebody else's."""
    bench.fresh()
    for path in (bench.folder.parent, bench.folder):
        path.chmod(0o755)
    home = {"HOME": "/nonexistent", "HF_HOME": "/tmp", "MPLCONFIGDIR": "/tmp"}  # noqa: S108
    return judged(bench, bench.run(user=_NOBODY, environment=home), lambda code: code in (1, 2))


def full_output(bench: Bench, calm: Calm) -> Outcome:
    """What the command prints goes to a device that is full."""
    bench.fresh()
    outcome = judged(bench, bench.run(stdout="/dev/full"), lambda code: code in (1, 2))
    return goes_on_or_is_there(bench, calm, outcome)


def goes_on_or_is_there(bench: Bench, calm: Calm, outcome: Outcome) -> Outcome:
    """As `goes_on`, for a command that may have written everything already."""
    if bench.command.name in ("export", "leaderboard add"):  # they refuse what is there
        return outcome
    return goes_on(bench, calm, outcome)


def file_size(bench: Bench, calm: Calm) -> Outcome:
    """No file may have more bytes than half of the largest of the output."""
    bench.run()
    largest = max((p.stat().st_size for p in bench.out.rglob("*") if p.is_file()), default=2)
    bench.fresh()
    codes = bench.run(injection={"file_size": largest // 2})
    outcome = judged(bench, codes, lambda code: code in (1, 2, 3) or _only_logged(bench, code))
    if bench.left_over():
        outcome.wrong.append(f"half written: {bench.left_over()[0]}")
    return goes_on(bench, calm, outcome)


def two_at_once(bench: Bench, calm: Calm) -> Outcome:
    """The same command twice, on one folder."""
    bench.fresh()
    jobs = [*bench.jobs(), *bench.jobs(stderr=str(bench.folder.parent / "stderr9"))]
    codes = [bench.zygote.wait(pid) for pid in [bench.zygote.start(job) for job in jobs]]
    (bench.folder.parent / "stderr9").touch()
    outcome = judged(bench, codes, lambda code: code in (0, 1, 4))
    (bench.folder.parent / "stderr9").unlink()
    return goes_on_or_is_there(bench, calm, outcome)


def clock_back(bench: Bench, calm: Calm) -> Outcome:
    """The clock is set back a day while it runs."""
    bench.fresh()
    outcome = judged(bench, bench.run(injection={"back": _DAY}), lambda code: code == 0)
    if bench.command.result(bench.folder) != calm.result:
        outcome.wrong.append("another result")
    return outcome


def in_a_pass(do: str) -> Callable[[Bench, Calm], Outcome]:
    """Memory runs out in one forward pass, or that and all later ones give NaN."""

    def fault(bench: Bench, calm: Calm) -> Outcome:
        bench.fresh()
        codes = [bench.disturbed(forward=max(1, calm.passes // 2), do=do, once=do != "nan")]
        by_document = bench.command.name == "detect plnd"  # a batch that fails is tried again, each document alone
        outcome = judged(bench, codes, lambda code: code in (1, 3) or (code == 0 and by_document))
        if codes != [0]:
            return goes_on(bench, calm, outcome, unfinished=by_document)
        if not _same_but_parts(bench, calm) and _UNSCORED not in bench.stderr():
            outcome.wrong.append("another result, without a word")
        return outcome

    return fault


def _same_but_parts(bench: Bench, calm: Calm) -> bool:
    """Whether the result is the undisturbed one but for its parts: scores of other batches are rounded otherwise."""
    parts = {str(path.relative_to(bench.folder)) for path in bench.kept()}
    found = bench.command.result(bench.folder)
    return all(found.get(name) == value for name, value in calm.result.items() if name not in parts)


def damaged(name: str, change: Callable[[bytes], bytes]) -> Callable[[Bench, Calm], Outcome]:
    """Stopped at two thirds, then one finished part is damaged."""

    def fault(bench: Bench, calm: Calm) -> Outcome:
        bench.fresh()
        bench.disturbed(write=max(1, calm.writes * 2 // 3), do="kill")
        parts = sorted(bench.kept())
        if not parts:
            return Outcome([], "nothing to damage")
        parts[0].write_bytes(change(parts[0].read_bytes()))
        return goes_on(bench, calm, Outcome([-9]), damaged=True)

    fault.__name__ = name
    return fault


FAULTS: dict[str, Callable[[Bench, Calm], Outcome]] = {
    "kill -9 at 1/3": by_signal("kill", 1 / 3),
    "kill -9 at 2/3": by_signal("kill", 2 / 3),
    "kill -9 at the last write": by_signal("kill", 1.0),
    "ctrl-C": by_signal("int", 1 / 2),
    "SIGTERM": by_signal("term", 2 / 3),
    "SIGHUP": by_signal("hup", 1 / 3),
    "disk full": full_disk,
    "file-size limit": file_size,
    "stdout full": full_output,
    "read-only folder": read_only,
    "somebody else's folder": not_mine,
    "two at once": two_at_once,
    "clock set back": clock_back,
    "MemoryError": in_a_pass("memory"),
    "device out of memory": in_a_pass("cuda"),
    "NaN": in_a_pass("nan"),
    "part cut short": damaged("cut", lambda content: content[: len(content) // 2]),
    "part empty": damaged("empty", lambda content: b""),
    "part of noise": damaged("noise", lambda content: bytes(range(256))),
}
#: Of no meaning to a command that runs no model.
OF_MODELS = ("MemoryError", "device out of memory", "NaN")
#: Of no meaning to a command that keeps no finished parts.
OF_PARTS = ("part cut short", "part empty", "part of noise")
