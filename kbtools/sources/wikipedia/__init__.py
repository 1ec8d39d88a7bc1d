"""Wikipedia: the pages-articles XML dump of any language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from kbtools.artefact import Licence
from kbtools.sources.base import Reading
from kbtools.sources.wikipedia.settings import Settings


class Wikipedia:
    """Articles with their links, names, redirects and categories."""

    licence: ClassVar[Licence] = Licence(
        source="Wikipedia",
        licence="CC-BY-SA-4.0",
        attribution="Wikipedia (https://www.wikipedia.org), by its authors, under CC BY-SA 4.0",
        redistribute="yes",
    )
    prefixes: ClassVar[Sequence[str]] = ()
    subclass_of: ClassVar[str | None] = None
    settings: ClassVar[type] = Settings
    example: ClassVar[str] = """Example:
  kbtools ingest wikipedia zhwiki-latest-pages-articles-multistream.xml.bz2 --out kb/zhwiki
  kbtools ingest wikipedia enwiki-latest-pages-articles.xml.bz2 --onto kb/wikidata --out kb/enwiki"""

    def plan(self, dumps: Sequence[str], settings: Settings) -> Reading:
        """Look at the heads of the dumps; they must all be of one site."""
        from kbtools.sources.wikipedia import plan  # noqa: PLC0415 - opens files, which --help need not

        return plan.plan(dumps, settings)


SOURCE = Wikipedia()
