"""The lines of one RRF file as columns, and what becomes of those that are not used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.errors import SourceError
from kbtools.io import Block, open_stream
from kbtools.io.delimited import split
from kbtools.kb.named import NamedPart
from kbtools.sources.umls.folder import File

Mask = NDArray[np.bool_]
SIZE, LONGEST_LINE = 4 << 20, 256 << 20


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What of a release is read; as plain data it travels to the tasks."""

    langs: list[str] | None = None  # LAT codes, first choice first; None for all
    sabs: list[str] | None = None  # None for all but `unwanted`
    unwanted: list[str] = []
    ttys: list[str] = []  # none for all
    types: list[str] = []  # TUIs; none for all
    suppress: list[str] = []  # flags of rows that are left out
    languages: dict[str, str] = {}  # of vocabularies that are not in English
    ranks: str = ""  # MRRANK, a `File` as JSON
    semantics: str = ""  # MRSTY, a `File` as JSON
    qualifiers: list[str] = []
    self_relations: bool = False


class Lines:
    """The good lines of a block. Those that are dropped are counted once, by the first reason that fits."""

    def __init__(self, block: Block, file: File, out: NamedPart, name: str | None = None) -> None:
        self._block, self._out, self._file, self._name = block, out, file, name
        found = split(block, b"|", fields=file.fields, wanted=[*file.places.values()], trailing=True)
        self.columns = dict(zip(file.places, found.columns, strict=True))
        self._line, self._byte = found.line, found.byte
        self.keep: Mask = np.ones(len(found.line), bool)
        for bad in found.bad:
            out.reject(bad.reason, line=bad.line, byte=bad.byte, text=bad.text, file=name)
        count = len(found.line) + len(found.bad)
        out.counts["read"] += count
        out.counts[f"read: {file.name}"] += count

    def __getitem__(self, column: str) -> pa.StringArray:
        return self.columns[column]

    def drop(self, mask: Any, why: str) -> None:
        """Leave lines out by design."""
        out = _plain(mask) & self.keep
        if number := int(out.sum()):
            self._out.counts[f"skipped: {self._file.name}, {why}"] += number
            self.keep &= ~out

    def reject(self, mask: Any, reason: str) -> None:
        """Leave lines out that are wrong."""
        out = _plain(mask) & self.keep
        for at in np.flatnonzero(out).tolist():
            begin = int(self._byte[at]) - self._block.byte
            text = self._block.data[begin : begin + 1000].partition(b"\n")[0]
            line, byte = int(self._line[at]), int(self._byte[at])
            self._out.reject(reason, text=text, line=line, byte=byte, file=self._name)
        self.keep &= ~out

    def drop_unwanted(self, rules: Rules) -> None:
        """Leave out the rows of other vocabularies, and suppressed ones."""
        sab = self["SAB"]
        if rules.sabs is not None:
            self.drop(~_plain(among(sab, rules.sabs)), "other vocabularies")
        elif rules.unwanted:
            self.drop(among(sab, rules.unwanted), "outdated vocabularies")
        if rules.suppress:
            self.drop(among(self["SUPPRESS"], rules.suppress), "suppressed")

    def kept(self) -> dict[str, pa.StringArray]:
        """Return the columns of the lines that are left."""
        if self.keep.all():
            return self.columns
        mask = pa.array(self.keep)
        return {name: column.filter(mask) for name, column in self.columns.items()}


def among(column: pa.StringArray, values: Any) -> pa.BooleanArray:
    """Tell which are one of `values`."""
    return pc.is_in(column, value_set=pa.array(values, pa.string()))


def _plain(mask: Any) -> Mask:
    found: Mask = mask.to_numpy(zero_copy_only=False) if isinstance(mask, pa.Array) else mask
    return found


def blocks(chunks: Iterator[bytes], path: str) -> Iterator[Block]:
    """Yield the whole lines of a stream, some MiB at a time; `path` is for the message."""
    held, have, byte, line = [b""], 0, 0, 0
    for data in chunks:
        held.append(data)
        have += len(data)
        if have < SIZE:
            continue
        whole = b"".join(held)
        cut = whole.rfind(b"\n") + 1
        if cut:
            yield Block(whole[:cut], byte, line)
            byte, line = byte + cut, line + whole.count(b"\n")
        held, have = [whole[cut:]], len(whole) - cut
        if have > LONGEST_LINE:
            what = f"a line of more than {LONGEST_LINE >> 20} MiB; is this an RRF file?"
            raise SourceError(what, path=path, byte=byte)
    if rest := b"".join(held):
        yield Block(rest, byte, line)


def quietly(paths: list[str]) -> Iterator[bytes]:
    """Read files that follow each other, and leave it to others to report damage."""
    for path in paths:
        with open_stream(path) as stream:
            yield from stream.chunks()
