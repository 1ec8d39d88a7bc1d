"""The pages of a knowledge base: Wikipedia, with its links.

A document is called by its number in the table `pages`; its title and entity ride in `meta`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.artefact.manifest import NAME
from kbtools.corpus._files import as_part
from kbtools.corpus.base import BATCH, DOCUMENTS, LINK, ROWS, TEXT, Part, Report
from kbtools.corpus.parquet import opened
from kbtools.errors import ArtefactError
from kbtools.kb.reader import Kb
from kbtools.kb.schema import STR, TABLES, U32
from kbtools.linked.reader import is_linked

COLUMNS = ["page", "eid", "title", "lang", "text"]
ANCHORS = ["page", "start", "end", "target"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """It takes none."""


class PagesPart(msgspec.Struct, frozen=True, kw_only=True):
    """A row group of pages, and the row groups of anchors that may hold theirs."""

    file: str
    group: int
    batch: int  # rows in a batch
    anchors: list[tuple[str, list[int]]] | None  # None: there is no such table
    kb: str  # whose entities its links lead to


class Pages:
    """Reads the table `pages`."""

    suffixes: ClassVar[Sequence[str]] = ()
    example: ClassVar[str] = "enwiki-kb/"
    settings: ClassVar[type] = Settings

    def recognises(self, path: str) -> bool:
        """Tell whether a folder is an artefact that is no `linked` one; opening it says what else it is."""
        return Path(path, NAME).is_file() and not is_linked(path)

    def inputs(self, path: str) -> list[tuple[str, str, str]]:
        """Say what its manifest says."""
        return [(path, "kb", _opened(path).manifest.content)]

    def plan(self, path: str, settings: Settings, folder: Path, room: str, report: Report) -> Iterator[Part]:
        """Take a row group at a time."""
        kb = _opened(path)
        base = kb.manifest.base.name if kb.manifest.base else kb.name
        anchors = _Groups(list(map(str, kb.files("anchors")))) if "anchors" in kb.tables else None
        for file in map(str, kb.files("pages")):
            for group, (low, high, rows, size) in enumerate(_ranges(file)):
                batch = int(min(ROWS, max(1, BATCH * rows // max(size, 1))))
                mine = anchors.of_pages(low, high) if anchors else None
                if rows:
                    part = PagesPart(file=file, group=group, batch=batch, anchors=mine, kb=base)
                    yield Part(msgspec.to_builtins(part))

    def read(self, part: Any, settings: Settings, folder: Path, report: Report) -> Iterator[pa.RecordBatch]:
        """Read pages batch by batch, with the links that stand in each."""
        mine: PagesPart = as_part(PagesPart, part)
        links = _links(mine)
        with opened(mine.file) as table:
            for batch in table.iter_batches(mine.batch, row_groups=[mine.group], columns=COLUMNS):
                report.counts["read"] += batch.num_rows
                yield _documents(batch, links, mine.kb)


FORMAT = Pages()


def _opened(path: str) -> Kb:
    kb = Kb(path)
    if "pages" not in kb.tables:
        raise ArtefactError(f"{path}: has no pages; it has {', '.join(kb.tables)}")
    return kb


class _Groups:
    """The row groups of all files of anchors, which stand in the order of the pages."""

    def __init__(self, files: list[str]) -> None:
        found = [(file, group, *told) for file in files for group, told in enumerate(_ranges(file))]
        self._groups = [(file, group) for file, group, *_ in found]
        self._low = np.array([low for _, _, low, *_ in found], np.int64)
        self._high = np.array([high for _, _, _, high, *_ in found], np.int64)

    def of_pages(self, low: int, high: int) -> list[tuple[str, list[int]]]:
        """Return, file by file, the row groups that may hold anchors of these pages."""
        chosen: dict[str, list[int]] = {}
        for at in np.flatnonzero((self._low <= high) & (self._high >= low)).tolist():
            file, group = self._groups[at]
            chosen.setdefault(file, []).append(group)
        return list(chosen.items())


def _ranges(path: str) -> list[tuple[int, int, int, int]]:
    """Return for each row group its first and last page, its rows, and its bytes."""
    found = []
    with opened(path) as table:
        for group in range(table.metadata.num_row_groups):
            facts = table.metadata.row_group(group)
            column = next(
                facts.column(i) for i in range(facts.num_columns) if facts.column(i).path_in_schema == "page"
            )
            told = column.statistics
            bounds = (told.min, told.max) if told is not None and told.has_min_max else (0, 1 << 32)
            found.append((*bounds, facts.num_rows, facts.total_byte_size))
    return found


def _links(part: PagesPart) -> pa.Table | None:
    """Read the anchors that pages of this part may have."""
    tables = []
    if part.anchors is None:
        return None
    for path, groups in part.anchors:
        with opened(path) as table:
            tables.append(table.read_row_groups(groups, columns=ANCHORS).select(ANCHORS))
    empty = pa.schema([TABLES["anchors"].schema.field(name) for name in ANCHORS]).empty_table()
    return pa.concat_tables(tables).combine_chunks() if tables else empty


def _documents(batch: pa.RecordBatch, links: pa.Table | None, kb: str) -> pa.RecordBatch:
    told = zip(batch["title"].to_pylist(), batch["eid"].to_pylist(), strict=True)
    meta = [msgspec.json.encode({"title": title, "eid": eid, "kb": kb}).decode() for title, eid in told]
    return pa.RecordBatch.from_arrays(
        [
            batch["page"].cast(STR),
            batch["text"].cast(TEXT),
            batch["lang"].cast(STR),
            pa.array(meta, STR),
            _of_pages(batch["page"].to_numpy(), links, kb),
        ],
        schema=DOCUMENTS,
    )


def _of_pages(pages: NDArray[np.uint32], links: pa.Table | None, kb: str) -> pa.Array:
    """Return for each page the links in its text."""
    if links is None:
        return pa.nulls(len(pages), DOCUMENTS.field("links").type)
    known = links["page"].to_numpy()
    first, last = np.searchsorted(known, pages), np.searchsorted(known, pages, side="right")
    mine = links.slice(first[0] if len(first) else 0, last[-1] - first[0] if len(first) else 0)
    offsets = np.append(first, last[-1:]) - (first[0] if len(first) else 0)
    columns = [_whole(mine[name]) for name in ("start", "end", "target")]
    told = {"kb": pa.array([kb] * len(mine), STR), "kind": pa.array(["anchor"] * len(mine), STR)}
    columns += [told.get(field.name, pa.nulls(len(mine), field.type)) for field in list(LINK)[len(columns) :]]
    values = pa.StructArray.from_arrays(columns, fields=list(LINK))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return pc.cast(column.combine_chunks(), U32)
