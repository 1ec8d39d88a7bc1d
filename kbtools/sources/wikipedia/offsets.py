"""The last step: marks out, offsets of links and headings counted in code points."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from kbtools.sources.wikipedia.marks import CLOSE, HEADING, LINK, OPEN, SECTION, show

_ANCHOR = re.compile(f"{OPEN}[^{LINK}{SECTION}]*+[{LINK}{SECTION}]")  # up to the surface

# What only damaged markup leaves behind, and what stands for it.
_FLAWS = {"[": ("[[",), "]": ("]]",), "{": ("{{", "{|"), "}": ("}}",), "'": ("'''",), "<": ("<ref",)}
_MARKUP = re.compile(r"\[\[+|\]\]+|\{+\||\{\{+|\}\}+|'''+|<+ref")
_SPACE = re.compile(r"[ \n]{2,}|\A[ \n]|[ \n]\Z")


class Anchor(NamedTuple):
    """A link: what it covers of the text, and the title it leads to."""

    start: int
    end: int
    surface: str
    title: str
    kind: str  # "link"; "section" where the link leads to a part of the page


class Section(NamedTuple):
    """A heading: where its line begins in the text, and its level from 1."""

    start: int
    level: int
    title: str


def counted(marked: str) -> tuple[str, list[Anchor], list[Section]]:
    """Take the marks out and count where they stood."""
    anchors: list[Anchor] = []
    sections: list[Section] = []
    pieces: list[str] = []
    position = 0
    for number, chunk in enumerate(marked.split(HEADING)):
        before, *links = chunk.split(OPEN)
        if number:
            heading = chunk[1:].partition("\n")[0]
            sections.append(Section(position, int(before[0]), _ANCHOR.sub("", heading).replace(CLOSE, "")))
            before = before[1:]
        pieces.append(before)
        position += len(before)
        for link in links:
            inner, _, after = link.partition(CLOSE)
            title, mark, surface = inner.partition(LINK)
            kind = "link"
            if not mark:
                title, _, surface = inner.partition(SECTION)
                kind = "section"
            end = position + len(surface)
            anchors.append(Anchor(position, end, surface, title, kind))
            pieces += (surface, after)
            position = end + len(after)
    text = "".join(pieces)
    if any(flaw in text for char, flaws in _FLAWS.items() if char in text for flaw in flaws):
        text, anchors, sections = _edited(text, anchors, sections, _MARKUP, _once)
        text, anchors, sections = _edited(text, anchors, sections, _SPACE, _space)
    return _shown(text, anchors, sections)


def _once(match: re.Match[str]) -> str:
    return match[0].lstrip("<") if match[0][0] == "<" else match[0][-1]


def _space(match: re.Match[str]) -> str:
    if match.start() == 0 or match.end() == len(match.string):
        return ""
    return "\n" * min(2, match[0].count("\n")) or " "


def _edited(
    text: str,
    anchors: list[Anchor],
    sections: list[Section],
    pattern: re.Pattern[str],
    instead: Callable[[re.Match[str]], str],
) -> tuple[str, list[Anchor], list[Section]]:
    """Replace matches, and move what stood behind or within them."""
    edits = [(match.start(), match.end(), instead(match)) for match in pattern.finditer(text)]
    if not edits:
        return text, anchors, sections
    pieces: list[str] = []
    moved: dict[int, int] = {}
    wanted = sorted(
        {a.start for a in anchors} | {a.end for a in anchors} | {s.start for s in sections}, reverse=True
    )
    done = length = 0
    for start, end, new in [*edits, (len(text), len(text), "")]:
        while wanted and wanted[-1] <= start:
            place = wanted.pop()
            moved[place] = length + place - done
        pieces += (text[done:start], new)
        length += start - done + len(new)
        while wanted and wanted[-1] < end:
            moved[wanted.pop()] = length
        done = end
    text = "".join(pieces)
    moved_anchors = [_trimmed(text, moved[anchor.start], moved[anchor.end], anchor) for anchor in anchors]
    moved_sections = [
        Section(at, level, text[at : end if (end := text.find("\n", at)) >= 0 else None])
        for at, level in ((moved[section.start], section.level) for section in sections)
    ]
    return text, [anchor for anchor in moved_anchors if anchor.surface], moved_sections


def _trimmed(text: str, start: int, end: int, anchor: Anchor) -> Anchor:
    surface = text[start:end]
    start += len(surface) - len(surface.lstrip())
    surface = surface.strip()
    return Anchor(start, start + len(surface), surface, anchor.title, anchor.kind)


def _shown(
    text: str, anchors: list[Anchor], sections: list[Section]
) -> tuple[str, list[Anchor], list[Section]]:
    """Bring back what was hidden as literal: one character for one, so offsets stay."""
    shown = show(text)
    if shown is text:
        return text, anchors, sections
    return (
        shown,
        [anchor._replace(surface=shown[anchor.start : anchor.end]) for anchor in anchors],
        [section._replace(title=show(section.title)) for section in sections],
    )
