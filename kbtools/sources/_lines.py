"""What sources of one triple a line share: a look at the first lines, bad lines, names in order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kbtools.errors import SourceError
from kbtools.io import open_stream

if TYPE_CHECKING:
    from kbtools.io import Block
    from kbtools.io.delimited import Fields
    from kbtools.kb.named import NamedPart

HEAD = 1 << 18
BOM = b"\xef\xbb\xbf"
UTF16 = (b"\xff\xfe", b"\xfe\xff")
TAR = b"ustar"  # at byte 257


def first_lines(path: str) -> list[bytes]:
    """Return the first lines of a file without their ends, blank ones left out; none of what is read once.

    A file in which most of them cannot be UTF-8 is refused.
    """
    if path == "-" or (Path(path).exists() and not (Path(path).is_file() or Path(path).is_dir())):
        return []
    with open_stream(path) as stream:
        data = stream.read(HEAD)
    if data[257 : 257 + len(TAR)] == TAR:
        raise SourceError("is a tar archive; unpack it first: tar xf FILE", path=path)
    lines = data.removeprefix(BOM).split(b"\n")
    if len(data) == HEAD and len(lines) > 1:
        lines.pop()  # it may be cut off
    lines = [line for text in lines if (line := text.removesuffix(b"\r"))]
    if data.startswith(UTF16):
        cure = "it is UTF-16; make it UTF-8 first: iconv -f UTF-16 -t UTF-8 FILE"
        raise SourceError(f"cannot be read as UTF-8: {cure}", path=path)
    bad = sum(b"\0" in line or not _is_utf8(line) for line in lines)
    if 2 * bad > len(lines):
        cure = "make it UTF-8 first, as in: iconv -f GB18030 -t UTF-8 FILE"
        what = f"cannot be read as UTF-8: {bad} of its first {len(lines)} lines are not"
        raise SourceError(f"{what}; {cure}", path=path)
    return lines


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def reject_bad(out: NamedPart, found: Fields) -> None:
    """Count the records of a block and note those that `split` could make nothing of."""
    out.counts["read"] += len(found.line) + len(found.bad)
    for bad in found.bad:
        out.reject(bad.reason, line=bad.line, byte=bad.byte, text=bad.text)


def keep_full(
    out: NamedPart, block: Block, found: Fields, columns: Sequence[Any], names: Sequence[str]
) -> tuple[list[Any], Any]:
    """Reject the rows in which a column is empty; return the columns without them, and which rows stay."""
    import numpy as np  # noqa: PLC0415 - the sources above must stay light
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    empty = [pc.equal(pc.binary_length(column), 0).to_numpy(zero_copy_only=False) for column in columns]
    lacking = np.logical_or.reduce(empty)
    if not lacking.any():
        return list(columns), np.arange(len(lacking))
    for at in np.flatnonzero(lacking).tolist():
        what = " and ".join(name for name, mask in zip(names, empty, strict=True) if mask[at])
        byte = int(found.byte[at])
        start = byte - block.byte
        text = block.data[start : start + 800].partition(b"\n")[0]
        out.reject(f"no {what}", line=int(found.line[at]), byte=byte, text=text)
    stay = np.flatnonzero(~lacking)
    return [column.take(pa.array(stay)) for column in columns], stay


def first_seen(columns: Sequence[Any], places: Sequence[Any]) -> Any:
    """Return the distinct texts of several columns in the order of their places: that of the dump.

    Blocks are cut anywhere, so eids must not depend on what stands in a block together.
    """
    import numpy as np  # noqa: PLC0415
    import pyarrow as pa  # noqa: PLC0415

    texts = pa.concat_arrays(columns)
    order = np.argsort(np.concatenate(places), kind="stable")
    return texts.take(pa.array(order)).unique()
