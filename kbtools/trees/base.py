"""What the making of trees speaks of: sentences as tokens, entities in them, facts that were considered.

    documents ─reading▶ Texts ─tokens▶ Tokens ─matching▶ Sentences ─choosing▶ Considered ─layout▶ Rows

All of them are blocks: flat arrays for some thousand sentences at once.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
Bools = NDArray[np.bool_]

# What became of a fact that was considered; `Considered.why` is a place here. New ones go last.
WHY = (
    "taken",
    "no room",
    "over max_entities",
    "over the cap of its relation",
    "relation denied",
    "relation not allowed",
    "entity denied",
    "below tau",
    "said already",
    "too common",
    "score too low",
    "repeated",
    "mention cut off",
    "no tokens",
    "object denied",
)
TAKEN, NO_ROOM, OVER_MAX = range(3)
NO_TOKENS = WHY.index("no tokens")


class Tokens(NamedTuple):
    """The tokens of S texts, laid end to end; `start` and `end` are code points of the token's own text."""

    strings: pa.StringArray  # [T]
    ids: I32 | None  # [T] of the tokenizer; None: there is none
    start: I32  # [T]
    end: I32  # [T]
    word: Bools  # [T] a word begins here
    begins: I64  # [S + 1] where the tokens of each text begin

    @property
    def size(self) -> int:
        """How many texts there are."""
        return len(self.begins) - 1


class Mentions(NamedTuple):
    """Entities in sentences, in order; none touches the tokens of another."""

    sentence: I64  # [M] never falls
    first: I64  # [M] its first token: a place in the block's tokens
    stop: I64  # [M] behind its last token
    eid: I64  # [M]
    p: F32  # [M] how likely it is this entity
    start: I32  # [M] code points of the sentence
    end: I32  # [M]

    def take(self, rows: NDArray[Any]) -> Mentions:
        """Keep some of them."""
        return Mentions(*(part[rows] for part in self))


class Sentences(NamedTuple):
    """A block of sentences. A pair is two of them, one after the other: both make one tree.

    Tokens for which a tree has no room are gone already, and so are the mentions that held them.
    """

    texts: list[str]  # [S]
    langs: list[str | None]  # [S]
    tree: I64  # [S] the number of its tree, from 0; never falls
    tokens: Tokens
    mentions: Mentions
    lost: I64  # [S] tokens there was no room for


class Considered(NamedTuple):
    """The facts that were looked at for each mention: by mention, then as branches would stand.

    What was not taken may be left out; whoever explains a choice asks for all of it.
    """

    mention: I64  # [C] a place in `Sentences.mentions`; never falls
    fact: I64  # [C] a row of Facts
    score: F32  # [C] NaN: not scored
    why: U8  # [C] a place in WHY
