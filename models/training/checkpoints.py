"""Checkpoints: folders from which a run goes on as if it had never stopped.

    checkpoints/step-2000/
        model.safetensors, config.json, ...     the model, as `save_pretrained` writes it
        training.safetensors                    KIND/NAME: what the optimiser gathered, means, rows in use
        training.json                           the rest, plain data, and the size of each file; written last

One is written into a hidden folder beside it (`.step-2000.partial`), brought to the disk and renamed: what is
called `step-N` is whole, whenever the process is killed. Nothing in it is pickled.
"""

from __future__ import annotations

import re
import shutil
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

import kbtools
from kbtools.artefact.task import out_of_space, sync, write_whole
from kbtools.errors import ArtefactError, ResourceError

FOLDER, TOLD, TENSORS = "checkpoints", "training.json", "training.safetensors"
KIND, VERSION = "checkpoint", 1
STEP = re.compile(r"step-(\d+)")
LEFT = re.compile(r"\.(step-\d+)\.(partial|old)")  # what a process that was killed leaves

Tensors = Mapping[str, Mapping[str, Tensor]]  # by kind, such as "optimiser", and by name


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What every release writes: who may read the rest."""

    kind: str
    version: int
    kbtools: str


class Told(Head, frozen=True, kw_only=True):
    """`training.json`."""

    step: int
    files: dict[str, int]  # name → bytes
    state: dict[str, Any]  # plain data of the loop: stage, loaders, the best so far, counts, ...


class Checkpoint(NamedTuple):
    """What is in one, but for the model; tensors are mapped, and read as they are used."""

    path: Path
    step: int
    state: dict[str, Any]
    tensors: dict[str, dict[str, Tensor]]  # as they were handed to `write`; a kind without any is absent


def write(
    run: Path, step: int, *, model: Callable[[Path], object], tensors: Tensors, state: Mapping[str, Any]
) -> Path:
    """Write the checkpoint of a step; `model` writes the model into a folder. One process does it.

    A checkpoint of the same step is replaced, as a run does that goes on from an older one.
    """
    folder = run / FOLDER
    path = folder / f"step-{step}"
    new, old = folder / f".{path.name}.partial", folder / f".{path.name}.old"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sweep(run)
        new.mkdir()
        model(new)
        save_file(_flat(tensors), new / TENSORS)
        told = Told(
            kind=KIND, version=VERSION, kbtools=kbtools.__version__, step=step, files=_sizes(new),
            state=dict(state),
        )  # fmt: skip
        for name in told.files:
            sync(new / name)
        write_whole(new / TOLD, msgspec.json.format(msgspec.json.encode(told), indent=1))
        for inner in {(new / name).parent for name in told.files}:
            sync(inner)
        if path.exists():
            path.rename(old)
        new.rename(path)
        sync(folder)
        shutil.rmtree(old, ignore_errors=True)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(new, ignore_errors=True)
        if out_of_space(error):
            raise ResourceError(f"{path}: no space left on device for a checkpoint; make room") from error
        raise ArtefactError(f"{path}: cannot be written: {' '.join(str(error).split())}") from error
    return path


def sweep(run: Path) -> None:
    """Remove what killed processes left; for the process that writes the run, and no other."""
    for path in _entries(run):
        if match := LEFT.fullmatch(path.name):
            if match[2] == "old" and not path.with_name(match[1]).exists():
                path.rename(path.with_name(match[1]))  # killed before the new one had its name
            else:
                shutil.rmtree(path)


def steps(run: Path) -> list[int]:
    """List the steps of which there are checkpoints, in order."""
    return sorted(int(match[1]) for path in _entries(run) if (match := STEP.fullmatch(path.name)))


def last(run: Path, tell: Callable[[str], object] = warnings.warn) -> Path | None:
    """Return the newest checkpoint that is whole, for the process that goes on with the run.

    One that is damaged is told of, renamed to `step-N.damaged` and passed over; one that a newer release
    wrote is refused. None: there is none yet.
    """
    sweep(run)
    why = ""
    for step in reversed(steps(run)):
        path = run / FOLDER / f"step-{step}"
        try:
            check(path)
        except DamagedError as error:
            why = why or str(error)
            tell(f"{error}; the one before it is tried")
            _set_aside(path)
        else:
            return path
    if why:
        raise ArtefactError(f"{run}: no checkpoint is whole ({why}); begin the run anew")
    return None


def tidy(run: Path, keep: int, best: int | None = None) -> None:
    """Remove all checkpoints but the newest `keep` and that of the step `best`."""
    found = steps(run)
    kept = {*found[max(len(found) - keep, 0) :], best}
    for step in found:
        if step not in kept:
            path = run / FOLDER / f"step-{step}"
            gone = path.with_name(
                f".{path.name}.partial"
            )  # a process killed now leaves nothing that looks whole
            path.rename(gone)
            shutil.rmtree(gone)


def read(path: Path) -> Checkpoint:
    """Read a checkpoint; refuse one that is not whole, foreign, or of a newer release."""
    told = check(path)
    found: dict[str, dict[str, Tensor]] = {}
    try:
        with safe_open(path / TENSORS, framework="pt") as file:
            for key in file.keys():  # noqa: SIM118 - it is no dict
                kind, _, name = key.partition("/")
                found.setdefault(kind, {})[name] = file.get_tensor(key)
    except (OSError, SafetensorError) as error:
        raise _damaged(path / TENSORS, str(error)) from error
    return Checkpoint(path, told.step, told.state, found)


class DamagedError(ArtefactError):
    """A checkpoint is not whole; an older one may be."""


def check(path: Path) -> Told:
    """Read what a checkpoint says of itself; see whether its files are as long, and begin, as they should."""
    if not path.is_dir():
        raise ArtefactError(f"{path}: no such checkpoint")
    try:
        data = (path / TOLD).read_bytes()
        head = msgspec.json.decode(data, type=Head)
        if head.kind != KIND:
            raise _damaged(path / TOLD, f"it is of a {head.kind}")
        if head.version > VERSION:
            raise ArtefactError(
                f"{path}: version {head.version} of a checkpoint, written by kbtools {head.kbtools}; "
                f"this one reads up to {VERSION}: upgrade kbtools"
            )
        told = msgspec.json.decode(data, type=Told)
    except OSError as error:
        raise _damaged(path, f"{TOLD} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _damaged(path / TOLD, str(error)) from error
    _compare(path, told.files)
    return told


def _compare(path: Path, files: Mapping[str, int]) -> None:
    for name, size in files.items():
        try:
            here = (path / name).stat().st_size
        except OSError as error:
            raise _damaged(path / name, f"cannot be read: {error.strerror}") from error
        if here != size:
            raise _damaged(path / name, f"{here:,} bytes, where {size:,} were written")
        if name.endswith(".safetensors"):
            try:
                with safe_open(path / name, framework="pt"):
                    pass
            except (OSError, SafetensorError) as error:
                raise _damaged(path / name, str(error)) from error


def _damaged(path: Path, what: str) -> DamagedError:
    return DamagedError(f"{path}: a damaged or foreign checkpoint: {' '.join(what.split())[:200]}")


def _set_aside(path: Path) -> None:
    """Rename what is damaged, so that it is not counted among the newest."""
    aside = path.with_name(f"{path.name}.damaged")
    shutil.rmtree(aside, ignore_errors=True)
    path.rename(aside)


def _entries(run: Path) -> Iterable[Path]:
    folder = run / FOLDER
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else ()


def _flat(tensors: Tensors) -> dict[str, Tensor]:
    return {
        f"{kind}/{name}": one.detach().contiguous()
        for kind, some in tensors.items()
        for name, one in some.items()
    }


def _sizes(folder: Path) -> dict[str, int]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.stat().st_size for path in files}
