"""HowNet: K-BERT's HowNet.spo, OpenHowNet's sememe and taxonomy files, dictionary records (NO.=, DEF=).

Files are told apart by what is in them (`recognise.py`); a folder gives those of its files that are HowNet's.
What becomes what:

- A **sememe** (kind sememe, id `human|人`) has a label and a surface in English and in Chinese. A sememe that
  only a bare list names has its Chinese name as id, unless a sememe of that Chinese name is there already.
- A **concept** (kind concept) is one record of the dictionary. Its id is `NO.` and the record's number as
  written: many records share a definition, and many words, but not a number. A record without a number has
  its word and definition as id, `医生{human|人:…}`. Its words are surfaces of source lemma, with pos.
- **Definitions** are edges from the concept: `main_sememe` to the first sememe, the role (`HostOf`,
  `domain`, …) to those that have one, `sememe` to those without. An edge whose sememe stands within another
  one's braces has that one as qualifier `within`. A place that is to be filled (`agent={~}`) is a qualifier
  of the edge of the sememe that has it: its role, with the concept as tail for `~` and as text otherwise. The
  definition as written is a literal of relation `DEF`.
- The taxonomies give `hypernym` (child to parent), and what they say of a sememe besides is read as its
  definition. OpenHowNet's triples keep their relations. An edge that is said again is left out and counted.
- In a **.spo** file every subject and object is an entity (kind entity, surface of source name, Chinese).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from kbtools.artefact import Licence
from kbtools.errors import ConfigError, SourceError
from kbtools.sources._lines import sift
from kbtools.sources.base import Feed, Reading


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What to read of HowNet."""

    label: str = field(
        default="zh", metadata={"help": "The language of an entity's main label where it has both: zh or en."}
    )


class HowNet:
    """A word is defined by sememes, and sememes stand in a taxonomy."""

    licence: ClassVar[Licence] = Licence(
        source="HowNet",
        licence="academic use only",
        attribution="HowNet, Zhendong Dong and Qiang Dong; files of OpenHowNet, THUNLP, Tsinghua University",
        redistribute="ask",
    )
    prefixes: ClassVar[Sequence[str]] = ()
    subclass_of: ClassVar[str | None] = "hypernym"
    settings: ClassVar[type] = Settings
    example: ClassVar[str] = """Example:
  kbtools ingest hownet HowNet.spo --out kb/hownet
  kbtools ingest hownet openhownet/ HowNet_dict.txt --out kb/hownet"""

    def plan(self, dumps: Sequence[str], settings: Settings) -> Reading:
        """Find out what each file is; files of a folder that are not HowNet's are passed over."""
        from kbtools.sources.hownet.recognise import ORDER, kind_of  # noqa: PLC0415 - opens files

        if settings.label not in {"zh", "en"}:
            raise ConfigError(f"--label {settings.label}: HowNet has names in zh and en; take one of them")
        found: list[tuple[str, str]] = []
        passed: list[str] = []
        for path in dumps:
            if not Path(path).is_dir():
                found.append((kind_of(path), path))
                continue
            inside, left_out = sift(path, kind_of, "no HowNet files")
            found += inside
            passed += left_out
            if not inside:
                what = (
                    "no file of HowNet in this folder; give a .spo, a sememe list, a taxonomy or a dictionary"
                )
                raise SourceError(what, path=path)
        found.sort(key=lambda item: ORDER.index(item[0]))  # sememes first: other files refer to them
        args = {"kinds": [kind for kind, _ in found], "label": settings.label}
        feed = Feed(
            call="kbtools.sources.hownet.read:read",
            paths=[path for _, path in found],
            layout="whole",
            args=args,
        )
        return Reading(feeds=[feed], notes={"warnings": passed} if passed else {})


SOURCE = HowNet()
