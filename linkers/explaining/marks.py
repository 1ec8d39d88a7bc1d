"""A text with places marked, as HTML that holds just this text and runs nothing, whatever the text is.

Characters that browsers would drop or obey (controls, those that turn the direction of writing) are put where
they do no harm, with their names shown beside them. What HTML cannot hold at all becomes its picture: ␀, �.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;", "\r": "&#13;"}
TURNING = {
    "\u202a": "LRE", "\u202b": "RLE", "\u202c": "PDF", "\u202d": "LRO", "\u202e": "RLO", "\u2066": "LRI",
    "\u2067": "RLI", "\u2068": "FSI", "\u2069": "PDI",
}  # fmt: skip
CANNOT = {"\0": "␀"}
SPECIAL = re.compile(
    "[&<>\"'\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
UNSEEN = re.compile("[\\x00-\\x1f\\x7f-\\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


class Span(NamedTuple):
    """A place to mark."""

    start: int
    end: int
    look: str  # classes of its style
    href: str  # the id of what is said of it
    title: str


def held(text: str) -> str:
    r"""Return what of a text HTML can hold.

    >>> held("a\0b")
    'a␀b'
    """
    return re.sub("[\\x00\ud800-\udfff]", lambda found: CANNOT.get(found[0], "\ufffd"), text)


def body(text: str) -> str:
    r"""Write a text for a page, all of it.

    >>> body("<b>&\u202e")
    '&lt;b&gt;&amp;<bdi class="odd" data-c="RLO">\u202e</bdi>'
    """
    return SPECIAL.sub(_written, text)


def line(text: str) -> str:
    """Write a text in one line, for labels and attributes; what is not seen is shown by a picture."""
    return SPECIAL.sub(_written, UNSEEN.sub(_picture, text))


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


def _written(found: re.Match[str]) -> str:
    char = found[0]
    if char in ESCAPED:
        return ESCAPED[char]
    shown = held(char)
    if shown != char:
        return shown
    return f'<bdi class="odd" data-c="{_name(char)}">{char}</bdi>'


def _name(char: str) -> str:
    return TURNING.get(char) or f"U+{ord(char):04X}"


def _picture(found: re.Match[str]) -> str:
    char = found[0]
    if char in "\t\n\r":
        return " "
    if char < " ":
        return chr(0x2400 + ord(char))
    return "\ufffd" if unicodedata.category(char) in {"Cs", "Cn"} else f"[{_name(char)}]"
