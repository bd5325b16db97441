"""The back ends by name, and :func:`identify`.

``LNBENCH_LID`` selects the back end: ``py3langid`` (default), ``langdetect``, ``lingua`` or ``fasttext:MODEL_PATH``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import lru_cache
from importlib import import_module

from lnbench._near import hint
from lnbench.errors import LnbenchError
from lnbench.identification._candidates import DEFAULT_CANDIDATES
from lnbench.identification._protocol import UNDECIDED, Identifier
from lnbench.languages import fold

#: Name -> where its class is. Nothing is imported before it is asked for.
BACKENDS: dict[str, str] = {
    "py3langid": "lnbench.identification._py3langid:Py3langid",
    "langdetect": "lnbench.identification._langdetect:Langdetect",
    "lingua": "lnbench.identification._lingua:Lingua",
    "fasttext": "lnbench.identification._fasttext:Fasttext",
}
_VARIABLE = "LNBENCH_LID"
_DEFAULT = "py3langid"
_WITH_MODEL = "fasttext"


def identifier(name: str | None = None) -> Identifier:
    """The back end ``name`` (``fasttext:PATH`` carries its model), one object per process.

    Args:
        name: a key of :data:`BACKENDS`; the environment variable ``LNBENCH_LID``, else ``py3langid``, when None.

    Raises:
        LnbenchError: the name is unknown, or its library or model is not installed.
    """
    return _load(name or os.environ.get(_VARIABLE) or _DEFAULT)


@lru_cache(maxsize=8)
def _load(name: str) -> Identifier:
    kind, _, argument = name.partition(":")
    if kind not in BACKENDS or (argument and kind != _WITH_MODEL):
        raise LnbenchError(
            f"unknown language identifier {name!r}; {hint(kind, BACKENDS)}set {_VARIABLE} to one of "
            f"{', '.join(sorted(set(BACKENDS) - {_WITH_MODEL}))}, {_WITH_MODEL}:MODEL_PATH"
        )
    module, _, attribute = BACKENDS[kind].partition(":")
    made: Identifier = getattr(import_module(module), attribute)(*([argument] if argument else []))
    return made


def identify(text: str, candidates: Iterable[str] | None = None) -> str:
    """The language of ``text``.

    Args:
        text: any text; nothing is cleaned here (see :func:`lnbench.scoring.fidelity` for that).
        candidates: BCP 47 codes to decide between; :data:`DEFAULT_CANDIDATES` when None.

    Returns:
        A bare language code (``zh``), or ``und`` when the text has no letters or the back end knows no candidate.

    Raises:
        UnknownLanguageError: a candidate is no language tag.
        LnbenchError: the selected back end is unknown or not installed.
    """
    chosen = identifier()
    wanted = _known(DEFAULT_CANDIDATES if candidates is None else tuple(candidates), chosen.languages)
    if not wanted or not any(character.isalpha() for character in text):
        return UNDECIDED
    return chosen.identify(_encodable(text), wanted)


def _encodable(text: str) -> str:
    """``text`` without halves of surrogate pairs, which JSON can carry and no library can encode."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


@lru_cache(maxsize=256)
def _known(candidates: tuple[str, ...], languages: frozenset[str]) -> tuple[str, ...]:
    """The candidates that the back end has, folded, sorted and without repetition."""
    folded = {fold(code) for code in candidates}
    return tuple(sorted(folded & languages if languages else folded))
