"""Read triples of link prediction data.

Memory: a few blocks of the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kbtools.artefact import Outcome
from kbtools.io import Block
from kbtools.kb.named import NamedPart, read_blocks
from kbtools.sources._lines import new_names, read_triples

NAMES = ("head", "relation", "tail")
LAST = 1  # `order`: what files of names say goes before


def decode(
    folder: Path,
    *,
    piece: dict[str, Any],
    part: str,
    columns: str,
    separator: str,
    split: str,
    lang: str,
    readable: bool,
    label_relations: bool,
) -> Outcome:
    """Stage one piece of the triples of a split."""
    wanted = [columns.index(letter) for letter in "hrt"]
    known: set[str] = set()  # relations

    def read(block: Block, out: NamedPart) -> None:
        found = read_triples(out, block, separator, fields=3, wanted=wanted, names=NAMES)
        if readable:
            _add_named(out, found.entities, lang)
        else:
            out.add("entities", entity=found.entities, kind="entity")
        new = new_names(found.relations, known)
        labels = [_relation_label(name) if label_relations else None for name in new]
        out.add("relations", relation=new, label=pa.array(labels, pa.string()))
        out.add(
            "triples",
            entity=found.heads,
            relation=found.relations,
            tail=found.tails,
            statement=out.statements(len(found.heads)),
            split=split,
        )

    return read_blocks(folder, piece, part, read)


def leave_out(folder: Path, *, piece: dict[str, Any], part: str) -> Outcome:
    """Count the triples of a file of negatives."""

    def read(block: Block, out: NamedPart) -> None:
        n = sum(1 for line in block.data.split(b"\n") if line.strip())
        out.counts["read"] += n
        out.counts["skipped: negative triples"] += n

    return read_blocks(folder, piece, part, read)


def _add_named(out: NamedPart, entities: pa.Array, lang: str) -> None:
    labels = pc.utf8_trim_whitespace(pc.replace_substring(entities, "_", " "))
    labels = pc.if_else(pc.equal(labels, ""), entities, labels)
    out.add("entities", entity=entities, kind="entity", label=labels, lang=lang, order=LAST)
    out.add("labels", entity=entities, lang=lang, text=labels)
    out.add("surfaces", entity=entities, text=labels, lang=lang, source="label")


def _relation_label(relation: str) -> str | None:
    """Make a name of an id that can be read: `_also_see` is "also see", P31 and /people/person are none."""
    if "/" in relation or relation[1:].isdigit() or relation.isdigit():
        return None
    return " ".join(relation.replace("_", " ").split()) or None
