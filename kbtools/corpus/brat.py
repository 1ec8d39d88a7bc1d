"""brat: a text in `x.txt`, what is annotated in it in `x.ann` (or `x.a1` and `x.a2`).

Read: text-bound annotations (T; in several parts, too), normalisations (N, `Reference T1 Wikipedia:534366`),
relations (R and *) into `meta.relations`. Left out and counted: events, attributes, modifications, notes.
A T without an N tells only its type. Further N are `others`. brat's Wikipedia ids are numbers of pages:
kb `wikipedia-page`.

Stenetorp et al. (2012), "brat: a Web-based Tool for NLP-Assisted Text Annotation".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pyarrow as pa

from kbtools.config import setting
from kbtools.corpus._concepts import WHOLE, space_of
from kbtools.corpus._files import CONTAINERS, as_part, files_of, has_files, identities, name_in, suffix_of
from kbtools.corpus._offsets import HELP, Units
from kbtools.corpus._parts import Told, placed
from kbtools.corpus._whole import FilesPart, WholeFiles, contents, decoded
from kbtools.corpus.base import Document, Link, Part, Report, batches
from kbtools.errors import SourceError

TEXT = ".txt"
BESIDE = (".ann", ".a1", ".a2")
PLACES = re.compile(r"(\S+) (\d{1,18} \d{1,18}(?:;\d{1,18} \d{1,18})*)")
NORM = re.compile(r"\S+ (T\S+) ([^\s:]+):(.+)")
RELATION = re.compile(r"(\S+)((?: [^\s:]+:\S+)+)")
SKIPPED = {"A": "attributes", "M": "modifications", "E": "events", "#": "notes"}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How offsets are read."""

    offsets: Units = setting(HELP, "auto")
    lang: str | None = setting("The language of the texts.", None)


@dataclass
class Annotations:
    """What the files beside a text say."""

    mentions: dict[str, tuple[str, Told]] = field(default_factory=dict)  # by their id, with the type
    norms: dict[str, list[tuple[str, str]]] = field(
        default_factory=dict
    )  # knowledge base and id of a mention
    relations: list[dict[str, Any]] = field(default_factory=list)


class Brat(WholeFiles):
    """Reads folders of .txt with .ann beside."""

    below: ClassVar[Sequence[str]] = (TEXT,)
    example: ClassVar[str] = "brat:annotated/"
    settings: ClassVar[type] = Settings

    def inputs(self, path: str) -> list[tuple[str, str, str]]:
        """Identify the files, annotations among them."""
        if Path(path).is_dir():
            return identities(path, (TEXT, *BESIDE))
        _no_annotations(path)
        return [one for file in (path, *_beside(path)) for one in identities(file, self.below)]

    def plan(self, path: str, settings: Settings, folder: Path, room: str, report: Report) -> Iterator[Part]:
        """Put texts together by their size; annotations without a text are rejected."""
        if Path(path).is_dir() and has_files(path, BESIDE):
            texts = {_stem(file) for file in files_of(path, self.below)}
            for file in files_of(path, BESIDE):
                if _stem(file) not in texts:
                    report.reject(name_in(path, file), "annotations, but there is no .txt beside them")
        _no_annotations(path)
        yield from super().plan(path, settings, folder, room, report)

    def read(self, part: Any, settings: Settings, folder: Path, report: Report) -> Iterator[pa.RecordBatch]:
        """Read the texts one by one, each with what is beside it."""
        return batches(_documents(as_part(FilesPart, part), settings, report), report)


FORMAT = Brat()


def _no_annotations(path: str) -> None:
    if suffix_of(path) in BESIDE and not Path(path).is_dir():
        what = f"annotations, not a text: name what they are of, brat:{_stem(path)}{TEXT}"
        raise SourceError(what, path=path)


def _stem(file: str) -> str:
    path = Path(file)
    return str((path.with_suffix("") if path.suffix.lower() in CONTAINERS else path).with_suffix(""))


def _beside(file: str) -> list[str]:
    stem = _stem(file)
    names = (f"{stem}{suffix}{container}" for suffix in BESIDE for container in ("", *CONTAINERS))
    return [name for name in names if Path(name).is_file()]


def _documents(part: FilesPart, settings: Settings, report: Report) -> Iterator[Document]:
    files = {name_in(part.path, file): file for file in part.files}
    for name, data in contents(part, report):
        if (text := decoded(name, data, report)) is None:
            continue
        beside = _beside(files[name])
        if not beside:
            report.counts["documents without annotations beside them"] += 1
            yield Document(name, text, settings.lang)
            continue
        found = Annotations()
        named = FilesPart(
            path=part.path if Path(part.path).is_dir() else str(Path(part.path).parent), files=beside
        )
        last = ""
        for last, lines in contents(named, report):
            for number, line in enumerate(lines.split(b"\n"), 1):
                if what := _add(found, line.removesuffix(b"\r"), number, report):
                    report.reject(last, what, line=number, text=line)
        text, links = _linked(text, found, settings.offsets, report, last)
        meta = msgspec.json.encode({"relations": found.relations}).decode() if found.relations else None
        yield Document(name, text, settings.lang, meta, links)


def _add(found: Annotations, data: bytes, number: int, report: Report) -> str | None:
    """Take a line in; return what is wrong with it."""
    if not data.strip():
        return None
    try:
        own, _, rest = data.decode("utf-8-sig").partition("\t")
    except UnicodeDecodeError:
        return "not UTF-8"
    told, _, more = rest.partition("\t")
    if own[:1] == "T" and (match := PLACES.fullmatch(told)):
        if own in found.mentions:
            return f"a second {own}"
        parts = [tuple(map(int, one.split())) for one in match[2].split(";")]
        found.mentions[own] = (match[1], Told([(one[0], one[1]) for one in parts], more or None, number))
    elif own[:1] == "N" and (match := NORM.fullmatch(told.rstrip())):
        space = space_of(match[2])
        id_ = f"{match[2]}:{match[3]}" if space in WHOLE else match[3]
        if space.lower() == "wikipedia":
            space = "wikipedia-page" if id_.isdecimal() else "wikipedia"
        found.norms.setdefault(match[1], []).append((space, id_))
    elif own[:1] == "R" and (match := RELATION.fullmatch(told.rstrip())):
        args = [one.partition(":")[::2] for one in match[2].split()]
        found.relations.append({"id": own, "type": match[1], "args": [list(one) for one in args]})
    elif own == "*" and len(words := told.split()) > 1:
        found.relations.append({"type": words[0], "args": [["", one] for one in words[1:]]})
    elif own[:1] in SKIPPED:
        report.counts[f"skipped: {SKIPPED[own[:1]]}"] += 1
    else:
        return "no annotation of brat"
    return None


def _linked(text: str, found: Annotations, units: Units, report: Report, file: str) -> tuple[str, list[Link]]:
    """Put the mentions into their text. Some tools count CRLF as one character: the text is then theirs."""
    told = [one for _, one in found.mentions.values()]
    mine = Report()
    places = placed(text, told, units, mine, file)
    if mine.rejects and "\r\n" in text:
        plain, other = text.replace("\r\n", "\n"), Report()
        again = placed(plain, told, units, other, file)
        if len(other.rejects) < len(mine.rejects):
            text, places, mine = plain, again, other
            report.counts["documents with CRLF counted as one character"] += 1
    report.counts.update(mine.counts)
    report.rejects.extend(mine.rejects)
    links = []
    for own, (kind, _), place in zip(found.mentions, found.mentions.values(), places, strict=True):
        if not place:
            continue
        norms = found.norms.get(own, [])
        kb, id_ = norms[0] if norms else (None, None)
        others = [
            other if space == kb or space in WHOLE else f"{space}:{other}" for space, other in norms[1:]
        ]
        extra = {"id": own, **place.extra}
        links.append(
            Link(place.start, place.end, id_, kb, "gold" if norms else "ner", kind, others or None, extra)
        )
    for own in found.norms.keys() - found.mentions.keys():
        report.reject(file, f"a normalisation of {own}, which is not there")
    return text, links
