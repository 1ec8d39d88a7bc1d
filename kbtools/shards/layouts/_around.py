"""What is shown around a place of a document: as much on either side as there is room for."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa

from kbtools.errors import ConfigError
from kbtools.shards import cutting
from kbtools.shards.base import I64, Bools, Here, Texts

Context = Literal["sentence", "document"]
CONTEXT = "What is shown: the sentences of what is meant, or as much of the document as there is room for."


def around(
    texts: Texts, document: I64, places: tuple[I64, I64], context: Context, room: int
) -> tuple[I64, I64, Bools, Bools]:
    """Return from where to where tokens are shown around places, which are too long, and which are cut.

    What one side does not need the other has. No mention is cut.
    """
    first, last = places
    low, high = texts.stream.begins[document], texts.stream.begins[document + 1]
    if context == "sentence":
        low = texts.sentences[np.searchsorted(texts.sentences, first, side="right") - 1]
        high = texts.sentences[np.searchsorted(texts.sentences, last)]
    spare = room - (last - first)
    before = np.clip(spare // 2, spare - (high - last), first - low)
    start = np.maximum(first - np.maximum(before, 0), low)
    stop = np.minimum(high, start + room)
    inner, outer, _ = cutting.inwards(texts, start, stop)
    start = np.where(start > low, np.minimum(inner, first), low)
    stop = np.where(stop < high, np.maximum(outer, last), high)
    return start, stop, spare < 0, (start > low) | (stop < high)


def marker_ids(names: tuple[str, ...], what: str, here: Here) -> I64:
    """Look markers up: each is one token."""
    ids: I64 = here.tokenizer.ids_of(pa.array(names)).astype(np.int64)
    for place in np.flatnonzero((ids < 0) | (ids == here.tokenizer.special.unk)).tolist():
        told = here.tokenizer.encode([names[place]]).ids  # bytes of BPE are written in letters of its own
        if len(told) != 1 or told[0] == here.tokenizer.special.unk:
            raise ConfigError(
                f"{what}: no token {names[place]!r} in the tokenizer; take others, or build one "
                f"that has it: kbtools vocab -o added={','.join(dict.fromkeys(names))}"
            )
        ids[place] = told[0]
    return ids
