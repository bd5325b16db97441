"""The scores of one layer, made from what its hooks see while the model runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch

from lnbench.detection.plnd._closed import column_norms, column_scores, head_grams, value_grams, value_scores
from lnbench.detection.plnd._exact import exact
from lnbench.detection.plnd._fast import fast
from lnbench.detection.plnd._parts import of_document, site_values
from lnbench.detection.plnd._rebuild import Rebuilder
from lnbench.detection.plnd._reference import absolute_sums, largest_of_group, reference
from lnbench.detection.plnd._settings import Settings
from lnbench.detection.plnd._tiles import group_blocks
from lnbench.detection.plnd._view import View
from lnbench.detection.plnd._weights import columns
from lnbench.errors import UnsupportedArchitectureError
from lnbench.models import Port, SiteMap


def refuse_experts(sites: SiteMap, number: int, asked: Sequence[str]) -> None:
    """Raise UnsupportedArchitectureError where the feed-forward neurons that are asked for are those of experts."""
    if "ffn.hidden" in asked and sites.sites[number].routed:
        raise UnsupportedArchitectureError(
            f"ffn.hidden of model_type {sites.model_type!r} cannot be scored: layer {number} is a mixture of fused "
            "experts, whose activations pass through no module; score attn.q, attn.k, attn.v and attn.o"
        )


class LayerScorer:
    """One layer. Scores are made when the last projection of a block is about to run; then what was seen is dropped."""

    def __init__(self, sites: SiteMap, number: int, settings: Settings) -> None:
        """Read what scores need of the layer's weights.

        Raises:
            UnsupportedArchitectureError: what is asked for has no closed form for this architecture.
            EngineError: its weights are offloaded.
        """
        refuse_experts(sites, number, settings.sites)
        self.found: dict[str, list[torch.Tensor]] = {}
        self._lengths: Sequence[int] = ()
        self._layer, self._ports, self._heads = sites.layers[number], sites.sites[number], sites.heads
        self._settings = settings
        self._rebuilder = Rebuilder(sites, number) if settings.attends else None
        self._outputs: dict[str, torch.Tensor] = {}
        self._called_with: Mapping[str, Any] = {}
        self._by_reference = settings.form == "reference"
        if not self._by_reference:
            self._read_weights()
        elif "ffn.hidden" in settings.sites and self._ports.up is None:
            raise UnsupportedArchitectureError(
                f"the released code of PLND knows gated layers only, and those of model_type {sites.model_type!r} have "
                "no gate; leave out ffn.hidden or use another form than reference"
            )

    def _read_weights(self) -> None:
        if "ffn.hidden" in self._settings.sites:
            self._down = column_norms(self._columns(self._ports.down))
        if "attn.o" in self._settings.sites:
            self._out = column_norms(self._columns(self._ports.output))
        if "attn.v" in self._settings.sites:
            self._value = value_grams(self._columns(self._ports.output), self._heads)
        if self._settings.form == "output" and self._settings.attends:
            self._columns(self._ports.output)  # refuses offloaded weights before anything runs

    def begin(self, lengths: Sequence[int]) -> None:
        """A batch of documents of so many tokens comes next, padded on the right."""
        self._lengths, self.found = lengths, {site: [] for site in self._settings.sites}

    def _columns(self, port: Port) -> torch.Tensor:
        return columns(self._module(port.path), port.width)

    def _module(self, path: str) -> torch.nn.Module:
        return self._layer.get_submodule(path)

    def hooks(self) -> Iterator[Any]:
        """Put the hooks on; each handle takes one off."""
        if "ffn.hidden" in self._settings.sites:
            yield self._hidden_hook()
        if self._settings.attends:
            attention = self._module(self._ports.query.path.rpartition(".")[0])
            yield attention.register_forward_pre_hook(self._see_call, with_kwargs=True)
            for path in dict.fromkeys((self._ports.query.path, self._ports.key.path, self._ports.value.path)):
                yield self._module(path).register_forward_hook(partial(self._see_output, path))
        if any(site.startswith("attn.") for site in self._settings.sites):
            yield self._module(self._ports.output.path).register_forward_pre_hook(self._see_attended)

    def _hidden_hook(self) -> Any:
        if self._by_reference and self._ports.up is not None:
            return self._module(self._ports.up.path).register_forward_hook(partial(self._see_up, self._ports.up))
        return self._module(self._ports.down.path).register_forward_pre_hook(self._see_hidden)

    def _see_call(self, _: Any, __: Any, keywords: Mapping[str, Any]) -> None:
        self._called_with = keywords

    def _see_output(self, path: str, _: Any, __: Any, output: torch.Tensor) -> None:
        self._outputs[path] = output

    def _see_up(self, up: Port, _: Any, __: Any, output: torch.Tensor) -> None:
        for values in self._documents(output):
            self._keep("ffn.hidden", absolute_sums(site_values(up, values)))

    def _see_hidden(self, _: Any, inputs: tuple[torch.Tensor, ...]) -> None:
        for values in self._documents(inputs[0]):
            self._keep("ffn.hidden", column_scores(values, self._down))

    def _see_attended(self, _: Any, inputs: tuple[torch.Tensor, ...]) -> None:
        for number, output in enumerate(self._documents(inputs[0])):
            if "attn.o" in self._settings.sites:
                self._keep("attn.o", absolute_sums(output) if self._by_reference else column_scores(output, self._out))
            if "attn.v" in self._settings.sites:
                self._keep("attn.v", self._value_scores(output))
            if self._rebuilder is not None:
                self._keep_attended(self._rebuilder, number, output)
        self._outputs, self._called_with = {}, {}

    def _documents(self, values: torch.Tensor) -> list[torch.Tensor]:
        """Each document's part ``[tokens, width]`` of a batch; OPT's feed-forward flattens batches."""
        batch = values.reshape(len(self._lengths), -1, values.shape[-1])
        return [row[:length] for row, length in zip(batch, self._lengths, strict=True)]

    def _value_scores(self, output: torch.Tensor) -> torch.Tensor:
        if self._by_reference:
            return largest_of_group(absolute_sums(output), self._heads)
        return value_scores(output, self._value.to(output.device), self._heads)

    def _keep_attended(self, rebuilder: Rebuilder, number: int, output: torch.Tensor) -> None:
        """A document's query and key scores, some groups of heads at a time, so that memory does not grow with them."""
        chunk = self._settings.chunk_on(output.device.type)
        asked = [site for site in ("attn.q", "attn.k") if site in self._settings.sites]
        ports = (self._ports.query, self._ports.key, self._ports.value)
        seen = [site_values(port, self._documents(self._outputs[port.path])[number]) for port in ports]
        called_with = of_document(self._called_with, number, len(self._lengths), len(output))
        found: dict[str, list[torch.Tensor]] = {site: [] for site in asked}
        for groups in group_blocks(self._heads, len(output), chunk, output.device.type):
            # The view lives in the call alone: the next block's is made after it is gone.
            scored = self._attended(rebuilder.view(seen, called_with, groups, output), groups, asked, chunk)
            for site, scores in scored.items():
                found[site].append(scores.flatten())
        for site, parts in found.items():
            self._keep(site, torch.cat(parts))

    def _attended(self, view: View, groups: slice, asked: Sequence[str], chunk: int) -> dict[str, torch.Tensor]:
        form = self._settings.form
        if form == "fast":
            return fast(view, asked, chunk)
        if form == "reference":
            scores = reference(view, chunk)
            both = {"attn.q": scores, "attn.k": largest_of_group(scores, self._heads)}
            return {site: both[site] for site in asked}
        weight = self._columns(self._ports.output) if form == "output" else None
        grams = None if weight is None else head_grams(weight, self._heads, groups).to(view.value.device)
        return {site: exact(view, site, grams, chunk) for site in asked}

    def _keep(self, site: str, scores: torch.Tensor) -> None:
        self.found[site].append(scores.to("cpu", torch.float32))
