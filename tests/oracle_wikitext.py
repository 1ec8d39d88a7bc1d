"""A slow reading of well-formed wikitext, by recursion and a character at a time: what the fast one must say.

It knows words, blanks, bold, links with trails, files, templates, comments and footnotes; nothing left open.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Char(NamedTuple):
    """A character of the text, and the link that it is in: a number and a target."""

    char: str
    link: tuple[int, str] | None = None


class Parser:
    """Recursive descent; `position` is where the next character is read."""

    def __init__(self, wikitext: str) -> None:
        self.wikitext = wikitext
        self.position = 0
        self.number = 0

    def ahead(self, *starts: str) -> bool:
        return self.wikitext.startswith(starts, self.position)

    def skip(self, end: str) -> str:
        found = self.wikitext.index(end, self.position)
        text = self.wikitext[self.position : found]
        self.position = found + len(end)
        return text

    def until(self, *ends: str) -> list[Char]:
        """Read up to one of `ends`, or the end of the page."""
        chars: list[Char] = []
        while self.position < len(self.wikitext) and not self.ahead(*ends):
            if self.ahead("[["):
                chars += self.link()
            elif self.ahead("{{"):
                self.template()
            elif self.ahead("<ref>"):
                self.skip("</ref>")
            elif self.ahead("'''"):
                self.position += 3
            else:
                chars.append(Char(self.wikitext[self.position]))
                self.position += 1
        return chars

    def template(self) -> None:
        self.position += 2
        while not self.ahead("}}"):
            if self.ahead("{{"):
                self.template()
            else:
                self.position += 1
        self.position += 2

    def link(self) -> list[Char]:
        self.position += 2
        self.number += 1
        number = self.number
        target = "".join(char for char, _ in self.until("|", "]]"))
        file = target.startswith("File:")
        surface = [Char(char) for char in target]
        while self.ahead("|"):
            self.position += 1
            surface = self.until("|", "]]")
        self.position += 2
        if file:
            return []
        while self.position < len(self.wikitext) and "a" <= self.wikitext[self.position] <= "z":
            surface.append(Char(self.wikitext[self.position]))
            self.position += 1
        text = _text(surface)
        first, last = len(text) - len(text.lstrip()), len(text.rstrip())  # blanks at the ends are outside
        title = target[:1].upper() + target[1:]
        return [
            Char(char, (number, title) if first <= i < last else None) for i, (char, _) in enumerate(surface)
        ]


def _text(chars: list[Char]) -> str:
    return "".join(char.char for char in chars)


def read(line: str) -> tuple[str, list[tuple[int, int, str]]]:
    """Return the text of one line, and start, end and title of each link in it."""
    chars: list[Char] = []
    for char in Parser(re.sub("<!--.*?-->", "", line)).until("\0"):
        if char.char != " " or (chars and chars[-1].char != " "):
            chars.append(char)
    while chars and chars[-1].char == " ":
        chars.pop()
    places: dict[tuple[int, str], list[int]] = {}
    for place, char in enumerate(chars):
        if char.link:
            places.setdefault(char.link, []).append(place)
    links = [(found[0], found[-1] + 1, title) for (_, title), found in places.items()]
    return _text(chars), sorted(links)
