"""From what a user gives as a spec (an operation, a YAML file, a mapping) to one mapping of keys."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lnbench import _yaml
from lnbench._paths import at_home
from lnbench.errors import SpecError

SUFFIXES = (".yaml", ".yml")


def read_source(spec: str | Path | Mapping[str, Any] | None) -> tuple[str, dict[str, Any]]:
    """Return the name of the file ("" for none) and its keys; a bare operation becomes one step.

    Raises:
        SpecError: the file is missing or is not a YAML mapping, or ``spec`` is of another kind.
    """
    if spec is None:
        return "", {"steps": ["zero"]}
    if isinstance(spec, Mapping):
        return "", dict(spec)
    if isinstance(spec, str) and not spec.strip().lower().endswith(SUFFIXES):
        return "", {"steps": [spec.strip()]}
    if isinstance(spec, (str, Path)):
        path = at_home(spec)
        return str(path), _read_yaml(path)
    raise SpecError(f"cannot read {spec!r} as a spec; give an operation such as 'zero', a YAML file or a mapping")


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        _, given = _yaml.read(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(
            f"cannot read the spec file {path}: {error.strerror}; give a path from the current folder"
        ) from None
    except UnicodeDecodeError:
        raise SpecError(f"the spec file {path} is not UTF-8 text; save it as UTF-8 YAML") from None
    except _yaml.UnreadableYaml as error:
        raise SpecError(f"the spec file {path} is not readable YAML ({_where(error)}); correct it there") from None
    if not isinstance(given, dict):
        raise SpecError(f"the spec file {path} must hold keys such as steps:, not {type(given).__name__}")
    return given


def _where(error: _yaml.UnreadableYaml) -> str:
    return error.problem if error.line is None else f"line {error.line}: {error.problem}"
