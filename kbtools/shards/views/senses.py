"""Senses: which supersenses each word may have by a wordnet, and which one it has where that was told.

For SenseBERT (Levine et al. 2020): A(w) is the union of the lexicographer files of all synsets of the word's
lemmas; function words and words of up to three letters have none. Supersenses are numbered as WordNet numbers
its files: 0 adj.all … 44 adj.ppl.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.config import setting
from kbtools.kb.schema import STR
from kbtools.shards.assembly import lists, place
from kbtools.shards.base import I64, SPAN, Bools, Here, Prepared, Rows, Texts
from kbtools.shards.spans import column
from kbtools.shards.views._mentions import aligned, mentions_of
from kbtools.shards.views._supersenses import NAMES, U64, supersenses
from kbtools.shards.views._words import Words, words_of
from kbtools.text.stop_words import listed

UNKNOWN = -1


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which words have senses."""

    kb: str | None = setting("The wordnet, by name; none: the first that is one.", None)
    langs: tuple[str, ...] = setting("Languages whose words are looked up.", ("en",))
    shortest: int = setting("Letters that a word has at least.", 4)
    function_words: bool = setting("Whether function words (this, have, before ...) have senses.", False)
    pos: Literal["any", "form"] = setting(
        "Of a lemma, the senses of any part of speech, or of those that the form may be.", "any"
    )
    gold: bool = setting("Write the sense that was told, by links to the wordnet.", False)


class _Of(NamedTuple):
    """What goes with K spans."""

    sets: U64  # [K]
    gold: NDArray[np.int8]  # [K]


class Senses:
    """Supersenses of words."""

    settings = Settings

    def fields(self, settings: Settings, here: Here) -> list[pa.Field]:
        """Say what columns it adds."""
        allowed = pa.field("senses.allowed", pa.list_(pa.list_(pa.uint8())), False)
        gold = [pa.field("senses.gold", pa.list_(pa.int8()), False)] if settings.gold else []
        return [pa.field("senses.spans", pa.list_(SPAN), False), allowed, *gold]

    def prepare(self, texts: Texts, settings: Settings, here: Here) -> Prepared:
        """Find the words that have senses, and what was told of words."""
        kb, known = supersenses(here, settings.kb, settings.langs)
        words = words_of(texts)
        small = pc.utf8_lower(words.distinct)
        found = known.of(small, any_pos=settings.pos == "any")
        found[~_content(small, settings)] = 0
        sets = np.where(_spoken(words, texts, settings), found[words.of], np.uint64(0))
        some = np.flatnonzero(sets)
        here.counts["words"] += len(sets)
        here.counts["words with senses"] += len(some)
        spans, sets = words.spans[some], sets[some]
        found_all = spans, _Of(sets, np.full(len(some), UNKNOWN, np.int8))
        if settings.gold:
            found_all = _with_told(*found_all, _told(texts, known.senses, kb, here), len(texts.stream.ids))
        return Prepared(*found_all)

    def columns(self, prepared: Prepared, rows: Rows, settings: Settings, here: Here) -> list[pa.Array]:
        """Return the places of the words, their sets and what was told."""
        placed = place(rows, prepared.spans)
        of: _Of = prepared.what
        offsets = placed.offsets(len(rows))
        made = [column(placed, len(rows)), lists(offsets, _unpacked(of.sets[placed.span]))]
        return [*made, lists(offsets, pa.array(of.gold[placed.span]))] if settings.gold else made


VIEW = Senses()


def _content(words: pa.StringArray, settings: Settings) -> Bools:
    """Tell which words may have senses at all: of letters, long enough, no function words."""
    letters = pc.and_(
        pc.match_substring_regex(words, r"\pL"), pc.invert(pc.match_substring_regex(words, r"\d"))
    )
    found = pc.and_(letters, pc.greater_equal(pc.utf8_length(words), settings.shortest))
    if not settings.function_words:
        found = pc.and_(found, pc.invert(pc.is_in(words, pa.array(listed("function_words"), STR))))
    content: Bools = found.to_numpy(zero_copy_only=False)
    return content


def _spoken(words: Words, texts: Texts, settings: Settings) -> Bools:
    """Tell which words stand in documents of a language that is looked up, or of none that is told."""
    langs = texts.documents["lang"].cast(STR)
    spoken = pc.or_(pc.is_null(langs), pc.is_in(langs, pa.array(settings.langs, STR)))
    found: Bools = spoken.to_numpy(zero_copy_only=False)[words.document]
    return found


def _told(texts: Texts, senses: NDArray[np.int8], kb: int, here: Here) -> tuple[I64, NDArray[np.int8]]:
    """Return the spans of words whose synset was told, and its supersense."""
    found = mentions_of(texts, here)
    found = found.take(np.flatnonzero((found.kb == kb) & (found.gold >= 0) & (found.gold < len(senses))))
    found, spans = aligned(found, texts, "drop", here, "links to senses")
    sense = senses[found.gold]
    here.counts["words with a sense that was told"] += int((sense >= 0).sum())
    return spans[sense >= 0], sense[sense >= 0]


def _with_told(spans: I64, of: _Of, told: tuple[I64, NDArray[np.int8]], size: int) -> tuple[I64, _Of]:
    """Put what was told to the words; places that are no word of those have no set."""
    both = np.concatenate([spans, told[0]])
    keys, place = np.unique(both[:, 0] * (size + 1) + both[:, 1], return_inverse=True)
    sets, gold = np.zeros(len(keys), np.uint64), np.full(len(keys), UNKNOWN, np.int8)
    sets[place[: len(spans)]] = of.sets
    np.maximum.at(gold, place[len(spans) :], told[1])
    return np.stack([keys // (size + 1), keys % (size + 1)], axis=1), _Of(sets, gold)


def _unpacked(sets: U64) -> pa.ListArray:
    """Write sets as lists of numbers."""
    distinct, of = np.unique(sets, return_inverse=True)
    row, number = np.nonzero(distinct[:, None] >> np.arange(len(NAMES), dtype=np.uint64) & np.uint64(1))
    offsets = np.searchsorted(row, np.arange(len(distinct) + 1))
    return lists(offsets, pa.array(number.astype(np.uint8))).take(pa.array(of))
