"""Sentences and words by rules: spans in code points, nothing learnt, nothing looked up but short lists.

A text falls into blocks at blank lines, and at line ends that no one wrapped (see `_blocks`); a block falls
into sentences behind . ! ? … 。 and the like, with the quotes and brackets that close there. Whether a full
stop ends a sentence, the word before it and what stands behind it decide: `_ends`.

Known to be missed: a full stop without a space behind it, sentences of scripts without stops (Thai), and a
name that follows a short word like a sentence's first word does ("Acme Inc. Most agree").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from kbtools.text import CJK, _codes
from kbtools.text.abbreviations import goes_on, listed, may_go_on
from kbtools.text.words import words

__all__ = ["sentences", "words"]

Spans = NDArray[np.int32]  # [S, 2]: start and end
Places = NDArray[np.int64]

WRAPPED = range(40, 161)  # how long the longest line is where lines are wrapped: code points
WRAPPED_CJK = 20
REACH = 40  # code points before a full stop that are looked at

_LAST = 0x3001  # no white space from here on
_LF, _CR = 0x0A, 0x0D
_LINE, _PARAGRAPH = 2, 3  # kinds of white space that end one; 1: others

CLOSERS = r"""["'”’»›)\]}」』）】》〉〕］｝*_]"""
OPENERS = r"""["'“‘„‚«‹(\[{「『（【《〈¿¡`*_–—•-]"""
EMOJI = "[\u2600-\u27bf\u2b50\u2b55\U0001f000-\U0001faff]"
EXTENDING = (
    "[\u0300-\u036f\u200d\u20d0-\u20ff\ufe00-\ufe0f\U0001f3fb-\U0001f3ff]"  # of one character with these
)
LATIN = ".!?…‼⁇⁈⁉؟۔։።\u037e"  # must be followed by white space
WIDE = "。！？｡；।॥"  # need not
STOP = re.compile(
    rf"""
    (?: (?<![{LATIN}]) (?P<soft> [{LATIN}]++ ) | (?P<hard> [{WIDE}] [{WIDE}{LATIN}]*+ ) )
    {EXTENDING}*+
    (?P<close> (?: {CLOSERS} | \[\d+\] | [ ](?:''|[”»]) | [ ]?{EMOJI} {EXTENDING}*+ )*+ )
    (?P<gap> \s*+ )
    (?P<open> (?: {OPENERS} \s* )*+ )
    """.replace("[ ]", r"[\ ]"),
    re.VERBOSE,
)
SAID = re.compile(rf"(?:[^\W\d_]+\s+){{1,2}}(?:{'|'.join(sorted(listed('saying')))})\b")
SAID_CJK = re.compile("[一-鿿]{0,6}[说說问問道喊叫答](?:[，。：,:]|$)|[，、,的]")
WORD = re.compile(r"[^\W\d_]+")
BEFORE_WORD = "\"'“‘„‚«‹([{*_–-"
ACRONYM = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
LISTED = re.compile(r"(?:\d{1,3}|[ivxIVX]{1,5}|[A-Za-z])")
IN_URL = re.compile(r"(?:://|www\.)[!-~]*\Z")
HAN = re.compile(f"[{CJK}]")
BULLET = re.compile(r"(?:[-*•‣◦·]|\(?\d{1,3}[.)])\s")


def sentences(text: str, lang: str | None = None) -> Spans:
    """Return the spans of the sentences, in order: they hold all that is not white space.

    >>> text = "Dr. Li saw 3.5 km of it.  “Fine.” 他来了。她走了。"
    >>> [text[start:end] for start, end in sentences(text)]
    ['Dr. Li saw 3.5 km of it.', '“Fine.”', '他来了。', '她走了。']
    """
    codes = _codes(text)
    blocks = _blocks(text, codes)
    cuts = [cut for start, end in blocks for cut in _cuts(text, start, end, lang)]
    edges = np.unique(np.array([edge for block in blocks for edge in block] + cuts, np.int64))
    return trimmed(codes, edges[:-1], edges[1:])


def trimmed(codes: NDArray[np.uint32], starts: Places, ends: Places) -> Spans:
    """Take white space off both ends of spans; those of nothing else go."""
    solid = np.flatnonzero(_kinds()[np.minimum(codes, _LAST)] == 0)
    first, last = np.searchsorted(solid, starts), np.searchsorted(solid, ends)
    kept = first < last
    return np.stack([solid[first[kept]], solid[last[kept] - 1] + 1], axis=1).astype(np.int32)


def _blocks(text: str, codes: NDArray[np.uint32]) -> list[tuple[int, int]]:
    """Cut a text where a line ends: at blank lines, and where the line was not wrapped.

    A line is wrapped if the next word would have made it longer than the longest line of its paragraph, or if
    the next line goes on in small letters.
    """
    kinds = _kinds()[np.minimum(codes, _LAST)]
    solid = np.flatnonzero(kinds == 0)
    if not len(solid):
        return []
    ends = np.flatnonzero(kinds >= _LINE)
    ends = ends[(codes[ends] != _CR) | (np.append(codes, 0)[ends + 1] != _LF)]
    starts, ends = np.append(0, ends + 1), np.append(ends, len(codes))
    first, last = np.searchsorted(solid, starts), np.searchsorted(solid, ends)
    lines = np.flatnonzero(first < last)
    if len(lines) == 1:
        return [(0, len(codes))]
    begins, stops = solid[first[lines]], solid[last[lines] - 1] + 1
    apart = (np.diff(lines) > 1) | (kinds[ends[lines[:-1]]] == _PARAGRAPH)
    words_end = np.append(np.flatnonzero(kinds > 0), len(codes))
    word = words_end[np.searchsorted(words_end, begins)] - begins
    cut = np.append(True, apart | ~_wrapped(text, begins, stops, word, apart))
    edges = np.append(0, starts[lines][cut][1:])
    return list(zip(edges.tolist(), [*edges[1:].tolist(), len(codes)], strict=True))


def _wrapped(
    text: str, begins: Places, stops: Places, word: Places, apart: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Tell which lines, but for the last, were cut by their width or go on in small letters."""
    long = stops - begins
    paragraph = np.append(0, np.cumsum(apart))
    width = np.maximum.reduceat(long, np.append(0, np.flatnonzero(apart) + 1))[paragraph][:-1]
    heads = [text[at] for at in begins[1:].tolist()]
    tails = [text[at - 1] for at in stops[:-1].tolist()]
    han = np.array([HAN.match(head) is not None for head in heads], bool)
    small = np.array([h.islower() and t not in LATIN for h, t in zip(heads, tails, strict=True)], bool)
    item = np.array([BULLET.match(text, at) is not None for at in begins[1:].tolist()], bool)
    full = long[:-1] + np.where(han, 1, word[1:] + 1) > width
    full &= (width >= np.where(han, WRAPPED_CJK, WRAPPED.start)) & (width < WRAPPED.stop)
    return np.asarray((full | small) & ~item)


def _cuts(text: str, start: int, end: int, lang: str | None) -> Iterator[int]:
    """Yield where a sentence of a block ends and another begins."""
    since = start
    quotes, seen = 0, start
    for found in STOP.finditer(text, start, end):
        at = found.start()
        quotes += text.count('"', seen, at)
        seen = at
        cut = found.end("gap")
        if cut >= end:
            return
        opened = found["open"]
        if opened.startswith('"') and opened[1:2].isspace() and found["gap"] and quotes % 2:
            cut += 1  # a quotation mark between spaces, and one was open
        if _ends(text, found, since, end, lang):
            yield cut
            since = cut


def _ends(text: str, found: re.Match[str], since: int, end: int, lang: str | None) -> bool:
    """Tell whether a sentence ends at a stop; it began at `since`."""
    at, follows = found.start(), found.end()
    quoted = any(mark in found["close"] for mark in "\"'”’」』»")
    if found["hard"]:
        return not (quoted and not found["gap"] and SAID_CJK.match(text, follows))
    here = text[follows] if follows < end else " "
    soft = found["soft"]
    if not found["gap"]:  # 很好!下次再来 is two, 3.5 and example.com/?q are one
        wide = HAN.match(text, found.end("close")) is not None
        wide = (wide and soft[-1] in "!?") or (soft[-1] == "…" and found["open"][:1] in ("“", "「", "『"))
        return wide and not IN_URL.search(text[max(since, at - REACH) : at])
    if here.islower():
        return soft == "." and text[follows + 1 : follows + 2].isupper()  # iPhone
    begins = here.isalnum() or found["open"] != "" or here in "#@$€£%&§" or ord(here) > 0x2000
    if not begins or (quoted and SAID.match(text, follows)):
        return here == " "  # the last stop of all
    return soft != "." or _full_stop(text, at, follows, since, lang)


def _full_stop(text: str, at: int, follows: int, since: int, lang: str | None) -> bool:
    """Tell whether one full stop ends a sentence, by the words beside it."""
    reach = text[max(since, at - REACH) : at].rstrip()
    token = reach.rsplit(None, 1)[-1].rpartition("—")[2].lstrip(BEFORE_WORD) if reach else ""
    if not token:
        return True
    first = at - since < REACH and not reach[: -len(token)].strip(" \t\r\n([")
    if first and LISTED.fullmatch(token):
        return False  # "1. Introduction"
    number = token.isdigit() and len(token) <= 2 and lang == "de"  # "am 3. Oktober"
    if number or goes_on(token, text[follows : follows + 1].isdigit()):
        return False
    initial = len(token) == 1 and token.isupper()
    if initial or ACRONYM.fullmatch(token) or may_go_on(token):
        word = WORD.match(text, follows)
        return bool(word and word[0].lower() in listed("starters") and not (initial and len(word[0]) == 1))
    return True


@cache
def _kinds() -> NDArray[np.uint8]:
    """Tell which of the first code points are white space, and which end a line or a paragraph."""
    kinds = np.array([chr(code).isspace() for code in range(_LAST + 1)], np.uint8)
    kinds[[_LF, _CR, 0x0B, 0x85, 0x2028]] = _LINE
    kinds[[0x0C, 0x1C, 0x1D, 0x1E, 0x2029]] = _PARAGRAPH
    return kinds
