"""The names of an alias table or of a knowledge base, and who is called so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools import artefact
from kbtools.alias import normal
from kbtools.alias.lookup import Alias
from kbtools.artefact import KbRef, Manifest
from kbtools.errors import ArtefactError
from kbtools.kb.database import connect, feed
from kbtools.kb.reader import Kb, gather
from kbtools.kb.schema import STR, U32
from kbtools.linkers.index.fuzzy.strings import ranges

_STAGED = pa.schema([("norm", STR), ("eid", U32)])


@dataclass
class Names:
    """Names by length and then code points; the entities of name i are rows entries[i]:entries[i + 1]."""

    strings: pa.LargeStringArray
    lengths: NDArray[np.int64]
    entries: NDArray[np.int64]
    kbs: NDArray[np.uint8]
    eids: NDArray[np.uint32]
    priors: NDArray[np.float32]
    counts: dict[str, int] = field(default_factory=dict)


def manifest_of(source: Path) -> tuple[Manifest, list[KbRef]]:
    """Open what names are to be taken from, and say which knowledge bases it speaks of."""
    found = artefact.read(source)
    table = found.tables.get("surfaces")
    if found.kind == "alias":
        return found, found.kbs
    if found.kind != "kb":
        raise ArtefactError(f"{source}: a {found.kind} artefact; a fuzzy index is made of an alias or a kb")
    if found.base is not None:
        raise ArtefactError(
            f"{source} lies over {found.base.name!r}: make an alias of both, and the index of the alias"
        )
    if table is None or not table.rows:
        raise ArtefactError(f"{source}: has no names to index (no rows in its table surfaces)")
    return found, [KbRef(name=found.name or source.name, content=found.content, id_space=found.id_space)]


def read(source: Path, kind: str, folder: Path, *, longest: int, memory: int, threads: int) -> Names:
    """Return all names; `folder` is where sorting may spill."""
    names = (
        _of_alias(source, longest) if kind == "alias" else _of_kb(source, folder, longest, memory, threads)
    )
    if not len(names.strings):
        raise ArtefactError(f"{source}: has no names to index")
    return names


def _of_alias(source: Path, longest: int) -> Names:
    alias = Alias(source)
    norms, arrays = alias.norms, alias.arrays
    entry = arrays["entries"][:-1]
    firsts, counts = arrays["firsts"][entry].astype(np.int64), arrays["lengths"][entry].astype(np.int64)
    lengths = _lengths(norms)
    told = {"read": len(norms), "skipped: too long": int((lengths > longest).sum())}
    told["skipped: no candidates"] = int(((lengths <= longest) & (counts == 0)).sum())
    kept = np.flatnonzero((lengths <= longest) & (counts > 0))
    order = kept[np.argsort(lengths[kept], kind="stable")]
    rows = ranges(firsts[order], counts[order], len(arrays["eids"]))
    return Names(
        norms.take(pa.array(order)),
        lengths[order],
        _ends(counts[order]),
        alias.kb_of(rows),
        arrays["eids"][rows],
        arrays["priors"][rows],
        told,
    )


def _of_kb(source: Path, folder: Path, longest: int, memory: int, threads: int) -> Names:
    kb = gather([source])[0].kb
    told = {"read": kb.rows("surfaces"), "skipped: nothing left of it": 0, "skipped: too long": 0}
    sql = "SELECT DISTINCT norm, eid FROM staged ORDER BY norm, eid"
    with (
        connect(folder, memory, threads=threads) as con,
        feed(_STAGED, _staged(kb, longest, told)) as rows,
    ):
        con.register("given", rows)
        con.execute("CREATE TABLE staged AS FROM given")
        norms, counts, eids = _runs(con.sql(sql).to_arrow_reader(1 << 17))
    popularity = _popularity(kb)[eids]
    firsts = _ends(counts)
    share = (
        popularity / np.repeat(np.add.reduceat(popularity, firsts[:-1]), counts) if len(eids) else popularity
    )
    lengths = _lengths(norms)
    order = np.argsort(lengths, kind="stable")
    rows_of = ranges(firsts[:-1][order], counts[order], len(eids))
    return Names(
        norms.take(pa.array(order)),
        lengths[order],
        _ends(counts[order]),
        np.zeros(len(rows_of), np.uint8),
        eids[rows_of],
        share[rows_of].astype(np.float32),
        told,
    )


def _staged(kb: Kb, longest: int, told: dict[str, int]) -> Iterator[pa.RecordBatch]:
    """Yield the norms of all surfaces; count those that cannot be found."""
    for batch in kb.scan("surfaces", ["text", "eid"]):
        norm: Any = normal.spell(batch["text"].cast(STR)).norm
        lengths = _lengths(norm)
        told["skipped: nothing left of it"] += int((lengths == 0).sum())
        told["skipped: too long"] += int((lengths > longest).sum())
        kept = pa.array((lengths > 0) & (lengths <= longest))
        yield pa.record_batch([norm.filter(kept), batch["eid"].filter(kept)], schema=_STAGED)


def _runs(rows: pa.RecordBatchReader) -> tuple[pa.LargeStringArray, NDArray[np.int64], NDArray[np.uint32]]:
    """Take sorted rows of norm and eid apart: each norm once, how many eids it has, the eids."""
    norms: list[Any] = []
    counts: list[NDArray[np.int64]] = []
    eids: list[NDArray[np.uint32]] = []
    last = None
    for batch in rows:
        if not batch.num_rows:
            continue
        runs = pc.run_end_encode(batch["norm"])
        ends = np.diff(runs.run_ends.to_numpy(), prepend=0).astype(np.int64)
        values = runs.values.cast(pa.large_string())
        if last is not None and values[0].as_py() == last:  # a norm that goes on from the batch before
            counts[-1][-1] += ends[0]
            values, ends = values.slice(1), ends[1:]
        if len(ends):
            norms.append(values)
            counts.append(ends)
            last = values[-1].as_py()
        eids.append(batch["eid"].to_numpy())
    strings = pa.chunked_array(norms, pa.large_string()).combine_chunks()
    if isinstance(strings, pa.ChunkedArray):
        strings = pa.array([], pa.large_string())
    return strings, _joined(counts, np.int64), _joined(eids, np.uint32)


def _joined(parts: list[NDArray[Any]], kind: type) -> NDArray[Any]:
    return np.concatenate([np.zeros(0, kind), *parts]).astype(kind, copy=False)


def _popularity(kb: Kb) -> NDArray[np.float64]:
    """Return √((1 + sitelinks)(1 + in_degree)) of each entity."""
    found = np.ones(kb.rows("entities"))
    at = 0
    for batch in kb.scan("entities", ["sitelinks", "in_degree"]):
        sitelinks, degree = (column.to_numpy().astype(float) for column in batch.columns)
        found[at : at + len(degree)] = np.sqrt((1 + sitelinks) * (1 + degree))
        at += len(degree)
    return found


def _lengths(strings: Any) -> NDArray[np.int64]:
    found: NDArray[np.int64] = pc.utf8_length(strings).to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def _ends(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    ends = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=ends[1:])
    return ends
