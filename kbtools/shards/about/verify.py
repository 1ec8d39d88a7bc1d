"""What `verify --deep` asks of shards: places inside rows, ids in the vocabulary, splits apart, the index."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.kb.schema_digest import schema_digest
from kbtools.kb.soundness import guarded, many
from kbtools.kb.views import ask, connect
from kbtools.shards.base import NIL, SPAN, SPLITS
from kbtools.shards.reader import IDS, Shards

ROWS = 4096
ALIGNED = ("word_start", "segment", "soft", "branch", "word", "tree.soft", "tree.branch", "tree.word")

Array = NDArray[Any]


class Fault(NamedTuple):
    """What is wrong, and the rows in which it is."""

    what: str
    rows: Array


def problems(
    path: Path, tables: Collection[str], *, memory: int | None = None, threads: int | None = None
) -> Iterator[str]:
    """Yield every problem in the examples (of tables whose files are whole), in one sentence each."""
    shards = Shards(path)
    there = [split for split in shards.splits if split in tables]
    sizes = _sizes(shards)
    for split in there:
        yield from guarded(split, partial(_problems, shards, split, sizes))
    yield from guarded("documents", partial(_apart, shards, there, memory, threads))


def _sizes(shards: Shards) -> int | None:
    found = shards.tokenizer.get("size")
    return found if isinstance(found, int) else None


def _problems(shards: Shards, split: str, size: int | None) -> Iterator[str]:
    most = shards.settings.get("common", {}).get("max_length")
    counts: dict[str, int] = {}
    first: dict[str, int] = {}
    seen = tokens = 0
    digest = shards.manifest.tables[split].schema
    if schema_digest(shards.open(split).schema) != digest:
        yield f"{split}: its columns are not those that the manifest says"
    for batch in shards.scan(split, rows=ROWS):
        for fault in _faults(batch, size, most if isinstance(most, int) else None):
            if len(rows := np.unique(fault.rows)):
                counts[fault.what] = counts.get(fault.what, 0) + len(rows)
                first.setdefault(fault.what, seen + int(rows[0]))
        seen += batch.num_rows
        tokens += int(_lengths(batch).sum())
    for what, count in counts.items():
        yield f"{split}: {many(count, 'example')} {what}, such as number {first[what]:,}"
    yield from _index(shards, split, tokens)


def _lengths(batch: pa.RecordBatch) -> Array:
    if IDS not in batch.schema.names:
        return np.zeros(batch.num_rows, np.int64)
    found: Array = pc.fill_null(pc.list_value_length(batch[IDS]), 0).to_numpy(zero_copy_only=False)
    return found.astype(np.int64)


def _index(shards: Shards, split: str, tokens: int) -> Iterator[str]:
    index = shards.manifest.notes.get("index", {}).get(split, [])
    if len(index) != len(shards.manifest.tables[split].files):
        yield f"{split}: the index speaks of {len(index):,} files, and there are others"
    rows = sum(one[0] for one in index)
    if rows != shards.rows(split):
        yield f"{split}: {shards.rows(split):,} examples, where the index says {rows:,}"
    told = sum(one[1] for one in index)
    if told != tokens:
        yield f"{split}: {tokens:,} tokens, where the index says {told:,}"


def _faults(batch: pa.RecordBatch, size: int | None, most: int | None) -> Iterator[Fault]:
    lengths = _lengths(batch)
    if IDS in batch.schema.names:
        owner, ids = _flat(batch[IDS])
        wrong = (ids < 0) | (ids >= size) if size is not None else ids < 0
        yield Fault("with a token that the tokenizer does not have", owner[wrong])
        if most is not None:
            yield Fault(f"longer than max_length, which is {most:,}", np.flatnonzero(lengths > most))
        yield Fault("without a token", np.flatnonzero(lengths == 0))
    for name in batch.schema.names:
        column = batch[name]
        if name in ALIGNED:
            mine = pc.fill_null(pc.list_value_length(column), -1).to_numpy(zero_copy_only=False)
            yield Fault(f"whose {name} is not as long as its tokens", np.flatnonzero(mine != lengths))
        elif name == "sentences":
            owner, places = _flat(column)
            yield Fault("with a sentence that begins outside of it", owner[_outside(places, lengths[owner])])
        elif name == "documents":
            owner, told = _flat(column.cast(column.type))
            places = told.field("start").to_numpy(zero_copy_only=False)
            yield Fault("with a document that begins outside of it", owner[_outside(places, lengths[owner])])
        yield from _typed(name, column, lengths)
    yield from _groups(batch)


def _outside(places: Array, lengths: Array) -> Array:
    found: Array = (places < 0) | (places >= lengths)
    return found


def _typed(name: str, column: pa.Array, lengths: Array) -> Iterator[Fault]:
    """Check places and numbers by their types: spans lie inside, eids are −2 at least."""
    if column.type == pa.list_(SPAN):
        owner, spans = _flat(column)
        yield Fault(f"with a span of {name} that does not lie inside", owner[_beyond(spans, lengths[owner])])
    elif column.type == SPAN:
        rows = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
        wrong = _beyond(column.take(pa.array(rows)), lengths[rows])
        yield Fault(f"with a span in {name} that does not lie inside", rows[wrong])
    elif name.startswith("entities."):
        owner, values = _flat(column)
        if pa.types.is_list(values.type):
            inner, values = _flat(values)
            owner = owner[inner]
        if values.type == pa.int64():
            numbers = values.to_numpy(zero_copy_only=False)
            yield Fault(f"with a number in {name} that no entity has", owner[numbers < NIL])


def _beyond(spans: pa.Array, lengths: Array) -> Array:
    ends = spans.flatten().to_numpy(zero_copy_only=False).reshape(-1, 2)
    found: Array = (ends[:, 0] < 0) | (ends[:, 0] >= ends[:, 1]) | (ends[:, 1] > lengths)
    return found


def _flat(column: pa.Array) -> tuple[Array, Any]:
    """Return the members of lists, and whose they are; numbers as numpy has them."""
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    values = column.flatten()
    owner = np.repeat(np.arange(len(lengths)), lengths)
    plain = pa.types.is_integer(values.type) or pa.types.is_boolean(values.type)
    if plain and values.type != pa.int64():
        return owner, values.to_numpy(zero_copy_only=False)
    return owner, values


def _groups(batch: pa.RecordBatch) -> Iterator[Fault]:
    """Check that what is said of spans is said of each, and candidates and priors go together."""
    names = batch.schema.names
    for name in names:
        prefix, dot, last = name.rpartition(".")
        if last != "spans" or not dot:
            continue
        count = pc.list_value_length(batch[name])
        for other in ("eids", "priors", "ps", "gold", "best", "p", "types", "parents", "relations"):
            if (beside := f"{prefix}.{other}") in names:
                uneven = pc.not_equal(pc.list_value_length(batch[beside]), count)
                rows = np.flatnonzero(uneven.fill_null(True).to_numpy(zero_copy_only=False))
                yield Fault(f"with another number of {beside} than of spans", rows)
        for one, other in (("eids", "priors"), ("eids", "ps"), ("parents", "relations")):
            pair = f"{prefix}.{one}", f"{prefix}.{other}"
            if set(pair) <= set(names):
                what = "candidates" if one == "eids" else "parents"
                yield Fault(f"whose {pair[1]} are not those of its {what}", _uneven(batch, *pair))


def _uneven(batch: pa.RecordBatch, one: str, other: str) -> Array:
    owner, first = _flat(batch[one])
    _, second = _flat(batch[other])
    if len(first) != len(second):
        return np.zeros(0, np.int64)  # told already
    apart = pc.not_equal(pc.list_value_length(first), pc.list_value_length(second))
    found: Array = owner[apart.fill_null(True).to_numpy(zero_copy_only=False)]
    return found


def _apart(shards: Shards, splits: list[str], memory: int | None, threads: int | None) -> Iterator[str]:
    """Check that no document is in two splits."""
    if not splits or "documents" not in shards.open(splits[0]).schema.names:
        return
    with connect(shards.path, memory=memory, threads=threads) as con:
        ask(con, "CREATE TABLE documents (split UTINYINT, id VARCHAR)")
        for split in splits:
            for batch in shards.scan(split, ["documents"], rows=ROWS):
                _remember(con, SPLITS.index(split), batch["documents"].flatten().field("id"))
        count, some = ask(
            con,
            "SELECT count(*), min(id) FROM"
            " (SELECT id FROM documents GROUP BY id HAVING count(DISTINCT split) > 1)",
        )[0]
    if count:
        yield f"{many(count, 'document')} in more than one split, such as {some!r}"


def _remember(con: duckdb.DuckDBPyConnection, split: int, ids: pa.Array) -> None:
    con.register("batch", pa.table({"id": ids.unique()}))
    ask(con, f"INSERT INTO documents SELECT {split}, id FROM batch")
    con.unregister("batch")
