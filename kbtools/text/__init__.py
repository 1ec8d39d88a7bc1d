"""Text normalisation that keeps offsets; alias building and linking share it.

A `Form` says which differences do not matter. Four of them are the ladder on which a look-up falls back:

    EXACT    canonical composition (NFC), white space, invisible characters
    CASE     + case
    FOLDED   + NFKC (width), accents, joiners, traditional → simplified, spaces between CJK characters
    BARE     + punctuation

    text ──map each code point──▶ ──compose──▶ ──squeeze spaces──▶ normalised

1. A `_Table` maps each code point by itself: decomposed, folded, simplified, composed, until nothing changes.
2. Composing looks at a letter with what can combine with it, the only place where code points meet (neither
   NFKC nor case folding of a + b is that of a and of b). Letters shed their accents here.
3. Runs of spaces become one, those at the ends go.

Normalising twice gives what normalising once gives; canonically equivalent texts give the same.

What is lost, on purpose, and what is not:

- Accents go from Latin, Greek and Cyrillic letters only: が, 각, की and ≠ keep theirs. й, ў, ї have
  keys of their own and stay; ё, left off in print, becomes е. Hebrew points, Arabic vowel signs, tatweel go.
  A stroke is no accent in Unicode, but is left off in typing: ø đ ł ħ ŧ ı → o d l h t i; æ œ → ae oe.
- İ becomes i and a dot above (CASE), i (FOLDED). CASE leaves the iota subscript a mark; `str.casefold` makes
  it a letter, with a result that depends on the order of the marks.
- Simplifying is one character for one, OpenCC's first choice (乾 → 干 in 乾隆 too; Japanese 発 stays).
- BARE: full stops, apostrophes and asterisks vanish (U.S. → us, O'Hara → ohara, M*A*S*H → mash); # % @ stay;
  the rest parts words (Spider-Man → spider man). "!!!" becomes "": callers must expect that.
- A lone surrogate becomes U+FFFD, so that the result can be written.

On one core of a small virtual machine `normalise_many` does about 4 million surfaces of 11 ASCII characters a
second (3 if one in ten has accents), `normalise_with_offsets` 33 million characters (10 if not ASCII).
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Form:
    """Which differences between two texts do not matter."""

    invisible: bool = True  # soft hyphens, zero-width spaces, direction marks
    spaces: bool = True  # a run of Unicode white space is one space; none at the ends
    case: bool = False
    compatibility: bool = False  # NFKC: ﬁ ² ㍿ and, with them, width
    width: bool = False  # full and half width alone
    accents: bool = False
    joiners: bool = False  # zero-width (non-)joiners, variation selectors: Persian and emoji need them
    simplified: bool = False
    cjk_spaces: bool = False  # with `spaces`: none between Chinese or Japanese characters, unlike Korean
    punctuation: bool = False


EXACT = Form()
CASE = Form(case=True)
FOLDED = Form(case=True, compatibility=True, accents=True, joiners=True, simplified=True, cjk_spaces=True)
BARE = replace(FOLDED, punctuation=True)
FORMS = {"exact": EXACT, "case": CASE, "folded": FOLDED, "bare": BARE}  # from the strictest to the loosest

SEPARATOR = "\0"  # no step changes it, nothing composes with it
INVISIBLE = "[\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]"
JOINERS = "[\u200c\u200d\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]"
POINTS = "[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u0652\u0670]"
STROKES = str.maketrans(
    {**dict(zip("ØøŁłĐđÐðĦħŦŧı", "OoLlDdDdHhTti", strict=True)), "Æ": "AE", "æ": "ae", "Œ": "OE", "œ": "oe"}
)
VANISHING = "[.*'`´‘’‛′ʹʻʼʽˈ]"

# The letters that shed accents, and the blocks of marks put on them (other scripts have their own).
MARKS = "\u0300-\u036f\u0483-\u0487\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20dc\u20e1\u20e5-\u20f0\ufe20-\ufe2f"
LETTERS = (
    "A-Za-zªº\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02af\u0370-\u0481\u048a-\u052f\u1c80-\u1c8f\u1d00-\u1dbf"
    "\u1e00-\u1fff\u2c60-\u2c7f\ua640-\ua66e\ua680-\ua69d\ua722-\ua7ff"
)
MARK = re.compile(f"[{MARKS}]")

# Han with 々〇, kana with ー, bopomofo, and beyond the first plane.
CJK = (
    "々-〇〡-〩ぁ-ゖゝ-ゟァ-ヺー-\u312f\u3400-\u4dbf一-\u9fff\uf900-\ufaff𛀀-\U0001b16f\U00020000-\U0003fffd"
)
CJK_SPACE = re.compile(f"(?<=[{CJK}]) (?=[{CJK}])")


@dataclass(frozen=True, eq=False)
class Normalised:
    """A normalised text; code point i comes from `original[starts[i]:ends[i]]`."""

    text: str
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Map a span of the normalised text, not empty, to the original's.

        What was dropped at its edges stays outside; what was dropped inside is inside.
        """
        if not 0 <= start < end <= len(self.text):
            raise IndexError(f"no span {start}:{end} in a text of {len(self.text)} code points")
        return int(self.starts[start]), int(self.ends[end - 1])


def normalise(text: str, form: Form = EXACT) -> str:
    """Normalise one text.

    >>> [normalise("L’É\u200bTOILE\u00a0 du-Nord", form) for form in FORMS.values()]
    ['L’ÉTOILE du-Nord', 'l’étoile du-nord', 'l’etoile du-nord', 'letoile du nord']
    >>> normalise("萬里 長城", FOLDED)
    '万里长城'
    """
    return _squeeze(_compose(text.translate(_table(form)), form), form)


def normalise_many(texts: Sequence[str], form: Form = EXACT) -> list[str]:
    """Normalise many short texts, in order: one pass over all of them, joined.

    >>> normalise_many(["Straße", "NATO"], CASE)
    ['strasse', 'nato']
    """
    # str.translate is some twenty times as fast from ASCII to ASCII: one accent must not slow a whole batch.
    plain = iter(_normalise_joined([text for text in texts if text.isascii()], form))
    other = iter(_normalise_joined([text for text in texts if not text.isascii()], form))
    return [next(plain if text.isascii() else other) for text in texts]


def _normalise_joined(texts: list[str], form: Form) -> list[str]:
    joined = SEPARATOR.join(texts)
    if joined.count(SEPARATOR) != len(texts) - 1:  # no texts, or one that holds the separator
        return [normalise(text, form) for text in texts]
    joined = _squeeze(_compose(joined.translate(_table(form)), form), form)
    if form.spaces:
        joined = joined.replace(f" {SEPARATOR}", SEPARATOR).replace(f"{SEPARATOR} ", SEPARATOR)
    return joined.split(SEPARATOR)


def normalise_with_offsets(text: str, form: Form = EXACT) -> Normalised:
    """Normalise one text and remember where each code point comes from.

    >>> found = normalise_with_offsets("Die  Straße", CASE)
    >>> found.text, found.span(4, 10)
    ('die strasse', (5, 10))
    """
    table = _table(form)
    mapped = text.translate(table)  # which fills table.lengths for what stands in the text
    starts = np.repeat(np.arange(len(text), dtype=np.int32), table.lengths[_codes(text)])
    found = _compose_with_offsets(Normalised(mapped, starts, starts + np.int32(1)), form)
    return _squeeze_with_offsets(found, form) if form.spaces else found


def _compose(text: str, form: Form) -> str:
    """Put marks in order, take accents off, compose."""
    if form.accents and MARK.search(text):  # the table has already stripped é: only loose marks are left
        text = _accented().sub(_without_accents, unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFC", text)


@cache
def _accented() -> re.Pattern[str]:
    """Match a letter and its marks, decomposed; those of other scripts may stand between ours, and stay."""
    marks = "".join(char for char in map(chr, range(0x300, 0x20000)) if unicodedata.combining(char))
    return re.compile(f"[{LETTERS}][{marks}]+")


def _without_accents(match: re.Match[str]) -> str:
    letter = unicodedata.normalize("NFC", match.group())[0]
    return (letter if letter in "йЙўЎїЇ" else match.group()[0]) + MARK.sub("", match.group()[1:])


def _squeeze(text: str, form: Form) -> str:
    """Make one space of each run, drop those at the ends."""
    if not form.spaces:
        return text
    text = (re.sub(" {2,}", " ", text) if "  " in text else text).strip(" ")
    return CJK_SPACE.sub("", text) if form.cjk_spaces and not text.isascii() else text


def _compose_with_offsets(mapped: Normalised, form: Form) -> Normalised:
    """Compose cluster by cluster; each code point of a cluster that changes comes from the whole of it."""
    if mapped.text.isascii():
        return mapped
    text, starts, ends = mapped.text, mapped.starts.copy(), mapped.ends.copy()
    joining = _joining()
    first, last = _runs(joining[np.minimum(_codes(text), len(joining) - 1)])
    counts = np.ones(len(text), dtype=np.int64)
    parts, done = [], 0
    for low, high in zip(np.maximum(first - 1, 0).tolist(), (last + 1).tolist(), strict=True):
        after = _compose(text[low:high], form)
        if after != text[low:high]:
            starts[low:high], ends[low:high] = starts[low], ends[high - 1]
            counts[low:high] = 0
            counts[low] = len(after)
            parts += [text[done:low], after]
            done = high
    return Normalised("".join([*parts, text[done:]]), np.repeat(starts, counts), np.repeat(ends, counts))


def _squeeze_with_offsets(composed: Normalised, form: Form) -> Normalised:
    """Make one space of each run, which then comes from the whole run; drop those at the ends."""
    drop = _codes(composed.text) == ord(" ")
    first, last = _runs(drop)
    drop[first[(first > 0) & (last < len(drop) - 1)]] = False
    starts, ends = composed.starts, composed.ends.copy()
    ends[first] = ends[last]
    starts, ends, text = starts[~drop], ends[~drop], _squeeze(composed.text, replace(form, cjk_spaces=False))
    if form.cjk_spaces and (spaces := [match.start() for match in CJK_SPACE.finditer(text)]):
        starts, ends, text = np.delete(starts, spaces), np.delete(ends, spaces), CJK_SPACE.sub("", text)
    return Normalised(text, starts, ends)


class _Table(dict[int, str | None]):
    """What each code point becomes by itself, worked out when it is first met."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.lengths = np.zeros(sys.maxunicode + 1, dtype=np.uint8)  # pages never touched take no memory
        self._steps = tuple(_steps(form))

    def __missing__(self, code: int) -> str | None:
        text, before = "\ufffd" if 0xD800 <= code < 0xE000 else unicodedata.normalize("NFC", chr(code)), ""
        while text != before:  # one step may make work for an earlier one
            before = text
            for step in self._steps:
                text = step(text)
        self.lengths[code] = len(text)
        self[code] = text or None  # None and not "": it keeps str.translate on its fast path
        return self[code]


_table = cache(_Table)


def _steps(form: Form) -> Iterator[Callable[[str], str]]:
    if form.invisible:
        yield partial(re.sub, INVISIBLE, "")
    if form.joiners:
        yield partial(re.sub, JOINERS, "")
    if form.punctuation:  # before NFKD, which takes ´ for a space with an accent
        yield partial(re.sub, VANISHING, "")
    if form.width:
        yield _standard_width
    yield partial(unicodedata.normalize, "NFKD" if form.compatibility else "NFD")
    if form.punctuation:  # after it, so that ＃ stays as # does
        yield _without_punctuation
    if form.case:
        yield lambda text: "".join(char if char == "\u0345" else char.casefold() for char in text)
    if form.accents:
        yield partial(_accented().sub, _without_accents)
        yield partial(re.sub, POINTS, "")
        yield lambda text: text.translate(STROKES)
    if form.simplified:
        yield lambda text: text.translate(_traditional())
    if form.spaces:
        yield partial(re.sub, r"\s", " ")
    yield partial(unicodedata.normalize, "NFC")


def _without_punctuation(text: str) -> str:
    punctuation = {char for char in text if unicodedata.category(char)[0] == "P"} - set("#%@")
    return re.sub(VANISHING, "", text).translate({ord(char): " " for char in punctuation})


def _standard_width(text: str) -> str:
    # One step only: NFKC would take ﾡ past ㄱ, as typed, to a jamo that waits for its vowel.
    parts = ((char, unicodedata.decomposition(char).split()) for char in text)
    return "".join(chr(int(p[1], 16)) if p and p[0] in ("<wide>", "<narrow>") else char for char, p in parts)


@cache
def _traditional() -> dict[int, int]:
    table = files("kbtools").joinpath("tables/traditional_simplified.txt").read_text(encoding="utf-8")
    return str.maketrans(*(line for line in table.splitlines() if not line.startswith("#")))


@cache
def _joining() -> NDArray[np.bool_]:
    """Mark the code points that NFC may combine with the one before, or put in another order."""
    decomposed = [unicodedata.normalize("NFD", chr(code)) for code in range(0x20000)]  # none joins beyond
    later = {char for text in decomposed for char in text[1:]}
    return np.array([text[0] in later or unicodedata.combining(text[0]) > 0 for text in decomposed])


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def _runs(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Find the first and the last index of each run of True."""
    steps = np.diff(mask.astype(np.int8), prepend=0, append=0)
    return np.flatnonzero(steps == 1), np.flatnonzero(steps == -1) - 1
