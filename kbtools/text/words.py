"""Words by rules: an array of kinds of characters, cut where the kind changes, and a few exceptions.

A word is letters, digits and marks; a Chinese character and any other symbol stand alone. Exceptions are
found by patterns: addresses, U.S., 1,000.5, don't, emoji of several code points.
Japanese is cut where the script changes, Thai at spaces only.
"""

from __future__ import annotations

import re
import sys
import unicodedata
import warnings
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kbtools.errors import ConfigError
from kbtools.extras import need
from kbtools.text import CJK, _codes
from kbtools.text.abbreviations import goes_on, may_go_on

Spans = NDArray[np.int32]  # [W, 2]: start and end
Style = Literal["plain", "penn"]

SPACE, LETTER, DIGIT, EXTENDS, HAN, KATAKANA, OTHER, SAME = range(8)  # SAME: a run of one of them is a word
_ALONE = np.array([kind in (HAN, OTHER) for kind in range(8)])
_WORD = np.array([kind in (LETTER, DIGIT) for kind in range(8)])
_APOSTROPHE, _DOT, _HYPHEN, _JOINER, _BREAK = 0x27, 0x2E, 0x2D, 0x200D, 0x200B
_FLAGS = np.uint32(0x1F1E6)  # the first of the letters that flags are written with

MARKED = re.compile(r"://|\bwww\.|@")  # of an address; what stands before and behind:
SCHEME, HOST = (
    re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,15}\Z"),
    re.compile(r"[!-~\xa1-\u02ff]{0,2048}[\w/#=&+-]"),
)
USER, DOMAIN = (
    re.compile(r"[A-Za-z0-9][\w.+-]{0,63}\Z", re.ASCII),
    re.compile(r"[\w-]{1,64}(?:\.[\w-]{1,64})+"),
)
ACRONYM = re.compile(r"(?<![^\W_])[^\W\d_]\.(?:[^\W\d_]\.)+(?![^\W_])")
FLAG = re.compile("[\U0001f1e6-\U0001f1ff]{2}")
# Penn Treebank: what parts from the word before it, and words that fall in two.
CLITIC = re.compile(r"(?:(?<=[^\W\d_])n['’]t|['’](?:s|m|d|re|ve|ll))(?![^\W_])", re.IGNORECASE)
MERGED = re.compile(r"\b(?:can(?=not\b)|gon(?=na\b)|got(?=ta\b)|wan(?=na\b)|gim(?=me\b)|lem(?=me\b))", re.I)


def words(
    text: str,
    lang: str | None = None,
    zh: Literal["characters", "jieba"] = "characters",
    style: Style = "plain",
) -> Spans:
    """Return the spans of the words, numbers and symbols: they hold all that is not white space.

    `plain` keeps contractions whole and parts at hyphens; `penn` parts contractions, keeps hyphens and the
    full stop of what is written short, as the Penn Treebank does. `zh` says how Chinese is cut.

    >>> text = "Mr. O'Neil's 1,000 well-known 萬里長城 aren’t…"
    >>> [text[start:end] for start, end in words(text)]  # doctest: +NORMALIZE_WHITESPACE
    ['Mr', '.', "O'Neil's", '1,000', 'well', '-', 'known', '萬', '里', '長', '城', 'aren’t', '…']
    >>> [text[start:end] for start, end in words(text, style="penn")]  # doctest: +NORMALIZE_WHITESPACE
    ['Mr.', "O'Neil", "'s", '1,000', 'well-known', '萬', '里', '長', '城', 'are', 'n’t', '…']
    """
    if zh not in ("characters", "jieba"):
        raise ConfigError(f"zh={zh!r}: Chinese is cut into characters or by jieba")
    codes = _codes(text)
    kinds, marks = _kinds(codes)
    begins = _changes(codes, kinds)
    _join(codes, kinds, begins, "'’.,:-" if style == "penn" else "'’.,:")
    _exceptions(text, codes, begins)
    if style == "penn":
        _as_penn(text, codes, begins)
    if zh == "jieba" and (kinds == HAN).any():
        _by_jieba(text, kinds, begins)
    begins[1:] &= ~marks[1:] | (kinds[:-1] == SPACE)
    places = np.flatnonzero(begins)
    solid = kinds[places] != SPACE
    ends = np.append(places[1:], len(codes))
    return np.stack([places[solid], ends[solid]], axis=1).astype(np.int32)


def _kinds(codes: NDArray[np.uint32]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return the kind of each code point, and which extend another and have its kind."""
    kinds = _table()[codes]
    marks = kinds == EXTENDS
    if marks.any():
        places = np.where(marks, 0, np.arange(len(kinds)))
        np.maximum.accumulate(places, out=places)
        kinds = kinds[places]
        kinds[(kinds == EXTENDS) | (marks & (kinds == SPACE))] = OTHER  # nothing is there to be extended
    return kinds, marks


def _changes(codes: NDArray[np.uint32], kinds: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell where words begin if there were no exceptions; a run of white space begins, too."""
    begins = np.ones(len(codes), bool)
    before, here = kinds[:-1], kinds[1:]
    begins[1:] = (before != here) & ~(_WORD[before] & _WORD[here]) | _ALONE[here]
    begins[1:] |= (here == SAME) & (codes[1:] != codes[:-1])
    begins[1:] &= (codes[:-1] != _JOINER) | (here == SPACE) | (before == SPACE)
    begins[1:] |= (codes[:-1] == _BREAK) & (here != SPACE)
    return begins


def _join(codes: NDArray[np.uint32], kinds: NDArray[np.uint8], begins: NDArray[np.bool_], inner: str) -> None:
    """Join what stands on both sides of a sign inside a word or a number: don't, 1,000.5, 10:30."""
    for sign in inner:
        places = np.flatnonzero(codes[1:-1] == ord(sign)) + 1 if len(codes) > 2 else np.empty(0, np.int64)
        left, right = kinds[places - 1], kinds[places + 1]
        if sign in "'’":
            places = places[(left == LETTER) & (right == LETTER)]
        elif sign == "-":
            places = places[_WORD[left] & _WORD[right]]
        else:
            places = places[(left == DIGIT) & (right == DIGIT)]
        begins[places] = begins[places + 1] = False


def _exceptions(text: str, codes: NDArray[np.uint32], begins: NDArray[np.bool_]) -> None:
    """Join addresses, acronyms with full stops, and flags; patterns are tried only where one may begin."""
    done = 0
    for at in _marked(codes):
        found = MARKED.match(text, at)
        if at < done or found is None:
            continue
        mail = found[0] == "@"
        before = (
            None if found[0] == "www." else (USER if mail else SCHEME).search(text[max(at - 64, done) : at])
        )
        if not before and found[0] != "www.":
            continue
        if behind := (DOMAIN if mail else HOST).match(text, found.end()):
            done = behind.end()
            _join_all(begins, at - (len(before[0]) if before else 0), done)
    done = 0
    for at in (np.flatnonzero((codes[1:-2] == _DOT) & (codes[3:] == _DOT))).tolist():
        if at >= done and (found := ACRONYM.match(text, at)):
            done = found.end()
            _join_all(begins, at, done)
    if (codes - _FLAGS < 26).any():  # what is below wraps around
        for found in FLAG.finditer(text):
            _join_all(begins, *found.span())


def _marked(codes: NDArray[np.uint32]) -> list[int]:
    """Find where `MARKED` may match: at each @, at :/, and three before the full stop of w."""
    places = np.flatnonzero((codes == ord("@")) | (codes == ord(":")) | (codes == _DOT))
    kinds = codes[places]
    colons, stops = places[kinds == ord(":")], places[kinds == _DOT]
    colons = colons[codes[np.minimum(colons + 1, len(codes) - 1)] == ord("/")]
    stops = stops[(stops >= 3) & (codes[stops - 1] == ord("w"))] - 3
    found: list[int] = np.sort(np.concatenate([places[kinds == ord("@")], colons, stops])).tolist()
    return found


def _as_penn(text: str, codes: NDArray[np.uint32], begins: NDArray[np.bool_]) -> None:
    """Part contractions; give what is written short its full stop."""
    for found in CLITIC.finditer(text):
        _join_all(begins, *found.span())
    for found in MERGED.finditer(text):
        begins[found.end()] = True
    stops = np.flatnonzero((codes == _DOT) & begins)
    places = np.flatnonzero(begins)
    for at, before in zip(stops.tolist(), np.searchsorted(places, stops).tolist(), strict=True):
        if not before:
            continue
        word = text[places[before - 1] : at]
        number = text[at + 1 : at + 3].strip()[:1].isdigit()
        if (word.isalpha() and word.isupper() and len(word) == 1) or goes_on(word, number) or may_go_on(word):
            begins[at] = False


def _join_all(begins: NDArray[np.bool_], start: int, end: int) -> None:
    """Make one word of a span."""
    begins[start] = True
    begins[start + 1 : end] = False
    begins[end : end + 1] = True


def _by_jieba(text: str, kinds: NDArray[np.uint8], begins: NDArray[np.bool_]) -> None:
    """Cut runs of Chinese characters by jieba's dictionary."""
    cut = jieba().cut
    edges = np.flatnonzero(np.diff(kinds == HAN, prepend=False, append=False))
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        lengths = [len(word) for word in cut(text[start:end])]
        begins[start:end] = False
        begins[np.cumsum([start, *lengths[:-1]])] = True


def kinds() -> NDArray[np.uint8]:
    """Return the kind of every code point."""
    return _table()


@cache
def jieba() -> Any:
    """Load jieba's dictionary; its own way would trust a file that anybody may have put into /tmp."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks setuptools for what Python has
        module = need("jieba", extra="link", why="cutting Chinese into words")
    found = module.Tokenizer()
    found.FREQ, found.total = found.gen_pfdict(found.get_dict_file())
    found.initialized = True
    return found


@cache
def _table() -> NDArray[np.uint8]:
    """Return the kind of every code point."""
    kinds = np.full(sys.maxunicode + 1, OTHER, np.uint8)
    for code in range(0x20000):  # beyond, there are Chinese characters and a few that extend others
        char = chr(code)
        kinds[code] = SPACE if char.isspace() else _OF_CATEGORY.get(unicodedata.category(char)[:1], OTHER)
    for code in (*range(0x20000), 0xE0001, *range(0xE0020, 0xE0080), *range(0xE0100, 0xE01F0)):
        if unicodedata.category(chr(code)) in ("Cf", "Nd"):
            kinds[code] = DIGIT if unicodedata.category(chr(code)) == "Nd" else EXTENDS
    kinds[0xE0100:0xE01F0] = kinds[0x1F3FB:0x1F400] = EXTENDS  # variants, tones of skin
    kinds[[code for code in range(0x2E80, 0x20000) if _HAN.match(chr(code))]] = HAN
    kinds[0x20000:0x3FFFE] = HAN
    kinds[[ord(char) for char in map(chr, range(0x30A1, 0xFF9F)) if _KATAKANA.match(char)]] = KATAKANA
    kinds[[ord(char) for char in "-–—.!?'`*=~…"]] = SAME
    kinds[ord("_")] = LETTER
    return kinds


_OF_CATEGORY = {"L": LETTER, "N": LETTER, "M": EXTENDS}
_HAN = re.compile(f"[{CJK}]")
_KATAKANA = re.compile("[ァ-ヺーｦ-ﾟㇰ-ㇿ]")
