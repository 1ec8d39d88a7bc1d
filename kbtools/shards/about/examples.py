"""What is told of an example: its tokens, and all that is said of them, in words."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import msgspec

WORD, PIECE = ("Ġ", "▁"), "##"  # what tokens of BPE, of SentencePiece and of WordPiece begin with


def joined(
    tokens: Sequence[str], words: Collection[int] | None, start: int, end: int, joint: str = ""
) -> str:
    """Write tokens as words: the pieces of one with `joint` between them, without what marks them as pieces.

    >>> joined(["a", "hob", "##bit", "▁is"], [0, 1, 3], 0, 4, "·")
    'a hob·bit is'
    """
    return " ".join(joint.join(pieces) for pieces in _words(tokens, words, start, end))


def _words(tokens: Sequence[str], words: Collection[int] | None, start: int, end: int) -> Iterator[list[str]]:
    held: list[str] = []
    for place in range(start, end):
        text = tokens[place]
        begins = words is None or place in words
        if begins and held:
            yield held
            held = []
        held.append(text if words is None else bare(text, begins=begins))
    if held:
        yield held


def bare(token: str, *, begins: bool) -> str:
    """Return a token without what says that it begins a word, or goes on with one."""
    if begins:
        return token[1:] if token[:1] in WORD and len(token) > 1 else token
    return token.removeprefix(PIECE) if token != PIECE else token


class Begin(msgspec.Struct, frozen=True, kw_only=True):
    """Where the tokens of a document begin."""

    start: int
    id: str


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """What a span may mean."""

    name: str
    prior: float | None = None
    p: float | None = None
    gold: bool = False


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A span and what is said of it."""

    start: int
    end: int
    text: str
    gold: str | None = None  # what it means, as told
    candidates: list[Candidate] = []
    said: dict[str, str] = {}  # all else, by the last part of a column's name


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The spans of one view."""

    name: str
    spans: list[Span]


class Arc(msgspec.Struct, frozen=True, kw_only=True):
    """A word and the head it has."""

    token: int
    head: int


class Drawing(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence tree: arrays of one length."""

    tokens: list[str]
    soft: list[int]
    branch: list[int]
    word: list[int]
    segment: list[int]


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """One example, decoded."""

    split: str
    number: int  # in its split
    tokens: list[str]
    special: list[int] = []  # places of special tokens
    words: list[int] | None = None  # places where words begin
    sentences: list[int] = []
    documents: list[Begin] = []
    segment: list[int] | None = None
    groups: list[Group] = []
    heads: list[Arc] | None = None
    tree: Drawing | None = None
    rest: dict[str, str] = {}  # other columns, in words where they can be


class Decoded(msgspec.Struct, frozen=True, kw_only=True):
    """Some examples of shards."""

    path: str
    examples: list[Example]
    total: int
    notes: list[str] = []
