"""fastText with a model file of the user's (``LNBENCH_LID=fasttext:lid.176.ftz``); the library is optional."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from lnbench.errors import LnbenchError
from lnbench.identification._protocol import UNDECIDED
from lnbench.languages import fold

_LABEL = "__label__"


class Fasttext:
    """The languages are those of the model file."""

    def __init__(self, model: str = "") -> None:
        if not Path(model).is_file():
            raise LnbenchError(
                f"the fastText model {model!r} does not exist; set LNBENCH_LID=fasttext:PATH to a language "
                "model such as lid.176.ftz"
            )
        try:
            fasttext: Any = import_module("fasttext")
        except ImportError as error:
            raise LnbenchError(
                "the language identifier 'fasttext' is not installed; `pip install fasttext-wheel` installs it"
            ) from error
        self._model = fasttext.load_model(model)
        self._codes = {label: fold(label.removeprefix(_LABEL)) for label in self._model.get_labels()}
        self.signature = f"fasttext-{Path(model).stem}"
        self.languages = frozenset(self._codes.values())

    def identify(self, text: str, candidates: tuple[str, ...]) -> str:
        """See :class:`lnbench.identification.Identifier`."""
        # A list, because a string argument breaks on numpy 2; one line, because a newline ends its input.
        ranked = self._model.predict([" ".join(text.split())], k=len(self._codes))[0][0]
        for label in ranked:
            if not candidates or self._codes[label] in candidates:
                return self._codes[label]
        return UNDECIDED
