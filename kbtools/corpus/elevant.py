"""ELEVANT benchmarks: JSON Lines of articles with Wikidata labels, nested and optional ones among them.

Bast, Hertel, Prange (2022), "ELEVANT: A Fully Automatic Fine-Grained Entity Linking Evaluation and Analysis
Tool". What a label says beyond its span and entity rides in `extra`: `label` (its number), `name`, `parent`,
`children`, `optional`, `desc`, `coref`. An `entity_id` that is no item of Wikidata makes a link without an id
(NIL) and stays in `extra.entity`: numbers and dates are `optional`, all others but `<NIL>` are `unknown`.
Fields of the article other than its labels ride in `meta`, `evaluation_span` and `title` too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar, Literal

import msgspec
import pyarrow as pa

from kbtools.config import setting
from kbtools.corpus._files import LinesPart, blocks, lines
from kbtools.corpus._json_lines import JsonLines
from kbtools.corpus.base import Document, Link, Report

ITEM = re.compile(r"Q[1-9][0-9]*")
VALUES = ("QUANTITY", "QANTITY", "DATETIME")  # labels that are no entities: numbers, dates
NIL = "<NIL>"
OURS = ("id", "text", "lang", "labels", "entity_mentions", "meta")  # fields that are no part of `meta`
GOLD = ("gold", "coreference")  # kinds that are labels; all others are what a linker found

Raws = dict[str, msgspec.Raw]
FIELDS = msgspec.json.Decoder(Raws)
LIST = msgspec.json.Decoder(list[msgspec.Raw] | None)
TEXT = msgspec.json.Decoder(str)
NAME = msgspec.json.Decoder(str | int | None)
ABSENT = msgspec.Raw(b"null")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is read."""

    links: Literal["labels", "mentions"] = setting("What is right, or what a linker found.", "labels")
    lang: str = setting("The language of articles that do not say.", "")


class Label(msgspec.Struct):
    """What is right, as ELEVANT writes it."""

    span: tuple[int, int]
    entity_id: str | None = None
    id: int | str | None = None
    name: str | None = None
    type: str | None = None
    parent: int | str | None = None
    children: list[int | str] | None = None
    optional: bool | None = None
    desc: bool | None = None
    coref: int | str | None = None
    alternatives: list[str] | None = None


class Mention(msgspec.Struct):
    """What a linker found, as ELEVANT writes it."""

    span: tuple[int, int]
    id: str | None = None
    recognized_by: str | None = None
    linked_by: str | None = None
    candidates: list[str | None] | None = None
    referenced_span: tuple[int, int] | None = None
    contained: bool | None = None


LABEL, MENTION = msgspec.json.Decoder(Label), msgspec.json.Decoder(Mention)


class Elevant(JsonLines):
    """Reads and writes articles with labels."""

    example: ClassVar[str] = "elevant:kore50.benchmark.jsonl"
    settings: ClassVar[type] = Settings

    def documents(
        self, part: LinesPart, settings: Settings, folder: Path, report: Report
    ) -> Iterator[Document]:
        """Read article by article; a label that does not fit costs neither it nor other labels."""
        return _documents(part, settings, folder, report)

    def write(self, documents: Iterable[pa.RecordBatch], file: IO[bytes]) -> None:
        """Write an article a line: gold links as labels, others as what a linker found."""
        for batch in documents:
            for row in batch.to_pylist():
                file.write(msgspec.json.encode(_article(row)) + b"\n")


FORMAT = Elevant()


def _documents(part: LinesPart, settings: Settings, folder: Path, report: Report) -> Iterator[Document]:
    for block in blocks(part, folder):
        for number, byte, line in lines(block):

            def reject(what: str, text: bytes = line, at: tuple[int, int] = (number, byte)) -> None:
                report.reject(part.file, what, line=at[0], byte=at[1], text=text)

            try:
                found = FIELDS.decode(line)
                name = NAME.decode(found.get("id", ABSENT))
                text = TEXT.decode(found.get("text", ABSENT))
                lang = msgspec.json.decode(found.get("lang", ABSENT), type=str | None) or settings.lang
                links = list(_links(found, settings.links, text, reject))
                meta = _meta(found)
            except UnicodeDecodeError:
                reject("not UTF-8")
            except RecursionError:
                reject("JSON nested too deeply")
            except msgspec.DecodeError as error:
                reject(f"no article of ELEVANT: {error}")
            else:
                yield Document(
                    f"{part.file}:{number}" if name is None else str(name), text, lang or None, meta, links
                )


def _links(found: Raws, wanted: str, text: str, reject: Any) -> Iterator[Link]:
    key, make = ("labels", _gold) if wanted == "labels" else ("entity_mentions", _found)
    for raw in LIST.decode(found.get(key, ABSENT)) or []:
        try:
            link = make(raw)
        except msgspec.DecodeError as error:
            reject(f"{key}: {error}", bytes(raw))
            continue
        if not 0 <= link.start < link.end <= len(text):
            reject(f"{key}: {link.start}:{link.end} is no span of {len(text)} characters", bytes(raw))
        else:
            yield link


def _gold(raw: msgspec.Raw) -> Link:
    """Read a label; what no item of Wikidata stands for has no id."""
    label = LABEL.decode(raw)
    entity = (label.entity_id or "").strip()
    known = ITEM.fullmatch(entity) is not None
    value = any((word or "").upper().startswith(VALUES) for word in (label.type, "" if known else entity))
    extra = {
        "label": label.id,
        "name": label.name,
        "parent": label.parent,
        "children": label.children or None,
        "optional": True if label.optional or value else None,
        "desc": label.desc or None,
        "coref": label.coref,
        "unknown": True if not (known or value or entity == NIL) else None,
        "entity": None if known else label.entity_id,
    }
    return Link(
        *label.span,
        id=entity if known else None,
        kb="wikidata",
        kind="gold" if label.coref is None else "coreference",
        type=label.type,
        others=label.alternatives or None,
        extra={name: value for name, value in extra.items() if value is not None},
    )


def _found(raw: msgspec.Raw) -> Link:
    mention = MENTION.decode(raw)
    mention.candidates = [one for one in mention.candidates or [] if one is not None] or None
    told = msgspec.to_builtins(mention)
    extra = {name: value for name, value in told.items() if name not in ("span", "id") and value is not None}
    return Link(*mention.span, id=mention.id, kb="wikidata", kind="user", extra=extra)


def _meta(found: Raws) -> str | None:
    """Keep the other fields; those that a writer laid aside are put back."""
    aside = msgspec.json.decode(found.get("meta", b"{}"), type=Raws)
    kept = {name: value for name, value in found.items() if name not in OURS} | aside
    if bytes(kept.get("title", ABSENT)) == b'""':
        del kept["title"]
    return msgspec.json.encode(kept).decode() if kept else None


def _article(row: dict[str, Any]) -> dict[str, Any]:
    """Lay a document out as an article; fields of `meta` that mean something else there are laid aside."""
    meta = msgspec.json.decode(row["meta"] or "{}", type=Raws)
    aside = {name: value for name, value in meta.items() if name in OURS}
    links = row["links"] or []
    gold = [link for link in links if link["kind"] in GOLD]
    if all(link["kind"] == "coreference" and '"coref"' not in (link["extra"] or "") for link in gold):
        gold = []  # nothing was given as right: a linker found what means the same
    name = row["doc_id"]
    article = {
        "id": int(name) if re.fullmatch("0|[1-9][0-9]{0,17}", name) else name,
        "title": "",
        **{key: value for key, value in meta.items() if key not in OURS},
        "text": row["text"],
    }
    if row["lang"] is not None:
        article["lang"] = row["lang"]
    if found := [link for link in links if not gold or link["kind"] not in GOLD]:
        article["entity_mentions"] = [_mention(link) for link in found]
    article["labels"] = [_label(link, place) for place, link in enumerate(gold)]
    return article | ({"meta": aside} if aside else {})


def _label(link: dict[str, Any], place: int) -> dict[str, Any]:
    extra = msgspec.json.decode(link["extra"] or "{}", type=dict[str, Any])
    label = {
        "id": extra.get("label", place),
        "span": [link["start"], link["end"]],
        "entity_id": link["id"] or extra.get("entity", NIL),
        "name": extra.get("name"),
        "type": link["type"],
        "alternatives": link["others"] or None,
        **{name: extra.get(name) for name in ("parent", "children", "optional", "desc", "coref")},
    }
    return {key: value for key, value in label.items() if value is not None}


def _mention(link: dict[str, Any]) -> dict[str, Any]:
    extra = msgspec.json.decode(link["extra"] or "{}", type=dict[str, Any])
    told = {name: extra[name] for name in Mention.__struct_fields__[2:] if name in extra}
    return {"span": [link["start"], link["end"]], **({"id": link["id"]} if link["id"] else {}), **told}
