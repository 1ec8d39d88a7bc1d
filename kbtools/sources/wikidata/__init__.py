"""Wikidata JSON dumps: items, properties and lexemes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from kbtools.artefact import Licence, Task


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What to read of the dump."""

    langs: tuple[str, ...] = field(
        default=("en",),
        metadata={"help": "Languages of names and descriptions, first choice first; 'all' is allowed."},
    )
    select: str | None = field(
        default=None,
        metadata={
            "help": "Which entities: P31/P279*:Q5, P17:Q142, has:P569, site:enwiki, lang:zh, kind:item, "
            "ids:FILE, joined by and, or, not and parentheses."
        },
    )
    redirects: tuple[Path, ...] = field(
        default=(),
        metadata={"help": "Where merged ids lead: an RDF dump, or the redirect and page tables."},
    )
    qualifiers: bool = field(default=True, metadata={"help": "Make the table of qualifiers."})
    literals: bool = field(default=True, metadata={"help": "Make the table of literals."})


class Wikidata:
    """The largest of the dumps: 1.7 TB of JSON, an entity a line."""

    licence: ClassVar[Licence] = Licence(
        source="Wikidata",
        licence="CC0-1.0",
        attribution="Wikidata (https://www.wikidata.org), structured data under CC0",
        redistribute="yes",
    )
    layout: ClassVar[str] = "json"
    prefixes: ClassVar[list[str]] = ["Q", "P", "L"]
    subclass_of: ClassVar[str | None] = "P279"
    decode: ClassVar[str] = "kbtools.sources.wikidata.decode:decode"
    settings: ClassVar[type] = Settings
    example: ClassVar[str] = """Example:
  kbtools ingest wikidata latest-all.json.gz --langs en,zh --out kb/wikidata
  kbtools ingest wikidata latest-all.json.bz2 --select 'P31/P279*:Q5 and site:enwiki' --out kb/people"""

    def options(self, settings: Settings) -> dict[str, Any]:
        """Return the arguments of the reader."""
        from kbtools.sources.wikidata.select import Chooser  # noqa: PLC0415 - pulls in pyarrow
        from kbtools.sources.wikidata.terms import Languages  # noqa: PLC0415

        Languages(settings.langs)  # what makes no sense is refused before hours of work
        if settings.select:
            Chooser(settings.select)
        return {
            "langs": list(settings.langs),
            "select": settings.select,
            "literals": settings.literals,
            "qualifiers": settings.qualifiers,
        }

    def files(self, settings: Settings) -> Sequence[str]:
        """Return the redirect files, and the files of ids that the rule names."""
        named: list[str] = []
        if settings.select:
            from kbtools.sources.wikidata.select import Rule  # noqa: PLC0415 - pulls in pyarrow

            named = Rule(settings.select).files
        return [*map(str, settings.redirects), *named]

    def further(self, settings: Settings, part: str) -> Task | None:
        """Stage the redirects."""
        if not settings.redirects:
            return None
        args = {"files": [str(path) for path in settings.redirects], "part": part}
        return Task(name="redirects-read", call="kbtools.sources.wikidata.merges:stage", args=args)

    def choose(self, settings: Settings, keep: str) -> Task | None:
        """Decide a rule with classes when all edges are known."""
        if not settings.select or "*:" not in settings.select:
            return None
        args = {"select": settings.select, "keep": keep}
        return Task(name="select", call="kbtools.sources.wikidata.select:choose", args=args)

    def without(self, settings: Settings) -> Sequence[str]:
        """Leave out what was not asked for."""
        return [name for name in ("literals", "qualifiers") if not getattr(settings, name)]


SOURCE = Wikidata()
