"""Units: phrases, and names of entities, whose tokens are masked together.

For ERNIE (Sun et al. 2019). Phrases are what a document's `meta` says (`phrases`: [start, end] in code
points), or else, in Chinese, words of two characters and more; in other languages two to `longest` words in
a row between function words, signs and changes of capitals: "Jordan River", "cold drinks". Entities are
mentions and names that were recognised, of those that overlap the longest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.config import setting
from kbtools.kb.schema import STR
from kbtools.shards.assembly import Placed, place
from kbtools.shards.base import I64, SPAN, Bools, Here, Prepared, Rows, Texts
from kbtools.shards.spans import align, column
from kbtools.shards.views._mentions import aligned, apart, longest, mentions_of
from kbtools.shards.views._words import Words, words_of
from kbtools.text import CJK
from kbtools.text.segment import words as segmented
from kbtools.text.stop_words import listed

PHRASE, ENTITY = 0, 1


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What units are."""

    phrases: Literal["rules", "meta"] = setting(
        "Phrases by rules where a document tells none, or only where it does.", "rules"
    )
    zh: Literal["jieba", "tokenizer"] = setting(
        "Who parts Chinese words: jieba, or the tokenizer's own idea of words.", "jieba"
    )
    longest: int = setting("Words in a phrase, at most.", 4)
    kbs: tuple[str, ...] = setting("Knowledge bases of entities, by name; none named: all.", ())


class _Meta(msgspec.Struct):
    """What `meta` may say."""

    phrases: list[tuple[int, int]] | None = None


_metas = msgspec.json.Decoder(_Meta)


class _Found(NamedTuple):
    """Spans of code points of documents."""

    document: I64
    start: I64
    end: I64


class Units:
    """Phrases and entities."""

    settings = Settings

    def fields(self, settings: Settings, here: Here) -> list[pa.Field]:
        """Say what columns it adds."""
        return [pa.field(f"units.{name}", pa.list_(SPAN), False) for name in ("phrase", "entity")]

    def prepare(self, texts: Texts, settings: Settings, here: Here) -> Prepared:
        """Find both."""
        found = [_phrases(texts, settings, here), _entities(texts, settings, here)]
        here.counts["phrases"] += len(found[PHRASE])
        here.counts["names of entities"] += len(found[ENTITY])
        kind = np.repeat([PHRASE, ENTITY], [len(one) for one in found])
        spans = np.concatenate(found)
        order = np.argsort(spans[:, 0], kind="stable")
        return Prepared(spans[order], kind[order])

    def columns(self, prepared: Prepared, rows: Rows, settings: Settings, here: Here) -> list[pa.Array]:
        """Return the places of phrases, and of entities."""
        placed = place(rows, prepared.spans)
        kind = prepared.what[placed.span]
        return [
            column(Placed(*(one[kind == which] for one in placed)), len(rows)) for which in (PHRASE, ENTITY)
        ]


VIEW = Units()


def _entities(texts: Texts, settings: Settings, here: Here) -> I64:
    names = [one.name for one in here.kbs]
    found = mentions_of(texts, here)
    if settings.kbs:
        wanted = [names.index(name) for name in settings.kbs if name in names]
        found = found.take(np.flatnonzero(np.isin(found.kb, [-1, *wanted])))
    _, spans = aligned(found, texts, "drop", here, "names")
    return spans[apart(spans, np.zeros(len(spans), np.int8), *longest(spans))]


def _phrases(texts: Texts, settings: Settings, here: Here) -> I64:
    """Return phrases, none of which overlaps another."""
    told, silent = _told(texts)
    found = [_with_tokens(texts, told, here)]
    if settings.phrases == "rules":
        words = words_of(texts)
        han = pc.match_substring_regex(words.distinct, f"^[{CJK}]+$").to_numpy(zero_copy_only=False)[words.of]
        runs = [_runs(texts, words, han, settings)]
        if settings.zh == "jieba":
            found.append(_with_tokens(texts, _jieba(texts, silent, np.unique(words.document[han])), here))
        else:
            runs.append(words.spans[han & (words.characters > 1)])
        found += [spans[silent[texts.stream.document[spans[:, 0]]]] for spans in runs]
    spans = np.concatenate(found)
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    return spans[apart(spans, np.zeros(len(spans), np.int8), *longest(spans))]


def _told(texts: Texts) -> tuple[_Found, Bools]:
    """Return the phrases that documents tell, and which documents tell none."""
    silent = np.ones(texts.documents.num_rows, np.bool_)
    told: list[tuple[int, int, int]] = []
    some = (
        pc.match_substring(texts.documents["meta"], '"phrases"')
        .fill_null(False)
        .to_numpy(zero_copy_only=False)
    )
    for row in np.flatnonzero(some).tolist():
        try:
            phrases = _metas.decode(texts.documents["meta"][row].as_py()).phrases
        except msgspec.DecodeError:  # of another meaning
            continue
        if phrases is not None:
            silent[row] = False
            told += [(row, start, end) for start, end in phrases]
    return _Found(*np.array(sorted(told), np.int64).reshape(-1, 3).T), silent


def _with_tokens(texts: Texts, found: _Found, here: Here) -> I64:
    placed = align(texts.stream, *found)
    return placed.spans[placed.kept("drop", here.counts, "phrases")]


def _jieba(texts: Texts, silent: Bools, chinese: I64) -> _Found:
    """Return the Chinese words of two characters and more."""
    found = [np.zeros((0, 3), np.int64)]
    for row in chinese[silent[chinese]].tolist():
        text = texts.documents["text"][row].as_py()
        spans = segmented(text, "zh", "jieba").astype(np.int64)
        long = spans[spans[:, 1] - spans[:, 0] > 1]
        found.append(np.insert(long, 0, row, axis=1))
    return _Found(*np.concatenate(found).T)


def _runs(texts: Texts, words: Words, han: Bools, settings: Settings) -> I64:
    """Return runs of words that are alike: of letters, no function words, all or none with a capital."""
    small = pc.utf8_lower(words.distinct)
    content = pc.and_(
        pc.match_substring_regex(small, r"^[\pL\pN]"),
        pc.invert(pc.is_in(small, pa.array(listed("function_words"), STR))),
    )
    capital = pc.match_substring_regex(words.distinct, r"^\p{Lu}").to_numpy(zero_copy_only=False)[words.of]
    good = content.to_numpy(zero_copy_only=False)[words.of] & ~han
    new = np.ones(len(good), np.bool_)
    same = (words.document[1:] == words.document[:-1]) & (capital[1:] == capital[:-1])
    new[1:] = ~(same & good[1:] & good[:-1])
    new |= np.isin(words.spans[:, 0], texts.sentences)
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(good))
    size = last - first
    kept = good[first] & (size > 1) & (size <= settings.longest)
    return np.stack([words.spans[first[kept], 0], words.spans[last[kept] - 1, 1]], axis=1)
