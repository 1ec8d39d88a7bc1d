"""Split a dump for parallel readers, without decompressing anything twice.

Where a container can be entered in the middle, a piece is a range of its bytes, and readers find their own
way. Everything else is decompressed once, here, and cut into spool files.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO

from kbtools.io import framing, gz
from kbtools.io.frames import frame, joined
from kbtools.io.inputs import Input
from kbtools.io.nouns import Block, Damage, Piece
from kbtools.io.opening import Stream, open_stream
from kbtools.io.reading import Blocks, damage

__all__ = ["Block", "Blocks", "Damage", "Dump", "Piece"]

SPOOL = "spool"
RATIO = {  # uncompressed to compressed, as JSON goes, and wikitext
    "lines": {"plain": 1, "gz": 10, "bz2": 14},
    "pages": {"plain": 1, "gz": 3, "bz2": 4},
}
WIDE = {
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    b"<\0": "utf-16-le",
    b"\0<": "utf-16-be",
}
SECOND_MEMBER = 256 << 20  # a .gz without a second member up to here is taken for a single stream


class Dump:
    """One input file of a command.

    `layout` is "lines", "pages" (of a MediaWiki XML dump, in UTF-8 or UTF-16), or "json" to find out which of
    "lines" and "objects" it is.
    """

    def __init__(self, path: str, *, source: int = 0, layout: str = "lines") -> None:
        self.source = source
        self.damage: Damage | None = None
        self._stream: Stream | None = open_stream(path)
        self._head = b""
        self._position = 0
        try:
            self.path, self.size_in = self._stream.path, self._stream.size_in
            self.container, self.layout = self._stream.container, layout
            if layout == "json":
                self.layout, self._head = framing.sniff(self._stream)
            elif layout == "pages":
                self._head = self._stream.read(2)
            self._encoding = WIDE.get(self._head) if layout == "pages" else None
            self.reader = self._reader(self._stream.file)
        except BaseException:
            self.close()
            raise
        self._again = self._stream.file.again
        if self._again:  # better opened again than kept open
            self.close()
            self._position, self._head = 0, b""

    def _reader(self, file: Input) -> str:
        """Say how pieces are read: in ranges of the dump if that is possible."""
        if not file.regular or self.layout not in RATIO or self._encoding:
            return SPOOL
        if self.container == "gz":
            several = gz.find_member(file, 1, min(SECOND_MEMBER, file.size or 0))
            return "gz" if several is not None else SPOOL
        return self.container if self.container in RATIO[self.layout] else SPOOL

    @property
    def position_in(self) -> int:
        """Compressed bytes that pieces() has got through so far, for a progress bar."""
        return self._position if self._stream is None else self._stream.position_in

    def pieces(self, folder: Path, *, size: int, skip: Callable[[Piece], bool]) -> Iterator[Piece]:
        """Yield the pieces in order, each about `size` bytes when decompressed.

        A spool file is written when its piece is asked for, never earlier; not for pieces that `skip`
        says are done, though they are yielded too. Spool files are the caller's to remove.
        """
        if self.reader != SPOOL:
            yield from self._ranges(size)
            return
        if self._again:
            self._stream = open_stream(self.path)
        stream = self._stream
        if stream is None:
            raise RuntimeError(f"{self.path} can be read only once")
        try:
            chunks: Iterator[bytes] = chain([self._head], stream.chunks())
            if self.layout == "objects":
                chunks = framing.to_lines(chunks)
            if self._encoding:
                chunks = _narrow(chunks, self._encoding)
            spool = Spool(self, folder, size, skip)
            yield from spool.cut(chunks, stream)
            if stream.damage:
                noun = frame(self.layout).noun
                self.damage = damage(stream.damage.byte, stream.damage.reason, spool.dropped, noun)
        finally:
            self.close()

    def _ranges(self, size: int) -> Iterator[Piece]:
        total = self.size_in or 0
        step = max(1, size // RATIO[self.layout][self.reader])
        for number, start in enumerate(range(0, total, step)):
            end = min(start + step, total)
            self._position = end
            yield Piece(
                source=self.source,
                number=number,
                path=self.path,
                reader=self.reader,
                start=start,
                end=end,
                last=end == total,
                layout=self.layout,
            )

    def close(self) -> None:
        """Close the file if it is open."""
        if self._stream:
            self._position = self._stream.position_in
            self._stream.close()
        self._stream = None


def _narrow(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Turn UTF-16 into UTF-8; what is no character becomes U+FFFD."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    for chunk in chunks:
        yield decoder.decode(chunk).encode()
    yield decoder.decode(b"", final=True).encode()


class Spool:
    """Cuts a stream into spool files.

    The cuts are those of ranges of `size` bytes of the decompressed stream: a file ends with the first
    newline at or after a multiple of `size`, or before the first page that begins there. Ranges in which no
    line or page begins get no file.
    """

    def __init__(self, dump: Dump, folder: Path, size: int, skip: Callable[[Piece], bool]) -> None:
        self.dump, self.folder, self.size, self.skip = dump, folder, size, skip
        self.dropped = 0
        self._frame = frame(dump.layout)
        self._number = -1
        self._file: IO[bytes] | None = None
        self._piece: Piece | None = None
        self._written = self._whole = 0  # bytes of the piece, and of its whole lines

    def cut(self, chunks: Iterator[bytes], stream: Stream) -> Iterator[Piece]:
        """Yield pieces, each when its file is complete."""
        position, boundary = 0, self.size
        try:
            for chunk in joined(chunks, self._frame):
                begin = 0
                while begin < len(chunk):
                    at = self._frame.next(chunk, max(begin, boundary - position))
                    self._write(chunk[begin : at if at >= 0 else len(chunk)])
                    if at < 0:
                        break
                    yield self._finish()
                    boundary = ((position + at - self._frame.lead) // self.size + 1) * self.size
                    begin = at
                position += len(chunk)
            if self._piece or self._number < 0:
                self._write(b"")
                yield self._finish(broken=stream.damage is not None)
        finally:
            if self._file:
                self._file.close()

    def _write(self, data: bytes) -> None:
        if self._piece is None:
            self._begin()
        if self._file:
            self._file.write(data)
        whole = self._frame.whole(data)
        if whole:
            self._whole = self._written + whole
        self._written += len(data)

    def _begin(self) -> None:
        self._number += 1
        self._written = self._whole = 0
        name = f"{SPOOL}/{self.dump.source:03}-{self._number:06}"
        self._piece = Piece(
            source=self.dump.source,
            number=self._number,
            path=name,
            reader=SPOOL,
            last=True,
            numbered=self.dump.layout != "objects",
            layout="pages" if self.dump.layout == "pages" else "lines",
        )
        if not self.skip(self._piece):
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("wb")

    def _finish(self, *, broken: bool = False) -> Piece:
        if broken:
            self.dropped = self._written - self._whole
        if self._file:
            if broken:
                self._file.truncate(self._whole)
            self._file.close()
            self._file = None
        piece, self._piece = self._piece, None
        assert piece is not None  # noqa: S101
        return piece
