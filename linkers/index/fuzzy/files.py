"""The files of a fuzzy index: numpy arrays that all processes map into memory.

N names in order of length and then of code points, so that names of a range of lengths are a range of
numbers; G n-grams; E entities called so.

    grams.names.npy      u8         the names' UTF-8, one after the other
    grams.offsets.npy    i32 | i64  [N + 1] where each begins
    grams.sizes.npy      i64        [L + 2] how many names are shorter than 0, 1 … L + 1 characters
    grams.masks.npy      u64        [N] which characters it has (`masks.py`)
    grams.sums.npy       i32        [N] the weight of its n-grams
    grams.keys.npy       u64        [G] the n-grams, ascending (`grams.py`)
    grams.weights.npy    u16        [G]
    grams.firsts.npy     i64        [G + 1] where in `lists` the names begin that have it
    grams.lists.npy      u32        ascending for each n-gram
    grams.buckets.npy    u32        [2ᵇ + 1] where the segments begin whose hash begins with these b bits
    grams.tags.npy       u16        the 16 bits that follow
    grams.places.npy     u32        the names that have the segment (`segments.py`)
    grams.entries.npy    i64        [N + 1] where the entities of each name begin
    grams.eids.npy       u32        [E]
    grams.priors.npy     f32        [E]
    grams.kbs.npy        u8         [E]
    ids.parquet          the same as a table: row (the name's number), kb, eid, prior
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kbtools.artefact import Manifest, Table, digest, entry
from kbtools.errors import ArtefactError
from kbtools.kb.arrays import load_npy
from kbtools.kb.schema import U8, U32
from kbtools.kb.schema_digest import schema_digest

Arrays = dict[str, NDArray[Any]]
KINDS = {
    "names": "u1", "offsets": "i4 i8", "sizes": "i8", "masks": "u8", "sums": "i4", "keys": "u8",
    "weights": "u2", "firsts": "i8", "lists": "u4", "buckets": "u4", "tags": "u2", "places": "u4",
    "entries": "i8", "eids": "u4", "priors": "f4", "kbs": "u1",
}  # fmt: skip
IDS = "ids.parquet"
IDS_SCHEMA = pa.schema(
    [
        pa.field("row", U32, nullable=False),
        pa.field("kb", U8, nullable=False),
        pa.field("eid", U32, nullable=False),
        pa.field("prior", pa.float32(), nullable=False),
    ]
)
GROUP = 1 << 20


def file_name(array: str) -> str:
    """Return the file of an array."""
    return f"grams.{array}.npy"


def save(folder: Path, **arrays: NDArray[Any]) -> None:
    """Write arrays that are in memory."""
    for name, array in arrays.items():
        np.save(folder / file_name(name), array, allow_pickle=False)


def save_ids(folder: Path, arrays: Arrays) -> None:
    """Write what `entries`, `kbs`, `eids` and `priors` say as a table."""
    entries = arrays["entries"]
    with pq.ParquetWriter(folder / IDS, IDS_SCHEMA, compression="zstd", compression_level=1) as writer:
        for first in range(0, int(entries[-1]), GROUP):
            rows = slice(first, first + GROUP)
            number = np.searchsorted(entries, np.arange(first, min(first + GROUP, int(entries[-1]))), "right")
            columns = [
                (number - 1).astype(np.uint32),
                *(arrays[name][rows] for name in ("kbs", "eids", "priors")),
            ]
            writer.write_table(pa.Table.from_arrays([pa.array(part) for part in columns], schema=IDS_SCHEMA))


def tables(folder: Path) -> dict[str, Table]:
    """Describe all files for the manifest."""
    found = {}
    for name in KINDS:
        array = np.load(folder / file_name(name), mmap_mode="r", allow_pickle=False)
        told = digest.of_json([array.dtype.str, array.ndim])
        found[f"grams.{name}"] = Table(rows=len(array), files=[entry(folder, file_name(name))], schema=told)
    rows = pq.read_metadata(folder / IDS).num_rows
    found["ids"] = Table(rows=rows, files=[entry(folder, IDS)], schema=schema_digest(IDS_SCHEMA))
    return found


def opened(folder: Path, manifest: Manifest) -> Arrays:
    """Map the arrays; refuse those that are gone, short or of another kind. None of them is read."""
    arrays = {}
    for name, kinds in KINDS.items():
        file = folder / file_name(name)
        told = manifest.tables.get(f"grams.{name}")
        found = load_npy(file, gone="make the index again")
        if told is None or [one.bytes for one in told.files] != [file.stat().st_size]:
            raise _damaged(file)
        if found.ndim != 1 or found.dtype.str[1:] not in kinds.split() or len(found) != told.rows:
            raise _damaged(file)
        arrays[name] = found
    _check(folder, arrays)
    return arrays


def _check(folder: Path, arrays: Arrays) -> None:
    """Refuse arrays that do not fit each other."""
    names, grams, entities = len(arrays["masks"]), len(arrays["keys"]), len(arrays["eids"])
    lengths = {
        "offsets": names + 1, "sums": names, "entries": names + 1, "weights": grams, "firsts": grams + 1,
        "tags": len(arrays["places"]), "priors": entities, "kbs": entities,
    }  # fmt: skip
    ends = {
        "offsets": len(arrays["names"]), "sizes": names, "firsts": len(arrays["lists"]),
        "buckets": len(arrays["places"]), "entries": entities,
    }  # fmt: skip
    wrong = [name for name, length in lengths.items() if len(arrays[name]) != length]
    wrong += [name for name, end in ends.items() if not len(arrays[name]) or arrays[name][-1] != end]
    if wrong:
        raise _damaged(folder / file_name(wrong[0]))


def _damaged(file: Path) -> ArtefactError:
    return ArtefactError(f"{file}: damaged; `kbtools verify {file.parent}` says what else is")


def strings_of(arrays: Arrays) -> pa.StringArray | pa.LargeStringArray:
    """Return all names; nothing is copied."""
    offsets = arrays["offsets"]
    kind = pa.StringArray if offsets.dtype == np.int32 else pa.LargeStringArray
    return kind.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(arrays["names"]))
