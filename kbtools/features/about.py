"""What features are, and whether they are sound: `kbtools inspect` and `verify --deep`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.features.reader import Array, Features
from kbtools.features.schema import KIND, TABLE, UNITS
from kbtools.kb.overview import Overview, Sample
from kbtools.kb.soundness import guarded, many

__all__ = ["KIND", "describe", "problems"]

SHOWN = 4  # numbers of a vector


def describe(general: Overview, *, rows: int = 3) -> Overview:
    """Add the first vectors: their lengths, and the first numbers of each."""
    features = Features(general.path)
    shown: list[list[object]] = []
    for batch, vectors in features.blocks(max(rows, 1)):
        for place, vector in zip(batch.slice(0, rows).to_pylist(), vectors[:rows], strict=True):
            told = [place[name] for name in ("doc_id", "unit", "start", "end")]
            length = round(float(np.linalg.norm(vector.astype(np.float64))), 4)
            shown.append([*told, length, *vector[:SHOWN].tolist()])
        if len(shown) >= rows:
            break
    numbers = [str(at) for at in range(min(SHOWN, features.dim))]
    columns = ["doc_id", "unit", "start", "end", "length", *numbers]
    return msgspec.structs.replace(general, samples=[Sample(table=TABLE, columns=columns, rows=shown[:rows])])


def problems(
    path: Path, tables: Collection[str], *, memory: int | None = None, threads: int | None = None
) -> Iterator[str]:
    """Yield what is wrong with features whose files are whole, in one sentence each."""
    if TABLE in tables:
        yield from guarded(TABLE, partial(_problems, Features(path)))


def _problems(features: Features) -> Iterator[str]:
    counts: Counter[str] = Counter()
    before: tuple[str | None, int] = None, 0
    rows = 0
    for batch, vectors in features.blocks():
        rows += batch.num_rows
        for what, wrong in _faults(batch, vectors, before):
            counts[what] += int(wrong.sum())
        if batch.num_rows:
            before = batch["doc_id"][-1].as_py(), batch["start"][-1].as_py()
    if rows != features.count:
        yield f"{TABLE}: {rows:,} rows, where the manifest says {features.count:,}"
    for what, count in counts.items():
        if count:
            yield f"{TABLE}: {many(count)} {what}"


def _faults(
    batch: pa.RecordBatch, vectors: Array, before: tuple[str | None, int]
) -> Iterator[tuple[str, Array]]:
    finite = np.asarray(np.isfinite(vectors).all(axis=1))
    yield "with NaN or infinite numbers", ~finite
    units: Array = pc.is_in(batch["unit"].cast(pa.string()), pa.array(UNITS)).to_numpy(zero_copy_only=False)
    yield "of an unknown unit", ~units
    start, end = (batch[name].to_numpy(zero_copy_only=False).astype(np.int64) for name in ("start", "end"))
    yield "of a place that ends before it begins", end < start
    names = pa.concat_arrays([pa.array([before[0]], batch["doc_id"].type), batch["doc_id"]])
    same = pc.equal(names.slice(1), names.slice(0, batch.num_rows)).fill_null(False)
    falls = np.diff(np.append(before[1], start)) < 0
    known: Array = same.to_numpy(zero_copy_only=False)
    yield "out of order; a document's are sorted by start", known & falls
