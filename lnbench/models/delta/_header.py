"""What can be known of a delta without its values, and without torch: its name, and the header of its file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lnbench import _json
from lnbench._paths import at_home
from lnbench.errors import DeltaError

#: Version of the file, ``major.minor``; a newer major version is refused.
SCHEMA = "1.0"
#: The metadata key that holds the JSON header.
HEADER_KEY = "lnbench.delta"


def delta_name(language: str, condition: str, documents: int, seed: int) -> str:
    """The file that ``lnbench tune`` writes for a run: ``sw-specific-400-seed0.safetensors``."""
    return fill_delta_name(f"{{lang}}-{condition}-{documents}-seed{{seed}}.safetensors", language, seed)


def fill_delta_name(pattern: str, language: str, seed: int | None) -> str:
    """A file name with ``{lang}`` and ``{seed}`` filled in; what no file name should hold becomes ``_``."""
    named = pattern.replace("{lang}", re.sub(r"[^\w.+-]", "_", language))
    return named if seed is None else named.replace("{seed}", str(seed))


def delta_header(path: str | Path) -> dict[str, Any]:
    """The header of a delta file, without its values.

    Raises:
        DeltaError: the file is missing, damaged, of a newer format or no delta.
    """
    from safetensors import SafetensorError, safe_open

    named = Path(path)
    with one_sentence(named, SafetensorError), safe_open(at_home(named), framework="numpy") as file:
        return checked_header(file.metadata() or {}, named)


@contextmanager
def one_sentence(path: Path, unreadable: type[Exception]) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise DeltaError(f"there is no delta at {str(path)!r}; name a file that `lnbench tune` has written") from None
    except (
        unreadable, OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError, OverflowError
    ) as error:  # fmt: skip
        raise DeltaError(f"the delta {str(path)!r} cannot be read ({error}); make or copy it again") from error


def checked_header(metadata: Mapping[str, str], path: Path) -> dict[str, Any]:
    if HEADER_KEY not in metadata:
        raise DeltaError(
            f"{str(path)!r} is no delta of lnbench (a neuron set? a checkpoint?); name a file that `lnbench tune` has "
            "written"
        )
    header: dict[str, Any] = _json.loads(metadata[HEADER_KEY])
    if str(header.get("schema")).partition(".")[0] != SCHEMA.partition(".")[0]:
        raise DeltaError(
            f"{str(path)!r} has format {header.get('schema')} and this lnbench reads {SCHEMA}; upgrade lnbench"
        )
    json.dumps(header, allow_nan=False)  # ValueError: it would go into results files, and no number of JSON is NaN
    return header
