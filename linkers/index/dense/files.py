"""The files of an index: written once all vectors are there, checked before they are opened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kbtools import artefact
from kbtools.artefact import FileEntry, Manifest, Table, digest
from kbtools.errors import ArtefactError
from kbtools.kb.arrays import create_npy
from kbtools.kb.schema_digest import schema_digest
from kbtools.linkers.index.dense import faiss_index, vectors

IDS, EIDS, KBS = "ids.parquet", "eids.npy", "kbs.npy"
SCHEMA = pa.schema([("row", pa.uint32()), ("kb", pa.uint8()), ("eid", pa.uint32()), ("digest", pa.uint64())])
GROUP = 1 << 18
HASHED = 256 << 20  # files up to this size are hashed when opened; `kbtools verify --deep` hashes all


def blocks(path: Path, columns: Sequence[str], rows: int, *, skip: int = 0) -> Iterator[pa.Table]:
    """Read a Parquet file in tables of exactly `rows` rows, but the last; `skip` is a multiple of it."""
    waiting: list[pa.RecordBatch] = []
    count = seen = 0
    with pq.ParquetFile(path, pre_buffer=False) as file:
        for batch in file.iter_batches(batch_size=rows, columns=list(columns)):
            waiting.append(batch)
            count += batch.num_rows
            while count >= rows:
                whole = pa.Table.from_batches(waiting)
                if seen >= skip:
                    yield whole.slice(0, rows)
                seen += rows
                count -= rows
                waiting = whole.slice(rows).to_batches()
    if count and seen >= skip:
        yield pa.Table.from_batches(waiting)


def write_ids(new: Path, texts: Path, rows: int, *, several: bool) -> None:
    """Write which entity each row is."""
    eids = create_npy(new / EIDS, np.dtype("<u4"), rows)
    kbs = create_npy(new / KBS, np.dtype("u1"), rows) if several else None
    first = 0
    with pq.ParquetWriter(new / IDS, SCHEMA, compression="zstd", compression_level=1) as out:
        for block in blocks(texts, ["kb", "eid", "digest"], GROUP):
            numbers = pa.array(np.arange(first, first + len(block), dtype=np.uint32))
            out.write_table(
                block.add_column(0, "row", numbers).cast(SCHEMA).combine_chunks(), row_group_size=GROUP
            )
            eids[first : first + len(block)] = block["eid"].to_numpy()
            if kbs is not None:
                kbs[first : first + len(block)] = block["kb"].to_numpy()
            first += len(block)


def tables(new: Path, rows: int, shape: str) -> dict[str, Table]:
    """Describe the files; `shape` says what kind of arrays and index they are."""
    found = {"ids": [IDS], "vectors": [vectors.FILE], "search": [faiss_index.FILE, EIDS, KBS]}
    return {
        name: Table(
            rows=rows,
            files=[artefact.entry(new, file) for file in files if (new / file).exists()],
            schema=schema_digest(SCHEMA) if name == "ids" else digest.of_json([*files, shape]),
        )
        for name, files in found.items()
    }


def check(path: Path, manifest: Manifest, names: Iterable[str]) -> None:
    """Refuse an index whose files are not those that its manifest tells of: faiss trusts what it reads."""
    entries: dict[str, FileEntry] = {
        file.path: file for table in manifest.tables.values() for file in table.files
    }
    for name in names:
        told, file = entries.get(name), path / name
        if told is None:
            raise ArtefactError(f"{path}: its manifest names no {name}; make the index again")
        if not file.is_file():
            raise ArtefactError(f"{file}: gone; make the index again")
        if file.stat().st_size != told.bytes:
            raise ArtefactError(
                f"{file}: damaged: {file.stat().st_size:,} bytes, where the manifest says {told.bytes:,}; "
                "make the index again"
            )
        if told.bytes <= HASHED and digest.of_file(file) != told.digest:
            raise ArtefactError(
                f"{file}: damaged: not the bytes that the manifest tells of; make the index again"
            )
