"""Tuning whose checkpoints are damaged, whose folder has left-overs, and which another process is at."""

import pytest
import torch

from lnbench._lock import hold
from lnbench.analysis.tuning import _experiment as experiment_module
from lnbench.analysis.tuning import tune
from lnbench.analysis.tuning._train import _last
from lnbench.errors import EngineError

NAME = "sw-specific-8-seed0.safetensors"


class Killed(BaseException):
    """As a signal would end the process."""


@pytest.fixture
def stopped(parts, make):
    """An experiment that was killed after its third step, with checkpoints of the first two."""
    of, seen = make("stopped", conditions=("specific",)), []

    def kill(which, steps, loss):
        seen.append(loss)
        if len(seen) == 3:
            raise Killed

    with pytest.raises(Killed):
        tune(*parts, of, done=kill, save_seconds=0)
    return of


def checkpoints(of):
    return sorted((of.out / ".partial").glob("*/checkpoint-*"))


@pytest.mark.parametrize("files", ["model.safetensors", "optimizer.pt", "trainer_state.json", "whole.json"])
def test_a_damaged_checkpoint_is_not_gone_on_from(parts, make, stopped, files):
    expected = make("whole", conditions=("specific",))
    tune(*parts, expected)
    first, second = checkpoints(stopped)
    assert _last(first.parent) == str(second)
    damaged = second / files
    damaged.write_bytes(damaged.read_bytes()[:-7])
    assert _last(first.parent) == str(first)
    again = []
    tune(*parts, stopped, done=lambda which, steps, loss: again.append(loss), save_seconds=60)
    assert len(again) == 3
    assert (stopped.out / NAME).read_bytes() == (expected.out / NAME).read_bytes()


def test_what_a_kill_after_the_last_step_left_is_removed(parts, make):
    of = make(conditions=("specific",))
    tune(*parts, of)
    key = experiment_module._Bench(*parts, of)
    (which,) = of.runs()
    left = key._folder(which) / "checkpoint-3"
    left.mkdir(parents=True)
    tune(*parts, of)
    assert [path.name for path in of.out.iterdir()] == [NAME]


def test_a_run_that_another_process_is_at_is_waited_for(parts, make, monkeypatch):
    of = make(conditions=("specific",))
    tune(*parts, of)
    content = (of.out / NAME).read_bytes()
    (of.out / NAME).unlink()
    (which,) = of.runs()
    folder = experiment_module._Bench(*parts, of)._folder(which)
    folder.mkdir(parents=True)
    monkeypatch.setattr(experiment_module, "_LOOK_SECONDS", 0.01)
    looks = []

    def look(path):
        looks.append(path)
        if len(looks) == 3:  # the other one ends
            (of.out / NAME).write_bytes(content)
        return None if len(looks) < 4 else hold(path)

    monkeypatch.setattr(experiment_module, "hold", look)
    done = []
    tune(*parts, of, done=lambda which, steps, loss: done.append(loss))
    assert done == [None] and len(looks) >= 4  # found finished, not made a second time
    assert not (of.out / ".partial").exists()


@pytest.mark.parametrize("where", ["training", "held-out text"])
def test_a_loss_that_is_no_number_ends_the_run_and_keeps_nothing(parts, make, monkeypatch, where):
    model, tokenizer = parts
    of, plain, before = make(conditions=("specific",)), type(model.model).forward, state(model)

    def forward(self, *given, **named):
        found = plain(self, *given, **named)
        if self.training == (where == "training"):
            found.last_hidden_state = found.last_hidden_state * float("nan")
        return found

    monkeypatch.setattr(type(model.model), "forward", forward)
    with pytest.raises(EngineError, match="is nan; lower --learning-rate"):
        tune(model, tokenizer, of, save_seconds=0)
    monkeypatch.setattr(type(model.model), "forward", plain)
    assert not list(of.out.glob("*.safetensors")) and not checkpoints(of)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert tune(model, tokenizer, of).runs


def state(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}
