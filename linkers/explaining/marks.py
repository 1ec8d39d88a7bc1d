"""A text with places marked, as HTML that holds just this text and runs nothing, whatever the text is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from kbtools.io.html import body, held, line

__all__ = ["Span", "body", "held", "line", "marked"]


class Span(NamedTuple):
    """A place to mark."""

    start: int
    end: int
    look: str  # classes of its style
    href: str  # the id of what is said of it
    title: str


def marked(text: str, spans: Iterable[Span]) -> str:
    """Mark places in a text; where several overlap, a character belongs to the shortest of them."""
    return "".join(_pieces(text, spans))


def _pieces(text: str, spans: Iterable[Span]) -> Iterator[str]:
    inside = [one._replace(end=min(one.end, len(text))) for one in spans]
    waiting = sorted(one for one in inside if one.start < one.end)[::-1]
    edges = sorted({0, len(text), *(one.start for one in waiting), *(one.end for one in waiting)})
    active: list[Span] = []
    for low, high in pairwise(edges):
        active = [one for one in active if one.end > low]
        while waiting and waiting[-1].start == low:
            active.append(waiting.pop())
        yield _mark(text[low:high], low, high, active) if active else body(text[low:high])


def _mark(text: str, low: int, high: int, active: Sequence[Span]) -> str:
    one = min(active, key=lambda span: (span.end - span.start, span.start))
    looks = ["m", one.look]
    looks += ["begins"] * (low == one.start) + ["ends"] * (high == one.end) + ["deep"] * (len(active) > 1)
    title = line("; ".join(each.title for each in sorted(active, key=lambda each: each is not one)))
    return f'<a class="{" ".join(looks)}" href="#{one.href}" title="{title}">{body(text)}</a>'
