"""What `explain surface` tells of a name."""

from __future__ import annotations

from typing import Any

import msgspec

from kbtools.alias.about.neighbours import Near


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How often a source calls an entity so, and what that is worth."""

    surface: str
    source: str
    n: int
    weight: float


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """An entity that the name may mean. `prior` is what a look-up of the name gives."""

    eid: int
    id: str | None
    label: str | None
    rank: int | None  # None: in the counts, but not among the candidates
    prior: float | None
    n: float  # the weighted count, over all spellings
    popularity: float | None  # π, its share of the pseudo-counts
    priors: list[float]  # on each rung
    counts: list[Count]


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the form path: the counts seen so, and how far they are trusted."""

    level: str
    form: str  # of the norm as a whole: the norm
    spellings: int
    n: float
    candidates: int  # that were seen so: T
    weight: float  # λ = n / (n + κT); the rest is the rung's before


class Sense(msgspec.Struct, frozen=True, kw_only=True):
    """What the name means in one knowledge base."""

    kb: str
    rungs: list[Rung]
    candidates: list[Candidate]


class Spelling(msgspec.Struct, frozen=True, kw_only=True):
    """How often a spelling is linked in text; None: the norm, however it is spelt."""

    surface: str | None
    linked: int
    unlinked: int | None
    link_prob: float | None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """All that an alias table knows of a name. `level` is None if that is nothing."""

    alias: str
    surface: str
    forms: dict[str, str]  # exact, case, folded, norm
    norm: str | None = None  # what it was found as
    level: str | None = None
    form: str | None = None  # whose statistics it gets; None: those of the norm as a whole
    link_prob: float | None = None
    settings: dict[str, Any]
    senses: list[Sense] = []
    spellings: list[Spelling] = []
    near: list[Near] = []
    notes: list[str]

    def having(self, **fields: Any) -> Explanation:
        """Return it with more told."""
        return msgspec.structs.replace(self, **fields)
