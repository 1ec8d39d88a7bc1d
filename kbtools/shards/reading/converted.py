"""Shards of Parquet, written once more as Arrow beside them: a row of Parquet costs a whole row group.

The copy is named after the content of the shards, so it is never stale, and may be deleted at any time. While
it is written, one row group is held in memory.
"""

from __future__ import annotations

import fcntl
import secrets
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from kbtools.errors import ArtefactError, ResourceError
from kbtools.shards.reading.memory import damaged

ROWS = 65_536


def beside(shards: Path, content: str) -> Path:
    """Say where copies of a folder's files are kept."""
    return shards.absolute().with_name(f"{shards.absolute().name}.mapped-{content[:12]}")


def as_arrow(path: Path, shards: Path, cache: Path) -> Path:
    """Return the Arrow copy of a Parquet file; write it if it is not there. Who comes second waits."""
    copy = (cache / path.relative_to(shards)).with_suffix(".arrow")
    if copy.is_file():
        return copy
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        with copy.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not copy.is_file():
                _write(path, copy)
    except pa.ArrowException as error:
        raise damaged(path, error) from error
    except OSError as error:
        kind = ResourceError if error.errno is not None and error.strerror else ArtefactError
        raise kind(f"{path}: cannot be copied to {copy}: {error}; give another folder (cache)") from error
    return copy


def _write(path: Path, copy: Path) -> None:
    draft = copy.with_name(f".{copy.name}.{secrets.token_hex(4)}")
    try:
        with pq.ParquetFile(path, pre_buffer=False) as source:
            schema = source.schema_arrow.remove_metadata()
            with pa.ipc.new_file(str(draft), schema) as sink:
                for group in range(source.num_row_groups):
                    table = source.read_row_group(group).replace_schema_metadata(None)
                    for batch in table.combine_chunks().to_batches(max_chunksize=ROWS):
                        sink.write_batch(batch)
        draft.replace(copy)
    finally:
        draft.unlink(missing_ok=True)
