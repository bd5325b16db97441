"""Processors, memory, GPUs, and how many threads they are given."""

from __future__ import annotations

import os
from pathlib import Path

from lnbench.doctor._report import Part

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_MEMORY = Path("/proc/meminfo")
_GB = 1e9


def devices() -> Part:
    """CPU cores, memory, and every GPU that torch sees."""
    part = Part("Devices", {"CPU cores": f"{cores():g} of {os.cpu_count()} for this process", "memory": _memory()})
    try:
        import torch
    except Exception:  # said among the versions
        return part
    part.facts["torch's threads"] = str(torch.get_num_threads())
    part.facts["CUDA"] = f"{torch.cuda.device_count()} GPUs" if torch.cuda.is_available() else "none"
    if torch.version.cuda and not torch.cuda.is_available():
        part.wrong(
            f"torch is built for CUDA {torch.version.cuda} and sees no GPU; check the driver (nvidia-smi) and "
            "CUDA_VISIBLE_DEVICES, or run on the CPU with --device cpu"
        )
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        free, total = torch.cuda.mem_get_info(index)
        name = torch.cuda.get_device_name(index)
        part.facts[f"cuda:{index}"] = f"{name}, {free / _GB:.1f} of {total / _GB:.1f} GB free"
    return part


def threads() -> Part:
    """Whether as many threads are asked for as there are cores."""
    part = Part("Threads", {name: os.environ.get(name, "-") for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")})
    part.facts["TOKENIZERS_PARALLELISM"] = os.environ.get("TOKENIZERS_PARALLELISM", "-")
    part.facts["load"] = _load()
    try:
        import torch
    except Exception:
        return part
    asked, there = torch.get_num_threads(), cores()
    if asked > max(1.0, there):
        part.wrong(
            f"torch runs {asked} threads and this process has {there:g} cores, which makes it slower than fewer "
            f"threads would; set OMP_NUM_THREADS={max(1, int(there))}"
        )
    return part


def cores() -> float:
    """How many cores this process may use: its affinity, and the quota of its container where that is less."""
    try:
        allowed = float(len(os.sched_getaffinity(0)))
    except AttributeError:  # not on every system
        allowed = float(os.cpu_count() or 1)
    return min(allowed, _quota() or allowed)


def _quota() -> float | None:
    try:
        quota, period = _QUOTA.read_text(encoding="ascii").split()
        return None if quota == "max" else float(quota) / float(period)
    except (OSError, ValueError):
        return None


def _memory() -> str:
    try:
        rows = dict(line.split(":", 1) for line in _MEMORY.read_text(encoding="ascii").splitlines())
        total, free = (float(rows[name].split()[0]) * 1e3 for name in ("MemTotal", "MemAvailable"))
    except (OSError, ValueError, KeyError):
        return "unknown"
    return f"{total / _GB:.1f} GB, {free / _GB:.1f} GB of it available"


def _load() -> str:
    try:
        return f"{os.getloadavg()[0]:.1f} processes want to run"
    except (AttributeError, OSError):
        return "unknown"
