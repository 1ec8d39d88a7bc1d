"""PubMed: baseline and update files, each citation once: later revisions win, deleted ones are left out.

A document is title, line end, abstract; its labelled parts are a line each (`METHODS: ...`) and stand in
`meta.sections`. Meta: title, version, journal, year, language (of the article: the text is in English), doi,
pmc, mesh. All files of a corpus are looked through before the first is read, for the numbers of their
citations. Which of them win: see `_pubmed_revisions`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np
import pyarrow as pa

from kbtools.config import setting
from kbtools.corpus._files import as_part, name_in
from kbtools.corpus._pubmed_article import BrokenError, article
from kbtools.corpus._pubmed_blocks import OWN, Block, blocks
from kbtools.corpus._pubmed_revisions import HEAD, events_of, standing
from kbtools.corpus._streams import empty, streams
from kbtools.corpus._whole import FilesPart, WholeFiles, plan_files
from kbtools.corpus.base import Document, Part, Report, batches
from kbtools.errors import SourceError
from kbtools.io.inputs import local
from kbtools.kb.arrays import load_npy


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is said of the texts."""

    lang: str | None = setting("The language of titles and abstracts.", "en")


class CitationsPart(msgspec.Struct, frozen=True, kw_only=True):
    """Some files, and for each the file that says which of its citations are skipped."""

    files: FilesPart
    skip: dict[str, str]


class PubMed(WholeFiles):
    """Reads PubMed's XML."""

    below: ClassVar[Sequence[str]] = (".xml",)
    example: ClassVar[str] = "pubmed:baseline/"
    settings: ClassVar[type] = Settings

    def plan(self, path: str, settings: Settings, folder: Path, room: str, report: Report) -> Iterator[Part]:
        """Find out what counts, then put files together by their size."""
        here = local(path)
        if (here is None and "://" not in path) or (here and Path(here).is_fifo()):
            raise SourceError("PubMed is read twice, which a pipe is not; save it in a file first", path=path)
        parts = [as_part(FilesPart, part) for part, _ in plan_files(path, self.below)]
        files = [file for part in parts for file in part.files if not empty(file)]
        found = standing(files, map(events_of, files))
        report.counts["skipped: earlier revisions"] += found.earlier
        report.counts["skipped: deleted citations"] += found.deleted
        (folder / room).mkdir(parents=True, exist_ok=True)
        names: dict[str, str] = {}
        for number, (file, skip) in enumerate(zip(files, found.skip, strict=True)):
            if len(skip):
                names[file] = f"{room}/skip-{number:05d}.npy"
                np.save(folder / names[file], skip, allow_pickle=False)
        for part in parts:
            mine = {file: names[file] for file in part.files if file in names}
            yield Part(msgspec.to_builtins(CitationsPart(files=part, skip=mine)), list(mine.values()))

    def read(self, part: Any, settings: Settings, folder: Path, report: Report) -> Iterator[pa.RecordBatch]:
        """Parse what is not skipped."""
        return batches(_documents(as_part(CitationsPart, part), settings, folder, report), report)


FORMAT = PubMed()


def _documents(part: CitationsPart, settings: Settings, folder: Path, report: Report) -> Iterator[Document]:
    skips = {
        name_in(part.files.path, file): {*load_npy(folder / name, gone="plan the corpus again").tolist()}
        for file, name in part.skip.items()
    }
    for name, stream in streams(part.files, report):
        skip = skips.get(name, set())
        number = -1
        any_found = False
        for block in blocks(stream.chunks()):
            any_found = any_found or bool(block.data)
            number += block.kind == "article"
            if block.kind == "article" and number not in skip:
                try:
                    if not OWN.search(block.data, 0, HEAD):
                        raise BrokenError("a citation that does not begin with its PMID")
                    yield article(block.data, settings.lang)
                except BrokenError as error:
                    line = block.line + error.line
                    report.reject(name, str(error), line=line, byte=block.byte, text=block.data[:400])
            elif block.kind == "books":
                report.counts["skipped: books"] += 1
            elif block.kind == "broken" and not stream.damage:
                report.reject(
                    name, _why(block, any_found), line=block.line, byte=block.byte, text=block.data[:400]
                )


def _why(block: Block, any_found: bool) -> str:
    if block.data:
        return "not XML: a citation that does not end"
    return "breaks off: </PubmedArticleSet> is missing" if any_found else "has no citations of PubMed in it"
