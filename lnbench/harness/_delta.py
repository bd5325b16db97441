"""The argument ``delta=``: ours is a file of `lnbench tune`; anything else stays lm-eval's, a model of differences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lnbench import models
from lnbench._paths import at_home


def own_delta(arguments: dict[str, Any]) -> models.Delta | None:
    """Take our delta out of the model arguments; lm-eval's is left in them.

    Raises:
        DeltaError: what is named is a file, or called ``.safetensors``, and is missing, damaged or no delta.
    """
    given = arguments.get("delta")
    if given is None or not (isinstance(given, models.Delta) or _is_file(given)):
        return None
    return loaded(arguments.pop("delta"))


def loaded(delta: models.Delta | str | Path) -> models.Delta:
    """A delta, read where a file is named.

    Raises:
        DeltaError: the file is missing, damaged or no delta.
    """
    return delta if isinstance(delta, models.Delta) else models.Delta.load(delta)


class Tuned:
    """The delta that is in a model's weights now.

    Attributes:
        given: the one of the model's own arguments, or None.
    """

    def __init__(self, given: models.Delta | None) -> None:
        self.given = given
        self._applied: models.AppliedDelta | None = None

    @property
    def delta(self) -> models.Delta | None:
        """What is in the weights."""
        return None if self._applied is None else self._applied.delta

    def is_in(self, delta: models.Delta | None) -> bool:
        """Whether the weights are those of ``delta`` already."""
        now = self.delta
        return now is delta or (now is not None and delta is not None and now.content_hash == delta.content_hash)

    def put(self, model: Any, delta: models.Delta | None) -> None:
        """Take out what is in the weights, and write ``delta``.

        Raises:
            DeltaError: it was made for other weights; the model is then the original.
        """
        if self._applied is not None:
            self._applied.restore()
            self._applied = None
        if delta is not None:
            self._applied = models.apply_delta(model, delta)

    def record(self) -> dict[str, Any] | None:
        """For a results file: where the delta comes from, without its learning curve."""
        if self.delta is None:
            return None
        return {key: value for key, value in self.delta.as_json().items() if key != "curve"}


def named(record: dict[str, Any]) -> str:
    """What was tuned, in words: ``tuned-specific-400 sw seed 0``."""
    parts = ["tuned", record.get("condition"), record.get("documents")]
    label = "-".join(str(part) for part in parts if part is not None)
    seed = f"seed {record['seed']}" if record.get("seed") is not None else None
    return " ".join(str(part) for part in (label, record.get("language"), seed) if part is not None)


def _is_file(given: Any) -> bool:
    return isinstance(given, str | Path) and (str(given).endswith(".safetensors") or at_home(given).is_file())
