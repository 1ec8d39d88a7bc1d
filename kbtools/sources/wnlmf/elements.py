"""WN-LMF as a stream of records: what stands directly in a lexicon, one small tree at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from kbtools.errors import SourceError
from kbtools.io.nouns import Damage

ROOT = "LexicalResource"
LEXICONS = {"Lexicon", "LexiconExtension"}


@dataclass(slots=True)
class Element:
    """An element with all that it holds; `line` counts from 0."""

    tag: str
    at: dict[str, str]
    line: int
    byte: int
    inside: list[Element] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    def all(self, *tags: str) -> Iterator[Element]:
        """Yield the children of these names."""
        return (child for child in self.inside if child.tag in tags)

    @property
    def text(self) -> str:
        """The text directly inside; runs of white space are one space unless they are to be kept."""
        text = "".join(self.pieces)
        return text if self.at.get("xml:space") == "preserve" else " ".join(text.split())


class Elements:
    """Reads chunks of XML: yields each lexicon's start (nothing in it yet), then its records, whole.

    Nothing is fetched, and no entity is ever declared: a document type may be named (WN-LMF's is), but one
    that declares entities is refused. `broken` tells where the file stops being XML, if it does.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.broken: Damage | None = None
        self.broken_line = 0
        self.unknown: list[tuple[int, int, str]] = []  # line, byte and name of entities nobody declared
        self._depth = 0
        self._open: list[Element] = []
        self._ready: list[Element] = []
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.EntityDeclHandler = self._entity
        parser.SkippedEntityHandler = self._skipped
        self._parser = parser

    def read(self, chunks: Iterable[bytes], *, last: bool = True) -> Iterator[Element]:
        """Yield what is complete; with `last` the end of the chunks is the end of the file."""
        try:
            for chunk in chunks:
                self._parser.Parse(chunk, False)
                yield from self._take()
            if last:
                self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            yield from self._take()
            self.broken = Damage(self._parser.ErrorByteIndex, f"not XML: {expat.ErrorString(error.code)}")
            self.broken_line = error.lineno - 1
        except (ValueError, LookupError) as error:  # an encoding that expat cannot read
            raise SourceError(f"cannot be decoded: {error}; convert it to UTF-8", path=self.path) from None

    def _take(self) -> Iterator[Element]:
        ready, self._ready = self._ready, []
        yield from ready

    def _start(self, tag: str, at: dict[str, str]) -> None:
        if self._depth == 0 and tag != ROOT:
            raise SourceError(f"is XML, but its root is <{tag}>, not <{ROOT}> as in WN-LMF", path=self.path)
        here = Element(tag, at, self._parser.CurrentLineNumber - 1, self._parser.CurrentByteIndex)
        if self._depth == 1:
            self._ready.append(here)
        elif self._depth > 1:
            if self._open:
                self._open[-1].inside.append(here)
            self._open.append(here)
        self._depth += 1

    def _end(self, _tag: str) -> None:
        self._depth -= 1
        if self._depth > 1:
            here = self._open.pop()
            if not self._open:
                self._ready.append(here)

    def _characters(self, text: str) -> None:
        if self._open:
            self._open[-1].pieces.append(text)

    def _entity(self, name: str, *_: object) -> None:
        raise SourceError(
            f"declares the entity {name!r}, which no wordnet needs and which can fill the memory when it is "
            "put in; remove the declaration",
            path=self.path,
            line=self._parser.CurrentLineNumber,
        )

    def _skipped(self, name: str, _parameter: bool) -> None:
        self.unknown.append((self._parser.CurrentLineNumber - 1, self._parser.CurrentByteIndex, name))
