"""The text of a JATS article: paragraphs, and where its sections stand."""

from __future__ import annotations

from collections import Counter
from typing import Any

from kbtools.io.markup import Element

LEFT_OUT = {  # counted
    **dict.fromkeys(["table-wrap", "table-wrap-group", "table", "array"], "tables"),
    **dict.fromkeys(["fig", "fig-group", "graphic", "inline-graphic"], "figures"),
    **dict.fromkeys(["disp-formula", "disp-formula-group", "inline-formula", "tex-math", "mml:math",
                     "chem-struct-wrap", "chem-struct"], "formulas"),
    **dict.fromkeys(["supplementary-material", "inline-supplementary-material", "media"], "supplements"),
}  # fmt: skip
PASSED = {"label", "object-id", "ref-list", "ref", "fn-group", "permissions", "sec-meta", "kwd-group",
          "alt-text", "long-desc", "index-term", "x"}  # fmt: skip
BLOCKS = {"p", "sec", "title", "list", "list-item", "def-list", "def-item", "def", "term", "disp-quote",
          "boxed-text", "verse-group", "verse-line", "statement", "speech", "attrib", "preformat", "code",
          "abstract", "body", "subtitle", "speaker", "app", "glossary", "ack", "caption", "disp-formula",
          "table-wrap", "fig", "fig-group", "table-wrap-group", "disp-formula-group", "question", "answer",
          "supplementary-material", "question-wrap"}  # fmt: skip


def flat(element: Element | None, left_out: Counter[str] | None = None) -> str:
    """Return all characters in an element, white space made single spaces."""
    if element is None:
        return ""
    return " ".join("".join(_characters(element, Counter() if left_out is None else left_out)).split())


def _characters(element: Element, left_out: Counter[str]) -> list[str]:
    parts: list[str] = []
    for child in element.content:
        if isinstance(child, str):
            parts.append(child)
        elif child.tag in LEFT_OUT:
            left_out[LEFT_OUT[child.tag]] += 1
            parts.append(" ")
        elif child.tag == "break":
            parts.append(" ")
        elif child.tag not in PASSED:
            inner = _characters(child, left_out)
            parts += [" ", *inner, " "] if child.tag in BLOCKS else inner
    return parts


class Text:
    """Paragraphs one after another, parted by blank lines."""

    def __init__(self) -> None:
        self.end = 0
        self.sections: list[list[Any]] = []
        self.left_out: Counter[str] = Counter()
        self._parts: list[str] = []

    @property
    def whole(self) -> str:
        """All of it."""
        return "\n\n".join(self._parts)

    def add(self, paragraph: str) -> None:
        """Add a paragraph, if there is anything in it."""
        if paragraph:
            self.end += len(paragraph) + (2 if self._parts else 0)
            self._parts.append(paragraph)

    def section(self, element: Element, title: str | None = None) -> None:
        """Add a section with all in it, and note where it stands."""
        found = element.first("title")
        title = flat(found) or title
        place = len(self.sections)
        begin, had = self.end, bool(self._parts)
        self.walk(element)
        if self.end > begin:
            self.sections.insert(place, [begin + 2 if had else begin, self.end, title])

    def walk(self, element: Element) -> None:
        """Add what stands in an element that holds paragraphs; text between them is a paragraph as well."""
        loose: list[Element | str] = []
        for child in element.content:
            if isinstance(child, str) or child.tag not in BLOCKS:
                loose.append(child)
                continue
            self._put(loose)
            loose = []
            if child.tag in LEFT_OUT:
                self.left_out[LEFT_OUT[child.tag]] += 1
            elif child.tag in {"sec", "app", "abstract"}:
                self.section(child)
            else:
                self.walk(child)
        self._put(loose)

    def _put(self, loose: list[Element | str]) -> None:
        if not all(isinstance(one, str) and one.isspace() for one in loose):
            self.add(flat(Element("", {}, 0, 0, loose), self.left_out))
