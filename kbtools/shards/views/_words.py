"""The words of a block, as the tokenizer parts them, and each distinct one of them once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from kbtools.alias import hashing
from kbtools.alias.normal import SURROGATE
from kbtools.shards.base import I64, Texts
from kbtools.tokens.stream import Stream


class Words(NamedTuple):
    """W words in order; what they say stands in `distinct`."""

    spans: I64  # [W, 2] tokens of the stream
    document: I64
    characters: I64  # [W] how many
    distinct: pa.StringArray  # [V] as they are written
    of: I64  # [W] places in `distinct`


_last: list[tuple[Stream, Words]] = []  # of the block at hand: its views ask one after the other


def words_of(texts: Texts) -> Words:
    """Return the words: from where one begins up to where the next one does, in the same document."""
    if not _last or _last[0][0] is not texts.stream:
        _last[:] = [(texts.stream, _words(texts))]
    return _last[0][1]


def _words(texts: Texts) -> Words:
    stream = texts.stream
    first = np.flatnonzero(stream.word)
    document = np.searchsorted(stream.begins, first, side="right") - 1
    last = np.minimum(np.append(first[1:], len(stream.ids)), stream.begins[1:][document])
    start, end = stream.start[first].astype(np.int64), stream.end[last - 1].astype(np.int64)
    whole = texts.documents["text"].to_pylist()
    base = np.cumsum([0, *map(len, whole)])
    joined = "".join(whole)
    low, high = base[document] + start, base[document] + end
    keys = hashing.spans(hashing.prefix(hashing.codes_of(joined)), low, high)
    of = pa.array(keys).dictionary_encode().indices.to_numpy().astype(np.int64)
    once = np.zeros(int(of.max(initial=-1)) + 1, np.int64)
    once[of[::-1]] = np.arange(len(of))[::-1]  # where each stands first
    told = [joined[a:b] for a, b in zip(low[once].tolist(), high[once].tolist(), strict=True)]
    spans = np.stack([first, last], axis=1)
    return Words(spans, document, end - start, pa.array(map(_sound, told), pa.string()), of)


def _sound(word: str) -> str:
    """Replace halves of characters, which cannot be written."""
    return word if word.isascii() else SURROGATE.sub("\ufffd", word)
