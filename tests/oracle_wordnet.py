"""Reads a WordNet dict folder line by line, with nothing in common with the reader but what it finds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from kbtools.kb import staged
from kbtools.kb.named import SCHEMAS
from kbtools.sources.wordnet import SOURCE
from kbtools.sources.wordnet.read import read

PARTS = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}


class Synset(NamedTuple):
    """A line, taken apart."""

    id: str
    type: str
    file: int
    words: list[str]
    lex_ids: list[int]
    pointers: list[tuple[str, str, int, int]]
    frames: list[tuple[int, int]]
    gloss: str


def synset(line: str) -> Synset:
    fields, gloss = line.split(" | ", 1)
    offset, file, kind, count, *rest = fields.split()
    n = int(count, 16)
    words, lex_ids = rest[: 2 * n : 2], rest[1 : 2 * n : 2]
    rest = rest[2 * n :]
    pointers = []
    for at in range(1, 4 * int(rest[0]), 4):
        symbol, target, part, words_of = rest[at : at + 4]
        pointers.append((symbol, f"{target}-{bare(part)}", int(words_of[:2], 16), int(words_of[2:], 16)))
    rest = rest[1 + 4 * int(rest[0]) :]
    frames = [(int(rest[at + 1]), int(rest[at + 2], 16)) for at in range(1, len(rest), 3)]
    ids = [int(one, 16) for one in lex_ids]
    return Synset(f"{offset}-{bare(kind)}", kind, int(file), words, ids, pointers, frames, gloss.strip())


def bare(part: str) -> str:
    return "a" if part == "s" else part


def lemma(word: str) -> str:
    return re.sub(r"\((a|p|ip)\)$", "", word).lower()


def synsets(folder: Path) -> dict[str, Synset]:
    found = {}
    for name in PARTS:
        for line in (folder / f"data.{name}").read_text("utf-8").splitlines():
            if line.strip() and not line.startswith(" "):
                one = synset(line)
                found[one.id] = one
    return found


def key(one: Synset, place: int, known: dict[str, Synset]) -> str:
    """Return the sense key of a word."""
    heads = [known[target] for symbol, target, *_ in one.pointers if symbol == "&" and one.type == "s"]
    of_head = f"{lemma(heads[0].words[0])}:{heads[0].lex_ids[0]:02d}" if heads else ":"
    kind = "nvars".index(one.type) + 1
    return f"{lemma(one.words[place])}%{kind}:{one.file:02d}:{one.lex_ids[place]:02d}:{of_head}"


def stage(folder: Path, tmp_path: Path) -> tuple[dict[str, list[dict[str, Any]]], dict[str, Any]]:
    """Return the rows of every table that the reader stages, and the facts of its task."""
    (reading,) = SOURCE.plan([str(folder)], SOURCE.settings()).feeds
    part = "work/parts/wordnet.part"
    outcome = read(tmp_path, files=list(reading.paths), part=part)
    tables = {}
    for name in [*SCHEMAS, "rejects"]:
        table = name if name == "rejects" else f"named {name}"
        batches = list(staged.read(tmp_path / part, table))
        tables[name] = pa.Table.from_batches(batches).to_pylist() if batches else []
    return tables, outcome.facts
