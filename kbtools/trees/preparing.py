"""Facts of a knowledge base as files to be mapped: written once for all tasks.

Rows are counted by head, put into place table by table, and ordered by statement some heads at a time.
Memory: batches, and pages of the mapped arrays; nothing is held of all facts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.kb.arrays import take_room
from kbtools.kb.reader import Base, Kb
from kbtools.kb.schema import STR
from kbtools.kb.union import end_of_statements
from kbtools.trees.base import I64
from kbtools.trees.facts import COLUMNS, TEXTS
from kbtools.trees.naming import name_entities, name_relations, properties
from kbtools.trees.writing import TextFile

Literals = Literal["none", "plain", "all"]
AT_ONCE = 1 << 20  # facts that are ordered together
ODD = {  # datatypes of values that say nothing to a reader
    "external-id", "url", "commonsMedia", "globe-coordinate", "math", "musical-notation", "geo-shape",
    "tabular-data", "localMedia", "entity-schema",
}  # fmt: skip
NOTHING = {"somevalue", "novalue"}
COMMON = ["head", "relation", "statement", "rank", "best"]


def prepare(base: Base, folder: Path, *, lang: str | None = None, literals: Literals = "plain") -> list[str]:
    """Write the facts of a knowledge base; return the names of the files."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        files = {name: stack.enter_context(TextFile(folder, name)) for name in TEXTS}
        entities = base.kb.rows("entities")
        wanted = _Wanted(base, literals, lang, properties(base))
        begins = _counted(wanted, folder, entities)
        _placed(wanted, folder, begins, files["values"])
        _ordered(folder, begins)
        titled = name_entities(base, _array(folder, "name", entities, fill=-1), files["texts"], lang)
        name_relations(base, titled, files["relations"], files["relation_ids"])
    return [path.name for path in sorted(folder.iterdir()) if path.suffix in {".bin", ".utf8", ".ends"}]


class _Rows(NamedTuple):
    """Some facts of one table, heads in order."""

    head: I64
    relation: NDArray[np.uint32]
    statement: NDArray[np.uint64]
    rank: NDArray[np.int8]
    best: NDArray[np.bool_]
    tail: I64 | None  # None: literals
    values: pa.StringArray | None


class _Wanted(NamedTuple):
    """Which facts are written."""

    base: Base
    literals: Literals
    lang: str | None
    silent: NDArray[np.uint32]  # heads that nothing is told of


def _rows(wanted: _Wanted) -> Iterator[_Rows]:
    """Yield all facts, part by part."""
    base = wanted.base
    relations = statements = 0
    ends = end_of_statements(base.kb) if len(base.parts) > 2 else 0
    first = base.kb.rows("relations")
    for part in base.parts:
        for table in ("triples", "literals") if wanted.literals != "none" else ("triples",):
            if part.rows(table):
                yield from _of_table(part, table, (first, relations, statements), wanted)
        if part is not base.kb and len(base.parts) > 2:  # a later overlay's numbers go on: see kb/union.py
            relations += part.rows("relations")
            statements += max(0, end_of_statements(part) - ends)


def _of_table(part: Kb, table: str, shift: tuple[int, int, int], wanted: _Wanted) -> Iterator[_Rows]:
    first, relations, statements = shift
    own = ["tail"] if table == "triples" else ["datatype", "value", "precision", "lang"]
    for batch in part.scan(table, [*COMMON, *own]):
        kept = batch["rank"].to_numpy() >= 0
        kept &= ~np.isin(batch["head"].to_numpy(), wanted.silent)
        values = tail = None
        if table == "literals":
            kept &= _said(batch, wanted.literals, wanted.lang)
        rows = batch.filter(pa.array(kept))
        if table == "literals":
            values = _shown(rows)
        else:
            tail = rows["tail"].to_numpy().astype(np.int64)
        relation = rows["relation"].to_numpy()
        relation = np.where(relation >= first, relation + relations, relation).astype(np.uint32)
        yield _Rows(
            rows["head"].to_numpy().astype(np.int64),
            relation,
            rows["statement"].to_numpy() + np.uint64(statements),
            rows["rank"].to_numpy(),
            rows["best"].to_numpy(zero_copy_only=False),
            tail,
            values,
        )


def _said(batch: pa.RecordBatch, literals: Literals, lang: str | None) -> NDArray[np.bool_]:
    """Mark values that say something, in the language that is wanted if they are in one."""
    kind = batch["datatype"].cast(STR)
    kept: NDArray[np.bool_] = ~pc.is_in(kind, pa.array(sorted(NOTHING))).to_numpy(zero_copy_only=False)
    kept &= pc.greater(pc.utf8_length(batch["value"]), 0).to_numpy(zero_copy_only=False)
    if literals == "plain":
        kept &= ~pc.is_in(kind, pa.array(sorted(ODD))).to_numpy(zero_copy_only=False)
    if lang is not None:
        spoken = pc.fill_null(pc.equal(batch["lang"].cast(STR), lang), True)
        kept &= spoken.to_numpy(zero_copy_only=False)
    return kept


def _shown(batch: pa.RecordBatch) -> pa.StringArray:
    """Write values as people do: no plus signs, dates no finer than they are known."""
    kind, value = batch["datatype"].cast(STR), batch["value"].cast(STR)
    number = pc.utf8_ltrim(value, characters="+")
    value = pc.if_else(pc.is_in(kind, pa.array(["quantity", "time"])), number, value)
    time = pc.equal(kind, "time")
    if pc.any(time).as_py():
        date = pc.replace_substring_regex(value, r"T[0-9:.]*Z?$", "")
        year = pc.replace_substring_regex(pc.replace_substring_regex(date, r"(-\d\d-\d\d)$", ""), "^0+", "")
        month = pc.replace_substring_regex(date, r"(-\d\d)$", "")
        fine = pc.fill_null(batch["precision"].cast(pa.int32()), 11)
        dated = pc.if_else(pc.greater_equal(fine, 11), date, pc.if_else(pc.equal(fine, 10), month, year))
        value = pc.if_else(time, dated, value)
    return value


def _counted(wanted: _Wanted, folder: Path, entities: int) -> I64:
    """Count facts by head: where those of each entity begin."""
    begins: I64 = _array(folder, "begins", entities + 1)
    begins[:] = 0
    for rows in _rows(wanted):
        heads, counts = np.unique(rows.head, return_counts=True)
        begins[heads + 1] += counts
    np.cumsum(begins, out=begins)
    return begins


def _placed(wanted: _Wanted, folder: Path, begins: I64, values: TextFile) -> None:
    """Put facts to their heads, table by table."""
    total = int(begins[-1])
    columns = {name: _array(folder, name, total) for name in _FACT}
    cursor = _array(folder, "cursor", len(begins))
    cursor[:] = begins
    for rows in _rows(wanted):
        heads, first, counts = np.unique(rows.head, return_index=True, return_counts=True)
        if not len(heads):
            continue
        place = np.repeat(cursor[heads] - first, counts) + np.arange(len(rows.head))
        cursor[heads] += counts
        tail = rows.tail
        if rows.values is not None:
            tail = -1 - (values.add(rows.values) + np.arange(len(rows.values)))
        told = {"relation": rows.relation, "tail": tail, "statement": rows.statement, "rank": rows.rank,
                "best": rows.best}  # fmt: skip
        for name, column in columns.items():
            column[place] = told[name]
    (folder / "cursor.bin").unlink()


def _ordered(folder: Path, begins: I64) -> None:
    """Order the facts of each entity by statement, some entities at a time."""
    total = int(begins[-1])
    columns = {name: _array(folder, name, total, new=False) for name in _FACT}
    low = 0
    while low < len(begins) - 1:
        high = int(np.searchsorted(begins, begins[low] + AT_ONCE, "right")) - 1
        high = min(max(high, low + 1), len(begins) - 1)
        span = slice(int(begins[low]), int(begins[high]))
        head = np.repeat(np.arange(low, high), np.diff(begins[low : high + 1]))
        parts = [columns[name][span] for name in ("tail", "relation", "statement")]
        order = np.lexsort((*parts, head))
        for column in columns.values():
            column[span] = column[span][order]
        low = high


_FACT = ("relation", "tail", "statement", "rank", "best")


def _array(folder: Path, name: str, length: int, *, new: bool = True, fill: int | None = None) -> Any:
    """Map an array to be written."""
    path, kind = folder / f"{name}.bin", np.dtype(COLUMNS.get(name, np.int64))
    if new:
        path.write_bytes(b"")
        if length:
            take_room(path, kind.itemsize * length)
    if not length:
        return np.zeros(0, kind)
    found = np.asarray(np.memmap(path, kind, "r+", shape=(length,)))
    if fill is not None:
        found[:] = fill
    return found
