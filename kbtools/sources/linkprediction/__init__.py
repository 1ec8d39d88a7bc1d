"""Link prediction data: train, valid and test triples, as FB15k-237, WN18RR, CoDEx and UMLS have them.

A folder holds `train.txt`, `valid.txt` and `test.txt`; names like `codex_train.tsv.gz` or `dev.txt` will do.
Every head and tail is an entity, also one that training never sees; `triples` keep their split. Files of
negatives (`valid_negatives.txt`) are counted and left out.

Files of names beside them, or given by --names, say what ids stand for: see `companions.py`. They add no
entities: those are what the triples speak of. An id that can be read (`body_part`, not `/m/0dgw9r` or `Q30`)
is a label itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from kbtools.artefact import Licence
from kbtools.errors import ConfigError, SourceError
from kbtools.sources._lines import first_lines
from kbtools.sources.base import Feed, Reading
from kbtools.sources.linkprediction.companions import Companion, find

SPLITS = {"training": "train", "validation": "valid", "val": "valid", "dev": "valid"}
FILE = re.compile(
    r"(?:.*[_.-])?(train|training|valid|validation|val|dev|test)(_negatives)?\.(?:txt|tsv)(?:\.(?:gz|bz2|zst|xz))?"
)
OPAQUE = re.compile(rb"/\w/\w+|[QPL]\d+|[A-Z]{0,2}\d+|\d+-[a-z]")
SAMPLE = 4 << 20  # bytes of the training triples that are looked at
ENOUGH = 100  # lines, to tell from them which column is the relation
MANY = 0.5  # relations to an entity: small sets have a third, and tails taken for relations three quarters
OWN = 0.1  # of the triples, whose relation no other one has: more are odd


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How triples are written, and where their names are."""

    columns: str | None = field(
        default=None,
        metadata={"help": "The order of head, relation and tail: hrt or htr.  [default: as the data look]"},
    )
    names: tuple[Path, ...] = field(
        default=(), metadata={"help": "Files of names, such as entity2text.txt, or folders with them."}
    )
    lang: str = field(default="en", metadata={"help": "The language of names that do not say theirs."})


class LinkPrediction:
    """Benchmarks of knowledge graph completion."""

    licence: ClassVar[Licence] = Licence(
        source="Link prediction data", licence="that of the files", attribution="", redistribute="ask"
    )
    prefixes: ClassVar[Sequence[str]] = ()
    subclass_of: ClassVar[str | None] = None
    settings: ClassVar[type] = Settings
    example: ClassVar[str] = """Example:
  kbtools ingest linkprediction FB15k-237 --names FB15k_mid2name.txt --out kb/fb15k
  kbtools ingest linkprediction train.txt valid.txt test.txt --out kb/umls"""

    def plan(self, dumps: Sequence[str], settings: Settings) -> Reading:
        """Find the splits and the files of names."""
        splits, negatives = _splits(dumps)
        lines = first_lines(splits["train"], SAMPLE)
        separator = _separator(splits["train"], lines)
        rows = [line.split(separator) for line in lines]
        columns, notes = _columns(settings.columns, rows)
        notes += _doubts(columns, rows)
        companions = find([path for path in dumps if Path(path).is_dir()], settings.names, settings.lang)
        args: dict[str, Any] = {
            "columns": columns,
            "separator": separator.decode(),
            "lang": settings.lang,
            "readable": _readable([row[0] for row in rows]),
            "label_relations": not any(each.kind == "relations" for each in companions),
        }
        decode = "kbtools.sources.linkprediction.read:decode"
        feeds = [
            Feed(call=decode, paths=(path,), layout="lines", args={**args, "split": split})
            for split, path in splits.items()
        ]
        feeds += [
            Feed(call="kbtools.sources.linkprediction.read:leave_out", paths=(path,), layout="lines")
            for path in negatives
        ]
        if companions:
            feeds.append(_names(companions, list(splits.values()), args))
        missing = [f"no {split} triples" for split in ("valid", "test") if split not in splits]
        return Reading(feeds=feeds, notes={"warnings": [*missing, *notes]} if missing or notes else {})


def _names(companions: Sequence[Companion], triples: list[str], args: dict[str, Any]) -> Feed:
    return Feed(
        call="kbtools.sources.linkprediction.names:read",
        paths=[each.path for each in companions],
        layout="whole",
        args={
            "kinds": [[each.kind, each.lang] for each in companions],
            "triples": triples,
            "columns": args["columns"],
            "separator": args["separator"],
            "lang": args["lang"],
        },
    )


def _splits(dumps: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the file of each split, train first, and the files of negatives."""
    found: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    negatives: list[str] = []
    for path in _files(dumps):
        if match := FILE.fullmatch(Path(path).name):
            split = SPLITS.get(match[1], match[1])
            (negatives if match[2] else found[split]).append(path)
        elif path in dumps:
            first_lines(path)  # which may know better what is wrong
            raise SourceError("is it train, valid or test? Name it train.txt or the like", path=path)
    for split, paths in found.items():
        if len(paths) > 1:
            raise ConfigError(
                f"several files of {split} triples: {', '.join(paths)}; name one folder of them"
            )
    if not found["train"]:
        packed = [path.name for folder in dumps for path in sorted(Path(folder).glob("*.tar*"))]
        cure = f"unpack {packed[0]} first" if packed else "is it the right folder?"
        raise SourceError(f"has no train.txt; {cure}", path=dumps[0])
    return {split: paths[0] for split, paths in found.items() if paths}, negatives


def _files(dumps: Sequence[str]) -> Iterator[str]:
    for path in dumps:
        if Path(path).is_dir():
            yield from (str(each) for each in sorted(Path(path).rglob("*")) if each.is_file())
        else:
            yield path


def _separator(path: str, lines: list[bytes]) -> bytes:
    if lines and lines[0].strip().isdigit():  # a count, as OpenKE's train2id.txt has it
        raise SourceError("holds numbers of entities, not their ids; the text files are needed", path=path)
    for separator in (b"\t", b" ", b","):
        if not lines or sum(line.count(separator) == 2 for line in lines) * 2 > len(lines):
            return separator
    found = lines[0].count(b"\t") + 1
    raise SourceError(f"its first line has {found} columns between tabs, not head, relation, tail", path=path)


def _columns(given: str | None, rows: list[list[bytes]]) -> tuple[str, list[str]]:
    """Return the order of columns, and a warning where it is a guess other than the usual."""
    if given is not None:
        if sorted(given) != ["h", "r", "t"]:
            raise ConfigError(f"columns is {given!r}; it takes each of h, r and t once, as in hrt")
        return given, []
    columns = list(zip(*(row for row in rows if len(row) == 3), strict=True))
    if len(rows) < ENOUGH or not columns:
        return "hrt", []
    distinct = [len(set(column)) for column in columns]
    fewest = min(range(3), key=lambda j: distinct[j])
    if distinct[fewest] * 4 >= distinct[1]:
        return "hrt", []
    columns_found = "rht" if fewest == 0 else "htr"
    return columns_found, [
        f"columns are read as {columns_found}: so few values has the relation's; see --columns"
    ]


def _doubts(columns: str, rows: list[list[bytes]]) -> list[str]:
    """Warn of a column of relations that looks like one of entities."""
    whole = [row for row in rows if len(row) == len(columns)]
    if len(whole) < ENOUGH:
        return []
    heads, relations, tails = ([row[columns.index(letter)] for row in whole] for letter in "hrt")
    times = Counter(relations)
    entities, own = len({*heads, *tails}), sum(n == 1 for n in times.values())
    if len(times) <= MANY * entities and own <= OWN * len(whole):
        return []
    found = f"{len(times):,} relations and {entities:,} entities in the first {len(whole):,} triples"
    return [f"{found}, {own:,} of which have a relation of their own: is the order {columns}? See --columns"]


def _readable(heads: list[bytes]) -> bool:
    return 2 * sum(OPAQUE.fullmatch(head) is not None for head in heads) <= len(heads)


SOURCE = LinkPrediction()
