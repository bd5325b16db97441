"""A detection pass on a Ray cluster: each worker loads the model once and takes shards; this process keeps them.

Workers need no shared folder and no corpora, for a shard brings its documents. They need the model and lnbench itself.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lnbench import __version__
from lnbench._cluster import Pool
from lnbench.detection._shards import Done, Measure, Measured, Place, Shard, Tensors
from lnbench.errors import ClusterError
from lnbench.models import commit_of, load_model, load_shell, local_weights_fingerprint, model_location

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Loaded", "PoolRunner", "RayRunner", "ShardMeter"]


@dataclass(frozen=True)
class Loaded:
    """What a worker says of the model that it has loaded.

    Attributes:
        identity: commit on the hub or fingerprint of the weights' files; None where neither is known.
        dtype: of its parameters, as ``float32``.
        device: ``cpu`` or ``cuda``.
        version: of lnbench there.
        host: the machine.
    """

    identity: str | None
    dtype: str
    device: str
    version: str
    host: str

    @classmethod
    def of(cls, model: nn.Module, identity: str | None) -> Loaded:
        """What this process says of a model."""
        found = next(model.parameters())
        dtype = str(found.dtype).removeprefix("torch.")
        return cls(identity, dtype, found.device.type, __version__, socket.gethostname())


@dataclass(eq=False)
class ShardMeter:
    """What a worker measures shards with: its model, kept prepared from one shard to the next.

    Attributes:
        model: the loaded model.
        told: what the worker says of it.
    """

    model: nn.Module
    told: Loaded
    _measure: Measure | None = None
    _measured: Measured | None = None
    _ready: ExitStack = field(default_factory=ExitStack)

    def run(self, measure: Measure, shard: Shard, like: Loaded) -> Tensors:
        """Measure a shard.

        Args:
            measure: what is measured; the model stays prepared for it until there is another.
            shard: the documents.
            like: what the worker that was asked first has loaded.

        Raises:
            ClusterError: this worker has another model or version of lnbench.
            LnbenchError: the model cannot be measured so.
        """
        _refuse_other(self.told, like)
        if self._measured is None or measure != self._measure:
            self.close()
            self._measured, self._measure = self._ready.enter_context(measure.on(self.model)), measure
        return self._measured(shard, lambda _: None)

    def close(self) -> None:
        """Leave the model as it was loaded."""
        self._ready.close()
        self._measured = None


@dataclass(eq=False)
class ShardWorker:
    """A model in a process of its own, loaded when something is first asked of it.

    Attributes:
        name, revision, dtype, device: see :func:`lnbench.models.load_model`.
        threads: of torch.
        folder: the command's working directory, for relative paths.
    """

    name: str
    revision: str | None
    dtype: str
    device: str
    threads: int
    folder: str
    _meter: ShardMeter | None = None

    def open(self) -> Loaded:
        """Load the model.

        Raises:
            ModelArgumentError: it cannot be loaded here.
        """
        return self._opened().told

    def run(self, measure: Measure, shard: Shard, like: Loaded) -> Tensors:
        """See :meth:`ShardMeter.run`."""
        return self._opened().run(measure, shard, like)

    def _opened(self) -> ShardMeter:
        if self._meter is None:
            with suppress(OSError):
                os.chdir(self.folder)
            torch.set_num_threads(self.threads)
            model = load_model(self.name, revision=self.revision, dtype=self.dtype, device=self.device)
            self._meter = ShardMeter(model, Loaded.of(model, _identity(self.name, self.revision, model.config)))
        return self._meter


def _identity(name: str, revision: str | None, config: Any) -> str | None:
    place = model_location(name)
    if Path(place).exists():
        return f"local:{local_weights_fingerprint(Path(place))}"
    return commit_of(place, revision, config)


def _refuse_other(here: Loaded, like: Loaded) -> None:
    for what, ours, theirs in (
        ("another model", here.identity, like.identity),
        ("the model in another dtype", here.dtype, like.dtype),
        ("the model on another kind of device", here.device, like.device),
        ("another lnbench", here.version, like.version),
    ):
        if ours != theirs:
            raise ClusterError(
                f"{here.host} has {what} ({ours}) than {like.host} ({theirs}), and sums of both would be of neither; "
                "give all machines the same, or name --dtype and --device"
            )


@dataclass(eq=False)
class PoolRunner:
    """Measures shards on the workers of a pool.

    Attributes:
        pool: the workers.
        loaded: what they have loaded.
        method: of the worker, which measures a shard as :meth:`ShardMeter.run` does.
    """

    pool: Pool
    loaded: Loaded
    method: str = "run"

    def run(
        self,
        measure: Measure,
        places: Sequence[Place],
        shard: Callable[[Place], Shard],
        keep: Callable[[Place, Tensors], None],
        done: Done,
    ) -> None:
        """Measure the shards on whichever worker is free, the longest first, and keep each when it comes in.

        Raises:
            ClusterError: no worker lives on the cluster, or a shard loses three workers.
            LnbenchError: a worker refuses.
        """

        def come(place: Place, tensors: Tensors) -> None:
            keep(place, tensors)
            done(place.language, place.tokens, False)

        longest = sorted(places, key=lambda place: -place.tokens)
        self.pool.work(longest, self.method, lambda at: (measure, shard(at), self.loaded), come, _refuse)


class RayRunner(PoolRunner):
    """Workers on a Ray cluster that measure shards, inside the ``with`` block.

    A worker that dies with its machine loses nothing but the shard that it had in hand, which another worker takes.

    Attributes:
        model: the model without weights, to be given to :func:`collect_sites` and the like beside the runner.
    """

    model: nn.Module

    def __init__(
        self,
        name: str,
        *,
        revision: str | None = None,
        dtype: str = "auto",
        device: str = "auto",
        address: str | None = None,
        workers: int | None = None,
        threads: int = 1,
        gpus: int | None = None,
    ) -> None:
        """Nothing is started before the block is entered.

        Args:
            name: ``lnbench/demo``, a folder or a name on the hub; every machine must have the model there.
            revision: branch, tag or commit on the hub.
            dtype: see :func:`lnbench.models.load_model`.
            device: ``cpu``, ``cuda`` (the first of a worker's GPUs) or ``auto`` (the model spread over all of them).
            address: of a running cluster (``auto``, ``host:port``, ``ray://...``); without one, and without
                ``RAY_ADDRESS``, a cluster is started on this machine.
            workers: how many hold a model each; one for each GPU, or node where there is none, when left out.
            threads: CPUs that each reserves, and threads of torch.
            gpus: that each reserves; when left out none for ``cpu``, else one where the cluster has any.
        """
        gpus = 0 if gpus is None and device == "cpu" else gpus
        self._name, self._revision = name, revision
        worker = ShardWorker(name, revision, dtype, device, threads, str(Path.cwd()))
        self.pool = Pool(worker, workers, threads, address, gpus)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.pool)
            self.loaded = self.pool.ask("open")
            self.model = load_shell(self._name, revision=self._revision, dtype=getattr(torch, self.loaded.dtype))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()


def _refuse(place: Place, why: str) -> None:
    raise ClusterError(
        f"shard {place.number} of {place.language!r} lost every worker that had it ({why}); look at the cluster's "
        "logs, then start the same command again, which goes on with what is done"
    )
