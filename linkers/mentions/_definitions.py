"""Definitions of short forms in running text: "World Health Organization (WHO)".

Which words are the long form is told by the letters: from right to left, each letter or digit of the short
form is found in the long one, the first of them at the beginning of a word (A. Schwartz and M. Hearst, "A
simple algorithm for identifying abbreviation definitions in biomedical text", PSB 2003). In scripts without
spaces each character begins a word, and two count as one where words are counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from kbtools.text import CJK

MOST, FEWEST = 10, 2  # characters of a short form
LONGEST = 400  # characters of a long form: more than ten words in any language
HAN = re.compile(f"[{CJK}]")
BRACKET = re.compile(rf"[(（]([^()（）\n]{{{FEWEST},{LONGEST}}})[)）]")
LEAD = re.compile(  # what introduces a name in brackets
    r"(?:(?:hereafter|hereinafter|henceforth|abbreviated|also known as|known as|short for|or|i\.e\.,?)\s+"
    r"(?:as\s+)?|(?:以下)?(?:又|下|亦)?(?:简称|簡稱|称为|稱為|称|稱|全称|全稱)[为為作]?|"
    r"(?:英文|英语|英語)?(?:缩写|縮寫|名称|名稱)?[为為作]?(?<=[文语語写寫称稱为為作]))\s*[:：]?\s*",
    re.IGNORECASE,
)
QUOTES = "\"'“”‘’「」『』«» \t\u00a0"
PARTS = re.compile(r"\s*(?:[;，；、]|,(?=\s))\s*")  # 1,2-DCE is one word
SENTENCE = re.compile(r"[\n。！？；]|(?<![A-Z])[.!?]\s+(?=[^a-z\s])|;\s")
WORD = re.compile(rf"[{CJK}]|[^\s\-‐‑–{CJK}]+")
Span = tuple[int, int]


class Pair(NamedTuple):
    """A definition: where the short form stands, and where the long one; both lie in one sentence."""

    short: Span
    long: Span


class Open(NamedTuple):
    """A short form and a name in another script: the letters do not tell where that begins."""

    short: Span
    end: int  # of the name


def pairs(text: str) -> list[Pair]:
    """Return the definitions in a text, in order.

    >>> [(text[slice(*pair.short)], text[slice(*pair.long)]) for text in ["the heat shock factor (HSF) is"]
    ...  for pair in pairs(text)]
    [('HSF', 'heat shock factor')]
    """
    return [pair for pair in definitions(text) if isinstance(pair, Pair)]


def aligned(short: str, before: str) -> int | None:
    """Return where in `before`, which ends with it, the long form of `short` begins; None: it has none."""
    letters = [letter for letter in short.lower() if letter.isalnum()]
    low = before.lower()
    if len(low) != len(before):  # İ has two characters in lower case
        low = "".join(letter.lower()[0] for letter in before)
    at = len(low)
    for place, letter in enumerate(reversed(letters)):
        at = low.rfind(letter, 0, at)
        while place == len(letters) - 1 and at > 0 and not _begins(low, at):
            at = low.rfind(letter, 0, at)
        if at < 0:
            return None
    at = _word_start(low, at)
    return at if _fits(short, before[at:], len(letters)) else None


def _fits(short: str, long: str, letters: int) -> bool:
    """Tell whether a long form is longer than its short form, and yet not too long."""
    words = WORD.findall(long)
    count = len(words) - sum(1 for word in words if HAN.match(word)) / 2
    itself = re.search(rf"(?<!\w){re.escape(short)}(?!\w)", long)
    return len(long) > len(short) and count <= min(letters + 5, 2 * letters) and not itself


def is_short(text: str) -> bool:
    """Tell whether a string may be a short form: 2 to 10 characters, two words at most, with a letter."""
    return (
        FEWEST <= len(text) <= MOST
        and text[0].isalnum()
        and len(text.split()) <= 2
        and any(letter.isalpha() for letter in text)
    )


def definitions(text: str) -> Iterator[Pair | Open]:
    for match in BRACKET.finditer(text):
        low, high = _trimmed(text, *match.span(1))
        if low >= high:
            continue
        parts = _parts(text, low, high)
        before = _before(text, match.start())
        found: Pair | Open | None = None
        if len(parts) > 1 and (found := _among(text, parts)):
            yield found  # （World Health Organization，WHO）
        short = found.short if found else parts[0]
        told: list[Pair | Open] = []
        if is_short(text[slice(*short)]):
            told += _ending(text, short, before)
        if not told and not found:
            told += _reversed(text, parts[0], before)
        yield from told


def _among(text: str, parts: list[Span]) -> Pair | None:
    """Look for a definition inside the brackets."""
    for one, other in pairwise(parts):
        for short, long in ((other, one), (one, other)):
            word = text[slice(*short)]
            if is_short(word) and (at := aligned(word, text[slice(*long)])) is not None:
                return Pair(short, (long[0] + at, long[1]))
    return None


def _ending(text: str, short: Span, before: Span) -> Iterator[Pair | Open]:
    """Take what stands before the bracket for the long form."""
    word, left = text[slice(*short)], text[slice(*before)]
    if (at := aligned(word, left)) is not None:
        yield Pair(short, (before[0] + at, before[1]))
    elif left and bool(HAN.match(left[-1])) and not HAN.search(word):
        yield Open(short, before[1])


def _reversed(text: str, long: Span, before: Span) -> Iterator[Pair | Open]:
    """Take what stands in the brackets for the long form of the word before them."""
    left, name = text[slice(*before)], text[slice(*long)]
    word = left.split()[-1] if left.split() else ""
    if not HAN.search(name):
        word = HAN.split(word)[-1]
    word = word.strip(QUOTES)
    if not is_short(word) or not any(letter.isupper() or HAN.match(letter) for letter in word):
        return
    begin = before[0] + left.rindex(word)
    short = (begin, begin + len(word))
    if (at := aligned(word, name)) is not None:
        yield Pair(short, (long[0] + at, long[1]))
    elif HAN.match(name[-1]) and not HAN.search(word):
        yield Open(short, long[1])


def _before(text: str, bracket: int) -> Span:
    """Return the part of the sentence before a bracket."""
    low = max(0, bracket - LONGEST)
    cuts = [match.end() for match in SENTENCE.finditer(text, low, bracket)]
    return _trimmed(text, max([low, *cuts]), bracket)


def _parts(text: str, low: int, high: int) -> list[Span]:
    """Cut what stands in brackets at commas, and drop words that only introduce a name."""
    begins = [low, *(match.end() for match in PARTS.finditer(text, low, high))]
    ends = [*(match.start() for match in PARTS.finditer(text, low, high)), high]
    found = []
    for begin, end in zip(begins, ends, strict=True):
        lead = LEAD.match(text, begin, end)
        inner = _trimmed(text, lead.end() if lead else begin, end)
        if inner[0] < inner[1]:
            found.append(inner)
    return found or [(low, high)]


def _trimmed(text: str, low: int, high: int) -> Span:
    while low < high and text[low] in QUOTES:
        low += 1
    while low < high and text[high - 1] in QUOTES:
        high -= 1
    return low, high


def _begins(text: str, at: int) -> bool:
    """Tell whether a word begins here."""
    return not text[at - 1].isalnum() or bool(HAN.match(text[at])) or bool(HAN.match(text[at - 1]))


def _word_start(text: str, at: int) -> int:
    """Return where the word with this letter begins: "anti-TNF" is one word."""
    while at > 0 and not text[at - 1].isspace() and not HAN.match(text[at]) and not HAN.match(text[at - 1]):
        at -= 1
    while at < len(text) and text[at] in QUOTES:
        at += 1
    return at
