"""WNED's XML (ACE2004, AQUAINT, MSNBC …): annotations in a file, texts in the folder `RawText` beside it.

An annotation is a mention, the title of a Wikipedia page (`NIL` or nothing: in no knowledge base), an offset
and a length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from xml.sax.saxutils import escape

from kbtools.artefact import digest
from kbtools.config import setting
from kbtools.corpus._files import files_of, identities
from kbtools.corpus._offsets import HELP, Units, placed
from kbtools.corpus._streams import StreamedFiles, streams, trees_in
from kbtools.corpus._uris import WIKIPEDIA, is_nil
from kbtools.corpus._whole import FilesPart, contents, decoded
from kbtools.corpus.base import Document, Link, Report
from kbtools.errors import SourceError
from kbtools.io.inputs import local
from kbtools.io.markup import Element, Take


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the texts are, and how offsets are counted."""

    texts: str = setting("The folder with the texts; as seen from the file.", "RawText")
    offsets: Units = setting(HELP, "auto")
    lang: str | None = setting("The language of the texts.", "en")


class Wned(StreamedFiles):
    """Reads the XML with its texts."""

    suffixes: ClassVar[Sequence[str]] = ()
    below: ClassVar[Sequence[str]] = (".xml",)
    example: ClassVar[str] = "wned:ace2004/ace2004.xml"
    settings: ClassVar[type] = Settings

    def inputs(self, path: str) -> list[tuple[str, str, str]]:
        """Identify the files and the texts that lie where they usually do."""
        found = identities(path, self.below)
        for file in files_of(path, self.below) if local(path) else ():
            texts = Path(file).parent / "RawText"
            if texts.is_dir():
                files = sorted(one for one in texts.iterdir() if one.is_file())
                told = [[one.name, digest.of_dump(one)] for one in files if one.stat().st_size]
                found.append((str(texts), "corpus", f"folder:{len(told)}:{digest.of_json(told)}"))
        return found

    def found(self, part: FilesPart, settings: Settings, report: Report) -> Iterator[Document]:
        """Yield the documents that a file tells of, with their texts."""
        for name, stream in streams(part, report):
            folder = Path(local(stream.path) or ".").parent / settings.texts
            for _, element in trees_in(name, stream, _take, report):
                text = _text(folder, name, element, report)
                if text is not None:
                    told = [one for child in element.all("annotation") if (one := _told(name, child, report))]
                    links = placed(text, told, settings.offsets, report, name)
                    yield Document(element.at["docName"], text, settings.lang, None, links)


FORMAT = Wned()


def _take(depth: int, tag: str) -> Take:
    return "whole" if depth == 1 and tag == "document" else None


def _text(folder: Path, name: str, element: Element, report: Report) -> str | None:
    """Read the text of a document; tell what is wrong if there is none."""
    called = element.at.get("docName", "")
    line, where = element.line + 1, folder / called
    if not called or not where.resolve().is_relative_to(folder.resolve()):
        report.reject(name, "a document whose docName names no file", line=line, text=called.encode())
        return None
    try:
        found = list(contents(FilesPart(path=str(folder), files=[str(where)]), report))
    except SourceError as error:
        report.reject(name, f"its text {where}: {error.what}", line=line, text=called.encode())
        return None
    return decoded(f"{folder.name}/{called}", found[0][1], report) if found else None


def _told(name: str, element: Element, report: Report) -> tuple[Link, str | None, int] | None:
    said = {child.tag: child.own for child in element.inside}
    line = element.line + 1
    try:
        start, length = int(said["offset"]), int(said["length"])
    except (KeyError, ValueError):
        report.reject(name, "an annotation without an offset and a length in whole numbers", line=line,
                      text=said.get("mention", "").encode())  # fmt: skip
        return None
    words = said.get("mention")
    if words and len(words) < length == len(escape(words)):  # it was measured as it is written in XML
        length = len(words)
    title = " ".join(said.get("wikiName", "").replace("_", " ").split())
    link = Link(start, start + length)
    if not is_nil(title):
        link = link._replace(id=title, kb=WIKIPEDIA)
    return link, words, line
