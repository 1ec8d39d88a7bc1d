"""What is told of a sentence and its tree."""

from __future__ import annotations

from typing import Any

import msgspec


class Drawing(msgspec.Struct, frozen=True, kw_only=True):
    """A tree: arrays of one length, as a row of `trees` has them."""

    tokens: list[str]
    soft: list[int]
    branch: list[int]  # 0: trunk
    word: list[int]
    segment: list[int]


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """A fact that might have become a branch."""

    relation: str  # id
    relation_label: str | None
    tail: str | None  # id; None: a value
    tail_label: str | None
    text: str | None  # as it stands, or would stand, in the tree; None: it was never written
    score: float | None  # None: facts are taken in the order of the knowledge base
    parts: dict[str, float | None] = {}  # what the score is made of
    number: int | None = None  # of the branch in the tree; None: it was not taken
    why: str = ""  # it was not taken


class Mention(msgspec.Struct, frozen=True, kw_only=True):
    """A place in the sentence that something is known of."""

    surface: str
    word: int | None  # in the tree; None: it was cut off
    entity: str | None  # id
    label: str | None
    p: float | None  # how likely it is meant, where that was asked
    branches: list[Branch]
    why: str = ""  # none of its facts was considered
    more: int = 0  # facts that are not told


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What a tree was made from."""

    kind: str
    path: str
    content: str


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence, its tree, and what else it might have held."""

    text: str
    tree: Drawing
    lost: int  # tokens of the sentence there was no room for
    mentions: list[Mention]
    settings: dict[str, Any]
    sources: list[Source] = []
    notes: list[str] = []
