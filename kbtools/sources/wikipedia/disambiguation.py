"""Disambiguation pages: how they are told, and what they say.

A page is one if it says __DISAMBIG__, uses a template that its language has for the purpose, or has a title
like "Mercury (disambiguation)". What it says: its title may mean the first link of each of its list items.
"""

from __future__ import annotations

import re

from kbtools.sources.wikipedia.site import MAIN, Site, words

_BRACKET = re.compile(r"^(.*\S)\s*[(（]([^()（）]*)[)）]$", re.DOTALL)
_TEMPLATE = re.compile(r"\{\{\s*+([^{}|\n<]{1,80}+)")
_ITEM = re.compile(r"^[*#;:]++[^\n]*?\[\[\s*([^\[\]|\n#]+)", re.MULTILINE)


def without_bracket(title: str) -> str:
    """Return a title without the bracket that tells it from others.

    >>> [without_bracket(title) for title in ("Apple (fruit)", "苹果（公司）", "(What's the Story)")]
    ['Apple', '苹果', "(What's the Story)"]
    """
    found = _BRACKET.match(title)
    return found[1] if found else title


def is_disambiguation(title: str, wikitext: str, site: Site) -> bool:
    """Tell whether a page only lists what its title may mean."""
    bracket = _BRACKET.match(title)
    if bracket and bracket[2].strip().lower() in words().brackets:
        return True
    if "__DISAMBIG__" in wikitext:
        return True
    used = (name.strip().replace("_", " ").lower() for name in _TEMPLATE.findall(wikitext))
    return not site.disambiguation.isdisjoint(used)


def meanings(wikitext: str, site: Site) -> list[str]:
    r"""Return the first link of each list item, each once.

    >>> text = "'''A''' may be:\n* [[B (x)|B]], see [[C]]\n* the [[d]]\n* [[:File:E.png]]\nNo [[F]]"
    >>> meanings(text, Site(lang="en", dbname="enwiki"))
    ['B (x)', 'D']
    """
    found = (site.split(target) for target in _ITEM.findall(wikitext))
    return list(dict.fromkeys(title for number, title in found if number == MAIN and title))
