"""A worker for test_ray.py that needs no model, so that a new process of it is cheap."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path


class Odd(Exception):
    """An exception that no other process can put together again."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


class Elsewhere:
    """A worker of a package that is not installed where it is sent."""

    def __reduce__(self) -> tuple[object, ...]:
        return missing, ()


def missing() -> None:
    raise ModuleNotFoundError("No module named 'elsewhere'")


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

    def odd(self, item: int) -> int:
        time.sleep(0.2 * item)
        raise Odd("an error", "of two parts")

    def devices(self) -> str:
        time.sleep(0.5)
        return os.environ.get("CUDA_VISIBLE_DEVICES", "")
