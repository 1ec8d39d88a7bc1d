"""Linked documents, written row by row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kbtools import artefact
from kbtools.artefact import Input, KbRef
from kbtools.kb.schema_digest import schema_digest
from kbtools.linked.schema import DOCUMENTS, KIND, TABLE

Row = dict[str, Any]


def mention(start: int, end: int, eid: int | None, p: float = 0.9, **more: Any) -> Row:
    """A mention; `candidates` are pairs of eid and prior, best first."""
    candidates = [{"eid": one, "prior": prior, "p": p} for one, prior in more.pop("candidates", [])]
    plain = {"kb": 0, "nil": 1 - p, "kind": "dictionary", "group": 0, "parent": None, "features": None}
    return {"start": start, "end": end, "eid": eid, "p": p, "candidates": candidates, **plain, **more}


def document(doc_id: str, text: str | None, mentions: Sequence[Row]) -> Row:
    return {
        "doc_id": doc_id,
        "text": text,
        "lang": "en",
        "source": None,
        "meta": None,
        "mentions": [*mentions],
    }


def write(out: Path, kbs: Sequence[Path], documents: Sequence[Row]) -> Path:
    """Write an artefact that says it was linked to these knowledge bases."""
    manifests = [artefact.read(kb, "kb") for kb in kbs]
    refs = [KbRef(name=one.name or "", content=one.content, id_space=one.id_space) for one in manifests]
    inputs = [
        Input(path=str(kb), kind="kb", content=one.content) for kb, one in zip(kbs, manifests, strict=True)
    ]
    with artefact.Staging(out, f"tiny {out.name}") as staging:
        name = f"{TABLE}.parquet"
        pq.write_table(pa.Table.from_pylist([*documents], schema=DOCUMENTS), staging.new / name)
        table = artefact.Table(
            rows=len(documents), files=[artefact.entry(staging.new, name)], schema=schema_digest(DOCUMENTS)
        )
        staging.commit(
            artefact.begin(KIND, settings={}, inputs=inputs, kbs=refs, tables={TABLE: table}, counts={})
        )
    return out
