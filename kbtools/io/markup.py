"""XML as a stream of small trees: nothing is fetched, no entity is declared, memory holds one tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal
from xml.parsers import expat

from kbtools.errors import SourceError
from kbtools.io.nouns import Damage

Take = Literal["whole", "start"] | None  # an element with all that it holds; its attributes alone; neither
DEEPEST = 250  # elements inside each other; whoever walks through a tree may do so by calling itself
LONGEST = 256 << 20  # bytes of a tree
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(slots=True)
class Element:
    """An element with all that it holds, in order; `line` counts from 0."""

    tag: str
    at: dict[str, str]
    line: int
    byte: int
    content: list[Element | str] = field(default_factory=list)

    @property
    def inside(self) -> list[Element]:
        """The elements directly inside."""
        return [child for child in self.content if isinstance(child, Element)]

    def all(self, *tags: str) -> Iterator[Element]:
        """Yield the children of these names."""
        return (child for child in self.inside if child.tag in tags)

    def first(self, *path: str) -> Element | None:
        """Return what a path of names leads to, the first of its name at each step."""
        found: Element | None = self
        for tag in path:
            found = next(found.all(tag), None) if found else None
        return found

    @property
    def own(self) -> str:
        """The characters directly inside, as they stand."""
        return "".join(child for child in self.content if isinstance(child, str))

    @property
    def text(self) -> str:
        """The text directly inside; runs of white space are one space unless they are to be kept."""
        return self.own if self.at.get("xml:space") == "preserve" else " ".join(self.own.split())


class Trees:
    """Reads chunks of XML and yields the elements that `take` wants, told their depth from 0 and name.

    A document type may be named, but one that declares entities is refused. An entity that is used and that
    nobody declared is put in if `known` holds it, and is in `unknown` otherwise. `broken` tells where the
    file stops being XML, if it does.
    """

    def __init__(
        self, path: str, take: Callable[[int, str], Take], known: Mapping[str, str] = NOTHING
    ) -> None:
        self.path = path
        self.broken: Damage | None = None
        self.broken_line = 0
        self.unknown: list[tuple[int, int, str]] = []  # line, byte and name of entities nobody declared
        self._take_of = take
        self._known = known
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
        if self._open and self._parser.CurrentByteIndex - self._open[0].byte > LONGEST:
            one = self._open[0]
            what = f"<{one.tag}> has more than {LONGEST >> 20} MiB; cut it up"
            raise SourceError(what, path=self.path, line=one.line + 1, byte=one.byte)

    def _start(self, tag: str, at: dict[str, str]) -> None:
        if self._depth > DEEPEST:
            raise SourceError(
                f"has more than {DEEPEST} elements inside each other; is it damaged?",
                path=self.path,
                line=self._parser.CurrentLineNumber,
            )
        take = "whole" if self._open else self._take_of(self._depth, tag)
        if take:
            here = Element(tag, at, self._parser.CurrentLineNumber - 1, self._parser.CurrentByteIndex)
            if take == "start":
                self._ready.append(here)
            else:
                if self._open:
                    self._open[-1].content.append(here)
                self._open.append(here)
        self._depth += 1

    def _end(self, _tag: str) -> None:
        self._depth -= 1
        if self._open:
            here = self._open.pop()
            if not self._open:
                self._ready.append(here)

    def _characters(self, text: str) -> None:
        if self._open:
            self._open[-1].content.append(text)

    def _entity(self, name: str, *_: object) -> None:
        raise SourceError(
            f"declares the entity {name!r}, which no such file needs and which can fill the memory when it "
            "is put in; remove the declaration",
            path=self.path,
            line=self._parser.CurrentLineNumber,
        )

    def _skipped(self, name: str, _parameter: bool) -> None:
        if name in self._known:
            self._characters(self._known[name])
        else:
            self.unknown.append((self._parser.CurrentLineNumber - 1, self._parser.CurrentByteIndex, name))
