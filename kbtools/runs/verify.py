"""What `verify --deep` asks of a run: whether its weights, its recipe and its metrics can be read."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import pairwise
from pathlib import Path

import msgspec

from kbtools import artefact
from kbtools.config import load_table
from kbtools.errors import KbError
from kbtools.io import tensors
from kbtools.kb.reader import inside
from kbtools.runs import metrics
from kbtools.runs.overview import RECIPE

PICKLED = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"}


def problems(
    path: Path, tables: Collection[str], *, memory: int | None = None, threads: int | None = None
) -> Iterator[str]:
    """Yield every problem in files that are whole, in one sentence each."""
    manifest = artefact.read(path)
    files = [path / inside(path, file.path) for name in tables for file in manifest.tables[name].files]
    for file in files:
        try:
            _check(file)
        except KbError as error:
            yield str(error)
        if file.suffix in PICKLED:
            yield f"{file}: a pickle, which may do anything when it is read; no run of kbtools has one"
    names = {file.relative_to(path).as_posix() for file in files}
    if "model" in tables and not any(
        name.startswith("model/") and name.endswith(".safetensors") for name in names
    ):
        yield f"{path / 'model'}: has no weights"
    if metrics.NAME in names:
        yield from _order(path / metrics.NAME)


def _check(file: Path) -> None:
    if file.suffix == ".safetensors":
        tensors.load(file)
    elif file.name == RECIPE:
        load_table(file)
    elif file.suffix == ".json":
        try:
            msgspec.json.decode(file.read_bytes())
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise KbError(f"{file}: not valid JSON: {' '.join(str(error).split())}") from error
    elif file.name == metrics.NAME:
        metrics.read(file)


def _order(file: Path) -> Iterator[str]:
    try:
        lines = metrics.read(file)
    except KbError:
        return  # told already
    steps = [line["step"] for line in metrics.trained(lines)]
    for at, (one, other) in enumerate(pairwise(steps), 2):
        if other <= one:
            yield f"{file}: line {at:,} of training tells of step {other:,}, behind one of step {one:,}"
            return
