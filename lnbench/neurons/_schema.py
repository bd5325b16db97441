"""Versions of the file format: which are read, and how older ones become the present one.

A version is ``major.minor``. A new minor version adds fields, which older programs leave aside; a new major version
changes the meaning of fields, so older programs refuse it and newer ones migrate what is older.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any

from lnbench.errors import NeuronSetError
from lnbench.neurons._header import SCHEMA, Header
from lnbench.neurons._payload import TABLE_FIELDS, Arrays

Payload = tuple[dict[str, Any], Arrays]

#: Major version to the function that turns its header and arrays into those of the next major version.
MIGRATIONS: dict[int, Callable[[dict[str, Any], Arrays], Payload]] = {}


def migrate(header: dict[str, Any], arrays: Arrays) -> Payload:
    """The header and arrays in the present version of the format.

    Raises:
        NeuronSetError: the version is missing, newer in its major part, or too old to be migrated.
    """
    stated, (ours, our_minor) = header.get("schema"), _version(SCHEMA)
    major, minor = _version(stated)
    if major > ours:
        raise NeuronSetError(f"it has format {stated} and this lnbench reads up to {ours}.x: upgrade lnbench")
    for step in range(major, ours):
        if step not in MIGRATIONS:
            raise NeuronSetError(f"it has format {stated}, which this lnbench cannot migrate: write it again")
        header, arrays = MIGRATIONS[step](dict(header), dict(arrays))
    if major == ours and minor > our_minor:
        known = {*TABLE_FIELDS, *(f.name for f in dataclasses.fields(Header))}
        header = {key: value for key, value in header.items() if key in known}
    return header | {"schema": SCHEMA}, arrays


def _version(stated: Any) -> tuple[int, int]:
    if not isinstance(stated, str) or not (match := re.fullmatch(r"(\d{1,4})\.(\d{1,4})", stated, re.ASCII)):
        raise NeuronSetError(f'its header states the format {stated!r}: `schema` must be a version such as "{SCHEMA}"')
    return int(match[1]), int(match[2])
