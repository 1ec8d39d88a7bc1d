"""CN-DBpedia: its triples (entity, attribute, value) and its mention2entity file.

Each file is one of the two, told apart by its columns; both layouts of the triples are read, with and
without markup. What becomes of a line `entity TAB attribute TAB value`:

- An entity's id is its title. A bracket at its end tells namesakes apart: `苹果（公司）` has the label
  苹果 and the short description 公司; both the label and the title are surfaces.
- A linked value, `<a>上海</a>`, is a triple, and its target an entity even if no line begins with it. Text
  around links stays: `河南<a>兰考县</a>城关镇` is a triple to 兰考县 and the value 河南兰考县城关镇, under
  one statement number.
- Any other value is a triple if an entity has that title, else a literal.
- BaiduTAG and CATEGORY_ZH are triples and `types`; the tags are entities, concepts unless they have lines of
  their own.
- BaiduCARD and DESC are descriptions only (kind abstract, a paragraph a line); links in them are counted.
- What 别名, 中文名, 英文名 and their like say are surfaces too. The signs 、，；;| part names; / and , do so
  beside Chinese characters: `AC/DC` and `Apple, Inc.` are one name each. Remarks in brackets and a last
  等 are left off.

A line `mention TAB entity` of the other file is a surface of that entity.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from kbtools.artefact import Licence
from kbtools.errors import SourceError
from kbtools.sources._lines import first_lines, sift
from kbtools.sources.base import Feed, Reading

READERS = {3: "triples", 2: "mentions"}  # by the number of columns


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How names are taken."""

    lang: str = field(default="zh", metadata={"help": "The language of names and descriptions."})


class CnDbpedia:
    """A graph drawn from the info boxes of Chinese encyclopedias."""

    licence: ClassVar[Licence] = Licence(
        source="CN-DBpedia",
        licence="for research; ask for other use",
        attribution="CN-DBpedia, Knowledge Works Laboratory, Fudan University (http://kw.fudan.edu.cn/cndbpedia)",
        redistribute="ask",
    )
    prefixes: ClassVar[Sequence[str]] = ()
    subclass_of: ClassVar[str | None] = None
    settings: ClassVar[type] = Settings
    example: ClassVar[str] = """Example:
  kbtools ingest cndbpedia baike_triples.txt m2e.txt --out kb/cndbpedia"""

    def plan(self, dumps: Sequence[str], settings: Settings) -> Reading:
        """Find out which file is which."""
        found: list[tuple[str, str]] = []
        warnings: list[str] = []
        for path in dumps:
            if not Path(path).is_dir():
                found.append((_reader(path), path))
                continue
            inside, left_out = sift(path, _surely, "no files of CN-DBpedia")
            if not inside:
                what = "no file of CN-DBpedia in this folder; triples have 3 columns between tabs"
                raise SourceError(f"{what} and mention2entity has 2", path=path)
            found += inside
            warnings += left_out
        feeds = [
            Feed(
                call=f"kbtools.sources.cndbpedia.read:{reader}",
                paths=(path,),
                layout="lines",
                args={"lang": settings.lang},
            )
            for reader, path in found
        ]
        return Reading(feeds=feeds, notes={"warnings": warnings} if warnings else {})


def _surely(path: str) -> str:
    """Return the reader of a file that nobody named: most of its lines must be of its layout."""
    return _reader(path, least=0.5)


def _reader(path: str, least: float = 0.0) -> str:
    counts = Counter(line.count(b"\t") + 1 for line in first_lines(path))
    if not counts:  # a pipe can be read only once
        return READERS[3]
    known = [columns for columns in READERS if counts[columns] > least * counts.total()]
    if not known:
        found = counts.most_common(1)[0][0]
        what = f"its lines have {found} column{'s' * (found != 1)} between tabs"
        raise SourceError(f"{what}; triples have 3 and mention2entity has 2", path=path)
    return READERS[max(known, key=lambda columns: counts[columns])]


SOURCE = CnDbpedia()
