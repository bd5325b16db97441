"""A store: a folder of finished cells, each written whole, its manifest last.

``cells/ID/`` holds lm-eval's own files and ``manifest.json``; a folder without a manifest is unfinished, one with
``failed.json`` has failed. ``locks/ID.lock`` keeps two processes from one cell: the lock is the operating system's, so
a process that is killed leaves none behind. It knows nothing of models.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lnbench import _json
from lnbench._paths import at_home
from lnbench._write import check_takes_files, whole
from lnbench.errors import OutputError, StudyError

#: Version of the manifest's and of ``study.json``'s fields.
SCHEMA = "1.0"
MANIFEST, FAILED, STUDY = "manifest.json", "failed.json", "study.json"

_Json = dict[str, Any]


class Store:
    """The folder of one study's cells. Making one touches nothing on the disk."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = at_home(folder)

    def check(self, name: str, *, writing: bool = True) -> None:
        """Refuse a folder that holds another study, or, for ``writing``, that cannot be written.

        Raises:
            OutputError: no file can be made there.
            StudyError: the store is another study's, or of a newer lnbench.
        """
        if writing:
            check_takes_files(self.folder, str(self.folder), "--out")
        about = _read(self.folder / STUDY, "the file")
        if about is None:
            self._refuse_foreign(name)
            return
        _refuse_newer(about, self.folder / STUDY)
        if about.get("name") != name:
            raise StudyError(
                f"the store {str(self.folder)!r} holds the study {about.get('name')!r}, not {name!r}; "
                "give another folder with --out"
            )

    def open(self, about: Mapping[str, Any]) -> None:
        """Make the folder and say in ``study.json`` which study it holds.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write(self.folder / STUDY, {"schema": SCHEMA, **about})  # first: it is what makes the folder ours
            for folder in (self.cells, self.folder / "locks"):
                folder.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make {str(self.folder)!r}: {error.strerror}; name another folder") from error

    @property
    def cells(self) -> Path:
        """The folder of the cells' folders."""
        return self.folder / "cells"

    def cell(self, name: str) -> Path:
        """The folder of one cell."""
        return self.cells / name

    def finished(self) -> dict[str, _Json]:
        """The manifests of all finished cells, by cell.

        Raises:
            StudyError: a manifest is damaged, or a file that it names is gone.
        """
        read = ((name, self.manifest(name)) for name in self.finished_names())
        return {name: manifest for name, manifest in read if manifest is not None}

    def finished_names(self) -> list[str]:
        """The finished cells, in order; their manifests are not read."""
        try:
            with os.scandir(self.cells) as entries:
                names = sorted(entry.name for entry in entries)
        except FileNotFoundError:
            return []
        folder = str(self.cells)
        return [name for name in names if os.path.exists(os.path.join(folder, name, MANIFEST))]  # noqa: PTH110, PTH118 - 10,000 of them

    def manifest(self, name: str) -> _Json | None:
        """What a finished cell says of itself; None where it is not finished.

        Raises:
            StudyError: the manifest is damaged, or a file that it names is gone.
        """
        folder = self.cell(name)
        file = folder / MANIFEST
        manifest = _read(file)
        if manifest is None:
            return None
        _refuse_newer(manifest, file)
        _refuse_damaged(manifest, folder)
        return manifest

    def failed(self) -> dict[str, _Json]:
        """What is recorded of the cells that failed and were not finished since, by cell."""
        found = {file.parent.name: _read(file) for file in sorted(self.cells.glob(f"*/{FAILED}"))}
        finished = {name for name in found if (self.cell(name) / MANIFEST).exists()}
        failed = {name: record for name, record in found.items() if record is not None and name not in finished}
        for name, record in failed.items():
            if not _has_place(record) or "error" not in record:
                raise StudyError(f"{self.cell(name) / FAILED} is damaged; delete its folder")
        return failed

    @contextmanager
    def lock(self, name: str, *, wait: bool = False) -> Iterator[bool]:
        """Whether this process has the cell to itself, for the length of the block; ``wait`` until it has."""
        from filelock import FileLock, Timeout

        lock = FileLock(self.folder / "locks" / f"{name}.lock")
        try:
            lock.acquire(blocking=wait)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def clear(self, name: str) -> Path:
        """An empty folder for a cell that is about to be run: what a killed run left there goes."""
        folder = self.cell(name)
        folder.mkdir(exist_ok=True)
        for left in folder.iterdir():
            if left.is_dir():  # where a killed process was writing
                shutil.rmtree(left)
            else:
                left.unlink()
        return folder

    def finish(self, name: str, manifest: Mapping[str, Any], files: Mapping[str, Any]) -> None:
        """Make a cell count: its files on the disk, then the manifest with their hashes.

        Args:
            name: the cell.
            manifest: everything but ``schema``, ``id`` and ``files``.
            files: ``{"results": file, "samples": {task: file}}``, paths in the cell's folder.

        Raises:
            OutputError: the manifest cannot be written.
        """
        signed = {
            "results": _signed(files["results"]),
            "samples": {task: _signed(file) for task, file in files["samples"].items()},
        }
        _write(self.cell(name) / MANIFEST, {"schema": SCHEMA, "id": name, **manifest, "files": signed})

    def relabel(self, name: str, role: Mapping[str, Any]) -> None:
        """Give a finished cell the role that the study now has for it."""
        manifest = self.manifest(name)
        if manifest is not None and manifest["role"] != dict(role):
            _write(self.cell(name) / MANIFEST, {**manifest, "role": dict(role)})

    def fail(self, name: str, record: Mapping[str, Any]) -> None:
        """Record that a cell failed; files that it wrote go.

        Raises:
            OutputError: the record cannot be written.
        """
        _write(self.clear(name) / FAILED, {"schema": SCHEMA, "id": name, **record})

    def _refuse_foreign(self, name: str) -> None:
        """Refuse a folder with files in it, unless its cells say that they are this study's (``study.json`` was lost).

        A hidden file is what a killed first run left of its ``study.json``.
        """
        found = next(iter(self.finished_names()), None)
        manifest = None if found is None else self.manifest(found)
        if manifest is not None and manifest["role"].get("study") == name:
            return
        if self.folder.is_dir() and any(not entry.name.startswith(".") for entry in self.folder.iterdir()):
            raise StudyError(
                f"the folder {str(self.folder)!r} is not empty and holds no {STUDY}; give a new folder with --out"
            )


def _signed(file: Path) -> list[str]:
    """Name and SHA-256 of a file whose bytes are then on the disk."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        os.fsync(stream.fileno())
        while chunk := stream.read(2**20):
            digest.update(chunk)
    return [file.name, digest.hexdigest()]


def _write(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    with whole(path) as part:
        part.write_text(text + "\n", encoding="utf-8")


def _read(path: Path, remedy: str = "its folder") -> _Json | None:
    try:
        with path.open("rb") as stream:
            content = _json.loads(stream.read())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StudyError(f"{path} cannot be read: {error.strerror}; check the disk and your rights") from error
    except (ValueError, RecursionError) as error:
        raise StudyError(f"{path} cannot be read ({error}); delete {remedy} to have it made again") from error
    if not isinstance(content, dict):
        raise StudyError(f"{path} holds no JSON object; delete {remedy} to have it made again")
    if not isinstance(content.get("schema"), str):
        raise StudyError(f"{path} says of no schema that it is; delete {remedy} to have it made again")
    return content


def _refuse_newer(content: Mapping[str, Any], path: Path) -> None:
    version = str(content.get("schema", "")).split(".", maxsplit=1)[0]
    if version != SCHEMA.split(".", maxsplit=1)[0]:
        raise StudyError(
            f"{path} is of schema {content.get('schema')!r}, and this lnbench reads {SCHEMA}; "
            "update lnbench, or give another folder with --out"
        )


def _refuse_damaged(manifest: Mapping[str, Any], folder: Path) -> None:
    try:
        names = [manifest["files"]["results"][0], *(signed[0] for signed in manifest["files"]["samples"].values())]
        gone = [name for name in names if not os.path.isfile(f"{folder}/{name}")]  # noqa: PTH113 - 10,000 cells of them
        complete = manifest["id"] == folder.name and _has_place(manifest) and isinstance(manifest["recorded"], dict)
    except (KeyError, TypeError, IndexError, AttributeError):
        gone, complete = [], False
    if gone or not complete:
        what = f"lacks its file {gone[0]!r}" if gone else f"has a damaged {MANIFEST}"
        raise StudyError(f"the cell {folder} {what}; delete the folder to have the cell run again")


def _has_place(record: Mapping[str, Any]) -> bool:
    """Whether a record says what it is in its study and of which task."""
    role, cell = record.get("role"), record.get("cell")
    if not isinstance(role, dict) or not isinstance(cell, dict):
        return False
    words, numbers = ("condition", "ablated"), ("seed", "repeat")
    return (
        {*words, *numbers} <= role.keys()
        and all(isinstance(role[name], str | None) for name in words)
        and all(isinstance(role[name], int | None) for name in numbers)
        and isinstance(cell.get("task"), str)
    )
