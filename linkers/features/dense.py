"""How near a candidate's vector is to that of the text around the mention: their cosine.

A vector is made for each passage in which mentions stand, with its neighbours, not for each mention. Of
several dense indexes the first that knows a candidate says how near it is; 0 for those that none knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.linkers.base import Block, Feature, Floats, Longs, Mentions
from kbtools.linkers.features._passages import Passages, passages
from kbtools.linkers.knowledge import Knowledge

if TYPE_CHECKING:
    from kbtools.linkers.index.dense import DenseIndex

NUMBERS = 1 << 22  # of vectors that are compared at once


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is encoded."""

    passage: int = setting("Words of a passage; what is encoded is it and its neighbours.", 32)
    whole: int = setting("A text of up to so many words is encoded whole.", 96)

    def __post_init__(self) -> None:
        if self.passage < 1 or self.whole < 0:
            raise ConfigError(f"passage is {self.passage} (1 or more), whole {self.whole} (0 or more)")


def make(knowledge: Knowledge, settings: Settings) -> Feature:
    """Make the feature."""
    from kbtools.linkers.index.dense import DenseIndex  # noqa: PLC0415 - only where it is asked for

    found = [index for index in knowledge.indexes if isinstance(index, DenseIndex)]
    if not found:
        raise ConfigError(
            "the feature dense compares vectors: make them with "
            "`kbtools index KB... --kind dense --out DENSE` and add --index DENSE"
        )
    names = [ref.name for ref in knowledge.kbs]
    places = [_places(index, names) for index in found]

    def dense(block: Block, mentions: Mentions, _: Mapping[str, Floats]) -> Floats:
        score = np.zeros(len(mentions.eid), np.float32)
        open_ = np.ones(len(score), np.bool_)
        some = passages(block, mentions, size=settings.passage, whole=settings.whole)
        texts = _texts(block, some)
        kb = mentions.kb[mentions.owner]
        for index, place in zip(found, places, strict=True):
            row = index.rows(place[kb], mentions.eid)
            asked = np.flatnonzero(open_ & (row >= 0))
            if len(asked):
                score[asked] = _cosines(index, texts, some.of[mentions.owner[asked]], row[asked])
                open_[asked] = False
        return score

    return dense


def _places(index: DenseIndex, names: list[str]) -> Longs:
    """Return the number that each knowledge base has in the index; −1: none."""
    theirs = {ref.name: place for place, ref in enumerate(index.kbs)}
    return np.array([theirs.get(name, -1) for name in names], np.int64)


def _texts(block: Block, some: Passages) -> list[str]:
    """Return the text of each passage with its neighbours."""
    words = block.words
    if not len(words.text):
        return [block.texts[text] for text in some.text.tolist()]
    last = np.maximum(some.last - 1, 0)
    spans = zip(
        some.text.tolist(),
        words.start[np.minimum(some.first, len(words.text) - 1)].tolist(),
        words.end[last].tolist(),
        (some.first < some.last).tolist(),
        strict=True,
    )
    return [block.texts[text][start:end] if any_ else "" for text, start, end, any_ in spans]


def _cosines(index: DenseIndex, texts: list[str], passage: Longs, row: Longs) -> Floats:
    asked, of = np.unique(passage, return_inverse=True)
    queries = index.encoded([texts[number] for number in asked.tolist()])
    rows, at = np.unique(row, return_inverse=True)
    score = np.zeros(len(row), np.float32)
    step = max(1, NUMBERS // max(index.dim, 1))
    order = np.argsort(at, kind="stable")  # so that each vector is read once
    for low in range(0, len(order), step):
        some = order[low : low + step]
        first, last = int(at[some[0]]), int(at[some[-1]]) + 1
        vectors = index.vectors(rows[first:last])
        score[some] = np.vecdot(vectors[at[some] - first], queries[of[some]])
    return score
