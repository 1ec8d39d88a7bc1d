"""Mentions of given names in texts, for the tests of steps that derive some from others."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from kbtools.linkers.base import KINDS, Block, Mentions
from tests import linked_candidates

Names = Mapping[str, Sequence[tuple[int, float]]]  # candidates by name: eid and prior


def mentions_of(
    texts: Sequence[str], names: Names, *, kind: str = "dictionary", kbs: int = 1
) -> tuple[Block, Mentions]:
    """Find names as words, overlapping ones too; their candidates are the same in each knowledge base."""
    rows = []
    for number, text in enumerate(texts):
        for name in names:
            word = re.escape(name) if not name.isascii() else rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])"
            for match in re.finditer(word, text):
                rows += [(number, match.start(), -match.end(), kb, name) for kb in range(kbs)]
    rows.sort()
    made = linked_candidates.mentions_of(
        [(text, start, -end, kb, names[name]) for text, start, end, kb, name in rows]
    )
    return Block(texts), made._replace(kind=np.full(len(rows), KINDS.index(kind), np.uint8))


def shown(block: Block, mentions: Mentions) -> list[tuple[int, int, str, list[int]]]:
    """Return text, start, words and candidates of each mention."""
    found = []
    for at in range(len(mentions)):
        text, start, end = (int(column[at]) for column in mentions[:3])
        eids = mentions.eid[mentions.offsets[at] : mentions.offsets[at + 1]].tolist()
        found.append((text, start, block.texts[text][start:end], eids))
    return found
