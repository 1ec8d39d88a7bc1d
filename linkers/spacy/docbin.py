"""DocBin, spaCy's own format for annotated documents (.spacy): entities with ids are links.

An entity without an id is a span of its type; the id NIL says that it is in no knowledge base. `meta` has
tokens and sentences as offsets, tags, pos, lemmas, and the categories with their scores. What is written here
is read back whole: what spaCy has no word for rides in the documents' `user_data`, and links that overlap
stand in the group of spans "kbtools". A file is read and written as a whole: that is how the format is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar

import pyarrow as pa

from kbtools.config import setting
from kbtools.corpus._files import as_part
from kbtools.corpus._whole import FilesPart, WholeFiles, contents, plan_files
from kbtools.corpus.base import Document, Report, batches
from kbtools.extras import need


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What its links mean."""

    kb: str | None = setting("Whose ids they are: the name of a knowledge base, or a scheme.", None)
    spans: tuple[str, ...] = setting("Groups of spans that are links, too.", ("kbtools",))
    lang: str | None = setting("The language of the texts: the format does not tell.", None)


class DocBins(WholeFiles):
    """Reads and writes .spacy."""

    suffixes: ClassVar[Sequence[str]] = (".spacy",)
    example: ClassVar[str] = "train.spacy"
    settings: ClassVar[type] = Settings

    def read(self, part: Any, settings: Settings, folder: Path, report: Report) -> Iterator[pa.RecordBatch]:
        """Read the files one by one."""
        return batches(_documents(as_part(FilesPart, part), settings, report), report)

    def write(self, documents: Iterable[pa.RecordBatch], file: IO[bytes]) -> None:
        """Write documents with their links; of links that overlap, the longest are entities."""
        need("spacy", extra="link", why="writing .spacy")
        from kbtools.linkers.spacy import _docbin_writing  # noqa: PLC0415 - spaCy is slow to import

        _docbin_writing.write(documents, file)


FORMAT = DocBins()


def read(path: str | Path, report: Report | None = None, **settings: Any) -> Iterator[pa.RecordBatch]:
    """Yield the documents of a file or a folder as batches of the schema DOCUMENTS."""
    report = report or Report()
    for part in plan_files(str(path), FORMAT.suffixes):
        yield from FORMAT.read(part.part, Settings(**settings), Path(), report)


def write(documents: Iterable[pa.RecordBatch], file: IO[bytes]) -> None:
    """Write documents of the schema DOCUMENTS."""
    FORMAT.write(documents, file)


def _documents(part: FilesPart, settings: Settings, report: Report) -> Iterator[Document]:
    need("spacy", extra="link", why="reading .spacy")
    from kbtools.linkers.spacy import _docbin_reading  # noqa: PLC0415 - spaCy is slow to import

    for name, data in contents(part, report):
        yield from _docbin_reading.documents(
            name, data, report, kb=settings.kb, groups=settings.spans, lang=settings.lang
        )
