"""The bar of an export: bytes of weight files, with their rate and the time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def writing_bar(total: int) -> Iterator[Callable[[int], None]]:
    """A bar over what :func:`lnbench.models.export` writes; what it yields is to be its ``done``.

    Args:
        total: of :func:`lnbench.models.export_size`; 0, where a whole model is saved at once, shows none.
    """
    from tqdm import tqdm

    options: Any = {"unit": "B", "unit_scale": True, "dynamic_ncols": True, "disable": not total}
    with tqdm(total=total, desc="writing weights", **options) as shown:

        def done(count: int) -> None:
            shown.update(count)

        yield done
