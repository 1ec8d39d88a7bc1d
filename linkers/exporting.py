"""Linked documents in the formats that others read: numbers become ids, mentions become links."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools import corpus
from kbtools.corpus.base import DOCUMENTS, LINK
from kbtools.errors import ArtefactError, ConfigError
from kbtools.kb.bases import bases_of
from kbtools.kb.ids import Ids
from kbtools.kb.schema import STR
from kbtools.linked import Linked


def formats() -> list[str]:
    """List the formats that linked documents can be written in."""
    return corpus.writers()


def export(
    linked: str | Path,
    out: str | Path,
    *,
    to: str,
    kbs: Sequence[str | Path] = (),
    overwrite: bool = False,
) -> int:
    """Write linked documents as one file, whole or not at all; return how many there are."""
    artefact, target = Linked(linked), Path(out)
    check(to, target, overwrite=overwrite)
    named = {place: Ids(base.kb) for place, base in bases_of(artefact.manifest, kbs).items()}
    names = [ref.name for ref in artefact.kbs]
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.partial")
    count = 0

    def documents() -> Iterator[pa.RecordBatch]:
        nonlocal count
        for batch in corpus.documents(f"linked:{linked}"):
            count += batch.num_rows
            yield with_ids(batch, named, names)

    try:
        with draft.open("wb") as file:
            corpus.write(to, documents(), file)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return count


def check(to: str, target: Path, *, overwrite: bool) -> None:
    """Refuse a format that cannot be written, and a file that is there."""
    if to not in formats():
        raise ConfigError(f"--format {to!r}: it is one of {', '.join(formats())}")
    if target.exists() and not overwrite:
        raise ArtefactError(f"{target} exists; give another --out, or --overwrite to replace it")


def with_ids(batch: pa.RecordBatch, named: Mapping[int, Ids], names: Sequence[str]) -> pa.RecordBatch:
    """Fill in the ids of links that are known by number."""
    links = batch["links"]
    values = links.flatten()
    kb = pc.fill_null(pc.index_in(values.field("kb"), pa.array(names, STR)), -1).to_numpy()
    eid = pc.fill_null(values.field("eid").cast(pa.int64()), -1).to_numpy()
    ids = np.array(values.field("id").to_pylist(), object)
    for place, called in named.items():
        rows = np.flatnonzero((kb == place) & (eid >= 0))
        ids[rows] = called.take(eid[rows]).to_numpy(zero_copy_only=False)
    columns = [pa.array(ids, STR) if field.name == "id" else values.field(field.name) for field in LINK]
    lengths = np.diff(links.offsets.to_numpy())
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
    told = pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(columns, fields=list(LINK)))
    return pa.RecordBatch.from_arrays([*batch.columns[:4], told], schema=DOCUMENTS)
