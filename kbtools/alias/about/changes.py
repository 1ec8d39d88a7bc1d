"""What `diff` says of two alias tables."""

from __future__ import annotations

import msgspec

from kbtools.kb.diff import Change


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """An entity and how likely a name means it."""

    eid: int
    id: str | None
    label: str | None
    prior: float


class Name(msgspec.Struct, frozen=True, kw_only=True):
    """A name, its weighted count, and what it means most likely."""

    norm: str
    n: float
    kb: str | None
    meaning: Meaning | None


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """How many names came or went, and the most frequent of them."""

    count: int
    examples: list[Name]


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """A name in one knowledge base, before and after; None: not among its candidates."""

    norm: str
    kb: str
    before: Meaning | None
    after: Meaning | None


class Turns(msgspec.Struct, frozen=True, kw_only=True):
    """How many changed in one way, and some of them."""

    count: int
    examples: list[Turn]


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """A knowledge base in both. `matched`: how its entities are, by eid, by id, or not at all ("no")."""

    kb: str
    matched: str
    old_names: int
    new_names: int
    old_candidates: int
    new_candidates: int
    gained: int
    lost: int


class AliasDifference(msgspec.Struct, frozen=True, kw_only=True):
    """All that changed."""

    old: str
    new: str
    same: bool
    tables: list[Change]
    settings: dict[str, tuple[object, object]]
    added: Names
    vanished: Names
    tops: Turns
    gained: Turns
    lost: Turns
    moved: Turns
    kbs: list[Side]
    notes: list[str]
