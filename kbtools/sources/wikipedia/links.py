"""Links: [[target|surface]] and the letters after it become OPEN title LINK surface CLOSE.

Links to files, with their captions, to categories and to other languages leave no text. Files may hold links
in their captions, so links are read from the inside out: a few rounds, each linear in the length of the text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

from kbtools.sources.wikipedia.marks import BREAK, CLOSE, LINK, OPEN, SECTION, show
from kbtools.sources.wikipedia.site import (
    CATEGORY,
    FILE,
    INTERWIKI,
    LANGUAGE,
    MAIN,
    MEDIA,
    SPECIAL,
    Site,
)

_SILENT = {FILE: "files", CATEGORY: "categories", LANGUAGE: "links to other languages"}
_NO_PAGE = frozenset({LANGUAGE, INTERWIKI, MEDIA, SPECIAL})

MOST_NESTED = 4
MOST_REMEMBERED = 1 << 16
LONGEST_TITLE = 255  # bytes
_INNERMOST = (
    r"\[\[([^\[\]|\n]*+)(?:\|((?:[^\[\]]++|\[(?!\[)[^\[\]]*+\](?!\](?!\]))|\[(?!\[)|\](?!\]))*+))?+\]\]"
)
_LEFT_OPEN = re.compile(rf"\[\[(?:[^\[\]|\n{OPEN}{CLOSE}]*+\|)*+")
_NO_TITLE = re.compile("[<>{}\\[\\]|\x01-\x08\n]")
_BRACKETS = re.compile(r" *+(?:\([^()]*\)|（[^（）]*）)$")
_COMMA = re.compile("[,，、].*")


class Target(NamedTuple):
    """What a link's target comes to."""

    mark: str  # LINK or SECTION; "" where only the text stays
    title: str
    shown: str  # where the link has no text of its own
    counted: str  # as what it is counted if it leaves no text


class Links:
    """Reads the links of one wiki; remembers the targets seen lately."""

    def __init__(self, site: Site) -> None:
        self.site = site
        trail = f"((?:{site.link_trail.pattern})?+)" if site.link_trail else "()"
        self._link = re.compile(_INNERMOST + trail)
        self._known: dict[str, Target] = {}

    def mark(self, text: str, counts: Counter[str], categories: list[str]) -> str:
        """Turn links into marks; what they count and categorise goes to the other two."""
        if "[[" not in text:
            return text.replace("]]", "") if "]]" in text else text
        replace = self._replacement(counts, categories)
        for _ in range(MOST_NESTED):
            text, found = self._link.subn(replace, text)
            if not found or "[[" not in text:
                break
        if "[[" in text:
            text = _LEFT_OPEN.sub("", text)
        return text.replace("]]", "") if "]]" in text else text

    def _replacement(self, counts: Counter[str], categories: list[str]) -> Callable[[re.Match[str]], str]:
        known = self._known
        prefixes = self.site.numbers

        def replace(match: re.Match[str]) -> str:
            target, label, trail = match.groups()
            found = known.get(target)
            if found is None:
                found = self._remember(target)
            mark, title, shown, counted = found
            if counted:
                counts[counted] += 1
                if counted == "categories":
                    categories.append(title)
                return trail
            if label is None:
                surface = shown + trail
            elif label:
                surface = label + trail
            else:
                surface = _without_context(shown, prefixes) + trail
            if not mark:
                return surface
            if OPEN in surface:  # a link within a link: the inner one counts
                return surface
            if "\n" in surface or BREAK in surface:
                surface = " ".join(surface.replace(BREAK, " ").split())
            bare = surface.strip()
            if not bare:
                return surface
            marked = f"{OPEN}{title}{mark}{bare}{CLOSE}"
            return marked if bare == surface else surface.replace(bare, marked, 1)

        return replace

    def _remember(self, target: str) -> Target:
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        found = self._known[target] = self._read(target)
        return found

    def _read(self, target: str) -> Target:
        """Tell what a link's target means."""
        if len(target) <= LONGEST_TITLE and (simple := self.site.simple(target)):
            return Target(LINK, simple, target, "")
        written = (target if target.isprintable() else show(target)).strip()
        if written.startswith("#") or _NO_TITLE.search(written):
            return _text_only(target)
        number, title = self.site.split(written)
        if number in _SILENT and not written.startswith(":"):
            return Target("", title, "", _SILENT[number])
        full = title if number == MAIN else self.site.full(number, title)
        if number in _NO_PAGE or not title or len(full.encode()) > LONGEST_TITLE:
            return _text_only(target)
        return Target(SECTION if "#" in written else LINK, full, _shown(target), "")


def _text_only(target: str) -> Target:
    return Target("", "", _shown(target), "")


def _shown(target: str) -> str:
    return target.strip().removeprefix(":").strip()


def _without_context(title: str, prefixes: Mapping[str, int]) -> str:
    """Return what [[title|]] shows: no namespace, no brackets or part after a comma.

    >>> _without_context("Help:Paris (Texas)", {"help": 12}), _without_context("Paris, Texas", {})
    ('Paris', 'Paris')
    """
    prefix, colon, rest = title.partition(":")
    if colon and prefix.strip().lower() in prefixes:
        title = rest.strip() or title
    bare = _BRACKETS.sub("", title)
    if bare == title:
        bare = _COMMA.sub("", title)
    return bare or title
