"""Where a pass of ``lnbench detect`` runs: in this process, or on a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from lnbench._near import hint
from lnbench.cli import _detect_options as options
from lnbench.errors import SpecError

if TYPE_CHECKING:
    from lnbench.detection import RayRunner, TokenDocuments

Executor = Annotated[str, typer.Option(help="local: in this process; ray: on a Ray cluster.")]
Address = Annotated[
    str | None, typer.Option(help="Of the Ray cluster (auto, host:port); one on this machine when left out.")
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="On Ray: how many hold a model each; one for each GPU, else each node.")
]
Threads = Annotated[int | None, typer.Option(min=1, help="On Ray: CPUs and threads of each worker (1).")]

Gpus = Annotated[int | None, typer.Option(min=0, help="On Ray: GPUs of each worker (1 where there are any, 0 on cpu).")]


@dataclass(frozen=True)
class Where:
    """The options of the executor, as they were typed."""

    executor: str = "local"
    address: str | None = None
    workers: int | None = None
    threads: int | None = None
    gpus: int | None = None

    def check(self, dtype: str, device: str) -> None:
        """Refuse what would have no effect or cannot be.

        Raises:
            SpecError: an unknown executor, an option without effect, or one device for all workers.
            ModelArgumentError: this machine lacks the device of a pass that runs here, or there is no such dtype.
        """
        from lnbench.models import check_placement

        if self.executor not in ("local", "ray"):
            raise SpecError(
                f"unknown executor {self.executor!r}; {hint(self.executor, ('local', 'ray'))}choose local or ray"
            )
        named = (self.address, self.workers, self.threads, self.gpus)
        for name, value in zip(("--address", "--workers", "--threads", "--gpus"), named, strict=True):
            if self.executor == "local" and value is not None:
                raise SpecError(f"{name} {value} has no effect without Ray; add --executor ray, or drop it")
        if self.executor == "ray" and device not in ("auto", "cpu", "cuda"):
            raise SpecError(
                f"--device {device} has no meaning on Ray, where each worker gets its own; write auto, cpu or cuda"
            )
        check_placement(dtype, device if self.executor == "local" else "auto")

    @contextmanager
    def runner(self, model: str, revision: str | None, dtype: str, device: str) -> Iterator[RayRunner | None]:
        """Workers of which one has loaded the model, for the length of a block; None for this process.

        Raises:
            ClusterError: Ray is not installed, or there is no such cluster, or no place on it.
            ModelArgumentError: the workers have no such model.
        """
        if self.executor == "local":
            yield None
            return
        from lnbench.detection import RayRunner

        how = {"address": self.address, "workers": self.workers, "threads": self.threads or 1, "gpus": self.gpus}
        with RayRunner(model, revision=revision, dtype=dtype, device=device, **how) as found:  # type: ignore[arg-type]
            yield found

    @contextmanager
    def begun(
        self, text: options.Text, model: str, revision: str | None, dtype: str, device: str
    ) -> Iterator[tuple[RayRunner | None, TokenDocuments, options.Loaded]]:
        """The workers, the text, and the model: what a pass needs, for the length of a block.

        Raises:
            LnbenchError: see :meth:`runner`, :meth:`Text.read` and :meth:`Loaded.of`.
        """
        from lnbench.models import load_tokenizer

        with self.runner(model, revision, dtype, device) as runner:
            read = text.read(load_tokenizer(model, revision=revision))
            yield runner, read, options.Loaded.of(runner, model, revision, dtype, device, text.max_length)
