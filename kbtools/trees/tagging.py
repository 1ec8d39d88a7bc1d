"""Tags of a corpus's tokens, put to the tokens of the trunk."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.kb.schema import STR
from kbtools.trees.base import I64, Bools, Tokens
from kbtools.trees.reading import Tags

Pieces: TypeAlias = Literal["inside", "same", "first"]


def labels(tags: Tags, tokens: Tokens, pieces: Pieces = "inside") -> pa.StringArray:
    """Give each token the tag of the token of the corpus that it begins in; null if it begins in none.

    With `inside`, all but the first piece of one that begins a span go on with it: B-X becomes I-X. With
    `first` these have none.
    """
    if not tags.tag:
        return pa.nulls(len(tokens.start), STR)
    place, there = _places(tags, tokens)
    first = np.append(True, place[1:] != place[:-1])[: len(place)]
    there &= first | (pieces != "first")
    known = pa.array(tags.tag, STR).dictionary_encode()
    code = known.indices.to_numpy().astype(np.int64)[np.maximum(place, 0)]
    names = known.dictionary
    if pieces == "inside":
        inner = pc.replace_substring_regex(names, "^B-", "I-")
        code = np.where(first, code, code + len(names))
        names = pa.concat_arrays([names, inner])
    return names.take(pa.array(code, mask=~there))


def unsaid(tags: Tags, tokens: Tokens) -> int:
    """Count tags that no token has: their own begins inside of one of the tokenizer's."""
    place, there = _places(tags, tokens)
    return len(tags.tag) - len(np.unique(place[there]))


def _places(tags: Tags, tokens: Tokens) -> tuple[I64, Bools]:
    """Find the tag of each token, and whether there is one."""
    if not tags.tag:
        return np.full(len(tokens.start), -1), np.zeros(len(tokens.start), np.bool_)
    owner = np.repeat(np.arange(tokens.size), np.diff(tokens.begins)) << 32
    key = tags.sentence << 32 | tags.start
    place = np.searchsorted(key, owner | tokens.start, "right") - 1
    return place, (place >= 0) & (tags.sentence[place] << 32 == owner)
