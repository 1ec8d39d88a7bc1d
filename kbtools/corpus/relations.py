"""Sentences with two marked ends and the relation between them: FewRel, TACRED, SemEval 2010, DuIE.

    {"P17": [{"tokens": [..], "h": ["berlin", "Q64", [[3]]], "t": ["germany", "Q183", [[7]]]}, ..], ..}
    {"token": [..], "relation": "per:title", "subj_start": 8, "subj_end": 9, "obj_start": 12, ..}
    {"token": [..], "h": {"name": .., "id": "Q64", "pos": [3, 4]}, "t": {..}, "relation": "capital of"}
    {"text": "..", "label": "P17", "ents": [["Q64", 3, 9, 0.9], ["Q183", 20, 27, 0.8]], "ann": [..]}
    {"text": "..", "spo_list": [{"subject": "..", "predicate": "..", "object": ".."}]}
    1 <tab> "The <e1>car</e1> left the <e2>plant</e2>." / Entity-Origin(e1,e2) / Comment: ..

FewRel (Han et al. 2018), TACRED (Zhang et al. 2017; its subj_end counts in), OpenNRE's shape, both as ERNIE
has them, DuIE, and SemEval 2010 task 8. JSON is an array, an object, or an object a line. `meta.label` is the
relation, `meta.relations` says where both ends are. In SemEval the head is e1, and the direction stays in the
relation's name; DuIE tells no places: each end is where its words first stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import msgspec

from kbtools.config import setting
from kbtools.corpus._records import Given, entities, fit, given
from kbtools.corpus._spacing import laid
from kbtools.corpus._whole import WholeFiles
from kbtools.corpus.base import Document, Link, Report

NUMBERED = re.compile(r"(\d+)\t(.*)")
END = re.compile(r"<(/?)e([12])>")
FIELDS = ("token", "tokens", "text")
Place = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is said of the texts."""

    lang: str | None = setting("The language of the texts.", None)
    kb: str | None = setting("Whose ids the ends have.", "wikidata")


class _Fact(msgspec.Struct):
    """What DuIE says; an object may be several values, of which `@value` is the one."""

    subject: str
    predicate: str
    object: str | dict[str, str]


class _End(msgspec.Struct):
    """An end in OpenNRE's shape."""

    pos: Place
    id: str | int | None = None


class _Record(msgspec.Struct):
    """Any of the shapes."""

    id: str | int | None = None
    token: list[str] | None = None
    tokens: list[str] | None = None
    text: str | None = None
    relation: str | int | None = None
    label: str | int | None = None
    subj_start: int | None = None
    subj_end: int | None = None
    obj_start: int | None = None
    obj_end: int | None = None
    subj_type: str | None = None
    obj_type: str | None = None
    h: _End | tuple[str, str | None, list[list[int]]] | None = None
    t: _End | tuple[str, str | None, list[list[int]]] | None = None
    ents: list[tuple[str, int, int, float]] | None = None
    ann: list[tuple[str, int, int, float]] | None = None
    spo_list: list[_Fact] | None = None


class _Place(NamedTuple):
    """Where an end stands: tokens, or code points where there are none."""

    start: int
    end: int
    id: str | None = None
    type: str | None = None


_decoder = msgspec.json.Decoder(_Record)


class Relations(WholeFiles):
    """Reads sentences with two ends."""

    below: ClassVar[Sequence[str]] = (".json", ".jsonl", ".txt")
    example: ClassVar[str] = "relations:fewrel/train_wiki.json"
    settings: ClassVar[type] = Settings

    def documents(self, name: str, text: str, settings: Settings, report: Report) -> Iterator[Document]:
        """Yield a document a sentence."""
        if NUMBERED.match(text.lstrip()):
            yield from _semeval(name, text, settings, report)
            return
        for one in given(name, text, _decoder, FIELDS, report):
            try:
                yield _document(one, settings, name, report)
            except ValueError as error:
                report.reject(name, str(error), line=one.line, text=one.data)


FORMAT = Relations()


def _document(one: Given, settings: Settings, name: str, report: Report) -> Document:
    found: _Record = one.found
    words = found.tokens if found.tokens is not None else found.token
    meta: dict[str, Any] = {}
    if words is not None:
        made = laid([words])
        text, places = made.text, made.tokens
        meta["tokens"] = [list(place) for place in places]
    elif found.text is not None:
        text, places = found.text, None
    else:
        raise ValueError(f"no sentence: none of {', '.join(FIELDS)}")
    if not text.strip():
        raise ValueError("an empty sentence")
    relation = next((each for each in (found.relation, found.label, one.key) if each is not None), None)
    if found.spo_list is not None:
        return _named(one, text, settings, report)
    links, ends = [], []
    for told in _ends(found):
        links += [_link(each, places, text, settings) for each in told]
        ends.append(links[-len(told)])
    extra = fit(text, list(entities(found.ann)), one, name, report)
    if relation is not None:
        meta["label"] = str(relation)
        meta["relations"] = [_relation(str(relation), *ends)]
    called = one.called if found.id is None else str(found.id)
    return Document(called, text, settings.lang, msgspec.json.encode(meta).decode(), links + extra)


def _ends(found: _Record) -> tuple[list[_Place], list[_Place]]:
    """Return where head and tail stand, in tokens if there are any; the first of several is meant."""
    if found.subj_start is not None and found.obj_start is not None:
        if found.subj_end is None or found.obj_end is None:
            raise ValueError("subj_end or obj_end is not told")
        return (
            [_Place(found.subj_start, found.subj_end + 1, None, found.subj_type)],
            [_Place(found.obj_start, found.obj_end + 1, None, found.obj_type)],
        )
    if found.h is not None and found.t is not None:
        return _places(found.h), _places(found.t)
    if found.ents is not None and len(found.ents) == 2:
        head, tail = ([_Place(start, end, id_)] for id_, start, end, _ in found.ents)
        return head, tail
    raise ValueError("two ends are not told: h and t, subj_start and obj_start, or ents")


def _places(end: _End | tuple[str, str | None, list[list[int]]]) -> list[_Place]:
    if isinstance(end, _End):
        return [_Place(*end.pos, None if end.id is None else str(end.id) or None)]
    if not end[2] or not all(end[2]):
        raise ValueError("an end without a place")
    return [_Place(min(some), max(some) + 1, end[1]) for some in end[2]]


def _link(one: _Place, places: Sequence[Place] | None, text: str, settings: Settings) -> Link:
    start, end = one.start, one.end
    if places is not None:
        if not 0 <= start < end <= len(places):
            raise ValueError(f"an end {start}..{end} is empty or beyond the {len(places):,} tokens")
        start, end = places[start][0], places[end - 1][1]
    if not 0 <= start < end <= len(text):
        raise ValueError(f"an end {start}..{end} is empty or beyond the {len(text):,} characters")
    known = one.id is not None
    return Link(
        start, end, one.id, settings.kb if known else None, "gold" if known else "ner", one.type
    )  # fmt: skip


def _relation(relation: str, head: Link, tail: Link) -> dict[str, Any]:
    return {
        "type": relation, "head": head.id, "tail": tail.id,
        "head_at": [head.start, head.end], "tail_at": [tail.start, tail.end],
    }  # fmt: skip


def _named(one: Given, text: str, settings: Settings, report: Report) -> Document:
    """Look for the words of facts."""
    links: dict[Place, Link] = {}
    facts = []
    for fact in one.found.spo_list:
        told = fact.object if isinstance(fact.object, str) else fact.object.get("@value", "")
        ends = []
        for words in (fact.subject, told):
            start = text.find(words) if words else -1
            if start >= 0:
                place = start, start + len(words)
                ends.append(links.setdefault(place, Link(*place, kind="ner")))
        if len(ends) == 2:
            facts.append(_relation(fact.predicate, *ends))
        else:
            report.counts["facts whose words are not in the text"] += 1
    meta = msgspec.json.encode({"relations": facts}).decode()
    called = one.called if one.found.id is None else str(one.found.id)
    return Document(called, text, settings.lang, meta, [*links.values()])


def _semeval(name: str, text: str, settings: Settings, report: Report) -> Iterator[Document]:
    """Read sentences with a number; the relation is the next line, if there is one."""
    lines = [line.strip() for line in text.split("\n")]
    for at, line in enumerate(lines):
        numbered = NUMBERED.fullmatch(line)
        if not numbered:
            continue
        words = numbered[2].strip().removeprefix('"').removesuffix('"')
        marks = {(bool(found[1]), found[2]): found for found in END.finditer(words)}
        if len(marks) != 4 or not all(marks[False, n].end() < marks[True, n].start() for n in "12"):
            report.reject(
                name, "no sentence with <e1>..</e1> and <e2>..</e2>", line=at + 1, text=line.encode()
            )
            continue
        spans = [(_bare(words, marks[False, n].end()), _bare(words, marks[True, n].start())) for n in "12"]
        links = [Link(*span, kind="ner") for span in spans]
        relation = lines[at + 1] if at + 1 < len(lines) else ""
        told = bool(relation) and not NUMBERED.match(relation) and not relation.startswith("Comment:")
        meta = {"label": relation, "relations": [_relation(relation, *links)]} if told else {}
        yield Document(
            f"{name}:{numbered[1]}", END.sub("", words), settings.lang,
            msgspec.json.encode(meta).decode() if meta else None, links,
        )  # fmt: skip


def _bare(words: str, at: int) -> int:
    """Return a place in the sentence without its marks."""
    return len(END.sub("", words[:at]))
