"""Read triples of link prediction data.

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
from kbtools.io.delimited import split as split_lines
from kbtools.kb.named import NamedPart, read_blocks
from kbtools.sources._lines import first_seen, keep_full, reject_bad

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
    known: set[str] = set()

    def read(block: Block, out: NamedPart) -> None:
        found = split_lines(block, separator.encode(), fields=3, wanted=wanted)
        reject_bad(out, found)
        texts = [pc.utf8_trim_whitespace(column) for column in found.columns]
        (heads, relations, tails), _ = keep_full(out, block, found, texts, NAMES)
        n = len(heads)
        places = np.arange(2 * n)
        entities = first_seen([heads, tails], [places[::2], places[1::2]])
        if readable:
            _add_named(out, entities, lang)
        else:
            out.add("entities", entity=entities, kind="entity")
        new = [name for name in relations.unique().to_pylist() if name not in known]
        known.update(new)
        labels = [_relation_label(name) if label_relations else None for name in new]
        out.add("relations", relation=new, label=pa.array(labels, pa.string()))
        out.add(
            "triples",
            entity=heads,
            relation=relations,
            tail=tails,
            statement=out.statements(n),
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
