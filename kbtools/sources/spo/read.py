"""Read triples of text.

Memory: a few blocks of the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kbtools.artefact import Outcome
from kbtools.io import Block
from kbtools.kb.named import NamedPart, read_blocks
from kbtools.sources._lines import new_names, read_triples

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
    known: set[str] = set()  # relations

    def read(block: Block, out: NamedPart) -> None:
        if header and piece["number"] == 0 and block.line == 0:
            block = _without_header(block)
            out.counts["skipped: header"] += 1
        found = read_triples(out, block, separator, fields=len(columns), wanted=wanted, names=NAMES)
        out.add("entities", entity=found.entities)  # their names are their ids: `Reading.own_names`
        new = new_names(found.relations, known)
        out.add("relations", relation=new, label=new)
        out.add(
            "triples",
            entity=found.heads,
            relation=found.relations,
            tail=found.tails,
            statement=out.statements(len(found.heads)),
        )

    return read_blocks(folder, piece, part, read)


def _without_header(block: Block) -> Block:
    cut = block.data.find(b"\n") + 1 or len(block.data)
    return Block(block.data[cut:], block.byte + cut, 1)
