"""Several processes on one evaluation (`accelerate launch`, `torchrun`), and one model on several devices.

lm-eval 0.4.13 numbers its processes only where one machine has several GPUs, and then by their place on that machine:
on CPUs, or with one GPU a machine, each would do all requests, and on several machines some would be done twice. And it
drops a ``device_map`` that comes without ``parallelize``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import chain, zip_longest
from typing import Any

from lnbench.models import check_placement

#: The device that lm-eval's command names where its user names none.
_USUAL = "cuda:0"
_NOTHING = object()


def launched() -> int:
    """How many processes the launcher of this one started; 1 without a launcher."""
    started = os.environ.get("WORLD_SIZE", "1")
    return int(started) if "LOCAL_RANK" in os.environ and started.isdigit() else 1


def check_device(device: Any) -> None:
    """Refuse a device that is not there: lm-eval would take the CPU for it and say so in a log.

    Raises:
        ModelArgumentError: it cannot be used on this machine.
    """
    if device not in (None, _USUAL):
        check_placement("auto", str(device))


def placed(arguments: dict[str, Any]) -> dict[str, Any]:
    """lm-eval's arguments, completed so that launched processes find each other and a device map is followed.

    On a machine without accelerators accelerate joins processes only when it is told to use the CPU.
    """
    import torch

    if launched() > 1 and not torch.accelerator.is_available():
        os.environ.setdefault("ACCELERATE_USE_CPU", "true")
    given = dict(arguments)
    if given.get("device_map") is not None and given.get("parallelize") is None and given.get("tp_plan") is None:
        given["parallelize"] = True
    if given.get("parallelize") and given.get("device", _USUAL) == _USUAL and not torch.cuda.is_available():
        given["device"] = "cpu"  # lm-eval itself falls back to it, but not for a model that is spread
    return given


def number_process(lm: Any) -> None:
    """Give a loaded model its place among all processes of the launch, on whatever devices and machines they are."""
    accelerator = getattr(lm, "accelerator", None)
    if accelerator is not None:
        lm._rank, lm._world_size = accelerator.process_index, accelerator.num_processes


def own_of_each(tensor: Any, processes: int) -> Any:
    """What lm-eval would gather of all processes, if all had what this one has.

    It gathers numbers only to have processes do work of the same length, repeating requests: a model that is split
    among them needs that, and none is. Where one has its answers in a cache and the other does not, it would hang.

    Args:
        tensor: of this process, any shape; a number counts as ``[1]``.
        processes: how many there are.

    Returns:
        ``[processes * n, ...]``.
    """
    import torch

    return torch.cat([tensor.reshape(1) if tensor.ndim == 0 else tensor] * processes)


def gathered(lm: Any, mine: Any) -> list[Any]:
    """What each process has, in the order of their ranks; all of them must call this."""
    if lm.world_size == 1:
        return [mine]
    import torch

    everyones: list[Any] = [None] * lm.world_size
    torch.distributed.all_gather_object(everyones, mine)
    return everyones


def in_order(parts: list[Any] | None) -> list[Any] | None:
    """What lm-eval gathered of all processes, put so that its chaining of them gives the order of one process.

    Documents are dealt out in turn, so they are taken back in turn. Sums, bootstraps and the sample log are then the
    same to the last bit however many processes there were.

    Args:
        parts: of each rank, samples (task -> list) or metrics (task -> {(metric, filter): list}); None on other ranks.

    Returns:
        The first with everything in it, the others emptied.
    """
    if parts is None or len(parts) == 1 or not all(isinstance(part, Mapping) for part in parts):
        return parts
    whole = {task: _together([part[task] for part in parts]) for task in parts[0]}
    empty = {task: {key: [] for key in found} if isinstance(found, Mapping) else [] for task, found in whole.items()}
    return [whole, *(empty for _ in parts[1:])]


def _together(parts: Sequence[Any]) -> Any:
    if isinstance(parts[0], Mapping):
        return {key: _in_turn([part[key] for part in parts]) for key in parts[0]}
    filters = dict.fromkeys(sample["filter"] for sample in parts[0])
    return list(chain.from_iterable(_in_turn([_of(part, name) for part in parts]) for name in filters))


def _of(samples: Sequence[Any], name: str) -> list[Any]:
    return [sample for sample in samples if sample["filter"] == name]


def _in_turn(parts: Sequence[Sequence[Any]]) -> list[Any]:
    return [one for turn in zip_longest(*parts, fillvalue=_NOTHING) for one in turn if one is not _NOTHING]
