"""Workers on a Ray cluster that take items one by one; what a lost worker had in hand is taken by another.

It knows neither models nor cells. A worker is any picklable object: it travels to a process of its own, one for each
device, is opened there once, and then works on one item at a time.
"""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from lnbench._cluster._join import cause, connect, of_ray, ray_itself, sentence, travelling
from lnbench.errors import ClusterError

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
        gpus: that each reserves; one where the cluster has any when left out.
    """

    worker: Any
    number: int | None = None
    threads: int = 1
    address: str | None = None
    gpus: int | None = None
    lost: int = 0
    """Workers that died."""
    _hired: list[_Hired] = field(default_factory=list)
    _calls: dict[Any, _Hired] = field(default_factory=dict)
    _started: bool = False

    def __enter__(self) -> Pool:
        self._started = connect(self.address)
        ray = ray_itself()
        alive = [node for node in ray.nodes() if node["Alive"]]
        here = [int(node["Resources"].get("GPU", 0)) for node in alive]
        self.gpus = min(1, sum(here)) if self.gpus is None else self.gpus
        self.number = self.number or (sum(gpus // self.gpus for gpus in here) if self.gpus else len(alive))
        self._refuse_without(max(here, default=0))
        return self

    def _refuse_without(self, most: int) -> None:
        """Refuse workers of more GPUs than any machine has: Ray would wait for a machine that never comes."""
        if (self.gpus or 0) > most:
            self.__exit__()
            raise ClusterError(f"no machine of the cluster has {self.gpus} GPUs (the most is {most}); lower --gpus")

    def __exit__(self, *_: object) -> None:
        ray = ray_itself()
        for hired in tuple(self._hired):
            self.dismiss(hired)
        if self._started:
            ray.shutdown()

    @staticmethod
    def put(value: Any) -> Any:
        """A stand-in for a value, to be an argument of many calls: it travels to each machine once."""
        return ray_itself().put(value)

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
            LnbenchError: a worker refuses; anything else that it raises is raised too, if it can travel.
        """
        work = _Work(self, deque(items), method, arguments, begin, min(limit or self.number or 1, self.number or 1))
        try:
            while work.left:
                for item, found, why in work.turn():
                    if why is None:
                        done(item, found)
                    else:
                        given_up(item, why)
        finally:  # after a refusal others still work at what nobody waits for
            for hired in [hired for hired in self._hired if hired.item is not None]:
                self.dismiss(hired)

    def hire(self) -> _Hired:
        """Ask the cluster for one more worker."""
        ray = ray_itself()
        made = ray.remote(max_restarts=0, num_cpus=self.threads, num_gpus=self.gpus or 0)(_Actor)
        passed = {name: value for name, value in os.environ.items() if name.startswith(_PASSED)}
        spread = made.options(scheduling_strategy="SPREAD", runtime_env={"env_vars": passed})
        hired = _Hired(spread.remote(self.worker))
        self._hired.append(hired)
        self.call(hired, "here")
        return hired

    def dismiss(self, hired: _Hired) -> None:
        """End a worker's process and forget its call."""
        self._hired.remove(hired)
        self._calls = {call: by for call, by in self._calls.items() if by is not hired}
        with suppress(Exception):  # it is dead, or its cluster is
            ray_itself().kill(hired.actor)

    def call(self, hired: _Hired, method: str, *arguments: Any) -> None:
        """Start a call; :meth:`answered` has its end."""
        hired.busy = True
        self._calls[hired.actor.call.remote(method, *arguments)] = hired

    def answered(self) -> Iterable[tuple[_Hired, Any, BaseException | None]]:
        """Yield, for calls that have ended, the worker, its answer and what it raised; waits :data:`LOOK` seconds."""
        ray = ray_itself()
        ready, _ = ray.wait(list(self._calls), num_returns=1, timeout=LOOK) if self._calls else ([], [])
        for call in ready:
            hired = self._calls.pop(call)
            hired.busy = False
            try:
                yield hired, ray.get(call), None
            except ray.exceptions.RayError as error:
                if isinstance(error, ray.exceptions.RayTaskError) and not of_ray(error):
                    raise cause(error) from error
                self.lost += 1
                self.dismiss(hired)
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
        while len(self.pool.workers) < min(self.workers, len(self.queue) + self.flying):
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
                self._hand_out(hired)  # it works on while its answer is dealt with
                yield held[0], found, None
            return
        why = sentence(error)
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

    @property
    def _takes(self) -> str:
        cpus, gpus = self.pool.threads, self.pool.gpus or 0
        return f"{cpus} CPU{'s' * (cpus > 1)}" + f" and {gpus} GPU{'s' * (gpus > 1)}" * bool(gpus)

    def _refuse_waiting(self) -> None:
        if any(hired.placed for hired in self.pool.workers):
            self.since = time.monotonic()
        if time.monotonic() - self.since > PATIENCE:
            raise ClusterError(
                f"no worker found a place on the cluster in {PATIENCE:.0f} seconds, and each takes {self._takes}; free "
                "some, or ask for fewer"
            )


class _Actor:
    """The process of a worker."""

    def __init__(self, worker: Any) -> None:
        self._worker = worker

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method of the worker; ``here`` only says that it is placed."""
        try:
            return True if method == "here" else getattr(self._worker, method)(*arguments)
        except Exception as error:
            raise travelling(error) from error
