"""Weights on disk, looked at before anything is made of them: safetensors alone, whole, and all there.

A file of safetensors is the length of its header (8 bytes), the header (JSON: name → dtype, shape, place) and
the numbers. Files of pickles (.bin, .pt) can run code when they are read: they are refused, with a way to
convert them, or read by `torch.load(weights_only=True)`, which knows numbers and nothing else, where the
caller asks for that.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import safe_open
from torch import Tensor

from kbtools.errors import ArtefactError, ConfigError
from kbtools.models.configuration import one_line, read_table

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLES = ("pytorch_model.bin", "pytorch_model-*.bin", "*.pt", "*.pth", "*.bin", "*.ckpt")
LONGEST = 100 << 20  # bytes of a header, as the library has it
CONVERT = (
    "python -c \"import torch, safetensors.torch as s; w = torch.load('{path}', map_location='cpu', "
    "weights_only=True); s.save_file({{k: v.clone().contiguous() for k, v in w.items()}}, '{into}', "
    "metadata={{'format': 'pt'}})\""
)


class Weight(NamedTuple):
    """What a file says of a tensor."""

    dtype: str  # F32, BF16, I64, ...
    shape: tuple[int, ...]
    file: Path

    @property
    def is_float(self) -> bool:
        """Tell whether it has a point."""
        return self.dtype.startswith(("F", "BF"))


def listed(folder: Path) -> dict[str, Weight]:
    """List the weights of a folder by name, all its files checked; numbers are not read."""
    files = _files(folder)
    if not files:
        _refuse_pickles(folder)
        raise ArtefactError(f"{folder}: no weights: it has no {WEIGHTS}")
    found: dict[str, Weight] = {}
    for file in files:
        for name, weight in header(file).items():
            if name in found:
                raise ArtefactError(f"{file}: {name} is in {found[name].file.name} too; copy the model anew")
            found[name] = weight
    return found


def header(file: Path) -> dict[str, Weight]:
    """Read what a file of safetensors says of itself; refuse one that is cut short or changed."""
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            start = stream.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
            if not 2 <= length <= min(size - 8, LONGEST):
                raise ArtefactError(f"{file}: cut short, or no safetensors ({size:,} bytes); copy it anew")
            said = json.loads(stream.read(length))
        with safe_open(file, framework="pt") as opened:  # looks at places, sizes and the end of the file
            names = [*opened.keys()]
        return {name: Weight(str(said[name]["dtype"]), tuple(said[name]["shape"]), file) for name in names}
    except ArtefactError:
        raise
    except Exception as error:  # the library has an error of its own for each way to be damaged
        raise ArtefactError(
            f"{file}: damaged, or no safetensors ({one_line(error)}); copy it anew"
        ) from error


def read(folder: Path, *, allow_bin: bool = False) -> dict[str, Tensor]:
    """Read the weights of a folder by name, mapped into memory."""
    if allow_bin and not _files(folder):
        return _unpickled(folder)
    found = {}
    for file in {weight.file: None for weight in listed(folder).values()}:
        with safe_open(file, framework="pt") as opened:
            found.update({name: opened.get_tensor(name) for name in opened.keys()})  # noqa: SIM118 - no dict
    return found


def _files(folder: Path) -> list[Path]:
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    index = folder / INDEX
    if not index.is_file():
        return []
    table = read_table(index).get("weight_map")
    if not isinstance(table, Mapping) or not table:
        raise ArtefactError(f"{index}: has no weight_map; copy the model anew")
    names = sorted({str(name) for name in table.values()})
    if odd := [name for name in names if Path(name).name != name or not name.endswith(".safetensors")]:
        raise ArtefactError(f"{index}: names {odd[0]!r}, which is no file of safetensors beside it")
    if gone := [name for name in names if not (folder / name).is_file()]:
        raise ArtefactError(
            f"{folder}: {gone[0]} is missing ({len(gone)} of {len(names)} files); copy the model anew"
        )
    return [folder / name for name in names]


def _pickles(folder: Path) -> list[Path]:
    return [*dict.fromkeys(path for pattern in PICKLES for path in sorted(folder.glob(pattern)))]


def _refuse_pickles(folder: Path) -> None:
    if pickled := _pickles(folder):
        cure = CONVERT.format(path=pickled[0], into=folder / WEIGHTS)
        raise ConfigError(
            f"{pickled[0]}: a pickle, which can run code when it is read; where it comes from someone "
            f"you trust, convert it: {cure}"
        )


def _unpickled(folder: Path) -> dict[str, Tensor]:
    """Read pickles as numbers alone; whatever else is in them is an error."""
    found: dict[str, Tensor] = {}
    for path in [path for path in _pickles(folder) if path.name.startswith("pytorch_model")] or _pickles(
        folder
    )[:1]:
        try:
            table: Any = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # of zip files, of pickles, of what is not allowed in them
            raise ArtefactError(
                f"{path}: not read: not weights alone, or damaged ({one_line(error)})"
            ) from error
        if not isinstance(table, Mapping):
            raise ArtefactError(f"{path}: holds no table of weights")
        found |= {str(name): value for name, value in table.items() if isinstance(value, Tensor)}
    if not found:
        raise ArtefactError(f"{folder}: no weights")
    return found


def refuse_nan(where: Any, name: str, value: Tensor) -> None:
    """Refuse weights that would make everything NaN."""
    if value.is_floating_point() and not value.is_meta and not torch.isfinite(value).all():
        raise ArtefactError(f"{where}: {name} holds NaN or infinite numbers; use one that does not")
