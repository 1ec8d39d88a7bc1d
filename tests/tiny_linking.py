"""Two small knowledge bases, their names and a linker over them: what tests of linking start from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from kbtools import api
from kbtools.linked import Linked
from tests import tiny_kb
from tests.tiny_alias import name

PLACES = ["Q90", "Q830149", "Q142", "Q1384", "Q60", "Q148", "Q57695"]
# the same label twice, a name inside a name, a merged id, Chinese
PLACE_NAMES = [
    name(0, "Paris"), name(0, "Paris", "anchor", 8), name(1, "Paris"), name(1, "Paris, Texas"),
    name(2, "France"), name(3, "New York"), name(4, "New York City"), name(4, "New York", "anchor", 1),
    name(4, "NYC", "alias"), name(5, "中国"), name(5, "China"), name(6, "NYC Inc."),
]  # fmt: skip
SENSES = ["paris-n", "city-n"]
SENSE_NAMES = [name(0, "Paris", "lemma"), name(1, "city", "lemma"), name(1, "New York City", "lemma")]


def kb(out: Path, ids: Sequence[str], names: list[dict[str, Any]], called: str, **tables: Any) -> Path:
    rows: dict[str, Any] = {
        "entities": [tiny_kb.entity(eid, id_, f"{id_} label") for eid, id_ in enumerate(ids)],
        "surfaces": sorted(names, key=lambda row: row["text"].encode()),
        **tables,
    }
    return tiny_kb.write(out, rows, name=called)


def alias(folder: Path, **tables: Any) -> Path:
    """Write both knowledge bases, the first with more `tables`, and the table of their names; return that."""
    redirects = [{"from_id": "Q999", "to_eid": 0, "kind": "merge"}]
    xref = [{"eid": 0, "scheme": "mesh", "value": "D010311"}]
    places = kb(folder / "places", PLACES, PLACE_NAMES, "places", redirects=redirects, xref=xref, **tables)
    senses = kb(folder / "senses", SENSES, SENSE_NAMES, "senses")
    api.build_alias([places, senses], folder / "alias")
    return folder / "alias"


def corpus(folder: Path, *documents: dict[str, Any], called: str = "corpus.jsonl") -> Path:
    path = folder / called
    path.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in documents))
    return path


def document(text: str, *links: tuple[str, str | None], **fields: Any) -> dict[str, Any]:
    """Write a document; each link is a surface in it, and an id (None: NIL)."""
    mentions = [
        {"start": text.index(surface), "end": text.index(surface) + len(surface), "id": id_, "kind": "gold"}
        for surface, id_ in links
    ]
    return {"text": text, "mentions": mentions, **fields}


def rows(linked: Path) -> list[dict[str, Any]]:
    return [row for batch in Linked(linked).scan("documents") for row in batch.to_pylist()]


def found(row: dict[str, Any], kb: int | None = None) -> list[tuple[str, int | None]]:
    """Return what is linked in a document: words and eids."""
    return [
        (row["text"][one["start"] : one["end"]], one["eid"])
        for one in row["mentions"]
        if kb is None or one["kb"] == kb
    ]
