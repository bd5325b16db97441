"""One cell on a loaded model: the condition applied, lm-eval run, its files written to a folder."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lnbench.errors import OutputError
from lnbench.studies._cell import Cell, Role
from lnbench.studies._record import Started, about_failure, about_model, recorded
from lnbench.studies._results import About, new_tracker, write_results
from lnbench.studies._session import put

if TYPE_CHECKING:
    from lnbench.studies._conditions import Condition
    from lnbench.studies._session import Session

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How a cell ended.

    Attributes:
        record: what its manifest says, but for its files; with an ``error`` where it failed.
        files: ``{"results": file, "samples": {task: file}}``, None where it failed.
    """

    record: Mapping[str, Any]
    files: Mapping[str, Any] | None


class CellRunner:
    """Runs cells of a session; it keeps the condition that the model is in from one to the next."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._condition: Condition | None = None
        self._model_info: dict[str, Any] | None = None

    def run(self, role: Role, cell: Cell, folder: Path) -> Outcome:
        """Run a cell and write its files into an empty folder. Whatever goes wrong in it is its outcome.

        Raises:
            OutputError: a result cannot be written.
        """
        started = Started()
        try:
            self._put(role.condition)
            files = self._evaluate(role, folder, started)
        except OutputError:
            raise
        except Exception as error:
            _log.debug("cell %s failed", cell.id, exc_info=True)
            self._condition = None
            return Outcome(self._about(role, cell, started) | about_failure(error), None)
        return Outcome(self._about(role, cell, started), files)

    def _put(self, condition: Condition) -> None:
        """Bring the model into a condition, unless it is in it."""
        if condition != self._condition:
            self._condition = None
            put(self._session.lm, condition, self._session.plans[condition])
            self._condition = condition

    def _info(self) -> dict[str, Any]:
        """What lm-eval records of the model; it asks the hub for a commit, so once, and only our part of it again."""
        lm = self._session.lm
        if self._model_info is None:
            self._model_info = lm.get_model_info()
        return {**self._model_info, "lnbench": lm.record()}

    def _evaluate(self, role: Role, folder: Path, started: Started) -> Mapping[str, Any]:
        session, study = self._session, self._session.plan.study
        tracker = new_tracker(folder)
        found = session.evaluate(role)
        arguments = {"pretrained": session.lm.model_name, **study.model.given()}
        given = study.gen_kwargs or None
        about = About(session.lm, self._info(), arguments, session.settings, given, started.clock, tracker)
        return write_results(folder, found, about)

    def _about(self, role: Role, cell: Cell, started: Started) -> dict[str, Any]:
        lm, study = self._session.lm, self._session.plan.study
        return {
            "cell": cell.as_json(),
            "role": role.as_json(study.name, lm.model_name),
            "recorded": recorded(started) | about_model(lm, self._session.plans[role.condition]),
        }
