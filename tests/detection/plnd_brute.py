"""The definition of PLND's impact, by brute force: take one neuron out of the weights, run its block again, compare.

Knows nothing of closed forms. Weights are cut by ``tests.models.by_hand``, in float64.
"""

from __future__ import annotations

from contextlib import contextmanager

import torch

from tests.models import by_hand

BLOCK = {"llama": ("mlp", "self_attn"), "bloom": ("mlp", "self_attention"), "gpt_neox": ("mlp", "attention")}
BLOCK |= {"opt": ("", "self_attn"), "xglm": ("", "self_attn"), "falcon": BLOCK["bloom"], "mpt": ("ffn", "attn")}
BLOCK |= dict.fromkeys(("gpt2", "gpt_bigcode", "gptj", "gpt_neo"), ("mlp", "attn"))


def impacts(model, family, site, ids, mask=None, layers=None, of="output", **inputs):
    """``[layers, width]``: norm of the change of what the block's last projection writes (or of attention weights)."""
    names = by_hand.names(family)
    count = len(model.get_submodule(names["layer"].rpartition(".")[0]))
    kept = (torch.ones_like(ids) if mask is None else mask).bool()[0]
    rows = []
    for layer in range(count) if layers is None else layers:
        block, run = _block(model, family, site, layer, ids, mask, inputs)
        projection = block.get_submodule(names["down" if site == "ffn.hidden" else "o"])
        rows.append(_row(model, family, site, block, projection, run, kept, of))
    return torch.stack(rows)


def _block(model, family, site, layer, ids, mask, inputs):
    """The decoder layer, and a call that runs its feed-forward or attention on what it was given."""
    names = by_hand.names(family)
    block = model.get_submodule(names["layer"].format(layer))
    name = BLOCK.get(family.split("-")[0], BLOCK["llama"])[0 if site == "ffn.hidden" else 1]
    module, seen = block.get_submodule(name), []
    handle = module.register_forward_pre_hook(lambda m, args, kwargs: seen.append((args, kwargs)), with_kwargs=True)
    with torch.no_grad():
        model(input_ids=ids, attention_mask=mask, use_cache=False, **inputs)
    handle.remove()
    ((args, kwargs),) = seen
    return block, lambda: module(*args, **kwargs)


@torch.no_grad()
def _row(model, family, site, block, projection, run, kept, of):
    seen = []
    handle = projection.register_forward_hook(lambda m, i, o: seen.append(o.reshape(len(kept), -1)[kept].clone()))

    def observe():
        result = run()
        written = seen.pop()
        return written if of == "output" else result[1][0][:, kept].clone()

    base, changes = observe(), []
    for neuron in range(_width(model, family, site, block)):
        with _without(model, family, site, block, neuron):
            changes.append((observe() - base).norm())
    handle.remove()
    return torch.stack(changes).float()


def _width(model, family, site, block):
    names = by_hand.names(family)
    if site in ("ffn.hidden", "attn.o"):
        weight = block.get_submodule(names["down" if site == "ffn.hidden" else "o"]).weight
        return weight.shape[0 if family == "gpt2" else 1]
    return len(by_hand.rows(model, family, block, site))


@contextmanager
def _without(model, family, site, block, neuron):
    """Row (with its bias) or column of one neuron at zero."""
    names = by_hand.names(family)
    if site in ("ffn.hidden", "attn.o"):
        weight = block.get_submodule(names["down" if site == "ffn.hidden" else "o"]).weight.data
        tensors = [weight if family == "gpt2" else weight.T]
        before = [tensors[0].clone()]
        tensors[0][neuron] = 0.0
    else:
        module = block.get_submodule(names.get("qkv", names.get(site, "")))
        kinds = [kind for kind in ("weight", "bias") if getattr(module, kind, None) is not None]
        tensors = [getattr(module, kind).data for kind in kinds]
        before = [tensor.clone() for tensor in tensors]
        for kind, tensor in zip(kinds, tensors):
            by_hand._cut(tensor, family, site, [neuron], model.config, kind)
    yield
    for tensor, old in zip(tensors, before):
        tensor.copy_(old)
