"""A wiki as its dump describes it: language, namespaces, and how titles are written.

Titles are normalised as MediaWiki does it: blanks for underscores, one blank in a row, character references
and %-escapes resolved, the first letter upper case where the wiki says so.
"""

from __future__ import annotations

import html
import re
import tomllib
import unicodedata
from functools import cache, cached_property
from importlib.resources import files
from urllib.parse import unquote

import msgspec

MAIN, PROJECT, FILE, TEMPLATE, CATEGORY = 0, 4, 6, 10, 14
MEDIA, SPECIAL = -2, -1
LANGUAGE, INTERWIKI = -100, -101  # not numbers of MediaWiki's: links to the same page or another elsewhere

MOST_REMEMBERED = 1 << 17
_BLANKS = re.compile("[_ \t\r\n\u00a0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
_INVISIBLE = re.compile("[\u200e\u200f\u202a-\u202e]+")
_PERCENT = re.compile("%[0-9A-Fa-f]{2}")
_SIMPLE = re.compile(r"[0-9A-Za-z(](?: ?[0-9A-Za-z(),.!?'/-]++)*+")  # as most links of most wikis are
_DOTTED = frozenset({"tr", "az", "kaa"})  # where the capital of i is İ


class Language(msgspec.Struct, frozen=True):
    """What one language has of its own."""

    namespaces: dict[str, str] = {}  # second names, by number; several are set apart by |
    link_trail: str = "a-z"
    disambiguation: list[str] = []


class Words(msgspec.Struct, frozen=True):
    """What is said in no dump: tables/wikis.toml."""

    projects: frozenset[str]
    languages: frozenset[str]
    brackets: frozenset[str]
    redirects: frozenset[str]
    canonical: dict[str, str]
    everywhere: dict[str, int]
    language: dict[str, Language]


@cache
def words() -> Words:
    """Read the table once."""
    table = tomllib.loads(files("kbtools").joinpath("tables/wikis.toml").read_text(encoding="utf-8"))
    for name in ("projects", "languages"):
        table[name] = table[name].split()
    return msgspec.convert(table, Words)


class Site(msgspec.Struct, dict=True, kw_only=True):
    """One wiki.

    >>> site = Site(lang="de", dbname="dewiki", namespaces={6: "Datei", 14: "Kategorie"})
    >>> site.split("kategorie: stadt_in__Europa"), site.split("Image:A.png"), site.split("fr:Berlin")
    ((14, 'Stadt in Europa'), (6, 'A.png'), (-100, 'fr:Berlin'))
    >>> site.split("berlin#Lage"), site.split("Terminator 2: Tag"), site.full(14, "Stadt")
    ((0, 'Berlin'), (0, 'Terminator 2: Tag'), 'Kategorie:Stadt')
    """

    lang: str
    dbname: str
    case: str = "first-letter"
    namespaces: dict[int, str] = {}
    name: str = "Wikipedia"  # of the site, which is also that of its namespace 4

    def split(self, title: str) -> tuple[int, str]:
        """Return a title's namespace and the rest of it, normalised.

        The section and a leading colon are cut off. A link to another wiki keeps its prefix; its "namespace"
        is LANGUAGE or INTERWIKI.
        """
        found = self._known.get(title)
        if found is None:
            if len(self._known) > MOST_REMEMBERED:
                self._known.clear()
            found = self._known[title] = self._split(title)
        return found

    def _split(self, title: str) -> tuple[int, str]:
        if simple := self.simple(title):
            return MAIN, simple
        title = tidy(title).removeprefix(":").strip().partition("#")[0].strip()
        before, colon, after = title.partition(":")
        if not colon:
            return MAIN, self.capitalised(title)
        prefix = before.strip().lower()
        number = self.numbers.get(prefix)
        if number is not None:
            return number, self.capitalised(after.strip())
        if prefix in words().languages and prefix != self.lang:
            return LANGUAGE, f"{prefix}:{after.strip()}"
        if prefix in words().projects or prefix == self.lang:
            return INTERWIKI, f"{prefix}:{after.strip()}"
        return MAIN, self.capitalised(title)

    def simple(self, title: str) -> str:
        """Return an article's title as the wiki writes it; "" if that takes a closer look."""
        return self.capitalised(title) if _SIMPLE.fullmatch(title) else ""

    def full(self, number: int, title: str) -> str:
        """Return a title with the name of its namespace, as this wiki writes it."""
        name = self.namespaces.get(number) or self.habits.namespaces.get(str(number), "").partition("|")[0]
        name = name or words().canonical.get(str(number), "")
        return f"{name}:{title}" if name else title

    def capitalised(self, title: str) -> str:
        """Return a title with its first letter in the case that the wiki asks for."""
        if self.case != "first-letter" or not title or title[0].isupper():
            return title
        first = title[0]
        if first == "i" and self.lang in _DOTTED:
            return "İ" + title[1:]
        upper = first.upper()
        # what becomes two letters stays, as does Georgian, which has capitals only for whole words
        return upper + title[1:] if len(upper) == 1 and not "ა" <= first <= "ჿ" else title

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Namespaces by every name that editors may write, in small letters."""
        names = {name.lower(): int(number) for number, name in words().canonical.items() if name}
        names |= words().everywhere
        for number, several in self.habits.namespaces.items():
            names |= {name.lower(): int(number) for name in several.split("|")}
        if self.name:
            names[self.name.lower()] = PROJECT
        return names | {name.lower(): number for number, name in self.namespaces.items() if name}

    @cached_property
    def link_trail(self) -> re.Pattern[str] | None:
        """What matches the letters after a link that belong to its text; None where there are none."""
        letters = self.habits.link_trail
        return re.compile(f"[{letters}]+") if letters else None

    @cached_property
    def disambiguation(self) -> frozenset[str]:
        """The templates that mark disambiguation pages, in small letters."""
        return frozenset(self.habits.disambiguation) | frozenset(words().language["en"].disambiguation)

    @cached_property
    def habits(self) -> Language:
        """What its language has of its own."""
        return words().language.get(self.base_lang) or Language()

    @cached_property
    def base_lang(self) -> str:
        """The language whose habits the wiki follows: zh for zh-yue."""
        name = {"nb": "no", "yue": "zh", "wuu": "zh", "gan": "zh", "lzh": "zh"}.get(self.lang, self.lang)
        return name if name in words().language else name.split("-")[0]

    @cached_property
    def _known(self) -> dict[str, tuple[int, str]]:
        return {}


def tidy(title: str) -> str:
    """Return a title without what MediaWiki does not tell apart.

    >>> tidy(" AT&amp;T__Park%21 ")
    'AT&T Park!'
    """
    if "&" in title:
        title = html.unescape(title)
    if "%" in title and _PERCENT.search(title):
        title = unquote(title, errors="replace")
    if not title.isascii():
        title = unicodedata.normalize("NFC", _INVISIBLE.sub("", title))
    return _BLANKS.sub(" ", title).strip()
