"""What vectors are, and whether they are sound: `kbtools inspect` and `verify --deep`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from kbtools.kb.overview import Overview, Sample
from kbtools.kb.soundness import guarded, many
from kbtools.vectors.reader import KIND, NAME, RELATIONS, SCHEMA, Vectors

__all__ = ["KIND", "describe", "problems"]

SHOWN = 4  # numbers of a vector


def describe(general: Overview, *, rows: int = 3) -> Overview:
    """Add the first vectors: their lengths, and the first numbers of each."""
    vectors = Vectors(general.path)
    shown = [
        [
            row,
            int(eid),
            *_rounded([float(np.linalg.norm(vector.astype(np.float64))), *vector[:SHOWN].tolist()]),
        ]
        for row, (eid, vector) in enumerate(zip(vectors.eids()[:rows], vectors.array[:rows], strict=True))
    ]
    columns = ["row", "eid", "length", *(str(at) for at in range(min(SHOWN, vectors.dim)))]
    return msgspec.structs.replace(general, samples=[Sample(table=NAME, columns=columns, rows=shown)])


def problems(
    path: Path, tables: Collection[str], *, memory: int | None = None, threads: int | None = None
) -> Iterator[str]:
    """Yield what is wrong with vectors whose files are whole, in one sentence each."""
    if {NAME, "ids"} <= set(tables):
        yield from guarded(NAME, partial(_problems, Vectors(path)))
    if RELATIONS in tables:
        yield from guarded(RELATIONS, partial(_relations, Vectors(path)))


def _problems(vectors: Vectors) -> Iterator[str]:
    wrong = sum(int((~np.isfinite(block).all(axis=1)).sum()) for block in vectors.blocks())
    if wrong:
        yield f"{NAME}: {many(wrong)} with NaN or infinite numbers"
    vectors.eids()  # says itself what is wrong
    last = -1
    for batch in vectors.scan("ids", SCHEMA.names):
        eids = np.concatenate([[last], batch["eid"].to_numpy().astype(np.int64)])
        if (np.diff(eids) <= 0).any():
            yield "ids: not sorted by eid, each once"
            return
        last = int(eids[-1])


def _relations(vectors: Vectors) -> Iterator[str]:
    for name, array in vectors.relations().items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            yield f"{RELATIONS}: {name!r} holds NaN or infinite numbers"


def _rounded(numbers: Sequence[float]) -> list[float]:
    return [round(number, 4) for number in numbers]
