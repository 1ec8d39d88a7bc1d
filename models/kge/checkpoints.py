"""Checkpoints of training by parts: which versions of the parts belong together.

    checkpoint.v17.json           versions of the parts, size of each file, plain data; written last
    rest.v17.safetensors          what is small: relations, their state, the scorer's own
    part-003.v12.safetensors      a part that has not changed since 12

A file that a checkpoint names is never changed, and older ones go only after a newer one is on the disk. So
the last checkpoint is whole whenever the process is killed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import torch
from torch import Tensor

import kbtools
from kbtools.artefact.task import sync, write_whole
from kbtools.errors import ArtefactError
from kbtools.io import tensors
from kbtools.models.kge import parts

KIND, VERSION = "kge-checkpoint", 1
TOLD = re.compile(r"checkpoint\.v(\d+)\.json")
OURS = re.compile(r"\.?(part-\d+|rest|checkpoint)\.v\d+\.(json|safetensors)(\.[0-9a-f]+)?")


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What every release writes: who may read the rest."""

    kind: str
    version: int
    kbtools: str


class Told(Head, frozen=True, kw_only=True):
    """`checkpoint.vN.json`."""

    stamp: int
    edges: list[int]
    versions: dict[int, int]  # part → version; one that is not there has not been trained
    files: dict[str, int]  # name → bytes
    told: dict[str, Any]
    best: int | None = None  # the stamp of the one that is kept beside this one


class Checkpoint(NamedTuple):
    """One that was read; what is small is on the CPU."""

    about: Told
    extra: dict[str, Tensor]


def files(found: Checkpoint | None) -> frozenset[str]:
    """Return the files that belong to a checkpoint that was read."""
    return names(found.about.stamp, found.about.versions) if found else frozenset()


def names(stamp: int, versions: Mapping[int, int]) -> frozenset[str]:
    """Return the files that belong to a checkpoint."""
    return frozenset([_told(stamp), _rest(stamp), *(parts.name(*one) for one in versions.items())])


def write(  # noqa: PLR0917
    folder: Path, stamp: int, edges: Sequence[int], versions: Mapping[int, int],
    extra: Mapping[str, Tensor], told: Mapping[str, Any], best: int | None = None,
) -> None:  # fmt: skip
    """Write a checkpoint of parts whose files are there, and bring all of it to the disk."""
    path = folder / _told(stamp)
    files = sorted(names(stamp, versions) - {path.name})
    parts.write(folder / _rest(stamp), extra)
    try:
        for name in files:
            sync(folder / name)
        sync(folder)
        about = Told(
            kind=KIND, version=VERSION, kbtools=kbtools.__version__, stamp=stamp, edges=[*edges],
            versions=dict(versions), files={name: (folder / name).stat().st_size for name in files},
            told=dict(told), best=best,
        )  # fmt: skip
        write_whole(path, msgspec.json.format(msgspec.json.encode(about), indent=1))
        sync(folder)
    except OSError as error:
        raise parts.unwritable(path, error) from error


def stamps(folder: Path) -> list[int]:
    """List the numbers of the checkpoints there are, in order."""
    found = (TOLD.fullmatch(path.name) for path in folder.iterdir()) if folder.is_dir() else ()
    return sorted(int(match[1]) for match in found if match)


def last(folder: Path, edges: Sequence[int], tell: Callable[[str], object]) -> Checkpoint | None:
    """Read the newest checkpoint that is whole; one that is not is told of. None: there is none yet."""
    why = ""
    for stamp in reversed(stamps(folder)):
        try:
            return _read(folder, stamp, edges)
        except DamagedError as error:
            why = why or str(error)
            tell(f"{error}; the one before it is tried")
    if why:
        raise ArtefactError(f"{folder}: no checkpoint is whole ({why}); begin the run anew, with --restart")
    return None


def best(
    folder: Path, edges: Sequence[int], last: Checkpoint | None, tell: Callable[[str], object]
) -> Checkpoint | None:
    """Read the one that the last one says was the best."""
    if last is None or last.about.best is None or last.about.best == last.about.stamp:
        return last if last and last.about.best is not None else None
    try:
        return _read(folder, last.about.best, edges)
    except DamagedError as error:
        tell(f"{error}; it was the best, and is left out")
        return None


def sweep(folder: Path, kept: Iterable[str]) -> None:
    """Remove all our files but these; checkpoints go before what they name."""
    gone = {path.name for path in folder.iterdir() if OURS.fullmatch(path.name)} - {*kept}
    for name in sorted(gone, key=lambda name: (not name.startswith("checkpoint"), name)):
        parts.remove(folder / name)


class DamagedError(ArtefactError):
    """A checkpoint is not whole; an older one may be."""


def _read(folder: Path, stamp: int, edges: Sequence[int]) -> Checkpoint:
    path = folder / _told(stamp)
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise _damaged(path, "it is not there") from error
    except OSError as error:
        raise ArtefactError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        head = msgspec.json.decode(data, type=Head)
        if head.kind != KIND:
            raise ArtefactError(f"{path}: is of a {head.kind[:40]!r}, no checkpoint of vectors")
        if head.version > VERSION:
            raise ArtefactError(
                f"{path}: version {head.version} of a checkpoint, written by kbtools {head.kbtools}; "
                f"this one reads up to {VERSION}: upgrade kbtools"
            )
        about = msgspec.json.decode(data, type=Told)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _damaged(path, str(error)) from error
    if about.edges != [*edges]:
        raise ArtefactError(
            f"{path}: of {_said(about.edges)}, and here there are {_said(edges)}; "
            "take the settings that the run was begun with, or begin it anew"
        )
    named = names(stamp, about.versions) - {path.name}
    if about.files.keys() != named or not about.versions.keys() <= {*range(len(edges) - 1)}:
        raise _damaged(path, "its files are not those of its parts")
    for name, size in about.files.items():
        _compare(folder / name, size)
    return Checkpoint(about, parts.read(folder / _rest(stamp), torch.device("cpu")))


def _said(edges: Sequence[int]) -> str:
    return f"{edges[-1] if edges else 0:,} rows in {len(edges) - 1} parts"


def _compare(path: Path, size: int) -> None:
    try:
        here = path.stat().st_size
    except OSError as error:
        raise _damaged(path, f"cannot be read: {error.strerror}") from error
    if here != size:
        raise _damaged(path, f"{here:,} bytes, where {size:,} were written")
    try:
        tensors.load(path)
    except ArtefactError as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, what: str) -> DamagedError:
    return DamagedError(f"{path}: a damaged or foreign checkpoint: {' '.join(what.split())[:200]}")


def _told(stamp: int) -> str:
    return f"checkpoint.v{stamp}.json"


def _rest(stamp: int) -> str:
    return f"rest.v{stamp}.safetensors"
