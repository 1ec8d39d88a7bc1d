"""What is told of linked texts."""

from __future__ import annotations

from typing import Any

import msgspec

STATES = ("linked", "NIL", "dropped")
VERDICTS = {
    "right": "as gold has it",
    "wrong": "gold has something else there",
    "missed": "gold has a mention there, the linker none on just these characters",
    "extra": "linked where gold has nothing",
}


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much is told; all of every text is linked."""

    mentions: int = 1000  # found, of all documents
    characters: int = 100_000  # of a document


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """An entity that a mention may mean."""

    eid: int
    id: str | None  # None: the knowledge base is not at hand
    label: str | None
    description: str | None
    prior: float
    string: float  # how alike mention and name are
    features: dict[str, float | None]
    p: float
    right: bool | None = None  # None: gold says nothing here

    @property
    def called(self) -> str:
        """Its id and label, or its number."""
        return " ".join(part for part in (self.id or f"eid {self.eid}", self.label) if part)


class Mention(msgspec.Struct, frozen=True, kw_only=True):
    """A place that the linker looked at, in one knowledge base."""

    number: int  # in its document
    start: int  # code points
    end: int
    surface: str
    kb: str
    kind: str
    state: str  # of STATES
    failed: list[str]  # settings that what is likeliest does not meet; "overlap": others stand there
    why: str  # in words; empty where it is linked
    rung: str | None  # on which the name was found; None: not by a name
    link: float | None  # how likely these words are a link; None: not counted
    parent: int | None  # the mention it has its meaning from
    over: list[int]  # mentions that are kept and overlap it, in the same knowledge base
    nil: float
    candidates: list[Candidate]  # likeliest first: where it is linked, the first is meant
    verdict: str | None = None  # of VERDICTS; None: gold says nothing of it
    error: str | None = None  # the class of the error, as `kbtools eval linking` counts them

    @property
    def told(self) -> str:
        """How it fared, in words."""
        verdict, error = self.verdict or "", self.error or ""
        return error if verdict in error else f"{verdict}: {error}"

    @property
    def entity(self) -> Candidate | None:
        """What it is linked to."""
        return self.candidates[0] if self.state == "linked" else None


class Gold(msgspec.Struct, frozen=True, kw_only=True):
    """What a corpus says is right at a place."""

    start: int
    end: int
    surface: str
    kb: str | None
    id: str | None  # None: in no knowledge base
    label: str | None
    verdict: str | None  # right, wrong or missed; None: it need not be found
    error: str | None
    mention: int | None  # the one that stands just there, kept or dropped
    rank: int | None  # of what is right among its candidates, from 1

    @property
    def called(self) -> str | None:
        """Its id and label; none of what is in no knowledge base."""
        return " ".join(part for part in (self.id, self.label) if part) or None

    @property
    def alone(self) -> bool:
        """Whether no mention that is kept answers it."""
        return self.verdict == "missed" or (self.verdict is None and self.error != "not asked")


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A text with its mentions in order; after `until` (code points) none is told."""

    doc_id: str
    text: str
    lang: str | None
    until: int
    mentions: list[Mention]
    gold: list[Gold] | None  # None: the corpus says nothing
    counts: dict[str, int]  # of the whole text

    def near(self, one: Mention) -> list[Gold]:
        """Return what gold has where a mention stands."""
        return [
            link
            for link in self.gold or []
            if link.kb == one.kb and link.start < one.end and link.end > one.start
        ]


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer was made from."""

    kind: str
    path: str
    content: str
    names: list[str] = []  # of the knowledge bases in it


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """Texts as a linker sees them."""

    linker: str
    about: str
    settings: dict[str, Any]
    sources: list[Source]
    documents: list[Document]
    notes: list[str] = []
