"""One bar for a whole study: cells, the present task and condition, the time left."""

from __future__ import annotations

import sys
from typing import Any

from lnbench.studies._cell import Role


class Progress:
    """What a run tells while it works; this one shows nothing."""

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        """End the display."""

    def loading(self, cells: int) -> None:
        """The model of a study of so many cells is about to be loaded."""

    def start(self, cells: int, work: int) -> None:
        """So many cells, and so much work (in tokens), are to be done."""

    def begin(self, role: Role) -> None:
        """A cell is about to be run."""

    def done(self, role: Role, work: int) -> None:
        """A cell is over, however it ended."""


class Bar(Progress):
    """A tqdm bar on stderr. It advances by work, so that the time left is right where tasks differ in length."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._cells, self._done = 0, 0

    def __exit__(self, *_: object) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()

    def loading(self, cells: int) -> None:
        """Say so: it can take minutes."""
        print(f"Loading the model for a study of {cells} cells.", file=sys.stderr, flush=True)

    def start(self, cells: int, work: int) -> None:
        """Show the empty bar."""
        from tqdm import tqdm

        self._cells = cells
        style = "{percentage:3.0f}%|{bar:20}| {elapsed} gone, {remaining} left{postfix}"
        self._bar = tqdm(total=work, bar_format=style, disable=False, dynamic_ncols=True)

    def begin(self, role: Role) -> None:
        """Name the cell."""
        self._show(f"{role.task.name}, {role.condition}")

    def done(self, role: Role, work: int) -> None:
        """Advance."""
        self._done += 1
        self._bar.update(work)

    def _show(self, what: str) -> None:
        self._bar.set_postfix_str(f"{self._done}/{self._cells} cells: {what}")
