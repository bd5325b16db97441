"""The whole experiment: every condition, number of documents and seed, each kept as a delta when it is done."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lnbench._lock import hold
from lnbench._write import make_folder
from lnbench.analysis.tuning._place import Place
from lnbench.analysis.tuning._plan import Experiment, Which
from lnbench.analysis.tuning._result import Point, Run, TuningResult
from lnbench.analysis.tuning._settings import steps_of
from lnbench.analysis.tuning._text import bits_per_byte, training_documents
from lnbench.analysis.tuning._train import Trained, train
from lnbench.analysis.tuning._values import Tuned, trained_numbers
from lnbench.errors import OutputError
from lnbench.models import Delta, Slot, delta_name, save_checkpoint, site_map, slots_of

#: Under the folder of an experiment: what is not finished.
PARTIAL = ".partial"
#: Documents of a batch that is only measured.
_MEASURED_AT_ONCE = 32
#: Between two looks at a run that another process has.
_LOOK_SECONDS = 0.5


#: Told of a run's steps: which run, steps done now, the loss of the last (None where a run was finished before).
StepDone = Callable[[Which, int, float | None], None]


def tune(
    model: Any,
    tokenizer: Any,
    experiment: Experiment,
    *,
    done: StepDone = lambda which, steps, loss: None,
    save_seconds: float = 60.0,
) -> TuningResult:
    """Run what is unfinished of an experiment; the model is left bit for bit as it was.

    Args:
        model: a loaded transformers causal language model, on one device.
        tokenizer: its tokenizer.
        experiment: what to do.
        done: told of every step.
        save_seconds: after how many seconds an unfinished run is saved.

    Raises:
        LnbenchError: the set does not fit the model, there is too little text, the folder holds other runs, a weight
            cannot be tuned, or something changed that should not.
    """
    bench = _Bench(model, tokenizer, experiment)
    bench.check()
    runs = [bench.run(which, done, save_seconds) for which in experiment.runs()]
    bench.sweep()
    return TuningResult(experiment.model, experiment.language, bench.original, tuple(runs), bench.about())


class _Bench:
    """A model with the text and the neurons of an experiment."""

    def __init__(self, model: Any, tokenizer: Any, experiment: Experiment) -> None:
        self._model, self._tokenizer, self._of = model, tokenizer, experiment
        self._place, self._sites = Place(model), site_map(model)
        self._pad = 0 if tokenizer.pad_token_id is None else int(tokenizer.pad_token_id)
        self._documents: dict[int, list[list[int]]] = {}
        self.original = self._measured()

    @cached_property
    def _base(self) -> str:
        return self._place.base

    def check(self) -> None:
        """Refuse before the first run what would fail at a later one.

        Raises:
            LnbenchError: see :func:`tune`.
        """
        for which in self._of.runs():
            self._slots(which)
            path = self._path(which)
            if path.exists() and self._finished(which) is None:
                raise OutputError(
                    f"{str(path)!r} is of another run (other text, neurons, settings or model); name another folder "
                    "with --out, or delete it"
                )

    def run(self, which: Which, done: StepDone, save_seconds: float) -> Run:
        """One run, unless its delta is there."""
        found = self._finished(which)
        if found is None:
            with self._alone(which):
                found = self._finished(which)
                if found is None:
                    self._train(which, done, save_seconds)
                    return _read(Delta.load(self._path(which)), self._path(which))
        done(which, steps_of(which.documents, self._of.settings), None)
        return _read(found, self._path(which))

    @contextmanager
    def _alone(self, which: Which) -> Iterator[None]:
        """Be the one process that has this run; wait for another, and sweep up what a killed one has left.

        Raises:
            OutputError: the folder of unfinished runs cannot be made or locked.
        """
        folder = self._folder(which)
        make_folder(folder)
        while (held := hold(folder)) is None or not folder.exists():
            time.sleep(_LOOK_SECONDS)
            make_folder(folder)
        with held:
            yield
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what processes that were killed have left of finished runs."""
        for which in self._of.runs():
            folder = self._folder(which)
            held = hold(folder) if folder.is_dir() else None
            if held is not None:
                shutil.rmtree(folder, ignore_errors=True)
                held.release()
        with suppress(OSError):  # another process may be at work there
            (self._of.out / PARTIAL).rmdir()

    def about(self) -> dict[str, Any]:
        """How the experiment was made, plain JSON."""
        of = self._of
        held = {
            language: {"documents": len(text.documents), "bytes": text.bytes} for language, text in of.held_out.items()
        }
        return {
            "settings": of.settings.as_json(),
            "neuron_set": of.neurons.content_hash,
            "scope": {key: value for key, value in of.scope.items() if value is not None},
            "corpus": of.corpus.source,
            "held_out": held,
            "also_trained_on": self._seen(),
            "model_parameters": sum(parameter.numel() for parameter in self._model.parameters()),
            "threads": torch.get_num_threads(),
            "device": self._model.device.type,
        }

    def _seen(self) -> int:
        """How many held-out documents of the language are among those that any run was trained on."""
        own = self._of.held_out.get(self._of.language)
        trained = {tuple(row) for rows in self._documents.values() for row in rows}
        return 0 if own is None else sum(tuple(row) in trained for row in own.documents)

    def _train(self, which: Which, done: StepDone, save_seconds: float) -> None:
        run = partial(
            train,
            documents=self._rows(which),
            settings=self._of.settings,
            seed=which.seed,
            pad=self._pad,
            folder=self._folder(which),
            measure=self._measured,
            autocast=which.condition == "full" and self._half,
            step_done=lambda step, loss: done(which, 1, loss),
            save_seconds=save_seconds,
        )
        self._place.tuned(
            self._slots(which),
            run,
            lambda tuned, trained: self._header(which, tuned, trained),
            lambda delta: self._keep(delta, self._path(which)),
        )

    def _keep(self, delta: Delta, path: Path) -> None:
        """The delta last: with it the run counts as finished."""
        if self._of.checkpoints:
            save_checkpoint(self._model, delta, path.with_suffix(""), self._tokenizer)
        delta.save(path)

    def _folder(self, which: Which) -> Path:
        """Where a run keeps what is not finished."""
        return self._of.out / PARTIAL / f"{self._path(which).stem}-{self._key(which)[:12]}"

    @cached_property
    def _half(self) -> bool:
        return bool(self._model.dtype == torch.bfloat16)

    def _slots(self, which: Which) -> list[Slot] | None:
        plan = self._of.plan(which, self._sites.architecture)
        return None if plan is None else slots_of(self._model, {(site, layer): e.indices for layer, site, e in plan})

    def _rows(self, which: Which) -> list[list[int]]:
        """The documents of a run: the first so many of its seed's order."""
        if which.seed not in self._documents:
            read = training_documents(
                self._tokenizer,
                self._of.corpus,
                documents=max(self._of.documents),
                max_length=self._of.settings.max_length,
                seed=which.seed,
            )
            self._documents[which.seed] = [list(row) for row in read[self._of.corpus.language]]
        return self._documents[which.seed][: which.documents]

    def _measured(self) -> dict[str, float]:
        return bits_per_byte(self._model, self._of.held_out, batch_size=_MEASURED_AT_ONCE, pad=self._pad)

    def _path(self, which: Which) -> Path:
        return self._of.out / delta_name(self._of.language, which.condition, which.documents, which.seed)

    def _finished(self, which: Which) -> Delta | None:
        """The delta of this very run, where it is there."""
        path = self._path(which)
        if not path.exists():
            return None
        found = Delta.load(path)
        return found if found.header.get("run") == self._key(which) else None

    def _key(self, which: Which) -> str:
        """SHA-256 (hex) over what decides the numbers of a run."""
        plan = self._of.plan(which, self._sites.architecture)
        held = {language: [_hash(text.documents), text.bytes] for language, text in self._of.held_out.items()}
        fields = {
            "run": asdict(which),
            "base": self._base,
            "dtype": str(self._model.dtype),
            "data": _hash(self._rows(which)),
            "held_out": held,
            "neurons": None if plan is None else plan.plan_hash,
            "settings": self._of.settings.as_json(),
        }
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()

    def _header(self, which: Which, tuned: Tuned, trained: Trained) -> dict[str, Any]:
        from lnbench import __version__

        of, rows = self._of, self._rows(which)
        plan = of.plan(which, self._sites.architecture)
        return {
            "tool": f"lnbench {__version__}",
            "method": "tune",
            "model": of.model,
            "revision": of.revision,
            "dtype": str(self._model.dtype).removeprefix("torch."),
            "architecture": self._sites.architecture.to_json(),
            "language": of.language,
            **asdict(which),
            "neuron_set": of.neurons.content_hash,
            "neurons": None if plan is None else {"count": plan.neurons, "sites": plan.sites, "hash": plan.plan_hash},
            "data": {"sha256": _hash(rows), "tokens": sum(map(len, rows)) - len(rows), "source": of.corpus.source},
            "settings": of.settings.as_json(),
            "parameters": trained_numbers(tuned),
            "optimizer_bytes": trained.optimizer_bytes,
            "steps": trained.steps,
            "curve": [asdict(point) for point in trained.points],
            "run": self._key(which),
        }


def _hash(rows: Sequence[Sequence[int]]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(f"{len(row)}\n".encode())
        digest.update(np.asarray(row, dtype="<i4").tobytes())
    return digest.hexdigest()


def _read(delta: Delta, path: Path) -> Run:
    about = delta.header
    points = tuple(Point(**point) for point in about["curve"])
    names = ("condition", "documents", "seed", "parameters", "optimizer_bytes", "steps")
    return Run(**{name: about[name] for name in names}, points=points, file=path.name)
