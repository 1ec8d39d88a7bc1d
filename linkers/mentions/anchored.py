"""Entities linked in a document, wherever else it names them: only the first time of each is linked there.

Of the names that were found before, those stay that may mean an entity which the corpus says is linked in the
same document, or which the document is about; and then that entity is meant. `parent` is its first link.
Names of other entities are no mentions. Links come from the step `given` before this one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kbtools.config import setting
from kbtools.linkers.base import KINDS, Block, Longs, Mentions, Step, keep_candidates, take
from kbtools.linkers.candidates import renormalised
from kbtools.linkers.knowledge import Knowledge

NAMES = KINDS.index("dictionary")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which entities a document names again."""

    own: bool = setting("The one that the document is about, too.", True)


def make(knowledge: Knowledge, settings: Settings) -> Step:
    """Return the step."""
    del knowledge

    def find(block: Block, mentions: Mentions) -> Mentions:
        links = _links(block)
        wanted = np.concatenate([links, _own(block)]) if settings.own else links
        by_name = mentions.kind == NAMES
        owner = mentions.owner
        key = _key(mentions.text[owner], mentions.kb[owner], mentions.eid)
        kept = keep_candidates(mentions, ~by_name[owner] | np.isin(key, wanted))
        kept = take(kept, np.flatnonzero(~by_name | (kept.lengths > 0)))
        again = kept.kind == NAMES
        shared = renormalised(kept).prior
        kept = kept._replace(prior=np.where(again[kept.owner], shared, kept.prior))
        return kept._replace(parent=_parents(kept, links))

    return find


def _links(block: Block) -> Longs:
    """Return the keys of what a corpus says is linked, document by document."""
    if block.given is None:
        return np.zeros(0, np.int64)
    given = block.given
    known = (given.eid >= 0) & (given.kb >= 0)
    return _key(given.text[known], given.kb[known], given.eid[known])


def _own(block: Block) -> Longs:
    if block.own is None:
        return np.zeros(0, np.int64)
    text = np.flatnonzero(block.own.eid >= 0)
    return _key(text, block.own.kb[text], block.own.eid[text])


def _key(text: NDArray[np.integer], kb: NDArray[np.integer], eid: NDArray[np.integer]) -> Longs:
    """Return a number for an entity in a document."""
    return (text.astype(np.int64) << 8 | kb) << 32 | eid.astype(np.int64)


def _parents(mentions: Mentions, links: Longs) -> NDArray[np.int32]:
    """Return, for names of one linked entity, the first link to it; other mentions keep their parents."""
    first = mentions.offsets[:-1]
    one = np.flatnonzero(mentions.lengths > 0)
    key = np.full(len(mentions), -1, np.int64)
    key[one] = _key(mentions.text[one], mentions.kb[one], mentions.eid[first[one]])
    single = (mentions.lengths == 1) & np.isin(key, links)
    said = np.flatnonzero(single & (mentions.kind != NAMES))
    names = np.flatnonzero(mentions.kind == NAMES)
    known, at = np.unique(key[said], return_index=True)
    parent = mentions.parent.copy()
    if len(known):
        place = np.minimum(np.searchsorted(known, key[names]), len(known) - 1)
        same = known[place] == key[names]
        parent[names[same]] = said[at[place[same]]]
    return parent
