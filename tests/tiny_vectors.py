"""Small tables of vectors, written by hand or drawn."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kbtools import artefact, vectors
from kbtools.artefact import KbRef, Manifest, Staging
from kbtools.io import tensors
from kbtools.vectors.reader import FILE, IDS, SCHEMA

EIDS = [4, 0, 9, 7]  # in the order of the rows; eid 0 is an entity as any other


def numbers(rows: int, dim: int = 3, seed: int = 0, kind: str = "float32") -> NDArray[np.floating]:
    """Draw vectors."""
    return np.random.default_rng(seed).normal(size=(rows, dim)).astype(kind)


def made(
    out: Path,
    eids: Sequence[int] = EIDS,
    dim: int = 3,
    *,
    kb: str = "tiny",
    kind: str = "float32",
    seed: int = 0,
) -> dict[int, NDArray[np.floating]]:
    """Write vectors of a knowledge base of which nothing else is there; return them by eid."""
    drawn = numbers(len(eids), dim, seed, kind)
    vectors.write(out, list(eids), drawn, inputs=[base(out.with_name(f"{out.name}-of-{kb}"), kb)])
    return {eid: drawn[row] for row, eid in enumerate(eids)}


def base(out: Path, kb: str) -> Path:
    """Write an artefact that speaks of a knowledge base, and of nothing else."""
    with Staging(out, kb) as staging:
        staging.commit(artefact.begin("shards", kbs=[KbRef(name=kb, content="c")]))
    return out


def stretched(out: Path, rows: int, dim: int) -> Manifest:
    """Write a large table that takes no room on the disk: zeros that were never written."""
    return vectors.write(out, range(rows), (np.zeros((step, dim), np.float32) for step in _steps(rows)))


def _steps(rows: int) -> list[int]:
    return [min(1 << 16, rows - at) for at in range(0, rows, 1 << 16)]


def spoilt(
    source: Path,
    out: Path,
    *,
    array: NDArray[np.floating] | None = None,
    ids: Sequence[tuple[int, int]] | None = None,
) -> None:
    """Write a table again with other numbers or ids, whatever these are; its manifest tells of them."""
    old = artefact.read(source)
    files = {"vectors": FILE, "ids": IDS}
    with Staging(out, "spoilt") as staging:
        for name in files.values():
            shutil.copyfile(source / name, staging.new / name)
        if array is not None:
            (staging.new / FILE).write_bytes(tensors.encode({"vectors": array}))
        if ids is not None:
            columns = [pa.array(column, pa.uint32()) for column in zip(*ids, strict=True)]
            pq.write_table(pa.table(columns, schema=SCHEMA), staging.new / IDS)
        tables = {
            name: msgspec.structs.replace(old.tables[name], files=[artefact.entry(staging.new, file)])
            for name, file in files.items()
        }
        staging.commit(msgspec.structs.replace(old, tables=tables))
