"""Lines of names and numbers, written without a loop over the numbers.

A number is written in the fewest digits that tell it from every other float32: what is read is what was.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.errors import ConfigError
from kbtools.vectors.formats.base import F32

ROWS = 1 << 22  # numbers that are written together


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing; one that ends in .gz is compressed, the same each time."""
    with path.open("wb") as raw:
        if path.suffix != ".gz":
            yield raw
            return
        with gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
            yield packed  # type: ignore[misc]


def write_rows(file: IO[bytes], names: pa.Array | None, numbers: F32, between: str) -> None:
    """Write rows: a name if there are any, then numbers, with `between` between them."""
    step = max(1, ROWS // max(1, numbers.shape[1]))
    for at in range(0, len(numbers), step):
        block = np.ascontiguousarray(numbers[at : at + step], np.float32)
        texts = pc.cast(pa.array(block.reshape(-1)), pa.string())
        ends = pa.array(np.arange(0, block.size + 1, block.shape[1], dtype=np.int32))
        lines = pc.binary_join(pa.ListArray.from_arrays(ends, texts), between)
        if names is not None:
            lines = pc.binary_join_element_wise(names.slice(at, step), lines, between)
        file.write(joined(lines))


def joined(lines: pa.Array) -> bytes:
    """Put lines one after the other, each with its end."""
    ended = pc.binary_join_element_wise(lines, "", "\n")
    if isinstance(ended, pa.ChunkedArray):
        ended = ended.combine_chunks()
    begin, end = (ended.offset, ended.offset + len(ended)) if len(ended) else (0, 0)
    if begin == end:
        return b""
    offsets = np.frombuffer(ended.buffers()[1], np.int32)
    return memoryview(ended.buffers()[2])[offsets[begin] : offsets[end]].tobytes()


def checked(names: pa.Array, blank: str, spaces: str, format_: str) -> pa.Array:
    """Return names as they are written; refuse one with a sign (the pattern `blank`) that has no room."""
    if spaces:
        names = pc.replace_substring(names, " ", spaces)
    wrong = pc.fill_null(pc.match_substring_regex(names, blank), False)
    if pc.any(wrong).as_py():
        name = names.filter(wrong)[0].as_py()
        raise ConfigError(
            f"{name!r} has a space, tab or line end, for which {format_} has no room; "
            "put another sign for spaces with -o spaces=_, or take --format npy"
        )
    return names
