"""Turtle and N-Triples as a stream of triples: as much of the language as annotations are written in.

Lists give a blank node and nothing of what is in them. What cannot be read costs its statement: reading goes
on after the next line that ends with a full stop.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urljoin

from kbtools.corpus.base import Report

RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
DEEPEST = 100  # brackets in each other
SHOWN = 40  # characters of what is wrong

_ESCAPED = r"\\[_~.\-!$&'()*+,;=/?#@%]"
_TOKEN = re.compile(
    rf"""
    (?P<space>(?:[ \t\r\n]++|\#[^\n]*+)++)
  | <(?P<iri>[^<>"{{}}|^`\x00-\x20]*+)>
  | \"\"\"(?P<long>(?:[^"\\]++|\\.|"(?!""))*+)\"\"\"
  | '''(?P<apart>(?:[^'\\]++|\\.|'(?!''))*+)'''
  | "(?P<short>(?:[^"\\\n\r]++|\\.)*+)"
  | '(?P<single>(?:[^'\\\n\r]++|\\.)*+)'
  | (?P<blank>_:\w(?:[\w.-]*[\w-])?)
  | @(?P<lang>[a-zA-Z]+(?:-[a-zA-Z0-9]+)*+)
  | (?P<prefixed>(?:[^\W\d_](?:[\w.-]*[\w-])?)?:(?:(?:[\w.%:-]|{_ESCAPED})*(?:[\w%:-]|{_ESCAPED}))?)
  | (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)[eE][+-]?\d+|[+-]?\d*\.\d+|[+-]?\d+)
  | (?P<word>[a-zA-Z]+)(?![\w:-])
  | (?P<mark>\^\^|[.;,\[\]()])
    """,
    re.VERBOSE | re.DOTALL,
)
LITERALS = {"long", "apart", "short", "single"}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_SIMPLE = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_STOP = re.compile(r"\.[ \t]*\r?(?:\n|$)")


class Iri(str):
    """An address, or a blank node (`_:...`)."""

    __slots__ = ()


class Literal(NamedTuple):
    """A value that is written out."""

    value: str
    lang: str | None = None


class Triple(NamedTuple):
    """A statement, and the line on which it ends."""

    subject: Iri
    predicate: Iri
    object: Iri | Literal
    line: int


class Token(NamedTuple):
    """The smallest part of Turtle."""

    kind: str  # a group of the pattern, "end", or "wrong" for what is no token
    value: str
    at: int


class _Wrong(Exception):  # noqa: N818 - an event inside this module
    """What stands here is not Turtle."""


def triples(name: str, text: str, report: Report) -> Iterator[Triple]:
    """Yield the triples of a file; `name` is what rejects call it."""
    reader = _Reader(text)
    while reader.token.kind != "end":
        try:
            reader.statement()
        except _Wrong as error:
            at = reader.token.at
            told = text[max(0, at - SHOWN) : at + SHOWN].encode("utf-8", "replace")
            report.reject(name, f"not Turtle: {error}", line=reader.line(at), text=told)
            reader.found.clear()
            reader.resume()
        yield from reader.found
        reader.found.clear()


class _Reader:
    """Reads statement by statement; the triples of the last one are `found`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[Triple] = []
        self._prefixes: dict[str, str] = {}
        self._base = ""
        self._nodes = 0
        self._line, self._counted = 1, 0
        self._after = 0  # where the next token begins, or white space before it
        self.token = self._next()

    def line(self, at: int) -> int:
        """Return the line of a place that is not before the one asked for last."""
        self._line += self.text.count("\n", self._counted, at)
        self._counted = max(at, self._counted)
        return self._line

    def resume(self) -> None:
        """Go on after a line that ends with a full stop."""
        stop = _STOP.search(self.text, self.token.at)
        self._after = stop.end() if stop else len(self.text)
        self.token = self._next()

    def statement(self) -> None:
        """Read up to a full stop."""
        here = self.token
        if here.kind == "lang" and here.value in {"prefix", "base"}:
            self._directive(here.value)
            self._expect(".")
        elif here.kind == "word" and here.value.lower() in {"prefix", "base"}:
            self._directive(here.value.lower())
        else:
            subject = self._term(0)
            if not isinstance(subject, Iri):
                raise _Wrong("a literal cannot be a subject")
            if here.value != "[" or not self._is("."):
                self._properties(subject, 0)
            self._expect(".")

    def _next(self) -> Token:
        while True:
            found = _TOKEN.match(self.text, self._after)
            at = self._after
            if found is None:
                kind = "end" if at >= len(self.text) else "wrong"
                return Token(kind, self.text[at : at + SHOWN].partition("\n")[0], at)
            self._after = found.end()
            kind = found.lastgroup or ""
            if kind != "space":
                return Token(kind, found[kind], at)

    def _take(self) -> Token:
        taken, self.token = self.token, self._next()
        return taken

    def _is(self, *marks: str) -> bool:
        return self.token.kind == "mark" and self.token.value in marks

    def _expect(self, mark: str) -> None:
        if not self._is(mark):
            raise _Wrong(f"{mark!r} is expected, not {self._here()}")
        self._take()

    def _here(self) -> str:
        return "the end of the file" if self.token.kind == "end" else repr(self.token.value[:SHOWN])

    def _directive(self, word: str) -> None:
        self._take()
        prefix = self._take() if word == "prefix" else None
        if prefix and (prefix.kind != "prefixed" or not prefix.value.endswith(":")):
            raise _Wrong(f"{prefix.value!r} is no prefix")
        if self.token.kind != "iri":
            raise _Wrong(f"an address is expected, not {self._here()}")
        address = self._absolute(self._take().value)
        if prefix:
            self._prefixes[prefix.value[:-1]] = address
        else:
            self._base = address

    def _properties(self, subject: Iri, depth: int) -> None:
        while True:
            predicate = self._predicate()
            while True:
                at = self.token.at
                told = self._term(depth)
                self.found.append(Triple(subject, predicate, told, self.line(at)))
                if not self._is(","):
                    break
                self._take()
            if not self._is(";"):
                return
            while self._is(";"):
                self._take()
            if self._is(".", "]"):
                return

    def _predicate(self) -> Iri:
        if self.token == ("word", "a", self.token.at):
            self._take()
            return Iri(RDF_TYPE)
        found = None if self._is("[", "(") else self._term(0)
        if not isinstance(found, Iri):
            raise _Wrong("a literal or a bracket cannot be a property")
        return found

    def _term(self, depth: int) -> Iri | Literal:
        if self._is("[", "("):
            return self._node(depth + 1)
        here = self.token
        if here.kind in {"end", "wrong", "mark", "lang"} or (
            here.kind == "word" and here.value not in {"true", "false"}
        ):
            raise _Wrong(f"a name or a literal is expected, not {self._here()}")
        self._take()
        if here.kind == "iri":
            return Iri(self._absolute(here.value))
        if here.kind == "prefixed":
            prefix, _, rest = here.value.partition(":")
            if prefix not in self._prefixes:
                raise _Wrong(f"nobody says what the prefix {prefix!r} is")
            return Iri(self._prefixes[prefix] + (_ESCAPE.sub(r"\3", rest) if "\\" in rest else rest))
        if here.kind == "blank":
            return Iri(here.value)
        if here.kind in LITERALS:
            return self._literal(_unescaped(here.value))
        return Literal(here.value)

    def _literal(self, value: str) -> Literal:
        if self.token.kind == "lang":
            return Literal(value, self._take().value)
        if self._is("^^"):
            self._take()
            if self.token.kind not in {"iri", "prefixed"}:
                raise _Wrong(f"the name of a type is expected, not {self._here()}")
            self._term(0)
        return Literal(value)

    def _node(self, depth: int) -> Iri:
        """Read `[...]` or `(...)`; it is a blank node."""
        if depth > DEEPEST:
            raise _Wrong(f"more than {DEEPEST} brackets in each other")
        self._nodes += 1
        node = Iri(f"_:[{self._nodes}]")
        if self._take().value == "[":
            if not self._is("]"):
                self._properties(node, depth)
            self._expect("]")
            return node
        while not self._is(")"):
            self._term(depth)
        self._take()
        return node

    def _absolute(self, address: str) -> str:
        address = _unescaped(address)
        if not self._base or ":" in address:
            return address
        try:
            return urljoin(self._base, address) + ("#" if address.endswith("#") else "")
        except ValueError as error:
            raise _Wrong(f"{address!r} is no address: {error}") from None


def _unescaped(text: str) -> str:
    """Undo escapes; halves of pairs are joined, and one alone is U+FFFD."""
    if "\\" not in text:
        return text
    text = _ESCAPE.sub(_character, text)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _character(found: re.Match[str]) -> str:
    digits = found[1] or found[2]
    if digits is None:
        if found[3] not in _SIMPLE:
            raise _Wrong(f"{found[0]!r} means nothing in a literal")
        return _SIMPLE[found[3]]
    code = int(digits, 16)
    return chr(code) if code <= 0x10FFFF else "\ufffd"
