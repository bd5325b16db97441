"""Faults that a process does to itself at a counted moment: its n-th change to the disk, or its n-th forward pass.

Counting makes a fault repeatable where a clock would not: the same number is the same moment, on a busy machine too.
"""

from __future__ import annotations

import inspect
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

SIGNALS = {"kill": signal.SIGKILL, "int": signal.SIGINT, "term": signal.SIGTERM, "hup": signal.SIGHUP}
_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.chmod", "os.link")


@dataclass
class Injection:
    """What goes wrong in one process.

    Attributes:
        write: the change to a file below ``folder`` at which it does; 0 for none.
        forward: the forward pass of a decoder at which it does; 0 for none.
        do: a signal's name, or ``memory``, ``cuda`` (raised in the pass) or ``nan`` (the pass is of NaN).
        once: whether the passes after it are sound.
        back: seconds by which the clock is behind after its tenth reading.
        address_space: bytes of memory that the process may have beyond what it has when it starts; 0 for no bound.
        file_size: bytes that a file may have; 0 for no bound.
        count: a file to write the number of changes and passes to at the end.
    """

    write: int = 0
    forward: int = 0
    do: str = ""
    once: bool = True
    back: float = 0.0
    address_space: int = 0
    file_size: int = 0
    count: str = ""
    seen: dict[str, int] = field(default_factory=lambda: {"write": 0, "forward": 0})

    def arm(self, folder: str) -> None:
        """Set it all up in this process, before the command begins."""
        sys.addaudithook(self._hook(folder))
        _wrap_decoders(self)
        if self.back:
            _set_back(self.back)
        if self.file_size:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.file_size, self.file_size))
        if self.address_space:
            bound = _address_space() + self.address_space
            resource.setrlimit(resource.RLIMIT_AS, (bound, bound))

    def _hook(self, folder: str) -> Callable[[str, tuple[Any, ...]], None]:
        def heard(event: str, arguments: tuple[Any, ...]) -> None:
            writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
            if (writes or event in _CHANGES) and _below(arguments[0], folder):
                self.seen["write"] += 1
                if self.seen["write"] == self.write:
                    self._now()

        return heard

    def begins(self) -> bool:
        """A decoder begins a pass; whether it shall compute with NaN."""
        self.seen["forward"] += 1
        at = self.seen["forward"]
        if not self.forward or at < self.forward or (at > self.forward and self.once):
            return False
        self._now()
        return self.do == "nan"

    def _now(self) -> None:
        if self.do in SIGNALS:
            os.kill(os.getpid(), SIGNALS[self.do])
        elif self.do == "memory":
            raise MemoryError
        elif self.do == "cuda":
            import torch

            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.\nMore lines")

    def told(self) -> str:
        """The counts, as ``WRITES FORWARDS``."""
        return f"{self.seen['write']} {self.seen['forward']}"


def _below(path: Any, folder: str) -> bool:
    """Whether a path, which may be relative to the folder that the command works in, is below a folder."""
    return isinstance(path, str) and (path.startswith(folder) or not path.startswith("/"))


def _wrap_decoders(injection: Injection) -> None:
    from transformers.models.llama.modeling_llama import LlamaModel

    plain = LlamaModel.forward

    def forward(self: Any, input_ids: Any = None, **named: Any) -> Any:
        if injection.begins():
            named["inputs_embeds"] = self.embed_tokens(input_ids) * float("nan")
            return plain(self, **named)
        return plain(self, input_ids, **named)

    forward.__signature__ = inspect.signature(plain)  # type: ignore[attr-defined]
    LlamaModel.forward = forward


def _set_back(seconds: float) -> None:
    """The wall clock jumps back on its tenth reading; the monotonic one goes on."""
    plain, readings = time.time, [0]

    def behind() -> float:
        readings[0] += 1
        return plain() - (seconds if readings[0] > 10 else 0.0)

    time.time = behind


def _address_space() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
        return int(file.read().split()[0]) * resource.getpagesize()
