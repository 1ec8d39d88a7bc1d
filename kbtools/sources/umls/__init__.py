"""UMLS Metathesaurus: the RRF folder of a release or subset, with its semantic network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from kbtools.artefact import Licence
from kbtools.sources.base import Reading
from kbtools.sources.umls.settings import Settings


class Umls:
    """Some two hundred medical vocabularies, their names gathered into concepts."""

    licence: ClassVar[Licence] = Licence(
        source="UMLS",
        licence="UMLS Metathesaurus License",
        attribution="Unified Medical Language System, U.S. National Library of Medicine",
        redistribute="ask",
    )
    prefixes: ClassVar[Sequence[str]] = ()
    subclass_of: ClassVar[str | None] = "isa"
    settings: ClassVar[type] = Settings
    example: ClassVar[str] = """Example:
  kbtools ingest umls 2024AA/META --out kb/umls
  kbtools ingest umls 2024AA/META --sab SNOMEDCT_US,RXNORM --types DISO,CHEM --out kb/clinical
  kbtools ingest umls 2024AA/META --max-srl 0 --langs all --out kb/shareable"""

    def plan(self, dumps: Sequence[str], settings: Settings) -> Reading:
        """Look at the folder, and give each file to its reader."""
        from kbtools.sources.umls.planning import plan  # noqa: PLC0415 - opens files, needs zstandard

        return plan(dumps, settings)


__all__ = ["SOURCE", "Settings"]

SOURCE = Umls()
