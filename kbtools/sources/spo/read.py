"""Read triples of text.

Memory: a few blocks of the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.artefact import Outcome
from kbtools.io import Block
from kbtools.io.delimited import split
from kbtools.kb.named import NamedPart, read_blocks
from kbtools.sources._lines import first_seen, keep_full, reject_bad

NAMES = ("subject", "predicate", "object")


def decode(
    folder: Path,
    *,
    piece: dict[str, Any],
    part: str,
    columns: str,
    separator: str,
    header: bool,
) -> Outcome:
    """Stage one piece of a file of triples."""
    wanted = [columns.index(letter) for letter in "spo"]
    relations: set[str] = set()

    def read(block: Block, out: NamedPart) -> None:
        if header and piece["number"] == 0 and block.line == 0:
            block = _without_header(block)
            out.counts["skipped: header"] += 1
        found = split(block, separator.encode(), fields=len(columns), wanted=wanted)
        reject_bad(out, found)
        texts = [pc.utf8_trim_whitespace(column) for column in found.columns]
        (subjects, predicates, objects), _ = keep_full(out, block, found, texts, NAMES)
        n = len(subjects)
        places = np.arange(2 * n)
        entities = first_seen([subjects, objects], [places[::2], places[1::2]])
        out.add("entities", entity=entities)  # their names are their ids: `Reading.own_names`
        _add_relations(out, predicates, relations)
        out.add("triples", entity=subjects, relation=predicates, tail=objects, statement=out.statements(n))

    return read_blocks(folder, piece, part, read)


def _add_relations(out: NamedPart, relations: pa.Array, known: set[str]) -> None:
    """Add the relations that this task has not met yet; their ids are their names."""
    new = [name for name in relations.unique().to_pylist() if name not in known]
    known.update(new)
    out.add("relations", relation=new, label=new)


def _without_header(block: Block) -> Block:
    cut = block.data.find(b"\n") + 1 or len(block.data)
    return Block(block.data[cut:], block.byte + cut, 1)
