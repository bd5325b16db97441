"""One run of transformers' Trainer over the trained numbers of a model, which goes on where it was killed.

A checkpoint holds the small tensors, the optimizer's state for them, the random generators and the position in the
data; on a CPU with one thread a run that goes on from one ends with the same bits as one that was never stopped.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.utils import logging as transformers_logging

from lnbench import _json
from lnbench.analysis.tuning._result import Point
from lnbench.analysis.tuning._settings import TuningSettings, steps_of
from lnbench.analysis.tuning._text import finite, padded
from lnbench.analysis.tuning._values import Tuned, optimizer_bytes

#: Seconds after which a run writes a checkpoint.
SAVE_SECONDS = 60.0
#: Written into a checkpoint when it is whole: SHA-256 of its other files.
_WHOLE = "whole.json"
#: The label of padding.
_IGNORED = -100
#: Arguments of every run: it shows and reports nothing by itself, and saves when it is told to.
_ALWAYS: dict[str, Any] = {
    "optim": "adamw_torch",
    "remove_unused_columns": False,
    "disable_tqdm": True,
    "report_to": "none",
    "logging_strategy": "no",
    "save_strategy": "no",
    "save_total_limit": 2,
    "average_tokens_across_devices": False,
}


@dataclass(frozen=True)
class Trained:
    """How a run ended.

    Attributes:
        points: the learning curve, without the start.
        steps: optimizer steps.
        optimizer_bytes: of the optimizer's state, measured at the end.
    """

    points: tuple[Point, ...]
    steps: int
    optimizer_bytes: int


def train(
    tuned: Tuned,
    documents: Sequence[Sequence[int]],
    settings: TuningSettings,
    *,
    seed: int,
    pad: int,
    folder: Path,
    measure: Callable[[], dict[str, float]],
    autocast: bool = False,
    step_done: Callable[[int, float], None] = lambda step, loss: None,
    save_seconds: float = SAVE_SECONDS,
) -> Trained:
    """Train, from the last whole checkpoint in ``folder`` where there is one.

    Args:
        tuned: what is trained; its model is left with the trained weights.
        documents: token ids of each.
        settings: common to all runs.
        seed: of the order of the documents in each epoch, and of dropout.
        pad: a token id to fill up with.
        folder: of this run alone; it may be removed when the run is over.
        measure: bits per byte of held-out text by language, of the model as it stands.
        autocast: compute in bfloat16 on float32 weights.
        step_done: told of every step: its number and its loss.
        save_seconds: after how many seconds a checkpoint is written.
    """
    total = steps_of(len(documents), settings)
    watch = _Watch(tuned, measure, _measured_at(total, settings.points), step_done, save_seconds)
    trainer = _Trainer(
        model=tuned,
        args=_arguments(settings, total, seed, folder, tuned.model.device.type == "cpu", autocast),
        train_dataset=[{"ids": list(row)} for row in documents],
        data_collator=lambda rows: _batch([row["ids"] for row in rows], pad),
        compute_loss_func=_loss,
        callbacks=[watch],
    )
    trainer.remove_callback(PrinterCallback)
    watch.trainer = trainer
    with _quiet():
        trainer.train(resume_from_checkpoint=_last(folder))
    return Trained(_curve(trainer.state.log_history), trainer.state.global_step, optimizer_bytes(trainer.optimizer))


class _Trainer(Trainer):  # type: ignore[misc]
    """The Trainer, for a model that is where it should be already, with the loss of the last step."""

    step_loss = 0.0

    def _move_model_to_device(self, model: Any, device: Any) -> None:
        return

    def training_step(self, *arguments: Any, **keywords: Any) -> torch.Tensor:
        """One part of a step; the losses of the parts add up to that of the step."""
        loss: torch.Tensor = super().training_step(*arguments, **keywords)
        self.step_loss += float(loss)
        return loss


class _Watch(TrainerCallback):  # type: ignore[misc]
    """Writes the trained numbers into the model, measures it, and marks checkpoints that are whole."""

    trainer: _Trainer

    def __init__(
        self,
        tuned: Tuned,
        measure: Callable[[], dict[str, float]],
        at: frozenset[int],
        told: Callable[[int, float], None],
        save_seconds: float,
    ) -> None:
        self._tuned, self._measure, self._at, self._told = tuned, measure, at, told
        self._every, self._saved = save_seconds, time.monotonic()

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """After a checkpoint has been read."""
        self._tuned.write()

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """After every step."""
        self._tuned.write()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Note the loss, measure where that is due, save where it is time; a loss that is no number ends the run."""
        loss, self.trainer.step_loss = finite(self.trainer.step_loss, f"the loss of step {state.global_step}"), 0.0
        state.log_history.append({"step": state.global_step, "step_loss": loss})
        self._told(state.global_step, loss)
        if state.global_step in self._at:
            state.log_history.append({"step": state.global_step, "bits_per_byte": self._measure()})
            self._tuned.train()
        control.should_save = state.global_step < state.max_steps and time.monotonic() - self._saved >= self._every

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """A checkpoint is whole when this file is in it."""
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        (folder / _WHOLE).write_text(json.dumps(_hashes(folder)), encoding="utf-8")
        self._saved = time.monotonic()


def _arguments(
    settings: TuningSettings, steps: int, seed: int, folder: Path, on_cpu: bool, autocast: bool
) -> TrainingArguments:
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        learning_rate=settings.learning_rate,
        per_device_train_batch_size=settings.batch_size // settings.accumulate,
        gradient_accumulation_steps=settings.accumulate,
        lr_scheduler_type=settings.schedule,
        warmup_steps=math.floor(settings.warmup * steps),
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.clip,
        seed=seed,
        bf16=autocast,
        use_cpu=on_cpu,
        dataloader_pin_memory=not on_cpu,
        **_ALWAYS,
    )
    if arguments.n_gpu > 1:
        arguments._n_gpu = 1  # the model is on one device, and is not copied to others
    return arguments


def _measured_at(steps: int, points: int) -> frozenset[int]:
    return frozenset(max(1, round(steps * (at + 1) / points)) for at in range(points))


def _batch(rows: Sequence[Sequence[int]], pad: int) -> dict[str, torch.Tensor]:
    ids, mask = padded(rows, pad)
    return {"input_ids": ids, "attention_mask": mask, "labels": ids.masked_fill(mask == 0, _IGNORED)}


def _loss(
    logits: torch.Tensor, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None = None
) -> torch.Tensor:
    """Mean negative log-likelihood (nats) over the predicted tokens of the step, this part's share of it."""
    wanted = labels[:, 1:]
    shown = logits[:, :-1].float().transpose(1, 2)
    total = F.cross_entropy(shown, wanted, ignore_index=_IGNORED, reduction="sum")
    return total / ((wanted != _IGNORED).sum() if num_items_in_batch is None else num_items_in_batch)


def _curve(history: Sequence[dict[str, Any]]) -> tuple[Point, ...]:
    points, losses = [], []
    for entry in history:
        if "step_loss" in entry:
            losses.append(entry["step_loss"])
        elif "bits_per_byte" in entry:
            points.append(Point(entry["step"], sum(losses) / len(losses), dict(entry["bits_per_byte"])))
            losses = []
    return tuple(points)


def _last(folder: Path) -> str | None:
    """The last checkpoint that was written whole and is so still."""
    found = {int(path.parent.name.rpartition("-")[2]): path.parent for path in folder.glob(f"checkpoint-*/{_WHOLE}")}
    return next((str(found[step]) for step in sorted(found, reverse=True) if _is_whole(found[step])), None)


def _is_whole(checkpoint: Path) -> bool:
    try:
        return bool(_json.loads((checkpoint / _WHOLE).read_text(encoding="utf-8")) == _hashes(checkpoint))
    except (OSError, ValueError):
        return False


def _hashes(checkpoint: Path) -> dict[str, str]:
    files = sorted(path for path in checkpoint.iterdir() if path.is_file() and path.name != _WHOLE)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' notes on its way; a run has a bar of its own."""
    level = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
