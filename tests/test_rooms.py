"""Data flows one way: a room imports only from itself and from the rooms before it."""

import ast
from pathlib import Path

import pytest

import lnbench

PACKAGE = Path(lnbench.__file__).parent
ROOMS = [
    (
        "errors",
        "languages",
        "_cluster",
        "_data",
        "_faults",
        "_hub",
        "_json",
        "_lazy",
        "_lock",
        "_near",
        "_paths",
        "_surroundings",
        "_write",
        "_yaml",
    ),
    ("identification",),
    ("neurons",),
    ("models",),
    ("detection",),
    ("scoring",),
    ("harness",),
    ("studies",),
    ("reporting",),
    ("analysis",),
    ("doctor",),
    ("cli",),
]
RANK = {name: rank for rank, names in enumerate(ROOMS) for name in names}
#: What a room may not know although it comes later in the order.
FORBIDDEN = {
    "scoring": {"models", "detection"},
    "models": {"languages", "identification"},
    "neurons": {"languages", "identification"},
}
#: Third-party packages that a room may not know.
FOREIGN = {
    "neurons": {"transformers", "lm_eval"},
    "models": {"lm_eval"},
    "detection": {"lm_eval"},
    "scoring": {"torch"},
}
#: Parts of a room whose modules the rest of the room takes names from, each from its own module.
OPEN = {"harness/vllm", "models/_export", "models/delta", "neurons/foreign", "reporting/statistics", "reporting/tables"}


def modules():
    return sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem in RANK)


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: imports are written in full"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    room = room_of(path)
    for name in imported(path):
        parts = name.split(".")
        if parts[0] != "lnbench":
            assert parts[0] not in FOREIGN.get(room, set()), f"{room} may not know {parts[0]}"
            continue
        other = parts[1] if len(parts) > 1 else ""
        if other in RANK:
            assert RANK[other] <= RANK[room], f"{path.name} in {room} imports {name}, a later room"
            assert other not in FORBIDDEN.get(room, set()), f"{room} may not know {other}"


def test_private_modules_stay_in_their_room():
    for path in modules():
        for name in imported(path):
            parts = name.split(".")
            if parts[0] == "lnbench" and len(parts) > 2 and parts[2].startswith("_") and parts[1] in RANK:
                assert parts[1] == room_of(path), f"{path} reaches into {name}"


def test_private_modules_stay_in_their_part_of_a_room():
    for path in modules():
        for name in imported(path):
            parts = name.split(".")
            if parts[0] != "lnbench" or len(parts) < 4 or not parts[3].startswith("_") or "/".join(parts[1:3]) in OPEN:
                continue
            part = PACKAGE / parts[1] / parts[2]
            assert not part.is_dir() or part in path.parents, f"{path} reaches into {name}"


def test_every_room_is_ranked():
    found = {p.stem for p in PACKAGE.iterdir() if p.is_dir() or p.suffix == ".py"}
    assert found - {"__pycache__", "_packaged", "__init__", "__main__"} == set(RANK)
