"""The characters that stand in for markup while a page is cleaned.

All are control characters that XML forbids, so no page contains them; `prepared` removes them if one does.
"""

from __future__ import annotations

import re

CUT = "\x01"  # something was left out here: what stood around it may need mending
OPEN, LINK, SECTION, CLOSE = "\x02", "\x04", "\x05", "\x03"  # OPEN title LINK-or-SECTION surface CLOSE
BREAK = "\x06"  # a new line within a paragraph, list item or heading
HEADING = "\x07"  # at the start of a heading's line, before the digit of its level
NOTHING = "\x08"  # keeps apart what would otherwise be read together

# What an author wrote as text although it looks like markup: <nowiki>[</nowiki>, &#91;
_LITERAL = dict(zip("[]{}<>|'=*#:;&", map(chr, range(0x0E, 0x1C)), strict=True)) | {"-": "\x80", "_": "\x81"}
_HIDE = str.maketrans(_LITERAL)
_SHOW = str.maketrans({mark: char for char, mark in _LITERAL.items()})
_FORBIDDEN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_BLANKS = re.compile("[\t\x0b\x0c\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f]")
_UNUSUAL = re.compile(f"{_FORBIDDEN.pattern[:-1]}{_BLANKS.pattern[1:]}")


def prepared(wikitext: str) -> str:
    """Return a page with one kind of line end, one kind of blank, and none of our marks."""
    if "\r" in wikitext:
        wikitext = wikitext.replace("\r\n", "\n").replace("\r", "\n")
    if _UNUSUAL.search(wikitext):
        return _BLANKS.sub(" ", _FORBIDDEN.sub("", wikitext))
    return wikitext


def hide(literal: str) -> str:
    """Turn text into what no later step takes for markup."""
    return literal.translate(_HIDE)


def show(text: str) -> str:
    """Undo `hide`."""
    return text.translate(_SHOW) if any(map(text.__contains__, _LITERAL.values())) else text
