"""Mentions with their types: OpenEntity, FIGER and Ultra-Fine typing.

    {"sent": "..", "start": 3, "end": 9, "labels": ["person"], "ents": [["Q64", 3, 9, 0.9]]}
    {"tokens": [..], "mentions": [{"start": 3, "end": 5, "labels": ["/person", "/person/artist"]}]}
    {"left_context_token": [..], "mention_span": "..", "right_context_token": [..], "y_str": [".."]}

OpenEntity and FIGER as ERNIE has them (characters), FIGER as others do (tokens, the end counts out), and the
crowd's data of Choi et al. (2018). JSON is an array, or an object a line. `meta.mentions` says where each
mention stands (`at`) and its `labels`; entities that were linked are links.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import msgspec

from kbtools.config import setting
from kbtools.corpus._records import Given, entities, fit, given
from kbtools.corpus._spacing import laid
from kbtools.corpus._whole import WholeFiles
from kbtools.corpus.base import Document, Link, Report

FIELDS = ("sent", "tokens", "mention_span")
Place = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is said of the texts."""

    lang: str | None = setting("The language of the texts.", "en")


class _Mention(msgspec.Struct):
    start: int
    end: int
    labels: list[str] = []


class _Record(msgspec.Struct):
    """Any of the shapes."""

    sent: str | None = None
    start: int | None = None
    end: int | None = None
    labels: list[str] = []
    ents: list[tuple[str, int, int, float]] | None = None
    tokens: list[str] | None = None
    mentions: list[_Mention] = []
    annot_id: str | None = None
    left_context_token: list[str] = []
    mention_span: str | None = None
    right_context_token: list[str] = []
    y_str: list[str] = []


_decoder = msgspec.json.Decoder(_Record)


class Typed(WholeFiles):
    """Reads mentions with types."""

    below: ClassVar[Sequence[str]] = (".json", ".jsonl")
    example: ClassVar[str] = "typed:OpenEntity/train.json"
    settings: ClassVar[type] = Settings

    def documents(self, name: str, text: str, settings: Settings, report: Report) -> Iterator[Document]:
        """Yield a document a record."""
        for one in given(name, text, _decoder, FIELDS, report):
            try:
                words, told = _told(one, name, report)
            except ValueError as error:
                report.reject(name, str(error), line=one.line, text=one.data)
                continue
            links = [Link(*place, kind="ner") for place, _ in told]
            links += fit(words, list(entities(one.found.ents)), one, name, report)
            meta = {"mentions": [{"at": list(place), "labels": labels} for place, labels in told]}
            yield Document(_called(one), words, settings.lang, msgspec.json.encode(meta).decode(), links)


FORMAT = Typed()


def _called(one: Given) -> str:
    return one.found.annot_id or one.called


def _told(one: Given, name: str, report: Report) -> tuple[str, list[tuple[Place, list[str]]]]:
    """Return the text, and where its mentions are, with their labels."""
    found: _Record = one.found
    if found.sent is not None and found.start is not None and found.end is not None:
        told = [((found.start, found.end), found.labels)]
        return found.sent, [each for each in told if fit(found.sent, [Link(*each[0])], one, name, report)]
    if found.tokens is not None:
        made = laid([found.tokens])
        spans = [(each.start, each.end, each.labels) for each in found.mentions]
    elif found.mention_span is not None:
        words, first = found.mention_span.split(), len(found.left_context_token)
        made = laid([[*found.left_context_token, *words, *found.right_context_token]])
        spans = [(first, first + len(words), found.y_str)]
    else:
        raise ValueError("no mention: none of sent, tokens, mention_span")
    places = []
    for start, end, labels in spans:
        if 0 <= start < end <= len(made.tokens):
            places.append(((made.tokens[start][0], made.tokens[end - 1][1]), labels))
        else:
            what = f"a mention {start}..{end} is empty or beyond the {len(made.tokens):,} tokens"
            report.reject(name, what, line=one.line, text=one.data)
    return made.text, places
