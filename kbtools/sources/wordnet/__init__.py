"""Princeton WordNet: the dict folder of release 3.0 or 3.1 (WNDB)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from kbtools.artefact import Licence
from kbtools.errors import ConfigError, SourceError
from kbtools.sources.base import Feed, Reading

PARTS = ("noun", "verb", "adj", "adv")
DATA = tuple(f"data.{part}" for part in PARTS)
FURTHER = (  # what else is read of the folder; what is not there is done without
    "index.sense",
    "cntlist.rev",
    *(f"index.{part}" for part in PARTS),
    *(f"{part}.exc" for part in PARTS),
    "lexnames",
    "frames.vrb",
    "verb.Framestext",
    "sents.vrb",
    "sentidx.vrb",
)
CURE = "give the dict folder that holds data.noun and its like"
SNIFFED = 64 << 10  # bytes at the beginning of each data file; the licence there is below 2 KB


@dataclass(frozen=True, kw_only=True)
class Settings:
    """WordNet is read whole."""


class WordNet:
    """Synsets become entities, pointers between them triples; satellites of adjectives have `-a` ids."""

    licence: ClassVar[Licence] = Licence(
        source="WordNet",
        licence="WordNet",  # SPDX's name of WordNet-3.0's licence
        attribution="WordNet, Princeton University (https://wordnet.princeton.edu)",
        redistribute="yes",
    )
    prefixes: ClassVar[Sequence[str]] = ()
    subclass_of: ClassVar[str | None] = "hypernym"
    settings: ClassVar[type] = Settings
    example: ClassVar[str] = """Example:
  kbtools ingest wordnet WordNet-3.0/dict --out kb/wordnet"""

    def plan(self, dumps: Sequence[str], settings: Settings) -> Reading:
        """Find the files; a folder that is not WordNet's is refused."""
        if len(dumps) != 1:
            raise ConfigError(f"wordnet reads one folder, the dict folder of a release, not {len(dumps)}")
        folder = _folder(Path(dumps[0]))
        missing = [name for name in DATA if not (folder / name).is_file()]
        if missing:
            what = f"no {', '.join(missing)} here; give the dict folder of a WordNet release"
            raise SourceError(what, path=folder)
        for name in DATA:
            _sniff(folder / name)
        found = [*DATA, *(name for name in FURTHER if _holds_something(folder / name))]
        paths = [str(folder / name) for name in found]
        return Reading(feeds=[Feed(call="kbtools.sources.wordnet.read:read", paths=paths, layout="whole")])


def _folder(path: Path) -> Path:
    """Return the folder with the data; `dict` inside of it, where a whole release was unpacked."""
    if not path.exists():
        raise SourceError("no such folder; check the path", path=path)
    if not path.is_dir():
        cure = f"give the folder it lies in, {path.parent}" if path.name in {*DATA, *FURTHER} else CURE
        raise SourceError(f"a file; {cure}", path=path)
    inside = path / "dict"
    return inside if inside.is_dir() and not (path / DATA[0]).is_file() else path


def _holds_something(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _sniff(path: Path) -> None:
    """Refuse what is no data file, from a look at its beginning."""
    with path.open("rb") as file:
        start = file.read(SNIFFED)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or (start and start.count(0) > len(start) // 4):
        raise SourceError("not UTF-8, which was tried, but UTF-16 it seems; convert it", path=path)
    lines = start.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    text = [(number, line) for number, line in enumerate(lines, 1) if line[:1].strip()]
    if not any(line[:8].isdigit() and line[8:9] == b" " for _, line in text):
        what = "not a WordNet data file: a synset begins with an offset of eight digits"
        raise SourceError(what, path=path, line=text[0][0] if text else 1)


SOURCE: Any = WordNet()
