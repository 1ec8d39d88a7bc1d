"""Text from tokens: with the spaces that people write, or with one between any two tokens.

Corpora that are lists of tokens have lost them. They are put back as nearly all texts have them: none before
a comma or `'s`, none after an opening bracket; quotation marks open and close in turn, sentence by sentence.
Between Chinese or Japanese characters there are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

CLOSING = {*",.;:!?)]}%…”’»", "...", "''", "-RRB-", "-RSB-", "-RCB-"}
OPENING = {*"([{“‘«„", "``", "-LRB-", "-LSB-", "-LCB-"}
MONEY = {"$", "£", "€", "¥", "US$", "C$", "A$", "HK$"}  # written before numbers
QUOTES = {'"', "'"}
CONTRACTED = {"s", "t", "d", "m", "ll", "re", "ve"}  # after an apostrophe that is a token by itself
_TAIL = re.compile(r"(?:n['’]t|['’](?:s|t|d|m|ll|re|ve|em)?)", re.IGNORECASE)
_EAST = "\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
_EASTERN_END, _EASTERN_START = re.compile(f"[{_EAST}]$"), re.compile(f"[{_EAST}]")

Places = list[tuple[int, int]]


class Laid(NamedTuple):
    """A text, and where its tokens and sentences are in it."""

    text: str
    tokens: Places
    sentences: Places


def laid(sentences: Iterable[Sequence[str]], *, plain: bool = False, between: str = "\n") -> Laid:
    r"""Make a text of sentences; `plain` puts one space between any two tokens.

    >>> laid([["He", "said", '"', "it", "'s", "(", "$", "5", ")", '"', "."]]).text
    'He said "it\'s ($5)".'
    """
    parts: list[str] = []
    tokens: Places = []
    bounds: Places = []
    at = 0
    for sentence in sentences:
        if not sentence:
            continue
        if bounds:
            parts.append(between)
            at += len(between)
        begin = at
        gaps = [True] * len(sentence) if plain else spaces(sentence)
        for number, token in enumerate(sentence):
            if number and gaps[number]:
                parts.append(" ")
                at += 1
            parts.append(token)
            tokens.append((at, at + len(token)))
            at += len(token)
        bounds.append((begin, at))
    return Laid("".join(parts), tokens, bounds)


def spaces(sentence: Sequence[str]) -> list[bool]:
    """Tell for each token of a sentence whether a space stands before it."""
    found = []
    inside: set[str] = set()  # marks that are open
    glue = True  # to the token before
    for number, word in enumerate(sentence):
        before = sentence[number - 1] if number else ""
        after = sentence[number + 1] if number + 1 < len(sentence) else ""
        space, glue_next = not glue, False
        if word in QUOTES or (word == "’" and after.lower() in CONTRACTED):
            side = _side(word, before, after, inside)
            if side == "open":
                inside.add(word)
                glue_next = True
            else:
                space = False
                if side == "close":
                    inside.discard(word)
                else:
                    glue_next = True
        elif word in CLOSING or _TAIL.fullmatch(word):
            space = False
        elif word in OPENING or (word in MONEY and after[:1].isdigit()):
            glue_next = True
        elif before and _EASTERN_START.match(word) and _EASTERN_END.search(before):
            space = False
        found.append(space)
        glue = glue_next
    return found


def _side(mark: str, before: str, after: str, inside: set[str]) -> str:
    """Say what a mark is that does not tell: open, close, or an apostrophe within a word."""
    if mark != '"':
        letter = before[-1:].isalnum()
        if letter and after.lower() in CONTRACTED:
            return "within"
        if letter and mark not in inside and before[-1:] in "sS":
            return "close"  # of players'
    return "close" if mark in inside else "open"
