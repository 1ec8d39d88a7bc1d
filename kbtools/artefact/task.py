"""A piece of work on the way to an artefact: independent, idempotent, with a record when it is done.

A task is data: the name of a function, plain arguments, the names of its outputs. So it can be sent to
another process or machine, done twice, and found done after a crash.
"""

from __future__ import annotations

import errno
import importlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from kbtools.artefact import digest
from kbtools.artefact.manifest import FileEntry

RECORDS = "done"
NEW = "new"  # what becomes the artefact


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """`call` is "package.module:function"; it is called as `function(folder, **args)`.

    `consumes` names files below the folder that are removed once the task is done: input that was
    laid out for this task alone.
    """

    name: str
    call: str
    args: dict[str, Any] = {}
    consumes: list[str] = []


class Outcome(msgspec.Struct, kw_only=True):
    """What a task's function returns: the files it wrote (relative to the folder) and plain facts."""

    files: list[str] = []
    facts: dict[str, Any] = {}


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """The record of a finished task."""

    task: Task
    files: list[FileEntry]
    facts: dict[str, Any]


def perform(task: Task, folder: Path) -> Done:
    """Do `task` in this process and record it."""
    module, _, function = task.call.partition(":")
    outcome: Outcome = getattr(importlib.import_module(module), function)(folder, **task.args)
    done = Done(task=task, files=[entry(folder, name) for name in outcome.files], facts=outcome.facts)
    record = msgspec.json.encode(done)
    write_whole(_record(task, folder), b"%s\n%s" % (record, digest.of_bytes(record).encode()))
    _consume(task, folder)
    return msgspec.json.decode(record, type=Done)  # as a resumed build will see it: tuples are lists, ...


def ensure(task: Task, folder: Path) -> Done:
    """Return the record of `task`; do it first unless it was done."""
    done = finished(task, folder)
    if done is None:
        return perform(task, folder)
    _consume(task, folder)  # laid out again by the build that goes on, or left by a crash
    return done


def finished(task: Task, folder: Path) -> Done | None:
    """Return the record of `task` if it was done and its files are still what they were."""
    try:
        record, _, told = _record(task, folder).read_bytes().rpartition(b"\n")
    except OSError:
        return None  # not done
    if told != digest.of_bytes(record).encode():
        return None  # cut short or damaged: do it again
    try:
        done = msgspec.json.decode(record, type=Done)
    except msgspec.DecodeError:
        return None  # written by another release
    if msgspec.json.encode(done.task) != msgspec.json.encode(task):  # so a tuple equals its list
        return None
    intact = all((folder / f.path).is_file() and entry(folder, f.path) == f for f in done.files)
    return done if intact else None


def entry(folder: Path, name: str) -> FileEntry:
    """Describe a file that exists."""
    path = folder / name
    return FileEntry(path=name, bytes=path.stat().st_size, digest=digest.of_file(path))


def published(done: Iterable[Done]) -> list[FileEntry]:
    """Return the files that tasks wrote into the artefact in the making, as its manifest names them."""
    files = (file for one in done for file in one.files)
    return [msgspec.structs.replace(file, path=file.path.removeprefix(f"{NEW}/")) for file in files]


def write_whole(path: Path, data: bytes) -> None:
    """Write a small file so that it is there whole or not at all, whoever else is writing it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def out_of_space(error: BaseException) -> bool:
    """Tell whether `error` says that a disk or a quota is full; DuckDB says so in words only."""
    full = (errno.ENOSPC, errno.EDQUOT)
    if isinstance(error, OSError) and error.errno in full:
        return True
    return any(os.strerror(code) in str(error) for code in full)


def _consume(task: Task, folder: Path) -> None:
    for name in task.consumes:
        (folder / name).unlink(missing_ok=True)


def _record(task: Task, folder: Path) -> Path:
    return folder / RECORDS / f"{task.name}.json"
