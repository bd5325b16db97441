"""Workers on a Ray cluster that take items one by one; what a lost worker had in hand is taken by another.

It knows neither models nor cells. A worker is any picklable object: it travels to a process of its own, one for each
device, is opened there once, and then works on one item at a time.
"""

from __future__ import annotations

import importlib
import logging
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from lnbench.errors import ClusterError, LnbenchError

#: How often an item may lose its worker before it is given up: it may be the item that kills.
TRIES = 3
#: Seconds that no worker at all may find a place on the cluster, and between two looks at it.
PATIENCE, LOOK = 120.0, 1.0
#: Environment variables that a worker needs as the command has them.
_PASSED = ("LNBENCH_", "HF_", "TRANSFORMERS_", "TOKENIZERS_", "TQDM_")


@dataclass(eq=False)
class _Hired:
    """One worker process: asked for, then placed, and at work or idle."""

    actor: Any
    placed: bool = False
    item: Any = None
    busy: bool = True
    """Whether a call is under way."""


@dataclass(eq=False)
class Pool:
    """Workers, hired on entry and let go on exit.

    Attributes:
        worker: what each process gets a copy of; its methods are called there.
        number: how many; as many as the cluster has GPUs, or nodes where it has none, when left out.
        threads: CPUs that each reserves.
        address: of a running cluster (``auto``, ``host:port``, ``ray://...``); without one, and without
            ``RAY_ADDRESS``, a cluster is started on this machine for the length of the block.
    """

    worker: Any
    number: int | None = None
    threads: int = 1
    address: str | None = None
    lost: int = 0
    """Workers that died."""
    _hired: list[_Hired] = field(default_factory=list)
    _calls: dict[Any, _Hired] = field(default_factory=dict)
    _started: bool = False
    _gpus: int = 0

    def __enter__(self) -> Pool:
        self._started = connect(self.address)
        ray = _ray()
        self._gpus = int(ray.cluster_resources().get("GPU", 0))
        nodes = sum(node["Alive"] for node in ray.nodes())
        self.number = self.number or self._gpus or nodes
        return self

    def __exit__(self, *_: object) -> None:
        ray = _ray()
        for hired in self._hired:
            ray.kill(hired.actor)
        self._hired.clear()
        self._calls.clear()
        if self._started:
            ray.shutdown()

    def ask(self, method: str, *arguments: Any) -> Any:
        """What one worker answers; asked again of another when it is lost.

        Raises:
            ClusterError: no worker finds a place, or each is lost.
            LnbenchError: the worker refuses.
        """
        answers: list[Any] = []
        given_up: list[str] = []
        self.work([None], method, lambda _: arguments, lambda _, found: answers.append(found),
                  lambda _, why: given_up.append(why), limit=1)  # fmt: skip
        if given_up:
            raise ClusterError(f"the worker was lost {TRIES} times ({given_up[0]}); look at the cluster's logs")
        return answers[0]

    def work(
        self,
        items: Iterable[Any],
        method: str,
        arguments: Callable[[Any], tuple[Any, ...]],
        done: Callable[[Any, Any], None],
        given_up: Callable[[Any, str], None],
        *,
        begin: Callable[[Any], bool] = lambda _: True,
        limit: int | None = None,
    ) -> None:
        """Call ``method`` of some worker for every item.

        Args:
            items: hashable and distinct, in the order in which they are begun.
            method: of the worker.
            arguments: what the method is called with, from an item.
            done: told each item and the answer, in the order in which they come.
            given_up: told an item that lost its worker :data:`TRIES` times, and how.
            begin: asked before an item is first begun; False passes it over.
            limit: as many workers at most.

        Raises:
            ClusterError: no worker finds a place, or they are lost faster than they work.
            LnbenchError: a worker refuses; anything else that it raises is raised too.
        """
        work = _Work(self, deque(items), method, arguments, begin, min(limit or self.number or 1, self.number or 1))
        while work.left:
            for item, found, why in work.turn():
                if why is None:
                    done(item, found)
                else:
                    given_up(item, why)

    def hire(self) -> _Hired:
        """Ask the cluster for one more worker."""
        ray = _ray()
        made = ray.remote(max_restarts=0, num_cpus=self.threads, num_gpus=min(1, self._gpus))(_Actor)
        hired = _Hired(made.options(scheduling_strategy="SPREAD").remote(self.worker))
        self._hired.append(hired)
        self.call(hired, "here")
        return hired

    def call(self, hired: _Hired, method: str, *arguments: Any) -> None:
        """Start a call; :meth:`answered` has its end."""
        hired.busy = True
        self._calls[hired.actor.call.remote(method, *arguments)] = hired

    def answered(self) -> Iterable[tuple[_Hired, Any, BaseException | None]]:
        """Yield, for calls that have ended, the worker, its answer and what it raised; waits :data:`LOOK` seconds."""
        ray = _ray()
        ready, _ = ray.wait(list(self._calls), num_returns=1, timeout=LOOK) if self._calls else ([], [])
        for call in ready:
            hired = self._calls.pop(call)
            hired.busy = False
            try:
                yield hired, ray.get(call), None
            except ray.exceptions.RayTaskError as error:
                raise _cause(error) from None
            except ray.exceptions.RayError as error:
                self.lost += 1
                self._hired.remove(hired)
                yield hired, None, error

    @property
    def workers(self) -> list[_Hired]:
        """Those that live, as far as is known."""
        return self._hired


@dataclass(eq=False)
class _Work:
    """One round of :meth:`Pool.work`."""

    pool: Pool
    queue: deque[Any]
    method: str
    arguments: Callable[[Any], tuple[Any, ...]]
    begin: Callable[[Any], bool]
    workers: int
    tries: Counter[Any] = field(default_factory=Counter)
    begun: set[Any] = field(default_factory=set)
    flying: int = 0
    deaths: int = 0
    """Workers lost since one last answered."""
    since: float = field(default_factory=time.monotonic)
    """When a worker was last seen to be placed."""

    @property
    def left(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.queue) or self.flying > 0

    def turn(self) -> Iterable[tuple[Any, Any, str | None]]:
        """Hire, hand out, wait a little; yield (item, answer, None), or (item, None, why) for one that is given up."""
        while len(self.pool.workers) < self.workers and self.queue:
            self.pool.hire()
        for hired in self.pool.workers:
            self._hand_out(hired)
        for hired, found, error in self.pool.answered():
            yield from self._answer(hired, found, error)
        self._refuse_waiting()

    def _hand_out(self, hired: _Hired) -> None:
        if hired.busy or not hired.placed:
            return
        while self.queue:
            item = self.queue.popleft()
            if item not in self.begun and not self.begin(item):
                continue
            self.begun.add(item)
            hired.item, self.flying = (item,), self.flying + 1
            self.pool.call(hired, self.method, *self.arguments(item))
            return

    def _answer(self, hired: _Hired, found: Any, error: BaseException | None) -> Iterable[tuple[Any, Any, str | None]]:
        held, hired.item = hired.item, None
        self.flying -= held is not None
        if error is None:
            self.deaths, hired.placed, self.since = 0, True, time.monotonic()
            if held is not None:
                yield held[0], found, None
            return
        why = _sentence(error)
        self._count_death(why)
        if held is None:
            return
        self.tries[held[0]] += 1
        if self.tries[held[0]] >= TRIES:
            yield held[0], None, why
        else:
            self.queue.appendleft(held[0])

    def _count_death(self, why: str) -> None:
        self.deaths += 1
        if self.deaths > TRIES * self.workers:
            raise ClusterError(f"{self.deaths} workers were lost one after another ({why}); look at the cluster's logs")

    def _refuse_waiting(self) -> None:
        placed = any(hired.placed for hired in self.pool.workers)
        if not placed and time.monotonic() - self.since > PATIENCE:
            raise ClusterError(
                f"no worker found a place on the cluster in {PATIENCE:.0f} seconds; it has no free CPU or GPU for one: "
                "free some, or ask for fewer CPUs with model: threads"
            )


class _Actor:
    """The process of a worker."""

    def __init__(self, worker: Any) -> None:
        self._worker = worker

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method of the worker; ``here`` only says that it is placed."""
        return True if method == "here" else getattr(self._worker, method)(*arguments)


def connect(address: str | None = None) -> bool:
    """Join a Ray cluster, or start one on this machine; whether one was joined or started now.

    Raises:
        ClusterError: Ray is not installed, or the cluster does not answer.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = _ray()
    if ray.is_initialized():
        return False
    found = address or os.environ.get("RAY_ADDRESS") or None
    local = {} if found else {"include_dashboard": False}
    passed = {name: value for name, value in os.environ.items() if name.startswith(_PASSED)}
    try:
        ray.init(
            address=found,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={"env_vars": passed},
            **local,
        )
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise ClusterError(
            f"the Ray cluster {found or 'on this machine'!r} cannot be joined ({_sentence(error)}); check --address, "
            "and that `ray status` there shows it"
        ) from error
    return True


def _ray() -> Any:
    try:
        return importlib.import_module("ray")
    except ImportError:
        raise ClusterError("Ray is not installed; run pip install 'lnbench[ray]', or leave --executor out") from None


def _cause(error: Any) -> BaseException:
    """What a worker raised, as it raised it."""
    cause = getattr(error, "cause", None)
    return cause if isinstance(cause, (LnbenchError, Exception)) else error


def _sentence(error: BaseException) -> str:
    return str(error).strip().split("\n", maxsplit=1)[0].rstrip(".") or type(error).__name__
