"""Files of parts: named tensors, written whole or not at all.

    part-003.v17.safetensors     weights [rows, width], and state.NAME of the optimiser, [rows, ...]

The number after `v` is a version: a file is never changed, a newer one is written beside it.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kbtools.artefact.task import out_of_space
from kbtools.errors import ArtefactError, KbError, ResourceError
from kbtools.io import tensors

WEIGHTS, STATE = "weights", "state."


class Part(NamedTuple):
    """Some rows of a table, and what the optimiser has gathered of each."""

    weights: Tensor  # [rows, width]
    state: Mapping[str, Tensor]  # [rows, ...] each


def name(part: int, version: int) -> str:
    """Return how a file is called."""
    return f"part-{part:03d}.v{version}.safetensors"


def write_part(path: Path, part: Part) -> None:
    """Write a part; it may be on any device."""
    write(path, {WEIGHTS: part.weights, **{f"{STATE}{name}": one for name, one in part.state.items()}})


def read_part(path: Path, rows: int, device: torch.device) -> Part:
    """Read a part; refuse one that has not so many rows."""
    found = read(path, device)
    weights = found.pop(WEIGHTS, None)
    if weights is None or weights.ndim != 2 or any(len(one) != rows for one in [weights, *found.values()]):
        raise ArtefactError(f"{path}: no part of {rows:,} rows; begin the run anew")
    return Part(weights, {name.removeprefix(STATE): one for name, one in found.items()})


def write(path: Path, named: Mapping[str, Tensor]) -> None:
    """Write tensors so that all are there or none; bringing them to the disk is left to `sync`."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        arrays = {name: _host(one).numpy() for name, one in named.items()}
        try:
            with draft.open("wb") as file:
                file.writelines(tensors.pieces(arrays))
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise unwritable(path, error) from error


def read(path: Path, device: torch.device) -> dict[str, Tensor]:
    """Read tensors onto a device: straight into their memory, or, for a GPU, by way of pinned memory."""
    found: dict[str, Tensor] = {}

    def room(name: str, kind: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        dtype = torch.from_numpy(np.zeros(0, kind)).dtype
        found[name] = torch.empty(shape, dtype=dtype, pin_memory=device.type == "cuda")
        return found[name].numpy()

    try:
        tensors.read(path, room)
    except OSError as error:
        raise ArtefactError(f"{path}: cannot be read: {error.strerror}") from error
    return {name: one.to(device, non_blocking=True) for name, one in found.items()}


def remove(path: Path) -> None:
    """Remove a file, if it is there."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ArtefactError(f"{path}: cannot be removed: {error.strerror}") from error


def unwritable(path: Path, error: OSError) -> KbError:
    """Say in a line why a file cannot be written."""
    if out_of_space(error):
        return ResourceError(
            f"{path}: no space left on device for vectors; make room, and give the same command again"
        )
    return ArtefactError(f"{path}: cannot be written: {error.strerror or error}")


def _host(one: Tensor) -> Tensor:
    """Bring a tensor to where it can be written from; what is on the CPU is not copied."""
    one = one.detach()
    if one.device.type != "cuda":
        return one.cpu().contiguous()
    found = torch.empty(one.shape, dtype=one.dtype, pin_memory=True)
    return found.copy_(one)
