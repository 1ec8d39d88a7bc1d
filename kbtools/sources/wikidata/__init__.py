"""Wikidata JSON dumps: items, properties and lexemes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from kbtools.artefact import Licence, Task
from kbtools.sources.base import EXTRA, Feed, Reading


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
    prefixes: ClassVar[Sequence[str]] = ("Q", "P", "L")
    subclass_of: ClassVar[str | None] = "P279"
    settings: ClassVar[type] = Settings
    example: ClassVar[str] = """Example:
  kbtools ingest wikidata latest-all.json.gz --langs en,zh --out kb/wikidata
  kbtools ingest wikidata latest-all.json.bz2 --select 'P31/P279*:Q5 and site:enwiki' --out kb/people"""

    def plan(self, dumps: Sequence[str], settings: Settings) -> Reading:
        """Read dumps in pieces, then redirects; a rule with classes is decided when all edges are known."""
        from kbtools.kb.numbering import KEEP  # noqa: PLC0415 - pulls in pyarrow
        from kbtools.sources.wikidata.select import Chooser, Rule  # noqa: PLC0415
        from kbtools.sources.wikidata.terms import Languages  # noqa: PLC0415

        Languages(settings.langs)  # what makes no sense is refused before hours of work
        named: list[str] = []
        if settings.select:
            Chooser(settings.select)
            named = Rule(settings.select).files
        args = {
            "langs": list(settings.langs),
            "select": settings.select,
            "literals": settings.literals,
            "qualifiers": settings.qualifiers,
        }
        call = "kbtools.sources.wikidata.decode:decode"
        return Reading(
            feeds=[Feed(call=call, paths=[dump], layout="json", args=args) for dump in dumps],
            files=[*map(str, settings.redirects), *named],
            further=_redirects(settings),
            choose=_choice(settings, KEEP),
            without={name for name in ("literals", "qualifiers") if not getattr(settings, name)},
        )


def _redirects(settings: Settings) -> Task | None:
    if not settings.redirects:
        return None
    args = {"files": [str(path) for path in settings.redirects], "part": EXTRA}
    return Task(name="redirects-read", call="kbtools.sources.wikidata.merges:stage", args=args)


def _choice(settings: Settings, keep: str) -> Task | None:
    if not settings.select or "*:" not in settings.select:
        return None
    args = {"select": settings.select, "keep": keep}
    return Task(name="select", call="kbtools.sources.wikidata.select:choose", args=args)


SOURCE = Wikidata()
