"""Wikitext in; text, links, headings and categories out, with exact offsets.

    prepared ▶ comments, extensions, templates, tables cut ▶ tags ▶ character references ▶ variants
             ▶ web links ▶ gaps mended ▶ bold, italic ▶ links marked ▶ lines ▶ marks out, offsets counted

All steps but the last rewrite the page as one string; links and headings travel in it between marks
(`marks.py`), so that offsets are counted once, when nothing moves any more. Every step is linear in the
length of the page whatever it holds, and nothing recurs. Templates are not expanded: what they would show is
not there.

An address that stands alone stays, as do the words of lists; text in tables, captions, galleries, footnotes
and formulas goes. A blank is the only space, and at most one blank line parts paragraphs.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

from kbtools.sources.wikipedia.dropped import without_dropped
from kbtools.sources.wikipedia.gaps import mended
from kbtools.sources.wikipedia.links import Links
from kbtools.sources.wikipedia.marks import BREAK, HEADING, NOTHING, prepared
from kbtools.sources.wikipedia.offsets import Anchor, Section, counted
from kbtools.sources.wikipedia.quotes import without_quotes
from kbtools.sources.wikipedia.site import Site
from kbtools.sources.wikipedia.tags import with_characters, without_addresses, without_tags
from kbtools.sources.wikipedia.variants import in_one_variant

_SWITCH = re.compile(r"__[^\W\da-z_]+(?:_[^\W\da-z_]+)*+__")
__all__ = ["Anchor", "Clean", "Section", "clean"]

_SEVERAL = re.compile("  +")


class Clean(NamedTuple):
    """A page as plain text, and what was known of it."""

    text: str
    anchors: list[Anchor]
    sections: list[Section]
    categories: list[str]
    counts: dict[str, int]


_links: Links | None = None  # of the wiki read last: one process reads one wiki


def clean(wikitext: str, site: Site) -> Clean:
    """Turn a page into plain text.

    >>> page = clean("'''Ada''' met [[Charles Babbage|Babbage]].", Site(lang="en", dbname="enwiki"))
    >>> page.text, page.anchors[0]
    ('Ada met Babbage.', Anchor(start=8, end=15, surface='Babbage', title='Charles Babbage', kind='link'))
    """
    global _links  # noqa: PLW0603
    if _links is None or _links.site is not site:
        _links = Links(site)
    counts: Counter[str] = Counter()
    categories: list[str] = []
    text = without_dropped(prepared(wikitext), counts)
    text = with_characters(without_tags(text))
    text = without_addresses(in_one_variant(text, site.lang))
    if "__" in text:
        text = _SWITCH.sub("", text)
    text = without_quotes(mended(text))
    text = _links.mark(text, counts, categories).replace(NOTHING, "")
    if "  " in text:
        text = _SEVERAL.sub(" ", text)
    text = _lines(text)
    text, anchors, sections = counted(text)
    return Clean(text, anchors, sections, list(dict.fromkeys(categories)), dict(counts))


def _lines(text: str) -> str:
    """Strip the marks of lists, mark headings, and leave one blank line between paragraphs."""
    lines: list[str] = []
    blank = True
    for line in text.split("\n"):
        line = line.strip()  # noqa: PLW2901
        if line and line[0] in "*#:;=-":
            if line[0] == "=":
                heading = _heading(line)
                if heading:
                    lines += [heading, ""] if blank else ["", heading, ""]
                    blank = True
                    continue
            elif line[0] != "-":
                line = line.lstrip("*#:; \u3000")  # noqa: PLW2901
            elif line.startswith("----"):
                line = line.lstrip("- \u3000")  # noqa: PLW2901
        if BREAK in line:
            line = "\n".join(filter(None, map(str.strip, line.split(BREAK))))  # noqa: PLW2901
        if line:
            lines.append(line)
            blank = False
        elif not blank:
            lines.append("")
            blank = True
    while lines and not lines[-1]:
        lines.pop()
    return "\n".join(lines)


def _heading(line: str) -> str:
    """Return a heading's text after its mark and level; "" if the line is none."""
    left = len(line) - len(line.lstrip("="))
    right = len(line) - len(line.rstrip("="))
    level = min(left, right, 6)
    title = " ".join(line[level : len(line) - level].replace(BREAK, " ").split())
    return f"{HEADING}{level}{title}" if right and left < len(line) and title else ""
