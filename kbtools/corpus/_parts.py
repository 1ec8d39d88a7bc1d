"""Mentions that may stand in several parts ("breast … cancer"): from the first to the last, `extra.parts`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from kbtools.corpus._offsets import Span, Units, fitted, same, shown
from kbtools.corpus.base import Report


class Told(NamedTuple):
    """A mention as a corpus tells it: parts as start and end, which is exclusive."""

    parts: Sequence[tuple[int, int]]
    surface: str | None = None  # of several parts: put together with spaces
    line: int | None = None


class Place(NamedTuple):
    """Where it stands, in code points; `extra` has the parts if there are several."""

    start: int
    end: int
    extra: dict[str, Any]


def placed(
    text: str, mentions: Sequence[Told], units: Units, report: Report, file: str
) -> list[Place | None]:
    """Find mentions in their text; None for one that does not fit, which goes to `report`."""
    spans = [
        Span(start, end, one.surface if len(one.parts) == 1 else None, one.line)
        for one in mentions
        for start, end in one.parts
    ]
    found = iter(fitted(text, spans, units, report, file))
    return [_place(text, one, [next(found) for _ in one.parts], report, file) for one in mentions]


def _place(
    text: str, one: Told, parts: list[tuple[int, int] | None], report: Report, file: str
) -> Place | None:
    told = sorted({part for part in parts if part})
    if not parts:
        report.reject(file, "a mention without a place", line=one.line, text=(one.surface or "").encode())
    if not told or None in parts:
        return None
    start, end = told[0][0], max(end for _, end in told)
    if len(told) == 1:
        return Place(start, end, {})
    words = " ".join(text[begin:stop] for begin, stop in told)
    # some write the words between the parts, too; all that is known then is that nothing else is meant
    if one.surface is not None and not (same(one.surface, words) or same(one.surface, text[start:end])):
        what = f"the parts {told[0][0]}..{told[-1][1]} are {shown(words)}, not {shown(one.surface)}"
        report.reject(file, what, line=one.line, text=one.surface.encode("utf-8", "replace"))
        return None
    return Place(start, end, {"parts": [list(part) for part in told]})
