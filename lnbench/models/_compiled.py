"""Code that ``torch.compile`` made before an intervention, and that would take no notice of it."""

from __future__ import annotations

import sys

import torch


def forget_compiled(engine: str) -> None:
    """Have what was compiled so far compiled anew at its next call, where it would run on as if nothing had changed.

    Compiled code looks for new hooks no more than for new values of weights that it has frozen
    (``torch._inductor.config.freezing``). Weights that are not frozen it reads at every call, so an edit of those costs
    nothing.
    """
    frames = sys.modules.get("torch._dynamo.convert_frame")
    seen = getattr(getattr(frames, "input_codes", None), "seen", None)
    if not seen:  # nothing was compiled in this process
        return
    inductor = sys.modules.get("torch._inductor.config")
    if engine == "hook" or getattr(inductor, "freezing", False):
        torch._dynamo.reset()
