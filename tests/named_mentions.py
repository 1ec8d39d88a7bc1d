"""Mentions of given names in texts, for the tests of steps that derive some from others."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kbtools.linkers.base import KINDS, Block, Mentions

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
    told = [names[row[4]] for row in rows]
    table = np.array([row[:4] for row in rows], np.int64).reshape(-1, 4)
    count = len(rows)
    columns: list[Any] = [
        *(column.astype(np.int32) for column in (table[:, 0], table[:, 1], -table[:, 2])),
        table[:, 3].astype(np.uint8), np.full(count, KINDS.index(kind), np.uint8),
        np.full(count, -1, np.int32), np.full(count, np.nan, np.float32), np.zeros(count, np.uint8),
        np.cumsum([0, *map(len, told)]),
        np.array([eid for one in told for eid, _ in one], np.uint32),
        np.array([prior for one in told for _, prior in one], np.float32),
    ]  # fmt: skip
    columns.append(np.ones(len(columns[-1]), np.float32))
    return Block(texts), Mentions(*columns)


def shown(block: Block, mentions: Mentions) -> list[tuple[int, int, str, list[int]]]:
    """Return text, start, words and candidates of each mention."""
    found = []
    for at in range(len(mentions)):
        text, start, end = (int(column[at]) for column in mentions[:3])
        eids = mentions.eid[mentions.offsets[at] : mentions.offsets[at + 1]].tolist()
        found.append((text, start, block.texts[text][start:end], eids))
    return found
