"""Sentiment: words with a polarity, and pairs of an aspect and what is felt about it.

For SKEP (Tian et al. 2020). The words come from a lexicon (`word score polarity`, parted by tabs; polarity is
+ or -), the pairs from a list (`aspect sentiment count`): of a sentiment word and another one at most
`distance` words away that stand together in the list. Words are those of the tokenizer, in small letters.

Without a lexicon, documents tell them in `meta`, in code points: `sentiment` is a list of [start, end, 1 or
0], `pairs` one of [start, end of the aspect, start, end of what is felt].
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.config import setting
from kbtools.errors import SourceError
from kbtools.kb.schema import STR
from kbtools.shards.assembly import Placed, lists, place
from kbtools.shards.base import I64, SPAN, Here, Prepared, Rows, Texts
from kbtools.shards.spans import align, column
from kbtools.shards.views._words import Words, words_of

NEGATIVE, POSITIVE = 0, 1
POLARITIES = {
    "+": POSITIVE,
    "positive": POSITIVE,
    "1": POSITIVE,
    "-": NEGATIVE,
    "negative": NEGATIVE,
    "-1": NEGATIVE,
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is known of words."""

    words: Path | None = setting("The lexicon: word, score, polarity; none: documents tell.", None)
    pairs: Path | None = setting("Aspects and what is felt about them: aspect, sentiment, count.", None)
    distance: int = setting("Words that an aspect is away from its sentiment, at most.", 3)


class _Meta(msgspec.Struct):
    """What `meta` may say."""

    sentiment: list[tuple[int, int, int]] = []
    pairs: list[tuple[int, int, int, int]] = []


_metas = msgspec.json.Decoder(_Meta)


class _Lexicon(NamedTuple):
    words: pa.StringArray
    polarity: NDArray[np.int8]
    pairs: pa.StringArray  # both words, a tab between


class _Of(NamedTuple):
    """What goes with a block."""

    polarity: NDArray[np.int8]  # of each span
    pairs: I64  # [P, 4] aspect and sentiment: tokens of the stream, in order of whichever begins first

    @property
    def hulls(self) -> I64:
        """From where the first of a pair begins to where the second ends."""
        return np.stack([self.pairs[:, ::2].min(axis=1), self.pairs[:, 1::2].max(axis=1)], axis=1)


class Sentiment:
    """Sentiment words and pairs."""

    settings = Settings

    def fields(self, settings: Settings, here: Here) -> list[pa.Field]:
        """Say what columns it adds."""
        return [
            pa.field("sentiment.spans", pa.list_(SPAN), False),
            pa.field("sentiment.polarity", pa.list_(pa.int8()), False),
            pa.field("sentiment.aspects", pa.list_(SPAN), False),
            pa.field("sentiment.opinions", pa.list_(SPAN), False),
        ]

    def prepare(self, texts: Texts, settings: Settings, here: Here) -> Prepared:
        """Find the words of the lexicon, and pairs of them with others near by."""
        if settings.words is None:
            return _told(texts, here)
        known = _lexicon(settings.words, settings.pairs)
        words = words_of(texts)
        small = pc.utf8_lower(words.distinct)
        place_in = pc.index_in(small, known.words).fill_null(-1).to_numpy()[words.of]
        felt = np.flatnonzero(place_in >= 0)
        pairs = _pairs(words, small, felt, known, settings)
        return _prepared(words.spans[felt], known.polarity[place_in[felt]], pairs, here)

    def columns(self, prepared: Prepared, rows: Rows, settings: Settings, here: Here) -> list[pa.Array]:
        """Return the places of the words with their polarity, and both places of each pair."""
        of: _Of = prepared.what
        placed = place(rows, prepared.spans)
        both = place(rows, of.hulls)
        shift = both.start - of.hulls[both.span, 0]
        made = [
            column(placed, len(rows)),
            lists(placed.offsets(len(rows)), pa.array(of.polarity[placed.span])),
        ]
        for first in (0, 2):
            start, end = (of.pairs[both.span, first + at] + shift for at in (0, 1))
            made.append(column(Placed(both.span, both.row, start, end), len(rows)))
        return made


VIEW = Sentiment()


def _pairs(words: Words, small: pa.StringArray, felt: I64, known: _Lexicon, settings: Settings) -> I64:
    """Look at the words around each sentiment word; the same two words are a pair once."""
    found = [np.zeros((0, 2), np.int64)]
    count = len(words.of)
    for step in range(-settings.distance, settings.distance + 1) if len(known.pairs) and count else ():
        other = felt + step
        near = (other >= 0) & (other < count) & (step != 0)
        near &= words.document[np.clip(other, 0, count - 1)] == words.document[felt]
        mine, other = felt[near], other[near]
        told = [small.take(pa.array(words.of[one])) for one in (other, mine)]
        there = pc.is_in(pc.binary_join_element_wise(*told, "\t"), known.pairs).to_numpy(zero_copy_only=False)
        found.append(np.stack([other[there], mine[there]], axis=1))
    every = np.concatenate(found)
    return np.concatenate([words.spans[every[:, 0]], words.spans[every[:, 1]]], axis=1)


def _prepared(spans: I64, polarity: NDArray[np.int8], pairs: I64, here: Here) -> Prepared:
    here.counts["sentiment words"] += len(spans)
    here.counts["pairs of aspect and sentiment"] += len(pairs)
    order = np.lexsort((pairs[:, 2], pairs[:, 0], pairs[:, ::2].min(axis=1)))
    return Prepared(spans, _Of(polarity, pairs[order]))


def _told(texts: Texts, here: Here) -> Prepared:
    """Take what documents tell of themselves."""
    words, pairs = [np.zeros((0, 4), np.int64)], [np.zeros((0, 5), np.int64)]
    for row, meta in enumerate(texts.documents["meta"].to_pylist()):
        try:
            told = _metas.decode(meta) if meta else _Meta()
        except (msgspec.DecodeError, msgspec.ValidationError):  # of another meaning
            told = _Meta()
        here.counts["documents without sentiment"] += not told.sentiment and not told.pairs
        for some, into in ((told.sentiment, words), (told.pairs, pairs)):
            if some:
                into.append(np.insert(np.array(sorted(some), np.int64), 0, row, axis=1))
    word, pair = np.concatenate(words), np.concatenate(pairs)
    found = align(texts.stream, *word[:, :3].T)
    kept = found.kept("drop", here.counts, "sentiment words")
    both = [align(texts.stream, pair[:, 0], *pair[:, at : at + 2].T) for at in (1, 3)]
    whole = ~np.any([one.cut | one.empty for one in both], axis=0)
    here.counts["pairs cut by tokens"] += int((~whole).sum())
    spans = np.concatenate([one.spans[whole] for one in both], axis=1)
    return _prepared(found.spans[kept], (word[kept, 3] > 0).astype(np.int8), spans, here)


@lru_cache(maxsize=2)
def _lexicon(words: Path, pairs: Path | None) -> _Lexicon:
    rows = _rows(words, 3)
    for number, row in rows:
        if row[2].lower() not in POLARITIES:
            raise SourceError(f"{row[2]!r} is no polarity; write + or -", path=words, line=number)
    told = {row[0].lower(): POLARITIES[row[2].lower()] for _, row in rows}
    both = sorted({"\t".join(row[:2]).lower() for _, row in _rows(pairs, 2)}) if pairs else []
    return _Lexicon(pa.array(told, STR), np.array([*told.values()], np.int8), pa.array(both, STR))


def _rows(path: Path, columns: int) -> list[tuple[int, list[str]]]:
    """Read the lines of a file of columns, but for empty ones and those that begin with #."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"cannot be read: {error}", path=path) from error
    found = [
        (number, line.split("\t")) for number, line in enumerate(lines, 1) if line.strip() and line[0] != "#"
    ]
    for number, row in found:
        if len(row) < columns:
            raise SourceError(
                f"{len(row)} columns, not {columns} or more, parted by tabs", path=path, line=number
            )
    return found
