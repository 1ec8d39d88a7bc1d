"""Explain one text, or the first documents of a corpus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools import config, corpus
from kbtools.corpus import DOCUMENTS, Report
from kbtools.linkers import corpora, opening
from kbtools.linkers.base import Longs
from kbtools.linkers.explaining.entities import Called, Entities
from kbtools.linkers.explaining.explained import Document, Explained, Limits, Source
from kbtools.linkers.explaining.gold import LOW, Beside, is_told
from kbtools.linkers.explaining.working import Seen
from kbtools.linkers.linking import blocks
from kbtools.linkers.opening import Asked, Opened
from kbtools.tasks.linking.answers import SHIFT

ENGLISH = "en"  # what texts without a language are read as
FIRST = 20
NOTHING = np.zeros(0, np.int64)


def explain_text(
    text: str, *, alias: str | Path, lang: str | None = None, limits: Limits | None = None, **asked: Any
) -> Explained:
    """Explain how a text is linked: every mention found, its candidates, features, and what came of it.

    What else there is to ask is what `link` takes: `indexes`, `kbs`, `linker`, `overlap`, `overrides`,
    `encoder`, `load_encoder`.
    """
    clean = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    row = {"doc_id": "text", "text": clean, "lang": lang, "meta": None, "links": None}
    work = _Work(pa.Table.from_pylist([row], DOCUMENTS), "text", opening.ask(alias, **asked), limits)
    return work.explained(asked.get("linker", "prior"), [])


def explain_documents(
    spec: str | Path,
    *,
    alias: str | Path,
    most: int = FIRST,
    corpus_settings: Sequence[str] = (),
    limits: Limits | None = None,
    **asked: Any,
) -> Explained:
    """Explain how the first `most` documents of a corpus are linked, beside what its gold says."""
    report, notes = Report(), []
    batches: list[pa.RecordBatch] = []
    for batch in corpus.documents(str(spec), settings=corpus_settings, report=report):
        batches.append(batch.slice(0, most - sum(one.num_rows for one in batches)))
        if sum(one.num_rows for one in batches) >= most:
            break
    if report.rejects:
        first = report.rejects[0]
        where = f"{first['file']}:{first['line']}" if first["line"] else first["file"]
        notes.append(f"{len(report.rejects):,} records cannot be read; the first: {where}: {first['reason']}")
    table = pa.Table.from_batches(batches, DOCUMENTS).combine_chunks()
    work = _Work(table, str(spec), opening.ask(alias, **asked), limits)
    return work.explained(asked.get("linker", "prior"), notes)


class _Work:
    """Documents that a linker has looked at."""

    def __init__(self, table: pa.Table, where: str, asked: Asked, limits: Limits | None) -> None:
        self.table, self.limits = table, limits or Limits()
        self.here = opening.opened(asked)
        self.entities = Entities(self.here)
        self.seen = list(_seen(self.here, table))
        judged = is_told(table) and self.entities.bases
        self.beside = Beside(table, self.entities, self.seen, where) if judged else None

    def explained(self, linker: str, notes: list[str]) -> Explained:
        """Tell all of it."""
        documents = self._documents()
        if left := self.table.num_rows - len(documents):
            notes = [
                *notes,
                f"{left:,} more documents were linked and are not told; --mentions tells of more",
            ]
        return Explained(
            linker=str(linker),
            about=self.here.preset.about,
            settings=config.plain(self.here.preset),
            sources=_sources(self.here, self.entities),
            documents=documents,
            notes=[*notes, *([self.entities.note] if self.entities.note else [])],
        )

    def _documents(self) -> list[Document]:
        rows = self.table.select(["doc_id", "text", "lang"]).to_pylist()
        whole = [(one, at) for _, one in self.seen for at in range(len(one.block.texts))]
        room = self.limits.mentions
        told: list[range] = []
        wanted: list[Longs] = []
        for document, (one, at) in enumerate(whole):
            if told and room <= 0:
                break
            told.append(_shown(one, at, room, self.limits.characters))
            room -= len(told[-1])
            right = self.beside.entities(document) if self.beside else NOTHING
            wanted.append(_wanted(one, told[-1], right))
        called = _called(self.entities, wanted, [row["lang"] or ENGLISH for row in rows[: len(told)]])
        found = []
        for document, ((one, at), shown, row) in enumerate(zip(whole, told, rows, strict=False)):
            until = _until(one, at, shown, self.limits.characters)
            names = called[row["lang"] or ENGLISH]
            mentions, gold, counts = list(one.told(self.here, at, shown, names)), None, one.counts(at)
            if self.beside is not None:
                mentions, gold = self.beside.told(document, mentions, until, names)
                counts |= self.beside.counts(document)
            found.append(Document(**row, until=until, mentions=mentions, gold=gold, counts=counts))
        return found


def _seen(here: Opened, table: pa.Table) -> Iterator[tuple[int, Seen]]:
    """Let the linker look at all documents, block by block; yield the first document of each block, too."""
    for low, high in blocks(pc.utf8_length(table["text"]).to_pylist(), corpora.SIZE):
        [documents] = table.slice(low, high - low).combine_chunks().to_batches()
        yield low, Seen(here.linker, here.block(documents))


def _shown(one: Seen, at: int, room: int, characters: int) -> range:
    """Return the mentions of a document that are told: the first ones."""
    rows = one.rows(at)
    starts = one.mentions.start[rows.start : rows.stop]
    return rows[: min(room, int(np.searchsorted(starts, characters)))]


def _until(one: Seen, at: int, shown: range, characters: int) -> int:
    """Return where in a text its mentions are no longer told."""
    rows, length = one.rows(at), len(one.block.texts[at])
    if shown.stop < rows.stop:
        length = min(length, int(one.mentions.start[shown.stop]))
    return min(length, characters)


def _wanted(one: Seen, shown: range, right: Longs) -> Longs:
    """Return the knowledge bases and eids that are spoken of, [2, n]."""
    mentions = one.mentions
    low, high = mentions.offsets[shown.start], mentions.offsets[shown.stop]
    kb = mentions.kb[mentions.owner[low:high]].astype(np.int64)
    eid = mentions.eid[low:high].astype(np.int64)
    return np.stack([np.append(kb, right >> SHIFT), np.append(eid, right & LOW)])


def _called(entities: Entities, wanted: Sequence[Longs], langs: Sequence[str]) -> dict[str, Called]:
    """Look all entities up, those of one language at once."""
    found: dict[str, Called] = {}
    for lang in sorted({*langs}):
        mine = [one for one, said in zip(wanted, langs, strict=True) if said == lang]
        kb, eid = np.concatenate(mine, axis=1)
        found[lang] = entities.of(kb, eid, lang)
    return found


def _sources(here: Opened, entities: Entities) -> list[Source]:
    """Say what the answers were made from."""
    alias = here.knowledge.alias
    told = [Source(kind="alias", path=here.asked.alias, content=alias.manifest.content, names=here.names)]
    opened = [*here.knowledge.indexes, *([here.knowledge.profile] if here.knowledge.profile else [])]
    for index in opened:
        names = [ref.name for ref in index.manifest.kbs]
        told.append(Source(kind="index", path=str(index.path), content=index.manifest.content, names=names))
    for base in entities.bases.values():
        for part in base.parts:
            content = part.manifest.content
            told.append(Source(kind="kb", path=str(part.path), content=content, names=[base.name]))
    return told
