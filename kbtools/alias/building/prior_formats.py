r"""What prior files look like, and how their lines become rows (text, name, n): names are not resolved yet.

Four kinds are told apart by their first lines:

    crosswikis   Hank Williams \t 0.997 Hank_Williams W:756/758 W08 WDB w:936/938
    p(e|m)       Hank Williams \t 1700 \t 13927,0.997,Hank_Williams \t 8210131,0.003,... \t
    plain        Hank Williams \t Q209186 \t 1692
    map          Hank Williams \t Q209186                titles of pages: entity_map.txt of ERNIE

CrossWikis (Spitkovsky and Chang 2012) counts links of a surface to a page on Wikipedia in two samples (W, Wx)
and elsewhere (w, w'): n is the sum of what stands before each slash, the probability their share.

p(e|m) files (Ganea and Hofmann 2017, and their heirs) hold a total and, for each candidate, a count or a
probability; files of sure candidates hold neither. Some heirs added two distributions up, so that the
probabilities of a surface sum up to 2, and some wrote 1 for every total. So probabilities are divided by
their sum where it is more than 1; where the total says nothing they are taken as shares of `SIGHTINGS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.corpus.base import Report
from kbtools.errors import SourceError
from kbtools.io import Block, Stream, open_stream
from kbtools.io.delimited import Fields, split
from kbtools.kb.schema import STR, U64

ROWS = pa.schema([("text", STR), ("name", STR), ("title", STR), ("n", U64)])
SIGHTINGS = 100  # what a probability without a total is a share of
SIZE = 4 << 20  # bytes of a block
LONGEST = 64 << 20  # and of a line
HEAD, LINES = 1 << 20, 1000  # what is looked at

NUMBER = r"(?:[0-9]{1,18}(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,2})?"
COUNTED = ("W", "Wx", "w", "w'")
LOOKS = {
    "crosswikis": re.compile(rb"[^\t]*\t[0-9.eE+-]+ [^\t]+"),
    "p(e|m)": re.compile(rb"[^\t]*\t[0-9.eE+-]+\t[0-9]+,[^\t]+(\t.*)?"),
    "plain": re.compile(rb"[^\t]+\t[^\t]+\t[^\t]+"),
    "map": re.compile(rb"[^\t]+\tQ[1-9][0-9]*"),
}
HEADING = b"surface\tid\tcount"
LARGEST = float(1 << 62)

Rows = tuple[Any, Any, Any]  # text, name, n
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Look(NamedTuple):
    """What a file is."""

    kind: str
    valued: bool = True  # p(e|m): whether candidates have a count or a probability
    shares: bool = False  # p(e|m): they are probabilities, even those that are written 1


class PriorFile:
    """A prior file, opened; what it says is read once. A context manager."""

    def __init__(self, path: str) -> None:
        self._stream = open_stream(path)
        try:
            self.name = Path(path).name
            self._head = self._stream.read(HEAD)
            self.look = look_of(self._head, path)
        except BaseException:
            self._stream.close()
            raise

    def __enter__(self) -> PriorFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def rows(self, report: Report) -> Iterator[pa.RecordBatch]:
        """Yield what it says, block by block; `title` is the name as a wiki would write it."""
        reader = READERS[self.look.kind]
        for block in _blocks(self._head, self._stream):
            text, entity, n = reader(block, self.look, self.name, report)
            report.counts["read"] += len(n)
            report.counts["skipped: a count of 0"] += int((n == 0).sum())
            chosen = pa.array(np.flatnonzero(n > 0))
            entity = entity.take(chosen)
            columns = [text.take(chosen), entity, titles(entity), pa.array(n[n > 0], U64)]
            yield pa.RecordBatch.from_arrays(columns, schema=ROWS)
        if damage := self._stream.damage:
            report.damaged(self.name, damage)


def look_of(head: bytes, path: str) -> Look:
    """Tell what a file is by how most of its first lines look."""
    lines = [line.rstrip(b"\r") for line in head.removeprefix(b"\xef\xbb\xbf").split(b"\n")[:LINES]]
    if len(head) == HEAD and len(lines) > 1:
        lines.pop()  # it may be cut off
    found = [_kind(line) for line in lines]
    kind = max(LOOKS, key=found.count)
    if not found.count(kind):
        told = (
            "surface, id, count; surface, total, id,count,title...; surface, probability title; or title, Qid"
        )
        raise SourceError(f"not a prior file: no line has the fields {told} with tabs between", path=path)
    if kind != "p(e|m)":
        return Look(kind)
    mine = [line.decode("utf-8", "replace") for line, k in zip(lines, found, strict=True) if k == kind]
    sample, _ = _candidates(pa.array([line.split("\t", 2)[2] for line in mine], STR))
    value = pc.struct_field(pc.extract_regex(sample, VALUED), "value")
    return Look(
        kind, valued=2 * value.null_count < len(sample), shares=bool(_flags(_fractional(value)).any())
    )


def _kind(line: bytes) -> str:
    """Tell what a line looks like; one that is no text looks like nothing."""
    try:
        line.decode()
    except UnicodeDecodeError:
        return ""
    return next((kind for kind, look in LOOKS.items() if look.fullmatch(line)), "")


def _blocks(head: bytes, stream: Stream) -> Iterator[Block]:
    """Yield whole lines in blocks; the last one may lack its newline."""
    held, size, byte, line = [head], len(head), 0, 0
    for chunk in stream.chunks():
        cut = chunk.rfind(b"\n") + 1 if size >= SIZE else 0
        if cut:
            data = b"".join([*held, chunk[:cut]])
            yield _block(data, byte, line)
            byte, line = byte + len(data), line + data.count(b"\n")
            held, size = [chunk[cut:]], len(chunk) - cut
        else:
            held.append(chunk)
            size += len(chunk)
            if size > LONGEST:
                what = f"a line of more than {LONGEST >> 20} MiB; is this the right kind of file?"
                raise SourceError(what, path=stream.path, byte=byte)
    if size:
        yield _block(b"".join(held), byte, line)


def _block(data: bytes, byte: int, line: int) -> Block:
    bom = 3 if byte == 0 and data.startswith(b"\xef\xbb\xbf") else 0
    return Block(data[bom:], byte + bom, line)


def _split(block: Block, fields: int, file: str, report: Report, *, rest: bool) -> Fields:
    found = split(block, b"\t", fields=fields, wanted=range(fields), rest=rest)
    for bad in found.bad:
        report.reject(file, bad.reason, line=bad.line + 1, byte=bad.byte, text=bad.text)
    return found


def _refuse(bad: Any, why: str, found: Fields, block: Block, told: tuple[str, Report]) -> None:
    """Reject lines by their places among those that were split."""
    file, report = told
    for at in np.unique(bad).tolist():
        byte = int(found.byte[at])
        text = block.data[byte - block.byte :][:1000].partition(b"\n")[0]
        report.reject(file, why, line=int(found.line[at]) + 1, byte=byte, text=text)


def _crosswikis(block: Block, look: Look, file: str, report: Report) -> Rows:
    found = _split(block, 2, file, report, rest=True)
    surface, told = found.columns
    parts = pc.extract_regex(told, rf"^(?P<p>{NUMBER}) (?P<name>[^ ]+)(?: (?P<info>.*))?$")
    share = _floats(pc.struct_field(parts, "p"))
    good = share <= 1  # NaN is not
    _refuse(np.flatnonzero(~good), "not a probability, a title and counts", found, block, (file, report))
    info = pc.struct_field(parts, "info")
    n, counted = np.zeros(len(surface)), np.zeros(len(surface), bool)
    for key in COUNTED:
        seen = pc.extract_regex(info, rf"(?:^| ){key}:(?P<n>[0-9]{{1,15}})/[0-9]")
        mine = _floats(pc.struct_field(seen, "n"))
        counted |= ~np.isnan(mine)
        n += np.nan_to_num(mine)
    n = np.where(counted, n, np.rint(share * SIGHTINGS))
    rows_ = pa.array(np.flatnonzero(good))
    return surface.take(rows_), pc.struct_field(parts, "name").take(rows_), n[good].astype(np.uint64)


VALUED = rf"^(?P<id>[0-9]+),(?P<value>{NUMBER})(?:,(?P<name>.*))?$"
BARE = r"^(?P<id>[0-9]+),(?P<name>.+)$"


def _candidates(rest: pa.StringArray) -> tuple[pa.StringArray, Ints]:
    """Return the candidates of all lines, and the line of each."""
    fields = pc.split_pattern(rest, "\t")
    flat, parent = fields.flatten(), pc.list_parent_indices(fields).to_numpy().astype(np.int64)
    there = pc.not_equal(pc.utf8_trim_whitespace(flat), "").to_numpy(zero_copy_only=False)
    return flat.filter(pa.array(there)), parent[there]


def _pem(block: Block, look: Look, file: str, report: Report) -> Rows:
    found = _split(block, 3, file, report, rest=True)
    surface, total_text, rest = found.columns
    total = _floats(pc.struct_field(pc.extract_regex(total_text, rf"^(?P<n>{NUMBER})$"), "n"))
    flat, line = _candidates(rest)
    parts = pc.extract_regex(flat, VALUED if look.valued else BARE)
    good = ~np.isnan(total[line]) & parts.is_valid().to_numpy(zero_copy_only=False)
    if look.valued:
        text = pc.struct_field(parts, "value")
        n = _weigh(_floats(text), _flags(_fractional(text)), line, total, look)
        good &= n < LARGEST
    else:
        n = np.ones(len(line))
    ill = np.append(line[~good], np.flatnonzero(np.isnan(total)))
    why = f"not a total and candidates (page,{'value,' * look.valued}title)"
    _refuse(ill, why, found, block, (file, report))
    rows_ = pa.array(np.flatnonzero(good))
    name, page = pc.struct_field(parts, "name").take(rows_), pc.struct_field(parts, "id").take(rows_)
    named = pc.if_else(pc.equal(pc.fill_null(name, ""), ""), page, name)
    return surface.take(pa.array(line[good])), named, n[good].astype(np.uint64)


def _weigh(value: Floats, fractional: Any, line: Ints, total: Floats, look: Look) -> Floats:
    """Return the counts; in a line of probabilities, their shares of the total."""
    value = np.nan_to_num(value, nan=0.0)
    size = len(total)
    shares = np.full(size, look.shares)
    shares[line[fractional]] = True
    summed = np.bincount(line, value, size)
    among = np.where(total > 1, total, SIGHTINGS)
    alone = (np.bincount(line, minlength=size) == 1) & (total <= 1)  # seen once, as one thing
    among = np.where(alone, np.maximum(total, 1), among)
    return np.where(shares[line], np.rint(value / np.maximum(summed, 1)[line] * among[line]), value)


def _plain(block: Block, look: Look, file: str, report: Report) -> Rows:
    if block.line == 0 and block.data.split(b"\n", 1)[0].rstrip(b"\r").lower() == HEADING:
        cut = (block.data + b"\n").find(b"\n") + 1
        block = Block(block.data[cut:], block.byte + cut, 1)
    found = _split(block, 3, file, report, rest=False)
    surface, name, count = found.columns
    n = _floats(pc.struct_field(pc.extract_regex(count, r"^(?P<n>[0-9]{1,18})$"), "n"))
    good = ~np.isnan(n)
    _refuse(np.flatnonzero(~good), "the count is not a whole number", found, block, (file, report))
    rows_ = pa.array(np.flatnonzero(good))
    return surface.take(rows_), name.take(rows_), n[good].astype(np.uint64)


def _map(block: Block, look: Look, file: str, report: Report) -> Rows:
    text, name = _split(block, 2, file, report, rest=False).columns
    return text, name, np.ones(len(text), np.uint64)


READERS: dict[str, Callable[[Block, Look, str, Report], Rows]] = {
    "crosswikis": _crosswikis,
    "p(e|m)": _pem,
    "plain": _plain,
    "map": _map,
}


def titles(names: pa.StringArray) -> pa.StringArray:
    """Write names as titles of a wiki: blanks for underscores, the first letter upper case.

    >>> titles(pa.array(["new__york", "ßmann", "Caf%C3%A9"])).to_pylist()
    ['New york', 'ßmann', 'Café']
    """
    coded = pc.indices_nonzero(pc.match_substring_regex(names, "%[0-9A-Fa-f]{2}"))
    if len(coded):
        plain = [unquote(name, errors="replace") for name in names.take(coded).to_pylist()]
        mask = pc.is_in(pa.array(np.arange(len(names))), coded.cast(pa.int64()))
        names = pc.replace_with_mask(names, mask, pa.array(plain, STR))
    spaced = pc.utf8_trim_whitespace(pc.replace_substring_regex(names, "[_ ]+", " "))
    first = pc.utf8_slice_codeunits(spaced, 0, 1)
    kept = pc.match_substring_regex(first, "[ßა-ჿ]")  # a wiki does not write these as capitals
    large = pc.binary_join_element_wise(pc.utf8_upper(first), pc.utf8_slice_codeunits(spaced, 1), "")
    return pc.if_else(kept, spaced, large)


def _floats(text: pa.StringArray) -> Floats:
    """Read numbers; what is none, or stands nowhere, is NaN."""
    plain = pc.if_else(pc.equal(pc.fill_null(text, ""), ""), pa.scalar(None, STR), text)
    found: Floats = pc.fill_null(plain.cast(pa.float64()), float("nan")).to_numpy(zero_copy_only=False)
    return found


def _fractional(text: pa.StringArray) -> pa.Array:
    return pc.match_substring_regex(text, "[.eE]")


def _flags(mask: pa.Array) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = pc.fill_null(mask, False).to_numpy(zero_copy_only=False)
    return found
