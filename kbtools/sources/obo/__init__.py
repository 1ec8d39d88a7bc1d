"""OBO 1.2 and 1.4 ontologies: Gene Ontology, Disease Ontology, Human Phenotype Ontology and their like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from kbtools.artefact import Licence
from kbtools.errors import ConfigError, SourceError
from kbtools.sources.base import Feed, Reading


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What to read of an ontology."""

    obsolete: bool = field(
        default=False,
        metadata={"help": "Keep obsolete terms as entities. Else their ids lead to what replaced them."},
    )
    lang: str = field(
        default="en", metadata={"help": "The language of names and definitions; OBO does not say."}
    )


class Obo:
    """One file is one ontology; several become one base, in which each id is defined once."""

    licence: ClassVar[Licence] = Licence(
        source="OBO", licence="as the ontology says", attribution="see the ontology", redistribute="ask"
    )
    prefixes: ClassVar[Sequence[str]] = ()
    subclass_of: ClassVar[str | None] = "is_a"
    settings: ClassVar[type] = Settings
    example: ClassVar[str] = """Example:
  kbtools ingest obo go-basic.obo --out kb/go
  kbtools ingest obo doid.obo hp.obo --obsolete --name diseases --out kb/diseases"""

    def plan(self, dumps: Sequence[str], settings: Settings) -> Reading:
        """Look at the header of each file; refuse what is no OBO."""
        from kbtools.sources.obo.look import licence, look  # noqa: PLC0415 - pulls in the reader

        if not settings.lang.strip():
            raise ConfigError("lang: name a language, such as en")
        paths: list[str] = []
        for dump in dumps:
            if dump == "-":
                raise SourceError("cannot be looked at before it is read; name a file", path=dump)
            found = _inside(Path(dump)) if Path(dump).is_dir() else [dump]
            if not found:
                raise SourceError("no .obo file in it; name the right folder", path=dump)
            paths += found
        heads = [look(path) for path in paths]
        args = {"obsolete": settings.obsolete, "lang": settings.lang}
        return Reading(
            feeds=[Feed(call="kbtools.sources.obo.read:read", paths=paths, layout="whole", args=args)],
            licences=[licence(head) for head in heads],
        )


def _inside(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.iterdir() if path.is_file() and ".obo" in path.suffixes)


SOURCE = Obo()
