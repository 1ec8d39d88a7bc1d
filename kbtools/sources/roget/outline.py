"""From the lines of the text to titles, heads and paragraphs.

    %
    SECTION II. RELATION

    1. ABSOLUTE RELATION
    %

         #9. Relation. -- N. relation, bearing, reference, connection,
    concern; similarity &c. 17.
         comparison &c. 464; ratio, proportion.
         V. be related &c. adj.

A paragraph begins with an indented line and goes on over lines that are not, blank ones and page marks too.
Some lines have lost their indentation: one that begins with a part of speech, or with a small letter after a
line that ends with a full stop, begins a paragraph as well. Some editions have lost the percent signs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

HEAD = re.compile(r"\s*#\s*(\d{1,5}[a-z]?)\b\s*\.?\s*(.*)")
POS = re.compile(r"(N|V|Adj|Adv|Phr|Int|Pref|Prep|Conj|Pron)\.(?=[\s\[{\"]|$)\s*")
START = re.compile(r"\*\*\*\s*START OF")
END = re.compile(r"\*\*\*\s*END OF|\s*End of (the )?Project Gutenberg", re.IGNORECASE)
COMMENT, LONGEST_COMMENT = re.compile(r"<!?--+"), 3000

LEVELS = (
    ("class", re.compile(r"CLASS\s+([IVX]+)\b[.:]?\s*(.*)", re.IGNORECASE)),
    ("division", re.compile(r"DIVISION\s+\(?([IVX]+)\)?[.:]?\s*(.*)", re.IGNORECASE)),
    ("section", re.compile(r"SECTION\s+([IVX]+)\b[.:]?\s*(.*)", re.IGNORECASE)),
    ("", re.compile(r"\(?(\d+|[ivx]+)[.°)]+\s+(.*)")),
)
OTHER = len(LEVELS)  # the depth of a title without a number
CAPITALS = re.compile(r"\d+[.°]\s+[^a-z,;#]+|(CLASS|DIVISION|SECTION)\s+\(?[IVX]+\b.*")
LONGEST_TITLE = 200
ROMAN = {"I": 1, "V": 5, "X": 10}
SHORT = re.compile(r"(^|[\s.(&])(c|[A-Za-z]|n|v|adj|adv|phr|int|St|Mr|Mrs|Dr|etc)\.$")  # no end of a sentence


class Title(NamedTuple):
    """A title: how deep it stands, and what is unique below the title above it."""

    depth: int
    key: str
    text: str


class Head(NamedTuple):
    """A head or, without a number, a paragraph: the line where it begins, and its text."""

    line: int
    number: str
    text: str


class Outline:
    """Cuts a text up; `skip` is told of what is left out, `reject` of lines that cannot be read."""

    def __init__(self, skip: Callable[[str], None], reject: Callable[[str, int], None]) -> None:
        self.skip, self.reject = skip, reject
        self.started = False  # whether there was a head
        self._titled = False  # between percent signs
        self._titles: list[Title] = []
        self._gathered: list[str] = []
        self._begin, self._number = 0, ""
        self._blank = True

    def pieces(self, lines: list[str]) -> Iterator[Title | Head]:
        """Yield what there is, in order."""
        begin, end = _body(lines)
        for _ in filter(str.strip, [*lines[:begin], *lines[end:]]):
            self.skip("line of the header or footer")
        for number, line in enumerate(lines[begin:end], begin):
            if line and not line.isspace():
                yield from self._line(line, number)
                self._blank = False
            else:
                self._blank = True
        yield from self._flush()
        yield from self._end_titles()

    def _line(self, line: str, number: int) -> Iterator[Title | Head]:
        mark = line.strip()
        if mark.startswith("%") or (mark.endswith("%") and self._titled):
            yield from self._flush()
            self._title(mark.strip("% "))
            self._titled = not self._titled if mark.count("%") == 1 else self._titled
        elif head := HEAD.fullmatch(line) if mark.startswith("#") else None:
            yield from self._flush()
            yield from self._end_titles()
            self.started, self._titled = True, False
            self._gathered, self._begin, self._number = [head[2]], number, head[1]
        elif mark.startswith("#"):
            if mark.strip("# "):
                self.reject("no number after '#'", number)
        elif self._titled or self._is_title(mark):
            yield from self._flush()
            self._title(mark)
        elif not self.started:
            self.skip("line before the first head")
        elif not self._gathered or self._begins(line):
            yield from self._flush()
            self._gathered, self._begin, self._number = [mark], number, ""
        else:
            self._gathered.append(mark)

    def _is_title(self, mark: str) -> bool:
        """Recognise a title that has lost its percent signs."""
        if not self._blank:
            return False
        if CAPITALS.fullmatch(mark):
            return True
        if self._titles and not self._titles[-1].text:
            return True
        ended = bool(self._gathered) and self._gathered[-1].endswith(".")
        plain = mark[0].isupper() and not any(sign in mark for sign in ",;.&") and not POS.match(mark)
        return (bool(self._titles) or ended) and plain and len(mark) < LONGEST_TITLE / 3

    def _begins(self, line: str) -> bool:
        """Tell whether a line begins a paragraph."""
        if line[0].isspace() or POS.match(line):
            return True
        before = self._gathered[-1]
        return before.endswith(".") and line[0].islower() and not SHORT.search(before)

    def _flush(self) -> Iterator[Head]:
        if self._gathered:
            yield Head(self._begin, self._number, _joined(self._gathered))
        self._gathered = []

    def _title(self, text: str) -> None:
        """Note a title; one that goes on over two lines is one."""
        if not text:
            return
        for depth, (name, pattern) in enumerate(LEVELS):
            if match := pattern.fullmatch(text):
                number = str(_arabic(match[1])) if name else match[1]
                self._titles.append(
                    Title(depth, f"{name}-{number}" if name else number, match[2].strip(" ."))
                )
                return
        last = self._titles[-1] if self._titles else None
        if last and (not last.text or (not self._blank and len(last.text) < LONGEST_TITLE)):
            text = f"{last.text} {text}".strip()
            key = last.key if last.depth < OTHER else _slug(text)
            self._titles[-1] = last._replace(key=key, text=text)
        else:
            self._titles.append(Title(OTHER, _slug(text), text.strip(" .")))

    def _end_titles(self) -> Iterator[Title]:
        yield from self._titles
        self._titles = []


def lines_of(text: str) -> list[str]:
    """Return the lines of a text, comments taken out; those keep their line breaks."""
    kept: list[str] = []
    place = 0
    for match in COMMENT.finditer(text):
        if match.start() < place:
            continue
        end = text.find("-->", match.end(), match.end() + LONGEST_COMMENT)
        if end < 0:  # never closed: the rest of the line
            end = (text + "\n").index("\n", match.end()) - 3
        kept += [text[place : match.start()], "\n" * text.count("\n", match.start(), end)]
        place = end + 3
    return "".join([*kept, text[place:]]).replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _body(lines: list[str]) -> tuple[int, int]:
    """Find where the text begins and ends between what Project Gutenberg puts around it."""
    begin = next((n + 1 for n, line in enumerate(lines) if START.match(line)), 0)
    end = next((n for n, line in enumerate(lines[begin:], begin) if END.match(line)), len(lines))
    return begin, end


def _joined(lines: list[str]) -> str:
    """Join lines; a word that was hyphenated at the end of one keeps its hyphen: cousin-german."""
    parts = []
    for line in map(str.strip, lines):
        parts += [line, "" if line.endswith("-") and not line.endswith(("--", " -")) else " "]
    return " ".join("".join(parts).split())


def _arabic(roman: str) -> int:
    values = [ROMAN[letter] for letter in roman.upper()]
    return sum(-a if a < b else a for a, b in zip(values, [*values[1:], 0], strict=True))


def _slug(text: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", text.lower()))
