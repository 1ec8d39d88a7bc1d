"""What it takes to be a format of corpora, and what every format yields: documents, in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar, NamedTuple, Protocol

import msgspec
import pyarrow as pa

from kbtools.artefact import Done
from kbtools.io import Damage
from kbtools.kb.schema import STR, U32

TEXT = pa.large_string()
# Links that stand in the text: to an entity by its number (a corpus that is a knowledge base), or by its id.
# gold with neither: it is known that the entity is in no knowledge base. ner: nothing is said of an entity.
LINK = pa.struct(
    [
        pa.field("start", U32, False),
        pa.field("end", U32, False),
        ("eid", U32),
        ("id", STR),
        ("kb", STR),  # whose id it is: the name of a knowledge base or a scheme of `xref`; null: not said
        ("kind", STR),  # of KINDS; null: anchor
        ("type", STR),  # as the corpus calls it: PER, Q5, NOUN
        ("others", pa.list_(STR)),  # ids that are right as well
        ("p", pa.float32()),  # how sure a linker was
        ("extra", STR),  # JSON: what else is told (lemma, instance, optional ...)
    ]
)
DOCUMENTS = pa.schema(
    [
        pa.field("doc_id", STR, nullable=False),
        pa.field("text", TEXT, nullable=False),
        ("lang", STR),
        ("meta", STR),  # JSON
        ("links", pa.list_(LINK)),  # null: this corpus does not tell; offsets are code points of `text`
    ]
)

BATCH = 4 << 20  # bytes of text in a batch; a longer document is a batch by itself
ROWS = 4096  # documents in a batch
PIECE = 16 << 20  # bytes of text in a piece
LONGEST = 256 << 20  # bytes of a document
SNIPPET = 200


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a corpus for one reader; as plain data it travels to another process.

    The pieces of a corpus, in order, hold its documents in order. Where they begin depends on the corpus
    alone. `consumes` names files below the folder that were laid out for this piece.
    """

    format: str
    number: int
    settings: dict[str, Any] = {}
    part: dict[str, Any] = {}  # what the format itself has to know
    consumes: list[str] = []


class Part(NamedTuple):
    """What a format says of one piece."""

    part: dict[str, Any]
    consumes: Sequence[str] = ()


@dataclass
class Report:
    """What there is to say of what was read: counts, lines that are no documents, damaged containers."""

    counts: Counter[str] = field(default_factory=Counter)
    rejects: list[dict[str, Any]] = field(default_factory=list)  # rows of the table `rejects`
    damage: list[list[Any]] = field(default_factory=list)  # file, byte, reason

    def reject(
        self, file: str, reason: str, *, line: int | None = None, byte: int | None = None, text: bytes = b""
    ) -> None:
        """Note what cannot be used; lines count from 1."""
        snippet = text[: 4 * SNIPPET].decode("utf-8", "replace")[:SNIPPET]
        self.counts["rejected"] += 1
        self.rejects.append({"file": file, "line": line, "byte": byte, "reason": reason, "snippet": snippet})

    def damaged(self, file: str, damage: Damage) -> None:
        """Note that a container breaks off."""
        self.damage.append([file, damage.byte, damage.reason])
        self.reject(file, damage.reason, byte=damage.byte)

    def facts(self) -> dict[str, Any]:
        """Return it as plain data, for the record of a task."""
        return {"counts": dict(self.counts), "rejects": self.rejects, "damage": self.damage}

    def whole(self, done: Iterable[Done]) -> Report:
        """Return what there is to say once the tasks are done that told their `facts`."""
        found = Report()
        for facts in [*(one.facts for one in done), self.facts()]:
            found.counts.update(facts["counts"])
            found.rejects += facts.get("rejects", [])
            found.damage += facts.get("damage", [])
        return found


class Format(Protocol):
    """One format. A module of this package is one if it has a `FORMAT` of this shape."""

    suffixes: ClassVar[Sequence[str]]  # of files that are of this format, without that of a container
    example: ClassVar[str]  # for --help
    settings: ClassVar[type]  # a frozen dataclass

    def recognises(self, path: str) -> bool:
        """Tell whether what is no file with a known suffix, a folder say, is of this format."""
        ...

    def inputs(self, path: str) -> list[tuple[str, str, str]]:
        """Return path, kind and content of what is read, for a manifest."""
        ...

    def plan(self, path: str, settings: Any, folder: Path, room: str, report: Report) -> Iterator[Part]:
        """Cut a corpus into pieces; what has to be laid out for them goes to `room` below the folder."""
        ...

    def read(self, part: Any, settings: Any, folder: Path, report: Report) -> Iterator[pa.RecordBatch]:
        """Yield the documents of a piece, in order, as batches of the schema DOCUMENTS."""
        ...


class Writer(Protocol):
    """A format that can be written too: a `FORMAT` with `write`."""

    def write(self, documents: Iterable[pa.RecordBatch], file: IO[bytes]) -> None:
        """Write documents with their links, so that reading gives them back."""
        ...


class Link(NamedTuple):
    """One link, where a format meets them one by one; see LINK."""

    start: int
    end: int
    id: str | None = None
    kb: str | None = None
    kind: str | None = "gold"
    type: str | None = None
    others: list[str] | None = None
    extra: dict[str, Any] | None = None
    eid: int | None = None
    p: float | None = None


class Document(NamedTuple):
    """One document, where a format meets them one by one."""

    doc_id: str
    text: str
    lang: str | None = None
    meta: str | None = None
    links: Sequence[Link] | None = None  # None: the format does not tell


def batches(documents: Iterable[Document], report: Report) -> Iterator[pa.RecordBatch]:
    """Gather documents into batches."""
    held: list[Document] = []
    size = 0
    for document in documents:
        if held and (size + len(document.text) > BATCH or len(held) == ROWS):
            yield _batch(held, report)
            held, size = [], 0
        held.append(document)
        size += len(document.text)
    if held:
        yield _batch(held, report)


def _batch(held: list[Document], report: Report) -> pa.RecordBatch:
    report.counts["read"] += len(held)
    *told, links = zip(*held, strict=True)
    columns = [pa.array(column, DOCUMENTS.field(i).type) for i, column in enumerate(told)]
    columns.append(pa.array([None if one is None else _told(one) for one in links], pa.list_(LINK)))
    return pa.RecordBatch.from_arrays(columns, schema=DOCUMENTS)


def _told(links: Sequence[Link]) -> list[dict[str, Any]]:
    """Order the links of a document by where they stand, longer ones first."""
    ordered = sorted(links, key=lambda link: (link.start, -link.end))
    return [
        link._asdict() | {"extra": msgspec.json.encode(link.extra).decode() if link.extra else None}
        for link in ordered
    ]
