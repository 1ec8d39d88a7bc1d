"""What is told of entities in words: labels, descriptions, aliases, put in the order of entities out of core.

Without a language asked for, an entity's texts are those in the language of its label, and those of which no
language is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kbtools.artefact import Outcome
from kbtools.kb import views
from kbtools.kb.quoting import quote
from kbtools.kb.reader import gather
from kbtools.kb.schema import TOMBSTONE

Field = Literal["label", "description", "gloss", "abstract", "alias"]

FILE = "work/texts.parquet"
BATCH = 1 << 15
SCHEMA = pa.schema([("eid", pa.uint32()), ("field", pa.uint8()), ("text", pa.string())])

I64 = NDArray[np.int64]

# Of each field: a table, its columns of language and text, and which of its rows.
SAID: dict[Field, list[tuple[str, str, str]]] = {
    "label": [("entities", "label", "true"), ("labels", "text", "true")],
    "description": [("entities", "description", "true"), ("descriptions", "text", "kind = 'short'")],
    "gloss": [("descriptions", "text", "kind IN ('gloss', 'definition')")],
    "abstract": [("descriptions", "text", "kind = 'abstract'")],
    "alias": [("surfaces", "text", "source IN ('alias', 'name', 'term', 'lemma')")],
}


class Block(NamedTuple):
    """Texts of some entities, by entity and field; all those of an entity."""

    eid: I64
    field: I64
    texts: list[str]


def write(
    folder: Path, *, paths: list[str], fields: Sequence[Field], lang: str | None, memory: int | None
) -> Outcome:
    """Write the texts of all entities, ordered by entity, field and text."""
    (base,) = gather(paths)
    rows = 0
    with (
        pq.ParquetWriter(folder / FILE, SCHEMA, compression="zstd", compression_level=1) as out,
        views.connect(folder / FILE, memory=memory, threads=1) as con,
    ):
        views.add_views(con, base.parts, only=("entities", "labels", "descriptions", "surfaces"))
        there = {"entities", *base.tables}
        asked = [
            _select(number, table, column, which, lang)
            for number, field in enumerate(dict.fromkeys(fields))
            for table, column, which in SAID[field]
            if table in there
        ]
        if asked:
            with views.told():
                found = con.sql(f"{' UNION '.join(asked)} ORDER BY eid, field, text").to_arrow_reader(BATCH)
                for batch in found:
                    out.write_batch(batch.cast(SCHEMA))
                    rows += batch.num_rows
        every = views.ask_one(con, f"SELECT count(*) FROM entities WHERE flags & {TOMBSTONE} = 0")
    return Outcome(files=[FILE], facts={"texts": rows, "in the base": every})


def _select(number: int, table: str, column: str, which: str, lang: str | None) -> str:
    wanted = quote(lang) if lang else "e.lang"
    source = "entities e" if table == "entities" else f"{table} t JOIN entities e USING (eid)"
    mine = "e" if table == "entities" else "t"
    said = f"{mine}.lang IS NULL OR {mine}.lang = {wanted}"
    said += "" if lang else " OR e.lang IS NULL"
    kinds = (
        which if table == "entities" else which.replace("kind ", "t.kind ").replace("source ", "t.source ")
    )
    return (
        f"SELECT e.eid AS eid, {number}::UTINYINT AS field, trim({mine}.{column}) AS text FROM {source} "
        f"WHERE ({kinds}) AND ({said}) AND e.flags & {TOMBSTONE} = 0 AND trim({mine}.{column}) <> ''"
    )


def blocks(folder: Path, size: int) -> Iterator[Block]:
    """Read the texts in blocks of some `size`; an entity's are never parted."""
    held = SCHEMA.empty_table()
    with pq.ParquetFile(folder / FILE) as file:
        for batch in file.iter_batches(size):
            held = pa.concat_tables([held, pa.Table.from_batches([batch])])
            eid = held["eid"].to_numpy()
            cut = int(np.searchsorted(eid, eid[-1])) if len(eid) else 0  # the last one may have more
            if cut >= size:
                yield _block(held.slice(0, cut))
                held = held.slice(cut)
    if len(held):
        yield _block(held)


def _block(table: pa.Table) -> Block:
    eid, field = (table[name].to_numpy().astype(np.int64) for name in ("eid", "field"))
    return Block(eid, field, table["text"].to_pylist())
