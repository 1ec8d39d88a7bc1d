"""Documents that have been linked: text again, with mentions as links."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.config import setting
from kbtools.corpus._files import as_part
from kbtools.corpus.base import BATCH, DOCUMENTS, LINK, ROWS, Part, Report
from kbtools.corpus.parquet import opened
from kbtools.errors import ArtefactError
from kbtools.kb.schema import STR, U32
from kbtools.linked.reader import Linked, is_linked
from kbtools.linked.schema import TABLE

COLUMNS = ["doc_id", "text", "lang", "meta", "mentions"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which mentions are links."""

    mentions: Literal["all", "linked", "none"] = setting("All, those with an entity, or none.", "all")


class LinkedPart(msgspec.Struct, frozen=True, kw_only=True):
    """A row group of linked documents."""

    file: str
    group: int
    batch: int  # rows in a batch
    kbs: list[str]


class LinkedDocuments:
    """Reads the artefact that `kbtools link` writes."""

    suffixes: ClassVar[Sequence[str]] = ()
    example: ClassVar[str] = "linked/"
    settings: ClassVar[type] = Settings

    def recognises(self, path: str) -> bool:
        """Tell whether a folder is such an artefact."""
        return is_linked(path)

    def inputs(self, path: str) -> list[tuple[str, str, str]]:
        """Say what its manifest says."""
        return [(path, "linked", Linked(path).manifest.content)]

    def plan(self, path: str, settings: Settings, folder: Path, room: str, report: Report) -> Iterator[Part]:
        """Take a row group at a time."""
        linked = Linked(path)
        kbs = [ref.name for ref in linked.kbs]
        for file in map(str, linked.files(TABLE)):
            with opened(file) as table:
                groups = [table.metadata.row_group(at) for at in range(table.metadata.num_row_groups)]
            for group, facts in enumerate(groups):
                if facts.num_rows:
                    size = max(facts.total_byte_size, 1)
                    batch = int(min(ROWS, max(1, BATCH * facts.num_rows // size)))
                    yield Part(msgspec.to_builtins(LinkedPart(file=file, group=group, batch=batch, kbs=kbs)))

    def read(self, part: Any, settings: Settings, folder: Path, report: Report) -> Iterator[pa.RecordBatch]:
        """Read documents batch by batch."""
        kbs = as_part(LinkedPart, part).kbs
        for batch in rows(part, report):
            yield _documents(batch, kbs, settings)


FORMAT = LinkedDocuments()


def _documents(batch: pa.RecordBatch, kbs: list[str], settings: Settings) -> pa.RecordBatch:
    lang = batch["lang"].cast(STR)
    return pa.RecordBatch.from_arrays(
        [batch["doc_id"], batch["text"], lang, batch["meta"], _links(batch["mentions"], kbs, settings)],
        schema=DOCUMENTS,
    )


def _links(mentions: pa.ListArray, kbs: list[str], settings: Settings) -> pa.Array:
    values = mentions.flatten()
    kept = np.ones(len(values), np.bool_)
    if settings.mentions != "all":
        kept &= settings.mentions == "linked" and pc.is_valid(values.field("eid")).to_numpy(False)
    values = values.filter(pa.array(kept))
    told = {
        "start": values.field("start"),
        "end": values.field("end"),
        "eid": values.field("eid").cast(U32),
        "kb": pa.array(kbs, STR).take(values.field("kb").cast(pa.int32())),
        "kind": values.field("kind").cast(STR),
        "p": values.field("p"),
    }
    columns = [told.get(field.name, pa.nulls(len(values), field.type)) for field in LINK]
    lengths = np.diff(mentions.offsets.to_numpy())
    owner = np.repeat(np.arange(len(lengths)), lengths)[kept]
    offsets = np.searchsorted(owner, np.arange(len(lengths) + 1)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.StructArray.from_arrays(columns, fields=list(LINK)))


def rows(part: Any, report: Report) -> Iterator[pa.RecordBatch]:
    """Yield the documents of a piece as they stand in the artefact: with mentions and their candidates."""
    mine: LinkedPart = as_part(LinkedPart, part)
    with opened(mine.file) as table:
        for batch in table.iter_batches(mine.batch, row_groups=[mine.group], columns=COLUMNS):
            if batch["text"].null_count:
                raise ArtefactError(
                    f"{mine.file}: holds no text (written with --text ref): link again with --text copy, "
                    "or read its corpus"
                )
            report.counts["read"] += batch.num_rows
            yield batch
