"""Read one piece of a dump: blocks of the whole lines, or pages, that are its own.

A line belongs to the region that holds the newline before it; the first line belongs to the first region.
So a reader passes over everything up to the first newline of its region, and reads on beyond its end up to
the first newline there. Every line is somebody's, and nobody's twice. A page belongs to the
region in which its tag begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path

from kbtools.errors import SourceError
from kbtools.io import bzip, gz
from kbtools.io.frames import Region, frame
from kbtools.io.inputs import Input
from kbtools.io.nouns import Block, Broken, Damage, Piece

BLOCK = 4 << 20
LONGEST_LINE = 256 << 20  # or page
BOM = b"\xef\xbb\xbf"
CHUNK, BEYOND = 1 << 20, 1 << 16


class Blocks:
    """The lines or pages of a piece, in blocks of about `size` bytes; a longer one makes a longer block.

    A page that the end of the dump cuts off is delivered, for its reader to refuse.

    When all are read, `bytes` and `lines` count the piece's own region and `damage` says where it broke off:
    summed up over the pieces before, they make local positions global.
    """

    def __init__(self, piece: Piece, folder: Path, size: int = BLOCK) -> None:
        self.piece, self.size = piece, size
        self.path = str(folder / piece.path) if piece.reader == "spool" else piece.path
        self.bytes = 0
        self.lines = 0
        self.damage: Damage | None = None
        self._frame = frame(piece.layout)
        # whether the first newline was passed
        self._started = piece.start == 0 and self._frame.from_the_start
        self._passed = 0  # bytes looked at
        self._held: list[bytes] = []  # read, but not yet delivered
        self._have = 0
        self._byte = 0  # where the held bytes begin

    def __iter__(self) -> Iterator[Block]:
        broken = None
        beyond = None
        with Input(self.path) as file, closing(self._frame.joined(self._counted(file))) as region:
            try:
                for data, own in region:
                    if not own:
                        beyond = data
                        break
                    yield from self._take(data)
            except Broken as error:
                broken = error
            yield from self._flush()
            if broken:
                self._note(broken)
            elif beyond is not None and self._started:
                yield from self._finish(beyond, region)
            elif self._have:  # the dump ends without a newline, or within a page
                yield self._block(b"".join(self._held))

    def _region(self, file: Input) -> Region:
        start, end = self.piece.start, self.piece.end
        if self.piece.reader == "gz":
            return gz.region(file, start, end)
        if self.piece.reader == "bz2":
            return bzip.region(file, start, end)
        if self.piece.reader == "spool":
            end = file.size or 0
        return plain(file, start, end, max(self.size, CHUNK))

    def _counted(self, file: Input) -> Region:
        """Yield the region, and count the bytes that are its own."""
        with closing(self._region(file)) as region:
            for data, own in region:
                self.bytes += len(data) if own else 0
                yield data, own

    def _take(self, data: bytes) -> Iterator[Block]:
        """Hold some bytes of the own region; deliver when there are enough."""
        self._passed += len(data)
        if not self._started:
            at = self._frame.next(data)
            self.lines += data.count(b"\n", 0, at if at >= 0 else len(data))
            if at < 0:
                return
            self._started = True
            self._byte = self._passed - len(data) + at
            data = data[at:]
        self._have += len(data)
        cut = self._frame.last(data) if self._have >= self.size else -1
        if cut >= 0 and self._have - len(data) + cut > 0:
            block = b"".join([*self._held, memoryview(data)[:cut]])
            self._held, self._have = [data[cut:]], len(data) - cut
            yield self._block(block)
        else:
            self._held.append(data)
            self._limit()

    def _flush(self) -> Iterator[Block]:
        """Deliver what is whole of what is held."""
        data = b"".join(self._held)
        cut = self._frame.whole(data)
        self._held, self._have = [data[cut:]], len(data) - cut
        if cut:
            yield self._block(data[:cut])
        if not self._frame.open(data[cut:]):  # blanks after a page
            self.lines += data.count(b"\n", cut)
            self._held, self._have, self._started = [], 0, False

    def _block(self, data: bytes) -> Block:
        block = Block(data, self._byte, self.lines)
        if self._byte == 0 and self.piece.number == 0 and data.startswith(BOM):
            block = Block(data[len(BOM) :], len(BOM), 0)
        self._byte += len(data)
        self.lines += data.count(b"\n")
        return block

    def _finish(self, first: bytes, region: Region) -> Iterator[Block]:
        """Deliver the last line or page, which ends beyond the region; if it breaks off there, drop it."""
        lines = self.lines + sum(data.count(b"\n") for data in self._held)
        try:
            for data, _ in chain([(first, False)], region):
                at = self._frame.end(data)
                self._held.append(data[:at] if at >= 0 else data)
                self._have += len(data)
                if at >= 0:
                    break
                self._limit()
        except Broken:  # whose region it is, reports it
            return
        if unit := b"".join(self._held):
            yield self._block(unit)
        self.lines = lines

    def _limit(self) -> None:
        if self._have > LONGEST_LINE:
            at = self._byte + (self.piece.start if self.piece.reader == "plain" else 0)
            what = (
                f"a {self._frame.noun} of more than {LONGEST_LINE >> 20} MiB; is this the right kind of file?"
            )
            raise SourceError(what, path=self.path, byte=at)

    def _note(self, broken: Broken) -> None:
        """Keep what happened in the own region."""
        if broken.begin < self.piece.end:
            self.damage = damage(self.bytes, broken.reason, self._have, self._frame.noun)


def damage(byte: int, reason: str, unfinished: int, noun: str) -> Damage:
    """Describe a break, with the line or page that it leaves unfinished and nobody gets."""
    dropped = f"; {unfinished:,} bytes of an unfinished {noun} dropped" if unfinished else ""
    return Damage(byte, reason + dropped)


def plain(file: Input, start: int, end: int, chunk: int) -> Region:
    """Yield the bytes [start, end), then those after, marked True and False."""
    file.seek(start)
    while file.position < end and (data := file.read(min(chunk, end - file.position))):
        yield data, True
    while data := file.read(BEYOND):
        yield data, False
