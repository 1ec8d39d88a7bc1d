"""What sources of text files share: a look at their beginning; bad lines; triples, one a line."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kbtools.errors import SourceError
from kbtools.io import open_stream

if TYPE_CHECKING:
    from kbtools.io import Block
    from kbtools.io.delimited import Fields
    from kbtools.kb.named import NamedPart

HEAD = 1 << 18
SHOWN = 40  # characters of a file that a message repeats
BOM = b"\xef\xbb\xbf"
UTF16 = (b"\xff\xfe", b"\xfe\xff")
TAR = b"ustar"  # at byte 257


def first_lines(path: str, size: int = HEAD) -> list[bytes]:
    """Return the first lines of a file without their ends, blank ones left out; none of what is read once.

    A file in which most of them cannot be UTF-8 is refused.
    """
    if path == "-" or (Path(path).exists() and not (Path(path).is_file() or Path(path).is_dir())):
        return []
    with open_stream(path) as stream:
        data = stream.read(size)
    if data[257 : 257 + len(TAR)] == TAR:
        raise SourceError("is a tar archive; unpack it first: tar xf FILE", path=path)
    lines = data.removeprefix(BOM).split(b"\n")
    if len(data) == size and len(lines) > 1:
        lines.pop()  # it may be cut off
    lines = [line for text in lines if (line := text.removesuffix(b"\r"))]
    if data.startswith(UTF16):
        cure = "it is UTF-16; make it UTF-8 first: iconv -f UTF-16 -t UTF-8 FILE"
        raise SourceError(f"cannot be read as UTF-8: {cure}", path=path)
    bad = sum(b"\0" in line or not is_utf8(line) for line in lines)
    if 2 * bad > len(lines):
        cure = "make it UTF-8 first, as in: iconv -f GB18030 -t UTF-8 FILE"
        what = f"cannot be read as UTF-8: {bad} of its first {len(lines)} lines are not"
        raise SourceError(f"{what}; {cure}", path=path)
    return lines


def is_utf8(line: bytes) -> bool:
    """Tell whether these bytes are text."""
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def beginning(data: bytes) -> str:
    r"""Show how a file begins, whatever is in it: the start of its first line, escaped where need be.

    >>> print(beginning(b"\n\x89PNG\x1b[2J"), beginning("中文 ".encode() * 30))
    '\x89PNG\x1b[2J' '中文 中文 中文 中文 中文 中文 中文 中文 中文 中文 中文 中文 中文 中'…
    """
    line = data.removeprefix(BOM).lstrip().partition(b"\n")[0]
    text = line[: 4 * SHOWN].decode("utf-8", "backslashreplace").rstrip()
    shown = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)
    return f"'{shown[:SHOWN]}'" + "…" * (len(shown) > SHOWN)


def sift(
    folder: str, kind_of: Callable[[str], str], what: str, endings: Collection[str] = ()
) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the files of a folder with their kinds, and a warning of those that `kind_of` refuses.

    The warning ends in `what`: what they are not. Files whose names have none of `endings` are passed over.
    """
    found: list[tuple[str, str]] = []
    passed: dict[str, list[str]] = {}
    for file in sorted(each for each in Path(folder).iterdir() if each.is_file()):
        if file.name.startswith(".") or (endings and not {*endings} & {*file.suffixes}):
            continue
        try:
            found.append((kind_of(str(file)), str(file)))
        except SourceError as error:
            reason = str(error).removeprefix(f"{file}: ").partition(";")[0]
            passed.setdefault(reason, []).append(file.name)
    told = ", ".join(f"{', '.join(names)} ({reason})" for reason, names in passed.items())
    return found, [f"left out: {told}: {what}"] if told else []


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


class Triples(NamedTuple):
    """The triples of a block, and its entities in the order of the dump."""

    heads: Any
    relations: Any
    tails: Any
    entities: Any


def read_triples(
    out: NamedPart, block: Block, separator: str, *, fields: int, wanted: Sequence[int], names: Sequence[str]
) -> Triples:
    """Read a triple a line; `wanted` are the places of head, relation and tail, `names` what to call them."""
    import numpy as np  # noqa: PLC0415 - the sources above must stay light
    import pyarrow.compute as pc  # noqa: PLC0415

    from kbtools.io.delimited import split  # noqa: PLC0415

    found = split(block, separator.encode(), fields=fields, wanted=wanted)
    reject_bad(out, found)
    texts = [pc.utf8_trim_whitespace(column) for column in found.columns]
    (heads, relations, tails), _ = keep_full(out, block, found, texts, names)
    places = np.arange(2 * len(heads))
    return Triples(heads, relations, tails, first_seen([heads, tails], [places[::2], places[1::2]]))


def new_names(column: Any, known: set[str]) -> list[str]:
    """Return the distinct texts of a column that a task has not met yet, and note them in `known`."""
    new = [name for name in column.unique().to_pylist() if name not in known]
    known.update(new)
    return new


def first_seen(columns: Sequence[Any], places: Sequence[Any]) -> Any:
    """Return the distinct texts of several columns in the order of their places: that of the dump.

    Blocks are cut anywhere, so eids must not depend on what stands in a block together.
    """
    import numpy as np  # noqa: PLC0415
    import pyarrow as pa  # noqa: PLC0415

    texts = pa.concat_arrays(columns)
    order = np.argsort(np.concatenate(places), kind="stable")
    return texts.take(pa.array(order)).unique()
