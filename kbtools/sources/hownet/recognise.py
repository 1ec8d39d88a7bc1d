"""Which of HowNet's files is this? Names lie: the content says it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from kbtools.errors import SourceError
from kbtools.io import open_stream
from kbtools.sources.hownet.encoding import UTF16, lines_of

T = TypeVar("T")
HEAD = 1 << 16  # bytes that are looked at
ENOUGH = 200  # lines
ORDER = ("tree", "relations", "list", "dictionary", "spo")

SEMEME = re.compile(r"[^\s|{}]+\|[^\s|{}]+")
RECORD = re.compile(r"NO\.=|[WGSE]_[CE]=|DEF=|RMK=")
BRANCH = re.compile(r"[\s\u2500-\u257f|+`-]*\{[^{}]+\}|-\s+\S|[\s|]*[├└]")
NUMBER = re.compile(r"\s*[+-]?\d+(\.\d+)?\s*")
CHINESE = re.compile(r"[㐀-鿿]")


def kind_of(path: str) -> str:
    """Return one of ORDER, or refuse the file in one line."""
    with open_stream(path) as stream:
        data = stream.read(HEAD)
    cut = max(data.rfind(b"\n"), data.rfind(b" ")) if len(data) == HEAD else -1
    cut -= cut % 2 if data.startswith(UTF16) else 0
    sample = data[:cut] if cut > 0 else data
    lines = [line.text for line in lines_of(sample, path) if line.text]
    kind, foreign = _kind(lines[:ENOUGH])
    if kind:
        return kind
    raise SourceError(
        f"{foreign}; HowNet's files are .spo triples, sememe lists, sememe triples, taxonomies and "
        "dictionary records",
        path=path,
    )


def _kind(lines: list[str]) -> tuple[str, str]:
    """Return the kind, or nothing and what the file looks like instead."""
    if not lines:
        return "", "has no lines of text"
    for kind, fits in SIGNATURES.items():
        if fits(lines):
            return kind, ""
    return "", next((what for what, fits in FOREIGN.items() if fits(lines)), "looks like running text")


def _tree(lines: list[str]) -> bool:
    return _share(lines, lambda line: bool(BRANCH.match(line))) > 0.9


def _relations(lines: list[str]) -> bool:
    words = [line.split() for line in lines]
    return _share(words, lambda row: len(row) == 3 and all(SEMEME.fullmatch(word) for word in row[::2])) > 0.5


def _list(lines: list[str]) -> bool:
    """Look for words that occur once each, all on one line or each on its own."""
    words = [line.split() for line in lines]
    flat = [word for row in words for word in row]
    alone = len(lines) == 1 or max(map(len, words)) == 1
    fits = [word for word in flat if SEMEME.fullmatch(word) or (CHINESE.match(word) and len(word) < 20)]
    return alone and len(fits) > 0.9 * len(flat) and len(set(flat)) > 0.95 * len(flat)


def _dictionary(lines: list[str]) -> bool:
    some = any(line.startswith("NO.=") for line in lines)
    return some and _share(lines, lambda line: bool(RECORD.match(line))) > 0.5


def _triples(lines: list[str]) -> bool:
    return _share(lines, lambda line: line.count("\t") == 2) > 0.5


def _numbers(lines: list[str]) -> bool:
    last = [line.split("\t")[2] for line in lines if line.count("\t") == 2]
    return _triples(lines) and all(map(NUMBER.fullmatch, last))


def _spo(lines: list[str]) -> bool:
    chinese = _share(lines, lambda line: bool(CHINESE.search(line))) > 0.5
    return _triples(lines) and chinese and not _numbers(lines)


def _analogies(lines: list[str]) -> bool:
    return lines[0].startswith(":") and _share(lines, lambda line: len(line.split()) == 4) > 0.5


def _share(lines: Sequence[T], holds: Callable[[T], bool]) -> float:
    return sum(map(holds, lines)) / len(lines)


SIGNATURES = {
    "dictionary": _dictionary,
    "tree": _tree,
    "spo": _spo,
    "relations": _relations,
    "list": _list,
}
FOREIGN = {
    "holds pairs of words with a number, such as a test of word similarity": _numbers,
    "holds triples that are not Chinese (source spo reads any triples)": _triples,
    "holds analogies between words": _analogies,
}
