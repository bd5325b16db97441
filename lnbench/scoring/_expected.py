"""The language that fidelity expects when a condition steers the output into another one than the task's.

lm-eval hands a task's scorer the document and the response, and nothing of the model; so the model says it here. One
process evaluates one condition at a time.
"""

from __future__ import annotations

from lnbench.languages import fold

__all__ = ["expect_language", "expected_language"]

_steered_to: list[str] = []


def expect_language(code: str | None) -> None:
    """From now on expect ``code`` in every response, or with None each task's own language again.

    Raises:
        UnknownLanguageError: ``code`` is no language tag; what was expected stays.
    """
    _steered_to[:] = [] if code is None else [fold(code)]


def expected_language(task_language: str) -> str:
    """The language to expect of a response to a task in ``task_language``."""
    return _steered_to[0] if _steered_to else task_language
