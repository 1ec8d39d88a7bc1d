"""What `diff` says of two folders of linked documents."""

from __future__ import annotations

import msgspec

from kbtools.kb.diff import Change


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """What a mention means, and how surely; without an eid nothing that the knowledge base has."""

    eid: int | None
    id: str | None
    label: str | None
    p: float


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """A mention before and after; None: there is none at this place."""

    doc_id: str
    start: int
    end: int
    surface: str | None
    kb: str
    before: Meaning | None
    after: Meaning | None


class Turns(msgspec.Struct, frozen=True, kw_only=True):
    """How many mentions changed in one way, and some of them."""

    count: int
    examples: list[Turn]


class Documents(msgspec.Struct, frozen=True, kw_only=True):
    """How many documents changed in one way, and the names of some."""

    count: int
    examples: list[str]


class LinkedDifference(msgspec.Struct, frozen=True, kw_only=True):
    """All that changed. `kept` mentions mean the same; of those, `moved` have another p."""

    old: str
    new: str
    same: bool
    tables: list[Change]
    settings: dict[str, tuple[object, object]]
    kbs: list[Change]  # mentions in each knowledge base
    documents_added: Documents
    documents_vanished: Documents
    documents_changed: Documents  # their texts
    kept: int
    added: Turns
    removed: Turns
    changed: Turns
    moved: Turns
    notes: list[str]
