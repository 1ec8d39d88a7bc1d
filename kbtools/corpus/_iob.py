"""Spans in tags: IOB1, IOB2, IOBES and BILOU, and types without a prefix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

BEGINS, ENDS = {"B", "S", "U"}, {"E", "S", "L", "U"}
PREFIXES = BEGINS | ENDS | {"I", "M"}
OUTSIDE = {"O", "_", "-", ""}


class Tagged(NamedTuple):
    """A span of tokens, and its type."""

    first: int
    end: int  # exclusive
    type: str | None


def spans(tags: Sequence[str]) -> list[Tagged]:
    """Find the spans of a sentence.

    One begins with B, S or U, after a token outside, after the end of another, and where the type changes: so
    CoNLL-2003's own scorer has it, and so every scheme is read rightly.

    >>> [tuple(span) for span in spans(["I-PER", "I-PER", "B-PER", "O", "S-LOC", "E-ORG"])]
    [(0, 2, 'PER'), (2, 3, 'PER'), (4, 5, 'LOC'), (5, 6, 'ORG')]
    """
    found: list[Tagged] = []
    inside = False
    for number, tag in enumerate(tags):
        prefix, kind = parted(tag)
        if prefix is None:
            inside = False
            continue
        if inside and prefix not in BEGINS and kind == found[-1].type:
            found[-1] = found[-1]._replace(end=number + 1)
        else:
            found.append(Tagged(number, number + 1, kind))
        inside = prefix not in ENDS
    return found


def parted(tag: str) -> tuple[str | None, str | None]:
    """Part a tag into prefix and type; no prefix: outside."""
    if tag in OUTSIDE:
        return None, None
    prefix, dash, kind = tag.partition("-")
    if prefix in PREFIXES and (dash or len(tag) == 1):
        return prefix, kind or None
    return "I", tag
