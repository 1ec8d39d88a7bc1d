"""What a source hands over whose entities are named by text: rows that speak of ids, not of numbers.

Wikidata's ids are numbers in disguise (`kb/staged.py`); those of all other sources are text: a title, an
offset, a concept id, any string. A reader of such a source writes down what it finds under the ids that the
dump uses, in any order and as often as it likes, into one *part* a task. Naming (`kb/names.py`) finds out
which entities there are, and gives them numbers in the order in which they were first seen.

An entity exists if any row of `entities` names it. Several rows may: each column takes the first value that
is not null, from the row with the lowest `order` (null counts as 0), of equal ones the earliest. Labels are
chosen alike, one for each language. What other tables say of an entity that does not exist is left out and
counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from kbtools.artefact import Outcome
from kbtools.io import Block, Blocks, Piece, open_stream
from kbtools.kb import staged
from kbtools.kb.schema import BOOL, I8, SECTIONS, STR, U16, U32, U64
from kbtools.kb.staged import VALUE, PartWriter

SNIPPET = 200  # characters that are kept of a bad record

PREFIX = "named "  # of these tables in a part, where others are `kb/staged.py`'s

SCHEMAS: dict[str, pa.Schema] = {
    name: pa.schema(columns)
    for name, columns in {
        "entities": [
            ("entity", STR), ("kind", STR), ("label", STR), ("description", STR), ("lang", STR),
            ("sitelinks", U16), ("freq", U64), ("line", U64), ("order", U64),
        ],
        "labels": [("entity", STR), ("lang", STR), ("text", STR), ("order", U64)],
        "surfaces": [
            ("entity", STR), ("text", STR), ("lang", STR), ("source", STR), ("pos", STR), ("count", U64),
            ("atom", STR),
        ],
        "descriptions": [("entity", STR), ("lang", STR), ("kind", STR), ("text", STR), ("source", STR)],
        # `otherwise` is the datatype of the literal that a triple becomes whose tail is no entity
        "triples": [
            ("entity", STR), ("relation", STR), ("tail", STR), ("rank", I8), ("best", BOOL),
            ("statement", U32), ("split", STR), ("otherwise", STR),
        ],
        "literals": [
            ("entity", STR), ("relation", STR), *VALUE, ("rank", I8), ("best", BOOL), ("statement", U32),
        ],
        # `entity` is the head of the statement; `tail` or a value
        "qualifiers": [
            ("entity", STR), ("statement", U32), ("relation", STR), ("tail", STR), *VALUE, ("ord", U16),
        ],
        "types": [("entity", STR), ("type", STR)],
        "sitelinks": [("entity", STR), ("site", STR), ("title", STR)],
        "xref": [("entity", STR), ("scheme", STR), ("value", STR)],
        "relations": [("relation", STR), ("label", STR), ("description", STR), ("inverse", STR)],
        "redirects": [("from_id", STR), ("to", STR), ("kind", STR)],
        # pages are numbered by their place; `entity` may be null, and need not exist
        "pages": [
            ("entity", STR), ("title", STR), ("lang", STR), ("text", pa.large_string()),
            ("sections", SECTIONS),
        ],
        "anchors": [
            ("page", U32), ("start", U32), ("end", U32), ("surface", STR), ("target", STR),
            ("target_title", STR), ("kind", STR),
        ],
    }.items()
}  # fmt: skip

_IN_PARTS = {
    **{PREFIX + name: schema for name, schema in SCHEMAS.items()},
    "rejects": staged.SCHEMAS["rejects"],
}
_DEFAULTS: dict[str, Any] = {"rank": 0, "best": True}


class NamedPart:
    """Writes the part of one task; a context manager.

        with NamedPart(folder, part) as out:
            out.add("entities", entity=ids, kind="synset", label=names)
            out.add("triples", entity=heads, relation="hypernym", tail=tails, statement=out.statements(n))
            out.reject("not a synset", line=17, text=line)
        return out.outcome()

    Lines count from 0 and bytes from the beginning of what the task reads; see `read_blocks`.
    """

    def __init__(self, folder: Path, part: str) -> None:
        self.part = part
        self.counts: Counter[str] = Counter()
        self.notes: dict[str, Any] = {}  # what the manifest should tell of the dump
        self.pages = 0
        self._statements = 0
        self._writer = PartWriter(folder / part, _IN_PARTS)
        self._rejects: list[tuple[str | None, int | None, int | None, str, str]] = []
        self._damaged: list[list[Any]] = []

    def __enter__(self) -> NamedPart:
        self._writer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._rejects:
            schema = _IN_PARTS["rejects"]
            columns = zip(schema, zip(*self._rejects, strict=True), strict=True)
            made = [pa.array(column, field.type) for field, column in columns]
            self._writer.add("rejects", pa.RecordBatch.from_arrays(made, schema=schema))
        self._writer.__exit__(kind, error, trace)

    def add(self, table: str, **columns: Any) -> None:
        """Append rows, column by column: arrays and sequences of one length, or one value for all rows.

        A column that is not named is null (`rank` 0, `best` true).
        """
        schema = SCHEMAS[table]
        if unknown := columns.keys() - set(schema.names):
            raise TypeError(f"{table} has no columns {sorted(unknown)}")
        defaults = {name: value for name, value in _DEFAULTS.items() if name in schema.names}
        made = staged.batch(schema, {**defaults, **columns})
        if table == "pages":
            self.pages += made.num_rows
        self._writer.add(PREFIX + table, made)

    def statements(self, n: int) -> Any:
        """Return `n` new statement numbers → [n] uint32."""
        first = self._statements
        self._statements += n
        return np.arange(first, first + n, dtype=np.uint32)

    def reject(
        self,
        reason: str,
        *,
        line: int | None = None,
        byte: int | None = None,
        text: str | bytes = "",
        file: str | None = None,
    ) -> None:
        """Note a record that cannot be used; `file` (a name) only where a task reads several."""
        if isinstance(text, bytes):
            text = text[: 4 * SNIPPET].decode("utf-8", "replace")
        self._rejects.append((file, line, byte, reason, text[:SNIPPET]))

    def whole(self, path: str) -> bytes:
        """Read a file into memory, whatever container it is in; a damaged one gives what it can."""
        return b"".join(self.chunks(path))

    def chunks(self, path: str) -> Iterator[bytes]:
        """Read a file from front to back, whatever container it is in; a damaged one gives what it can."""
        with open_stream(path) as stream:
            yield from stream.chunks()
            if stream.damage:
                self._damaged.append([Path(path).name, stream.damage.byte, stream.damage.reason])

    def end_block(self) -> None:
        """Let go of what has been gathered if it has grown large; call it now and then."""
        self._writer.end_block()

    def outcome(self, blocks: Blocks | None = None, **facts: Any) -> Outcome:
        """Return what the task has done."""
        damage = blocks.damage if blocks else None
        return Outcome(
            files=[self.part],
            facts={
                "rows": 0,
                "statements": self._statements,
                "pages": self.pages,
                "bytes": blocks.bytes if blocks else 0,
                "lines": blocks.lines if blocks else 0,
                "counts": {**self.counts, "rejected": len(self._rejects)},
                "damage": None if damage is None else [damage.byte, damage.reason],
                "damaged": self._damaged,
                "notes": self.notes,
                **facts,
            },
        )


def read_blocks(
    folder: Path,
    piece: dict[str, Any],
    part: str,
    read: Callable[[Block, NamedPart], None],
    *,
    size: int = 4 << 20,
    finish: Callable[[NamedPart], None] | None = None,
) -> Outcome:
    """Read one piece of a dump: `read` is called with each block of whole lines."""
    blocks = Blocks(msgspec.convert(piece, Piece), folder, size=size)
    with staged.no_collecting(), NamedPart(folder, part) as out:
        for block in blocks:
            read(block, out)
            out.end_block()
        if finish:
            finish(out)
    return out.outcome(blocks)
