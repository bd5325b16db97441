"""Run a model's decoder over batches while its neurons are counted; the language-model head is never computed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import nn

from lnbench.errors import SpecError
from lnbench.models import architecture_of, check_observable, observed, site_map

if TYPE_CHECKING:
    from typing_extensions import Self


class Observer(Protocol):
    """What takes the values of the watched neurons, batch by batch (:class:`~lnbench.detection._counting.Counter`)."""

    def begin(self, rows: torch.Tensor, sampled: torch.Tensor) -> None:
        """Say which positions of the next batch count and which are sampled, both flat and int64, on the CPU."""

    def see(self, layer: int, site: str, values: torch.Tensor) -> None:
        """Take one layer's values of the batch, ``[..., width]``."""

    def end(self) -> None:
        """The batch is through."""


class Watch:
    """A model whose sites are watched inside the ``with`` block, once for all batches."""

    def __init__(self, model: nn.Module, sites: Sequence[str]) -> None:
        """Nothing is watched before the block is entered."""
        self._model, self._sites = model, sites
        self._decoder = site_map(model).decoder
        self._weight = _embeddings(self._decoder)
        self._stack = ExitStack()
        self._observer: Observer | None = None

    def __enter__(self) -> Self:
        self._stack.enter_context(observed(self._model, self._sites, self._see))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @torch.inference_mode()
    def run(
        self, observer: Observer, ids: torch.Tensor, mask: torch.Tensor, rows: torch.Tensor, sampled: torch.Tensor
    ) -> None:
        """Run one batch and have ``observer`` see it; ``rows`` and ``sampled`` as in :meth:`Observer.begin`."""
        self._observer = observer
        observer.begin(rows.cpu(), sampled.cpu())
        if not self._weight.is_meta:  # offloading moves the batch itself
            ids, mask = ids.to(self._weight.device), mask.to(self._weight.device)
        self._decoder(input_ids=ids, attention_mask=mask, use_cache=False)
        observer.end()

    def _see(self, layer: int, site: str, values: torch.Tensor) -> None:
        assert self._observer is not None  # the decoder is called by `run` alone
        self._observer.see(layer, site, values)


def _embeddings(decoder: Any) -> torch.Tensor:
    weight: torch.Tensor = decoder.get_input_embeddings().weight
    return weight


def widths(model: nn.Module, sites: Sequence[str]) -> dict[str, tuple[int, int]]:
    """``(layers, width)`` of each site.

    Raises:
        SpecError: the model lacks a site, or its layers differ in width there.
        UnsupportedArchitectureError: values of a site pass through no module (fused experts).
    """
    check_observable(site_map(model), sites)
    architecture = architecture_of(model)
    for site in sites:
        if len({architecture.width(site, layer) for layer in range(architecture.layers)}) > 1:
            raise SpecError(f"the layers differ in width at {site}, and statistics need one width; leave {site} out")
    return {site: (architecture.layers, architecture.width(site)) for site in sites}
