"""What a model says at every depth: the state after each layer, and the model's own way from a state to logits.

The way is not rebuilt from parts. The model itself runs with layers that all answer the given state, so the final norm,
projections, the head, scaling and soft-capping of logits are the architecture's own, whatever they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn

from lnbench.models._sitemap import SiteMap, site_map
from lnbench.models._unwrap import unwrap

#: ``see(depth, states)``: depth 0 is the input of the first layer, depth d the output of layer d - 1; states are
#: ``[batch, tokens, hidden]`` in the model's dtype, to be read only.
StateObserver = Callable[[int, torch.Tensor], None]


@contextmanager
def layer_states(model: nn.Module, see: StateObserver) -> Iterator[None]:
    """Hand the state at every depth to ``see``, in order, in each forward pass inside the block.

    Raises:
        UnsupportedArchitectureError: lnbench has no description of this architecture.
    """
    found, done = site_map(model), [0]

    def start(*_: Any) -> None:
        done[0] = 0

    def before(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if done[0] == 0:
            see(0, args[0] if args else kwargs["hidden_states"])

    def after(_: nn.Module, __: Any, output: Any) -> None:
        done[0] += 1  # by order, not by module: one module may be several layers
        see(done[0], output[0] if isinstance(output, tuple) else output)

    with ExitStack() as stack:
        stack.callback(found.decoder.register_forward_pre_hook(start).remove)
        stack.callback(found.layers[0].register_forward_pre_hook(before, with_kwargs=True).remove)
        for layer in dict.fromkeys(found.layers):
            stack.callback(layer.register_forward_hook(after).remove)
        yield


class Readout:
    """From a state of any depth to logits, exactly as the model goes from its last state. Made by :func:`readout`."""

    def __init__(self, model: nn.Module, sites: SiteMap) -> None:
        self._model, self._layers = unwrap(model), tuple(dict.fromkeys(sites.layers))
        first = next(model.parameters()).device
        # Where weights are offloaded, accelerate moves what it gets.
        self._device = torch.device("cpu") if first.type == "meta" else first
        self._tuples = self._answers_in_tuples(sites)

    @torch.no_grad()
    def __call__(self, states: torch.Tensor) -> torch.Tensor:
        """Logits ``[rows, positions, vocabulary]`` of states ``[rows, positions, hidden]``, on the model's device.

        Each position stands for itself. Rows and positions of one call count together towards memory.
        """
        with ExitStack() as stack:
            for layer, packed in zip(self._layers, self._tuples, strict=True):
                stack.enter_context(_answering(layer, states, packed))
            return self._run(torch.zeros(states.shape[:2], dtype=torch.long))

    def _run(self, ids: torch.Tensor) -> torch.Tensor:
        # With a cache, which stays empty, because plans with a token rule refuse passes that have none.
        output = self._model(input_ids=ids.to(self._device), use_cache=True)
        logits: torch.Tensor = output.logits
        return logits

    @torch.no_grad()
    def _answers_in_tuples(self, sites: SiteMap) -> tuple[bool, ...]:
        """Whether each layer returns a tuple whose first member is the state: what a stand-in must return, too."""
        seen: dict[nn.Module, bool] = {}

        def note(layer: nn.Module, _: Any, output: Any) -> None:
            seen[layer] = isinstance(output, tuple)

        with ExitStack() as stack:
            for layer in self._layers:
                stack.callback(layer.register_forward_hook(note).remove)
            self._run(torch.zeros((1, 1), dtype=torch.long))
        return tuple(seen[layer] for layer in self._layers)


def readout(model: nn.Module) -> Readout:
    """The way from a state to logits in this model, as it is now: with whatever plan is applied to it.

    Raises:
        UnsupportedArchitectureError: lnbench has no description of this architecture.
    """
    return Readout(model, site_map(model))


@contextmanager
def _answering(layer: nn.Module, states: torch.Tensor, packed: bool) -> Iterator[None]:
    """Have a layer answer with ``states`` instead of computing; what it was, and what wraps it, comes back after."""

    def answer(*args: Any, **kwargs: Any) -> Any:
        given = args[0] if args else kwargs["hidden_states"]
        moved = states.to(given.device)
        return (moved,) if packed else moved

    own = layer.__dict__.get("forward")  # set on the module itself where its weights are offloaded
    layer.__dict__["forward"] = answer
    try:
        yield
    finally:
        if own is None:
            del layer.__dict__["forward"]
        else:
            layer.__dict__["forward"] = own
