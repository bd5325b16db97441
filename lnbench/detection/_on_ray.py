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

__all__ = ["Loaded", "RayRunner"]


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
    _model: nn.Module | None = None
    _told: Loaded | None = None
    _measure: Measure | None = None
    _measured: Measured | None = None
    _ready: ExitStack = field(default_factory=ExitStack)

    def open(self) -> Loaded:
        """Load the model.

        Raises:
            ModelArgumentError: it cannot be loaded here.
        """
        if self._told is None:
            with suppress(OSError):
                os.chdir(self.folder)
            torch.set_num_threads(self.threads)
            model = load_model(self.name, revision=self.revision, dtype=self.dtype, device=self.device)
            dtype = str(next(model.parameters()).dtype).removeprefix("torch.")
            identity = _identity(self.name, self.revision, model.config)
            self._model, host = model, socket.gethostname()
            self._told = Loaded(identity, dtype, model.device.type, __version__, host)
        return self._told

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
        _refuse_other(self.open(), like)
        if self._measured is None or measure != self._measure:
            assert self._model is not None
            self._ready.close()
            self._measured, self._measure = self._ready.enter_context(measure.on(self._model)), measure
        return self._measured(shard, lambda _: None)


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


class RayRunner:
    """Workers on a Ray cluster that measure shards, inside the ``with`` block.

    A worker that dies with its machine loses nothing but the shard that it had in hand, which another worker takes.

    Attributes:
        model: the model without weights, to be given to :func:`collect_sites` and the like beside the runner.
        loaded: what the workers have loaded.
    """

    model: nn.Module
    loaded: Loaded

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
    ) -> None:
        """Nothing is started before the block is entered.

        Args:
            name: ``lnbench/demo``, a folder or a name on the hub; every machine must have the model there.
            revision: branch, tag or commit on the hub.
            dtype: see :func:`lnbench.models.load_model`.
            device: ``cpu``, ``cuda`` or ``auto``; on a cluster with GPUs each worker gets one of its own.
            address: of a running cluster (``auto``, ``host:port``, ``ray://...``); without one, and without
                ``RAY_ADDRESS``, a cluster is started on this machine.
            workers: how many hold a model each; one for each GPU, or node where there is none, when left out.
            threads: CPUs that each reserves, and threads of torch.
        """
        self._name, self._revision = name, revision
        worker = ShardWorker(name, revision, dtype, device, threads, str(Path.cwd()))
        self._pool = Pool(worker, workers, threads, address)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._pool)
            self.loaded = self._pool.ask("open")
            self.model = load_shell(self._name, revision=self._revision, dtype=getattr(torch, self.loaded.dtype))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

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
        self._pool.work(longest, "run", lambda at: (measure, shard(at), self.loaded), come, _refuse)


def _refuse(place: Place, why: str) -> None:
    raise ClusterError(
        f"shard {place.number} of {place.language!r} lost every worker that had it ({why}); look at the cluster's "
        "logs, then start the same command again, which goes on with what is done"
    )
