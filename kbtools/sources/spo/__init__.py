"""Triples of text, one a line: K-BERT's .spo files, medical graphs, ConceptNet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from kbtools.artefact import Licence
from kbtools.errors import ConfigError, SourceError
from kbtools.sources._lines import first_lines
from kbtools.sources.base import Feed, Reading

SEPARATORS = {"tab": "\t", "\\t": "\t", "comma": ",", "bar": "|", "space": " ", "semicolon": ";"}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the lines are made."""

    columns: str = field(
        default="spo",
        metadata={
            "help": "The columns: s for the subject, p for the predicate, o for the object, "
            "- for one to skip. ConceptNet's assertions are -pso-."
        },
    )
    separator: str = field(
        default="tab",
        metadata={"help": f"What stands between columns: {', '.join(SEPARATORS)}, or a character."},
    )
    lang: str | None = field(default=None, metadata={"help": "The language of the names, as en or zh."})
    header: bool = field(default=False, metadata={"help": "Whether the first line holds the columns' names."})


class Spo:
    """Every subject and every object is an entity; its text is its id and its name."""

    licence: ClassVar[Licence] = Licence(
        source="Triples", licence="that of the file", attribution="", redistribute="ask"
    )
    prefixes: ClassVar[Sequence[str]] = ()
    subclass_of: ClassVar[str | None] = None
    settings: ClassVar[type] = Settings
    example: ClassVar[str] = """Example:
  kbtools ingest spo HowNet.spo --lang zh --out kb/hownet
  kbtools ingest spo assertions.csv.gz --columns -pso- --out kb/conceptnet"""

    def plan(self, dumps: Sequence[str], settings: Settings) -> Reading:
        """Check the columns against the first lines of each file."""
        separator = _separator(settings)
        for path in dumps:
            if Path(path).is_dir():
                raise SourceError("is a folder; name the files in it", path=path)
            _check(path, first_lines(path), separator, settings.columns)
        args = {
            "columns": settings.columns,
            "separator": separator,
            "header": settings.header,
        }
        decode = "kbtools.sources.spo.read:decode"
        feeds = [Feed(call=decode, paths=(path,), layout="lines", args=args) for path in dumps]
        return Reading(feeds=feeds, own_names=True, lang=settings.lang)


def _separator(settings: Settings) -> str:
    if sorted(settings.columns.replace("-", "")) != ["o", "p", "s"]:
        raise ConfigError(f"columns is {settings.columns!r}; it takes each of s, p and o once, and - to skip")
    separator = SEPARATORS.get(settings.separator, settings.separator)
    if len(separator) != 1 or not separator.isascii() or separator in "\n\r\0":
        raise ConfigError(f"separator is {settings.separator!r}; it takes one ASCII character, tab or comma")
    return separator


def _check(path: str, lines: list[bytes], separator: str, columns: str) -> None:
    """Refuse a file none of whose first lines has these columns, and say what might be meant."""
    counts = Counter(line.count(separator.encode()) + 1 for line in lines)
    if not lines or len(columns) in counts:
        return
    found = counts.most_common(1)[0][0]
    what = f"its lines have {found} column{'s' * (found != 1)}, not {len(columns)}"
    if found > 1:
        raise SourceError(f"{what}; say with --columns which ones to take, as in -pso-", path=path)
    raise SourceError(f"{what}; {_cure(lines, len(columns))}", path=path)


def _cure(lines: list[bytes], wanted: int) -> str:
    """Find the separator that most lines have the same number of, and say how to read them with it."""
    likely = []
    for name in ("tab", "comma", "bar", "semicolon", "space"):  # of equals the first
        times, often = Counter(line.count(SEPARATORS[name].encode()) for line in lines).most_common(1)[0]
        if times and 2 * often > len(lines):
            likely.append((times + 1 == wanted, often, times + 1, name))
    if not likely:
        return "what stands between them is said by --separator; source table reads CSV with quotes"
    fits, _, columns, name = max(likely, key=lambda one: one[:2])
    cure = f"perhaps they need --separator {name}"
    if name == "bar" and 2 * sum(line.endswith(b"|") for line in lines) > len(lines):
        cure = f"lines that end in a bar are RRF, as the source umls reads it, or need --separator {name}"
    if not fits:
        cure += f", which makes {columns} columns, and --columns with - for those to skip"
        cure += f", as in {'spo':-<{columns}}" if columns > 3 else ""
    quoted = name in {"comma", "semicolon"} and any(b'"' in line for line in lines)
    return cure + ("; source table reads CSV with quotes" if quoted or not fits else "")


SOURCE = Spo()
