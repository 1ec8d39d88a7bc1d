"""Spans against their text: whether they fit, and what they are in code points.

Other programs count bytes of UTF-8 or units of UTF-16. Where a corpus tells the words of its spans, that
shows: with `offsets=auto` the unit is the one with which most words of a document are found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.corpus.base import Link, Report

Units = Literal["auto", "code points", "bytes", "utf-16"]
HELP = "What offsets count: code points, bytes, utf-16; auto: found out by the words of the spans."
POINTS: Units = "code points"
OTHERS: tuple[Units, ...] = ("utf-16", "bytes")
SHOWN = 60  # characters of a text in a message

Ints = NDArray[np.int64]


class Span(NamedTuple):
    """A span as a corpus tells it."""

    start: int
    end: int  # exclusive
    surface: str | None = None  # the words of the span, if they are told
    line: int | None = None  # of the file, for the reject


def code_points(text: str, offsets: Sequence[int] | Ints, units: Units) -> Ints:
    """Turn offsets into code points; -1 where one is beyond the text or inside a character.

    >>> code_points("é😀!", [0, 2, 6, 7, 3], "bytes").tolist()
    [0, 1, 2, 3, -1]
    >>> code_points("é😀!", [1, 3, 4, 2], "utf-16").tolist()
    [1, 2, 3, -1]
    """
    told = _array(offsets)
    if units in {"auto", POINTS} or text.isascii():
        return np.where((told >= 0) & (told <= len(text)), told, -1)
    begins = _begins(text, units)
    at = np.searchsorted(begins, told)
    at[at == len(begins)] = 0
    return np.where(begins[at] == told, at, -1)


def fitted(
    text: str, spans: Sequence[Span], units: Units, report: Report, file: str
) -> list[tuple[int, int] | None]:
    """Return the spans in code points, in order; None for one that does not fit, which goes to `report`.

    Words need not agree in their white space: other programs turn line ends into spaces.
    """
    if not spans:
        return []
    found = _places(text, spans, POINTS if units == "auto" else units)
    if all(isinstance(place, tuple) for place in found):
        return [place for place in found if isinstance(place, tuple)]
    others = _others(text, spans, units)
    if units == "auto" and any(span.surface for span in spans):
        best = max(others, key=lambda one: _right(spans, others[one]), default=POINTS)
        if others and _right(spans, others[best]) > _right(spans, found):
            found, others = others[best], {}
            report.counts[f"documents with offsets in {best}"] += 1
    for number, place in enumerate(found):
        if isinstance(place, str):
            hint = _hint(spans, number, others)
            report.reject(file, place + hint, line=spans[number].line, text=_bytes(spans[number].surface))
    return [place if isinstance(place, tuple) else None for place in found]


def placed(
    text: str,
    told: Sequence[tuple[Link, str | None, int | None]],
    units: Units,
    report: Report,
    file: str,
) -> list[Link]:
    """Return the links that fit, in code points; each is told with its words and its line."""
    spans = [Span(link.start, link.end, surface, line) for link, surface, line in told]
    found = fitted(text, spans, units, report, file)
    return [
        link._replace(start=place[0], end=place[1])
        for (link, *_), place in zip(told, found, strict=True)
        if place is not None
    ]


def same(told: str, found: str) -> bool:
    """Tell whether two texts are the same but for their white space."""
    return told == found or told.split() == found.split()


def shown(text: str) -> str:
    """Quote a text for a message, on one line and not at length."""
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")


Place = tuple[int, int] | str  # a str says why it does not fit


def _places(text: str, spans: Sequence[Span], units: Units) -> list[Place]:
    """Find each span in code points, or say why it does not fit."""
    starts = code_points(text, [span.start for span in spans], units).tolist()
    ends = code_points(text, [span.end for span in spans], units).tolist()
    return [_place(text, *each, units) for each in zip(spans, starts, ends, strict=True)]


def _place(text: str, span: Span, start: int, end: int, units: Units) -> Place:
    where = f"{span.start}..{span.end}"
    if span.start < 0:
        return f"the span {where} begins before the text"
    if span.start >= span.end:
        return f"the span {where} is empty"
    if start < 0 or end < 0:
        if units == POINTS or text.isascii():
            return f"the span {where} is beyond the text, which has {len(text):,} characters"
        return f"the span {where} in {units} is beyond the text or cuts a character"
    if span.surface is not None and not same(span.surface, text[start:end]):
        return f"the span {where} is {shown(text[start:end])}, not {shown(span.surface)}"
    return start, end


def _others(text: str, spans: Sequence[Span], units: Units) -> dict[Units, list[Place]]:
    """Read the spans in the other units; there is no difference in a text that is ASCII."""
    if text.isascii():
        return {}
    wanted = (POINTS, *OTHERS) if units in OTHERS else OTHERS
    return {one: _places(text, spans, one) for one in wanted if one != units}


def _right(spans: Sequence[Span], places: Sequence[Place]) -> int:
    """Count the spans that are known to be right: by their words."""
    told = zip(spans, places, strict=True)
    return sum(isinstance(place, tuple) and bool(span.surface) for span, place in told)


def _hint(spans: Sequence[Span], number: int, others: dict[Units, list[Place]]) -> str:
    """Say which units would do for a span: by its words, else by all spans lying in the text."""
    for units, places in others.items():
        told = isinstance(places[number], tuple) if spans[number].surface else not any(
            isinstance(place, str) for place in places
        )  # fmt: skip
        if told:
            return f"; offsets look like {units}: set offsets={units}"
    return ""


def _begins(text: str, units: Units) -> Ints:
    """Return where each character begins in these units, and where the text ends."""
    if units == "bytes":
        data = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
        return np.append(np.flatnonzero((data & 0xC0) != 0x80), len(data))
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    begins = np.zeros(len(points) + 1, np.int64)
    np.cumsum(1 + (points > 0xFFFF), out=begins[1:])
    return begins


def _array(offsets: Sequence[int] | Ints) -> Ints:
    """Make an array; what no 64 bits hold is beyond any text."""
    try:
        return np.asarray(offsets, np.int64)
    except OverflowError:
        return np.asarray([one if -1 <= one < 1 << 62 else -1 for one in offsets], np.int64)


def _bytes(surface: str | None) -> bytes:
    return (surface or "").encode("utf-8", "replace")
