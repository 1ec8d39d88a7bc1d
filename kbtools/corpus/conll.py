"""CoNLL files: a token a line, with its tags; AIDA's, whose mentions have entities, too.

The text is put together from tokens, with the spaces people write; sentences are lines of it. `meta` has
`tokens` and `sentences` as offsets, and `tags`, `pos`, `chunks`, `lemmas` where there are such columns. Tags
may be IOB1, IOB2, IOBES or without a prefix: one rule reads them all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, ClassVar, Literal

import msgspec
import pyarrow as pa

from kbtools.config import setting
from kbtools.corpus import _conll_writing
from kbtools.corpus._conll_rows import LOOK, Cut, Layout, Row, Rows, documents, layout_of
from kbtools.corpus._iob import spans
from kbtools.corpus._spacing import Laid, laid
from kbtools.corpus._uris import WIKIPEDIA, Entity, entity_of, is_nil, title_of
from kbtools.corpus._whole import WholeFiles
from kbtools.corpus.base import Document, Link, Report
from kbtools.errors import ConfigError

USUAL = {  # columns, by their number
    1: ("token",),
    2: ("token", "ner"),
    3: ("token", "pos", "ner"),
    4: ("token", "pos", "chunk", "ner"),
    5: ("token", "lemma", "pos", "chunk", "ner"),
}
IN_META = {"ner": "tags", "pos": "pos", "chunk": "chunks", "lemma": "lemmas"}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a file is laid out, and how its text is put together."""

    layout: Layout = setting("columns, aida, marked (lines MMSTART_ and MMEND), or auto: see for yourself.",
                             "auto")  # fmt: skip
    columns: tuple[str, ...] = setting("Names of columns: token, ner, pos, chunk, lemma; - for others.", ())
    document: Cut = setting(
        "What a document begins with: docstart, block (a blank line), or the file.", "auto"
    )
    spaces: Literal["written", "plain"] = setting(
        "As people write, or plain: one between two tokens.", "written"
    )
    lang: str | None = setting("The language of the texts.", None)


class Conll(WholeFiles):
    """Reads .conll; writes AIDA's layout."""

    suffixes: ClassVar[Sequence[str]] = (".conll", ".iob", ".iob2", ".bio")
    below: ClassVar[Sequence[str]] = (*suffixes, ".tsv", ".txt", ".testa", ".testb", ".train")
    example: ClassVar[str] = "conll:aida.tsv"
    settings: ClassVar[type] = Settings

    def documents(self, name: str, text: str, settings: Settings, report: Report) -> Iterator[Document]:
        """Find out the layout, and yield the documents."""
        _check(settings)
        layout = layout_of(text) if settings.layout == "auto" else settings.layout
        columns = _named(text, settings) if layout == "columns" else ()
        for rows in documents(name, text, layout, settings.document, report):
            called = rows.name or (name if settings.document == "file" else f"{name}:{rows.line}")
            sound = _sound(name, rows, columns, report)
            made, meta = _text(sound, columns, settings)
            links: list[Link] | None = None
            if not columns:
                links = _mentions(sound, made.tokens, name, report)
            elif "ner" in columns:
                links = _tagged(sound, made.tokens, columns.index("ner"))
            yield Document(called, made.text, settings.lang, meta, links)

    def write(self, documents: Iterable[pa.RecordBatch], file: IO[bytes]) -> None:
        """Write AIDA's layout; of mentions that overlap the first, and of those the longest, is written."""
        _conll_writing.write(documents, file)


FORMAT = Conll()


def _check(settings: Settings) -> None:
    unknown = {*settings.columns} - {"token", "-", "_", *IN_META}
    if unknown or (settings.columns and settings.columns.count("token") != 1):
        told = f"{', '.join(sorted(unknown))} is none" if unknown else "one has to be token"
        raise ConfigError(f"conll: columns are token, ner, pos, chunk, lemma or -; {told}")


def _named(text: str, settings: Settings) -> tuple[str, ...]:
    """Name the columns by how many most of the first lines have."""
    if settings.columns:
        return settings.columns
    told: Counter[int] = Counter()
    for rows in documents("", text[: 100 * LOOK], "columns", "file", Report()):
        told.update(len(row.fields) for sentence in rows.sentences for row in sentence)
    most = max(told, key=lambda number: (told[number], number), default=2)
    return USUAL.get(most, ("token", *["-"] * (most - 2), "ner"))


def _sound(name: str, rows: Rows, columns: Sequence[str], report: Report) -> list[list[Row]]:
    """Reject rows that lack columns, or have no token."""
    at = columns.index("token") if columns else 0
    found = []
    for sentence in rows.sentences:
        kept = []
        for row in sentence:
            if columns and len(row.fields) != len(columns):
                what = f"{len(columns)} columns are expected, not {len(row.fields)}"
                report.reject(name, what, line=row.line, text="\t".join(row.fields).encode())
            elif not row.fields[at].strip():
                report.reject(name, "no token", line=row.line, text="\t".join(row.fields).encode())
            else:
                kept.append(row)
        found.append(kept)
    return [sentence for sentence in found if sentence]


def _text(rows: list[list[Row]], columns: Sequence[str], settings: Settings) -> tuple[Laid, str]:
    """Put a text together; return it with what is in `meta`."""
    at = columns.index("token") if columns else 0
    words = [[row.fields[at].strip() for row in sentence] for sentence in rows]
    made = laid(words, plain=settings.spaces == "plain")
    meta: dict[str, Any] = {"sentences": made.sentences, "tokens": made.tokens}
    for column, key in IN_META.items():
        if column in columns:
            place = columns.index(column)
            meta[key] = [row.fields[place] for sentence in rows for row in sentence]
    return made, msgspec.json.encode(meta).decode()


def _tagged(rows: list[list[Row]], tokens: Sequence[tuple[int, int]], column: int) -> list[Link]:
    """Find the spans of tags."""
    links: list[Link] = []
    number = 0
    for sentence in rows:
        for first, end, kind in spans([row.fields[column].strip() for row in sentence]):
            start, stop = tokens[number + first][0], tokens[number + end - 1][1]
            links.append(Link(start, stop, kind="ner", type=kind))
        number += len(sentence)
    return links


def _mentions(
    rows: list[list[Row]], tokens: Sequence[tuple[int, int]], name: str, report: Report
) -> list[Link]:
    """Find the mentions of AIDA's columns."""
    links: list[Link] = []
    number = 0
    for sentence in rows:
        held: list[Row] = []
        begin = number
        for row in [*sentence, None]:
            tag = row.fields[1].strip() if row and len(row.fields) > 1 else ""
            if held and tag != "I":
                links += _mention(held, tokens[begin][0], tokens[begin + len(held) - 1][1], name, report)
                held = []
            if row is None:
                break
            if tag and tag not in {"B", "I", "O"}:
                report.reject(name, f"{tag!r} is neither B nor I", line=row.line,
                              text="\t".join(row.fields).encode())  # fmt: skip
            elif tag in {"B", "I"}:
                begin = begin if held else number
                held.append(row)
            number += 1
    return links


def _mention(rows: list[Row], start: int, end: int, name: str, report: Report) -> list[Link]:
    """Make a link of the rows of a mention; none if they contradict themselves."""
    _, first, words, entity, uri, page, mid, kind, *_ = [*rows[0].fields, *[""] * 7]
    told, found = "".join(words.split()), "".join(row.fields[0].strip() for row in rows)
    line, text = rows[0].line, "\t".join(rows[0].fields).encode()
    if first.strip() != "B":
        report.reject(name, "a mention begins with I", line=line, text=text)
    elif told not in {"", "".join(found.split())}:
        report.reject(name, f"the tokens of the mention are {found!r}, not {words!r}", line=line, text=text)
    else:
        extra = {key: value.strip() for key, value in {"page": page, "mid": mid}.items() if value.strip()}
        link = Link(start, end, kind="gold", type=kind.strip() or None, extra=extra or None)
        if not (entity.strip() or uri.strip() or page.strip()):
            return [link._replace(kind="ner")]
        known = _entity(entity.strip(), uri.strip())
        return [link._replace(id=known.id, kb=known.kb) if known else link]
    return []


def _entity(entity: str, uri: str) -> Entity | None:
    """Return the entity; None if it is in no knowledge base."""
    if is_nil(entity) or (uri and is_nil(uri)):
        return None
    return (entity_of(uri) if uri else None) or Entity(WIKIPEDIA, title_of(entity))
