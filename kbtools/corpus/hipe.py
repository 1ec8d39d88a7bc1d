"""HIPE's tables (2020 and 2022): historical newspapers, a token a line, with types and Wikidata items.

A document begins with `# hipe2022:document_id = ...`; other such lines ride in `meta`. Tokens are parted by
spaces but after NoSpaceAfter, and by a line end after EndOfLine. A span is gold with its item, NIL if the
file says so, and only typed where nothing is said (`_`). What is meant literally is read, or what is meant by
metonymy: a setting; where both are told of one span, the other one rides in `extra`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple

import msgspec

from kbtools.config import setting
from kbtools.corpus._iob import Tagged, parted, spans
from kbtools.corpus._uris import WIKIDATA, is_nil
from kbtools.corpus._whole import WholeFiles
from kbtools.corpus.base import Document, Link, Report

FIRST = "TOKEN"
COLUMNS = (FIRST, "NE-COARSE-LIT", "NE-COARSE-METO", "NE-FINE-LIT", "NE-FINE-METO", "NE-FINE-COMP",
           "NE-NESTED", "NEL-LIT", "NEL-METO", "MISC")  # fmt: skip
SENSES = {"literal": ("LIT", "METO"), "metonymic": ("METO", "LIT")}  # and the other one


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is read."""

    sense: Literal["literal", "metonymic"] = setting("What a name means: literal or metonymic.", "literal")
    types: Literal["coarse", "fine"] = setting("Which types: coarse or fine.", "coarse")
    nested: bool = setting("Names within names, too; they have types and no entities.", False)
    lines: bool = setting("Keep the line ends of the print; otherwise they are spaces.", True)


class Token(NamedTuple):
    """A line of a table, by its columns."""

    told: dict[str, str]
    line: int


@dataclass
class Table:
    """The lines of one document."""

    line: int
    about: dict[str, str] = field(default_factory=dict)
    tokens: list[Token] = field(default_factory=list)

    def spans(self, column: str) -> list[Tagged]:
        """Find the spans of a column of tags."""
        return spans([token.told.get(column, "_").strip() for token in self.tokens])

    def has(self, column: str) -> bool:
        """Tell whether a column says something."""
        return any(token.told.get(column, "_") not in {"_", ""} for token in self.tokens)


class Hipe(WholeFiles):
    """Reads the tables."""

    suffixes: ClassVar[Sequence[str]] = ()
    below: ClassVar[Sequence[str]] = (".tsv",)
    example: ClassVar[str] = "hipe:HIPE-2022-v2.1-hipe2020-dev-en.tsv"
    settings: ClassVar[type] = Settings

    def documents(self, name: str, text: str, settings: Settings, report: Report) -> Iterator[Document]:
        """Cut the file into documents."""
        for table in _tables(name, text, report):
            yield _document(name, table, settings, report)


FORMAT = Hipe()


def _tables(name: str, text: str, report: Report) -> Iterator[Table]:
    columns: Sequence[str] = COLUMNS
    held: Table | None = None
    for number, line in enumerate(io.StringIO(text, newline="\n"), 1):
        told = line.strip("\r\n")
        if told.startswith("# "):
            key, _, value = told[2:].partition(" = ")
            if held is None or key.rpartition(":")[2] == "document_id":
                if held is not None and (held.tokens or held.about.keys() & {key}):
                    yield held
                    held = None
                held = held or Table(number)
            held.about.setdefault(key.strip(), value.strip())
        elif told.startswith(f"{FIRST}\t"):
            columns = told.rstrip("\t").split("\t")
        elif told.strip():
            fields = told.split("\t")
            held = held or Table(number)
            if len(fields) != len(columns) or not fields[0].strip():
                what = f"{len(columns)} columns are expected, not {len(fields)}"
                what = "no token" if len(fields) == len(columns) else what
                report.reject(name, what, line=number, text=line.encode())
            else:
                held.tokens.append(Token(dict(zip(columns, fields, strict=True)), number))
    if held is not None:
        yield held


class Laid(NamedTuple):
    """A text, and where its tokens, lines and sentences are."""

    text: str
    tokens: list[tuple[int, int]]
    sentences: list[tuple[int, int]]

    def place(self, span: Tagged) -> tuple[int, int]:
        """Return where a span of tokens stands."""
        return self.tokens[span.first][0], self.tokens[span.end - 1][1]


def _laid(tokens: Sequence[Token], settings: Settings) -> Laid:
    parts: list[str] = []
    places: list[tuple[int, int]] = []
    sentences: list[tuple[int, int]] = []
    at = begin = 0
    for number, token in enumerate(tokens):
        word = token.told[FIRST].strip()
        flags = token.told.get("MISC", "").split("|")
        places.append((at, at + len(word)))
        parts.append(word)
        at += len(word)
        last = number + 1 == len(tokens)
        if last or "EndOfSentence" in flags:
            sentences.append((begin, at))
        gap = "" if last or "NoSpaceAfter" in flags else " "
        if "EndOfLine" in flags and not last:
            gap = "\n" if settings.lines else gap
        parts.append(gap)
        at += len(gap)
        if "EndOfSentence" in flags:
            begin = at
    return Laid("".join(parts), places, sentences)


def _document(name: str, table: Table, settings: Settings, report: Report) -> Document:
    made = _laid(table.tokens, settings)
    about = {key.rpartition(":")[2]: value for key, value in table.about.items()}
    called = about.pop("document_id", "") or f"{name}:{table.line}"
    meta: dict[str, Any] = {"sentences": made.sentences, "tokens": made.tokens, **about}
    parts = [(*made.place(span), span.type) for span in table.spans("NE-FINE-COMP")]
    meta |= {"components": parts} if parts else {}
    links = _links(name, table, made, settings, report)
    if links is not None and settings.nested:
        for span in table.spans("NE-NESTED"):
            links.append(Link(*made.place(span), kind="ner", type=span.type, extra={"nested": True}))
    told = msgspec.json.encode(meta).decode()
    return Document(called, made.text, about.get("language"), told, links)


def _links(name: str, table: Table, made: Laid, settings: Settings, report: Report) -> list[Link] | None:
    """Make links of one sense; None if the table does not tell."""
    mine, other = SENSES[settings.sense]
    if not table.has(f"NE-COARSE-{mine}"):
        return None
    links = []
    beside = {(span.first, span.end): span for span in table.spans(f"NE-COARSE-{other}")}
    named: set[int] = set()
    for span in table.spans(f"NE-COARSE-{mine}"):
        named.update(range(span.first, span.end))
        ids = _ids(table, span, mine)
        if len(ids) != 1:
            _reject(name, table, span, "the tokens of a mention name different entities", report)
            continue
        fine = parted(table.tokens[span.first].told.get(f"NE-FINE-{mine}", "_"))[1]
        extra = {"coarse": span.type} if settings.types == "fine" else {"fine": fine}
        kind = fine if settings.types == "fine" else span.type
        if there := beside.get((span.first, span.end)):
            extra[{"METO": "metonymic", "LIT": "literal"}[other]] = there.type
            extra["instead"] = "|".join(_ids(table, there, other))
        extra = {key: value for key, value in extra.items() if value not in {None, "_"}}
        link = Link(*made.place(span), type=kind or span.type, extra=extra or None)
        links.append(_linked(link, ids.pop()))
    for number, token in enumerate(table.tokens):
        if number not in named and token.told.get(f"NEL-{mine}", "_") not in {"_", "", "O"}:
            _reject(name, table, Tagged(number, number + 1, None), "an entity without a mention", report)
    return links


def _ids(table: Table, span: Tagged, sense: str) -> set[str]:
    return {token.told.get(f"NEL-{sense}", "_") for token in table.tokens[span.first : span.end]}


def _linked(link: Link, told: str) -> Link:
    """Say what the entity is; several are parted by `|`."""
    if told in {"_", ""}:
        return link._replace(kind="ner")
    items = [item for item in told.split("|") if not is_nil(item)]
    if not items:
        return link
    return link._replace(id=items[0], kb=WIKIDATA, others=items[1:] or None)


def _reject(name: str, table: Table, span: Tagged, what: str, report: Report) -> None:
    token = table.tokens[span.first]
    report.reject(name, what, line=token.line, text="\t".join(token.told.values()).encode())
