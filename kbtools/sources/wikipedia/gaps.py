"""Mending text around what was left out.

"( ; born 1815)" becomes "(born 1815)", and no blank is left before a full stop.

Only the surroundings of CUT marks change: what an author wrote elsewhere stays as it is.
"""

from __future__ import annotations

import re

from kbtools.sources.wikipedia.marks import CUT, NOTHING

_HOLE = re.compile(rf"{CUT}(?:[ ,;:、，；]*+{CUT})*+")
_TARGET = re.compile(rf"\[\[[^\[\]|\n{CUT}]*+{CUT}[^\[\]|\n]*+")
_SEPARATORS = ",;:、，；：–—-"
_BLANK_OR_SEPARATOR = " " + _SEPARATORS
_PAIRS = {
    "(": ")",
    "（": "）",
    "[": "]",
    "„": "“",
    "“": "”",
    "«": "»",
    "「": "」",
    "『": "』",
    "【": "】",
    "《": "》",
}
_CLOSING = frozenset(")）")
_NO_BLANK_BEFORE = frozenset(".,;:!?)]，。、；：！？）％%")
_LIST = "*#:; "
FAR = (
    64  # characters before a hole that may change because of it: looking at all of them takes quadratic time
)


def mended(text: str) -> str:
    """Remove CUT marks, and what makes no sense without what was there."""
    if CUT not in text:
        return text
    if "[[" in text:
        text = _TARGET.sub("[[", text)  # a link whose target is not known
    pieces: list[str] = []
    done = 0
    for hole in _HOLE.finditer(text):
        start, end = hole.span()
        if start < done:
            continue
        before = text[done:start]
        if not before and pieces:
            before = pieces.pop()
        elif len(before) > FAR:
            pieces.append(before[:-FAR])
            before = before[-FAR:]
        before, done = _join(before, text, end, hole[0])
        pieces.append(before)
        if text[done : done + 1].isalpha() and (before[-1:].isalpha() or before.endswith("]]")):
            pieces[-1] += NOTHING  # the letters after the hole are not those after a link
    pieces.append(text[done:])
    return "".join(pieces)


def _join(before: str, text: str, end: int, hole: str) -> tuple[str, int]:
    """Return the text before a hole, and where the text after it begins."""
    bare = before.rstrip(" ")
    after = end
    length = len(text)
    while after < length and text[after] == " ":
        after += 1
    last = bare[-1:]
    following = text[after : after + 1]
    while following and _PAIRS.get(last) == following:  # nothing is left in brackets
        bare = before = bare[:-1]
        hole = ""
        end = after = after + 1
        if before[-1:] == " " or not before:
            bare = before.rstrip(" ")
            while after < length and text[after] == " ":
                after += 1
        last = bare[-1:]
        following = text[after : after + 1]
    if bare.rstrip(_LIST)[-1:] in ("", "\n"):
        return _line_start(bare, text, after)
    if last in "(（":
        while after < length and text[after] in _BLANK_OR_SEPARATOR:
            after += 1
        return bare, after
    if following in _CLOSING:
        return bare.rstrip(_BLANK_OR_SEPARATOR), after
    return _within(before, bare, text, (end, after), hole)


def _line_start(bare: str, text: str, after: int) -> tuple[str, int]:
    """Drop the separators after a hole at the start of a line, and the marks of a list item without more."""
    length = len(text)
    while after < length and text[after] in " .,;:、，。；–—-":
        after += 1
    if text[after : after + 1] in ("", "\n"):
        bare = bare.rstrip(_LIST)
    return bare, after


def _within(before: str, bare: str, text: str, ends: tuple[int, int], hole: str) -> tuple[str, int]:
    """Leave one separator and one blank of those on both sides of a hole in a sentence, and in it."""
    end, after = ends
    following = text[after : after + 1]
    if following in ("", "\n"):
        return bare, after
    if bare[-1] in ",;:、，；" and following in ",;:、，；.。":
        return bare.rstrip(_BLANK_OR_SEPARATOR), after
    punctuation = following in _NO_BLANK_BEFORE
    if text.startswith("]]", after):
        beyond = text[after + 2 : after + 3]
        punctuation = not beyond.strip() or beyond in _NO_BLANK_BEFORE
    separator = hole.strip(CUT + " ")[:1] or (" " if " " in hole and end == after else "")
    right = text[after + 2 : after + 3] if text.startswith("[[", after) else following
    if _without_blanks(bare.rstrip("]")[-1:]) and _without_blanks(right):
        return bare if punctuation else bare + separator.strip(), after
    if separator and not punctuation:
        return bare + separator, end
    if before != bare:
        return bare if punctuation and end == after else before, after
    return before, after if following in ".," else end


def _without_blanks(char: str) -> bool:
    """Tell whether a character, or punctuation mark, is of a script that puts no blanks between words."""
    return "\u2e80" <= char < "\uac00" or "\uf900" <= char <= "\uffef" or char >= "\U00020000"
