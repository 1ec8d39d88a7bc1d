"""Wordnets in WN-LMF XML (Open English WordNet, OMW), and OMW's .tab files, often onto a WordNet base.

The kinds of file are told apart by their beginning. Ids are the synsets' own (`oewn-02084071-n`), or, with
`ids="offset"` and always in .tab files, the offsets that they end in (`02084071-n`, satellites under `-a`).
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

IDS = ("own", "offset")
ENDINGS = {".xml", ".tab"}  # of files in a folder that are looked at


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Under which ids synsets are known."""

    ids: str = field(
        default="own",
        metadata={
            "help": "'own': synsets keep the ids of an XML file; 'offset': its omw-cmn-02084071-n is "
            "02084071-n, as in a base made from WordNet. Offsets belong to one release of WordNet: OMW's are "
            "those of 3.0. Rows of .tab files are always known by offset."
        },
    )


class WnLmf:
    """Wordnets as the Global WordNet Association exchanges them; the terms are each lexicon's own."""

    licence: ClassVar[Licence] = Licence(
        source="WN-LMF", licence="as the file says", attribution="see each lexicon", redistribute="ask"
    )
    prefixes: ClassVar[Sequence[str]] = ()
    subclass_of: ClassVar[str | None] = "hypernym"
    settings: ClassVar[type] = Settings
    example: ClassVar[str] = """Example:
  kbtools ingest wnlmf english-wordnet-2024.xml.gz --out kb/oewn
  kbtools ingest wnlmf wn-data-cmn.tab --onto kb/wordnet --out kb/cow
  kbtools ingest wnlmf omw-ja.xml --ids offset --onto kb/wordnet --out kb/ja"""

    def plan(self, dumps: Sequence[str], settings: Settings) -> Reading:
        """Look at the beginning of each file; refuse what is neither of the two kinds."""
        from kbtools.sources.wnlmf.look import licences, look  # noqa: PLC0415 - pulls in the readers

        if settings.ids not in IDS:
            raise ConfigError(f"ids: {settings.ids!r} is none of {', '.join(IDS)}")
        paths: list[str] = []
        warnings: list[str] = []
        for dump in dumps:
            if dump == "-":
                raise SourceError("cannot be looked at before it is read; name a file", path=dump)
            if not Path(dump).is_dir():
                look(dump)
                paths.append(dump)
                continue
            inside, left_out = sift(dump, look, "no wordnets", ENDINGS)
            paths += [path for _, path in inside]
            warnings += left_out
            if not inside:
                raise SourceError(
                    "no WN-LMF .xml and no OMW .tab file in it; name the right folder", path=dump
                )
        return Reading(
            release="3.0",  # OMW's offsets
            feeds=[
                Feed(
                    call="kbtools.sources.wnlmf.read:read",
                    paths=paths,
                    layout="whole",
                    args={"ids": settings.ids},
                )
            ],
            licences=list(dict.fromkeys(one for path in paths for one in licences(path))),
            notes={"warnings": warnings} if warnings else {},
        )


SOURCE = WnLmf()
