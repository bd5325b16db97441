"""A worker for test_ray.py that needs no model, so that a new process of it is cheap."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Squares:
    """A worker that dies of item 3, always, and of item 5 when it is first met."""

    folder: str

    def square(self, item: int) -> int:
        seen = Path(self.folder) / str(item)
        if item == 3 or (item == 5 and not seen.exists()):
            seen.touch()
            os._exit(1)
        return item * item

    def refuse(self) -> None:
        raise ValueError("this worker refuses")
