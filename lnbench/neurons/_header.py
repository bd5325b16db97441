"""Where a neuron set comes from: the header that travels with its rows."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lnbench.errors import NeuronSetError
from lnbench.neurons._architecture import Architecture
from lnbench.neurons._frozen import freeze, thaw

#: The version of the file format that this lnbench writes, ``major.minor`` (docs/neuron-sets.md).
SCHEMA = "1.0"

#: More labels than this are damage or malice.
MAX_LABELS = 4_096


def _tool() -> str:
    from lnbench import __version__

    return f"lnbench {__version__}"


@dataclass(frozen=True)
class Header:
    """What is known about the making of a neuron set. Nothing here enters its content hash.

    Raises:
        NeuronSetError: a field is of the wrong kind, or holds what JSON cannot.
    """

    schema: str = SCHEMA
    """Version of the file format."""
    model: str | None = None
    """Model id on the hub, or a name such as ``lnbench/demo``; used when ``pretrained`` is left out."""
    revision: str | None = None
    """Commit or branch of the model."""
    architecture: Architecture | None = None
    """Layers and widths of the model that the indices count in."""
    method: str | None = None
    """How the neurons were chosen: ``lape``, ``plnd``, ``ap``, ``by hand`` ..."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Parameters of the method, plain JSON."""
    corpus: Mapping[str, Any] | None = None
    """Description and hash of the text that the method read, plain JSON."""
    tool: str = field(default_factory=_tool)
    """The program that made the set, with its version."""
    history: tuple[str, ...] = ()
    """How the set was made from others, one line per step, oldest first."""

    __hash__ = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise NeuronSetError(f"a header of format {self.schema!r} cannot be made: this lnbench writes {SCHEMA!r}")
        _text("tool", self.tool)
        for name in ("model", "revision", "method"):
            if getattr(self, name) is not None:
                _text(name, getattr(self, name))
        if not isinstance(self.architecture, (Architecture, type(None))):
            raise NeuronSetError(f"`architecture` must be an Architecture, not {self.architecture!r}")
        object.__setattr__(self, "parameters", _mapping("parameters", self.parameters))
        if self.corpus is not None:
            object.__setattr__(self, "corpus", _mapping("corpus", self.corpus))
        object.__setattr__(self, "history", _lines(self.history))

    def replace(self, **changes: Any) -> Header:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    def noted(self, *lines: str) -> Header:
        """A copy with more lines of history."""
        return self.replace(history=(*self.history, *lines))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, one key per field."""
        data = {f.name: thaw(getattr(self, f.name)) for f in dataclasses.fields(self) if f.name != "architecture"}
        return {**data, "architecture": self.architecture and self.architecture.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Header:
        """The header that `to_json` wrote; fields may be left out, unknown ones are an error.

        Raises:
            NeuronSetError: an unknown field, or one of the wrong kind.
        """
        names = [f.name for f in dataclasses.fields(cls)]
        if unknown := [key for key in data if key not in names]:
            raise NeuronSetError(f"unknown header field {unknown[0]!r}: the fields are {', '.join(names)}")
        made = data.get("architecture")
        return cls(**{**data, "architecture": None if made is None else Architecture.from_json(made)})


def check_labels(labels: Iterable[Any], what: str = "language") -> tuple[str, ...]:
    """The labels, when each is a usable name and none comes twice.

    Any text is a label (``zh``, ``zh-Hant``, ``culture:da``), except an empty one, one with control characters and
    one with blanks at its ends.

    Raises:
        NeuronSetError: a label is unusable or comes twice.
    """
    if isinstance(labels, str):
        raise NeuronSetError(f"{what} labels must be a list, not the text {labels!r}: write [{labels!r}]")
    seen: dict[str, None] = {}
    for label in labels:
        if _label(label, what) in seen:
            raise NeuronSetError(f"the {what} {label!r} is listed twice: give each label once")
        seen[label] = None
    if len(seen) > MAX_LABELS:
        raise NeuronSetError(f"there are {len(seen)} {what} labels: no set has more than {MAX_LABELS}")
    return tuple(seen)


def _label(label: Any, what: str) -> str:
    if isinstance(label, bool):
        meant = "no" if label is False else "yes"
        raise NeuronSetError(f"the {what} {label!r} is a boolean: YAML reads a bare `{meant}` so, write it in quotes")
    if not isinstance(label, str):
        raise NeuronSetError(f"the {what} {label!r} is not text: write it in quotes")
    unusable = any(unicodedata.category(char) in _UNUSABLE or char in _TURNING for char in label)
    if not label or label != label.strip() or unusable:
        raise NeuronSetError(
            f"the {what} {label!r} cannot be a label: it must be text without blanks at its ends, control characters, "
            "or marks that turn the direction of writing"
        )
    return label


#: Unicode categories that a label cannot hold: control characters, halves of surrogate pairs, line separators.
_UNUSABLE = ("Cc", "Cs", "Zl", "Zp")
#: Marks that turn the direction of all text after them, in a table or a sentence too.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _text(name: str, value: Any) -> None:
    if not isinstance(value, str) or not value:
        raise NeuronSetError(f"header field `{name}` must be text, not {value!r}")
    freeze(value, name)


def _mapping(name: str, value: Any) -> Any:
    if not isinstance(value, dict):
        raise NeuronSetError(f"header field `{name}` must be a dict, not {value!r}")
    return freeze(value, name)


def _lines(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(line, str) for line in value):
        raise NeuronSetError(f"header field `history` must be a list of lines, not {value!r}")
    lines: tuple[str, ...] = freeze(tuple(value), "history")
    return lines
