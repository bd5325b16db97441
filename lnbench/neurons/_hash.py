"""The content hash: one name for the same neurons, whatever file or program they come from.

The text that is hashed starts with the line ``lnbench neurons 1``. Then comes one line for every (language, site,
layer) that has neurons::

    language TAB site TAB layer TAB index SPACE index SPACE ... index NEWLINE

Lines are ordered by the UTF-8 bytes of the language, then the bytes of the site, then the layer as a number; the
indices of a line ascend. Numbers are decimal without leading zeros. The hash is the sha256 of the UTF-8 text.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lnbench.neurons._rows import Rows

_FIRST_LINE = b"lnbench neurons 1\n"

Group = tuple[str, str, int, npt.NDArray[Any]]


def hash_groups(groups: Iterable[Group]) -> str:
    """The sha256 (64 hex digits) of (language, site, layer, ascending indices) groups, given in any order."""
    digest = hashlib.sha256(_FIRST_LINE)
    for language, site, layer, indices in sorted(groups, key=lambda g: (g[0].encode(), g[1].encode(), g[2])):
        if len(indices):
            numbers = " ".join(map(str, indices.tolist()))
            digest.update(f"{language}\t{site}\t{layer}\t{numbers}\n".encode())
    return digest.hexdigest()


def hash_rows(rows: Rows, languages: Sequence[str], sites: Sequence[str]) -> str:
    """The content hash of sorted rows whose ids point into `languages` and `sites`."""
    if not len(rows):
        return hash_groups([])
    keys = np.stack([rows.language_id, rows.site_id, rows.layer])
    ends = np.flatnonzero((keys[:, 1:] != keys[:, :-1]).any(axis=0)) + 1
    bounds = [0, *ends.tolist(), len(rows)]
    return hash_groups(
        (languages[keys[0, start]], sites[keys[1, start]], int(keys[2, start]), rows.index[start:end])
        for start, end in itertools.pairwise(bounds)
    )


def target_hash(target: Mapping[tuple[str, int], Any]) -> str:
    """The content hash of neurons that belong to no language: ``{(site, layer): indices}``, the label left empty."""
    return hash_groups(("", site, int(layer), np.unique(indices)) for (site, layer), indices in target.items())
