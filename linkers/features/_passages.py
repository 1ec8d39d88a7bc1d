"""What stands around mentions: a passage of the text and its neighbours, so that mentions share contexts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kbtools.arrays import ranges
from kbtools.linkers.base import Block, Longs, Mentions


class Passages(NamedTuple):
    """P passages in which mentions stand; a passage's context is words first:last of the block."""

    of: Longs  # [M] the passage of each mention
    text: Longs  # [P]
    first: Longs  # [P]
    last: Longs  # [P]


def passages(block: Block, mentions: Mentions, *, size: int, whole: int) -> Passages:
    """Cut texts of more than `whole` words into passages of `size`; the context is one more on each side."""
    words = block.words
    bounds = np.searchsorted(words.text, np.arange(len(block.texts) + 1))
    text = mentions.text.astype(np.int64)
    number = inside(block, mentions)[0] - bounds[text]
    long = np.diff(bounds)[text] > whole
    number = np.where(long, number // size, 0)
    key, of = np.unique(text << 32 | number, return_inverse=True)
    text, number = key >> 32, key & 0xFFFFFFFF
    low, high = bounds[text], bounds[text + 1]
    long = high - low > whole
    first = np.where(long, np.maximum(low + (number - 1) * size, low), low)
    last = np.where(long, np.minimum(low + (number + 2) * size, high), high)
    return Passages(of, text, np.minimum(first, high), last)


def inside(block: Block, mentions: Mentions) -> tuple[Longs, Longs]:
    """Return the words that mentions have a part of: from one to before another."""
    words = block.words
    text = words.text.astype(np.int64) << 32
    whose = mentions.text.astype(np.int64) << 32
    first = np.searchsorted(text | words.end, whose | mentions.start, "right")
    last = np.searchsorted(text | words.start, whose | mentions.end)
    return first, np.maximum(first, last)


def terms_of(block: Block, found: Passages, number: Longs) -> tuple[Longs, Longs]:
    """Return passage << 32 | term in order, and how often; `number` is the term of each word, −1: none."""
    lengths = found.last - found.first
    term = number[ranges(found.first, lengths)]
    key = np.repeat(np.arange(len(lengths)), lengths) << 32 | term
    return counted(key[term >= 0])


def counted(keys: Longs) -> tuple[Longs, Longs]:
    """Return each key once, in order, and how often it is there."""
    keys = np.sort(keys)
    new = np.ones(len(keys), np.bool_)
    new[1:] = keys[1:] != keys[:-1]
    first = np.flatnonzero(new)
    return keys[first], np.diff(first, append=len(keys))


def places(keys: Longs, wanted: Longs) -> Longs:
    """Return where keys, in order, stand; −1: nowhere."""
    if not len(keys):
        return np.full(len(wanted), -1, np.int64)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    found: Longs = np.where(keys[at] == wanted, at, -1)
    return found
