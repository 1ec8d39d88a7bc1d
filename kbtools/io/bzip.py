"""bzip2: blocks that begin at any bit, found by their magic and decoded one by one.

A stream is "BZh" and a digit, blocks, and an end mark with a CRC; it is filled up to whole bytes, and another
stream may follow. A block begins with the digits of pi and its CRC. Each is wrapped as a stream of its own.
"""

from __future__ import annotations

import bz2
from collections.abc import Generator, Iterator

import numpy as np

from kbtools.io.inputs import STEP, Input
from kbtools.io.nouns import Broken

BLOCK, END = 0x314159265359, 0x177245385090
BITS = 48
LIMIT = 8 * (5 << 18)  # no block is longer than 900,000 bytes and a little
MARK_BYTES = 7  # a mark touches so many bytes at most
LOOK_BACK = 2 << 20


def find_marks(data: bytes, start: int = 0) -> list[tuple[int, int]]:
    """Return (bit, kind) of every mark that begins at byte `start` or later and lies within `data`."""
    found = []
    for kind in (BLOCK, END):
        for shift in range(8):
            pattern = (kind << (8 - shift)).to_bytes(MARK_BYTES, "big")
            first, last = 0xFF >> shift, 0xFF << (8 - shift) & 0xFF
            # the bytes that the mark fills are searched for, the ones at its ends compared
            inner = pattern[1:6] if shift else pattern[:6]
            skip = 1 if shift else 0
            at = data.find(inner, start + skip)
            while at >= 0:
                begin = at - skip
                if not shift or (
                    begin + MARK_BYTES <= len(data)
                    and data[begin] & first == pattern[0]
                    and data[begin + 6] & last == pattern[6]
                ):
                    found.append((begin * 8 + shift, kind))
                at = data.find(inner, at + 1)
    return sorted(found)


class Marks:
    """A window of compressed bytes that slides over a file, and the marks in it.

    Bits are counted from the beginning of the file.
    """

    def __init__(self, steps: Iterator[bytes], base: int = 0) -> None:
        self._steps = steps
        self._base = base
        self._data = b""
        self._scanned = 0
        self._marks: list[tuple[int, int]] = []
        self.cut_off: Broken | None = None  # raised when all that is whole was delivered

    @property
    def end(self) -> int:
        """The compressed byte up to which input was read."""
        return self._base + len(self._data)

    def get(self, i: int) -> tuple[int, int] | None:
        """Return the i-th mark from here, None if the input ends before it, or a block cannot be so long."""
        while len(self._marks) <= i:
            if not self._marks:
                self.pop(None)  # what was searched in vain
            elif (self.end - STEP) * 8 - self._marks[0][0] > LIMIT:
                return None
            if not self._more():
                break
        return self._marks[i] if i < len(self._marks) else None

    def _more(self) -> bool:
        step = next(self._steps, b"")
        self._data += step
        # a mark is taken when all bytes it may touch are there, so that none is found twice
        upto = len(self._data) - MARK_BYTES + 1 if step else len(self._data)
        if upto > self._scanned:
            found = find_marks(self._data, self._scanned)
            self._marks += [(self._base * 8 + bit, kind) for bit, kind in found if bit // 8 < upto]
            self._scanned = upto
        return bool(step)

    def pop(self, n: int | None) -> None:
        """Forget the first `n` marks (None: all), and the bytes before the next."""
        del self._marks[:n]
        keep = self._marks[0][0] // 8 - self._base if self._marks else self._scanned
        self._data = self._data[keep:]
        self._base += keep
        self._scanned -= keep

    def bytes_at(self, at: int, n: int) -> bytes:
        """Return `n` bytes from a place in the window on, fewer at the end of the input."""
        while self.end < at + n and self._more():
            pass
        return self._data[at - self._base : at - self._base + n]

    def bits(self, start: int, stop: int | None = None) -> tuple[bytes, int]:
        """Return the bits [start, stop), moved to the beginning of a byte, and their number."""
        stop = self.end * 8 if stop is None else stop
        first, shift = divmod(start - self._base * 8, 8)
        raw = self._data[first : (stop - self._base * 8 + 7) // 8]
        if shift:
            byte = np.frombuffer(raw + b"\0", np.uint8)
            raw = (byte[:-1] << np.uint8(shift) | byte[1:] >> np.uint8(8 - shift)).tobytes()
        return raw, stop - start


def decode(marks: Marks, start: int, stop: int) -> bytes | None:
    """Decode the block that lies between two bits; None if there is no such block."""
    data, n = marks.bits(start, stop)
    whole, odd = divmod(n, 8)
    crc = int.from_bytes(data[6:10], "big")  # of a stream of one block it is also the stream's
    tail = data[whole] >> (8 - odd) if odd else 0
    tail = (tail << BITS | END) << 32 | crc
    pad = -(odd + BITS + 32) % 8
    footer = (tail << pad).to_bytes((odd + BITS + 32 + pad) // 8, "big")
    decoder = bz2.BZ2Decompressor()
    try:
        out = decoder.decompress(b"BZh9" + data[:whole] + footer)
    except (OSError, ValueError):
        return None
    return out if decoder.eof else None


def blocks(marks: Marks) -> Iterator[tuple[int, bytes]]:
    """Yield each block with the compressed byte at which it begins; end marks as b""."""
    while mark := marks.get(0):
        yield mark[0] // 8, next_block(marks)
    if marks.cut_off:
        raise marks.cut_off


def next_block(marks: Marks) -> bytes:
    """Decode the block at the first mark and forget it; b"" for an end mark."""
    first = marks.get(0)
    assert first is not None  # noqa: S101
    bit, kind = first
    if kind == END:
        _check_end(marks, bit)
        marks.pop(1)
        return b""
    n = 0
    while following := marks.get(n := n + 1):
        data = decode(marks, bit, following[0])
        if data is not None:
            marks.pop(n)
            return data
        # perhaps no mark but the same bits, by chance, within a block
        if following[0] - bit > LIMIT:
            raise _corrupt(bit)
    return _unfinished(marks, bit)


def _unfinished(marks: Marks, bit: int) -> bytes:
    """Decode a block that no mark follows: it may be whole, only the mark is cut off."""
    data, n = marks.bits(bit)
    if n > LIMIT:
        raise _corrupt(bit)
    try:
        out = bz2.BZ2Decompressor().decompress(b"BZh9" + data)
    except (OSError, ValueError):
        raise _corrupt(bit) from None
    cut_off = truncated(marks, bit // 8)
    if not out:
        raise cut_off
    marks.pop(None)
    marks.cut_off = cut_off
    return out


def _check_end(marks: Marks, bit: int) -> None:
    """See that nothing or another stream follows an end mark."""
    after = (bit + BITS + 32 + 7) // 8
    head = marks.bytes_at(after, 10)
    if marks.end < after or (0 < len(head) < 10 and b"BZh".startswith(head[:3])):
        raise truncated(marks, bit // 8)
    if not head:
        return
    following = marks.get(1)
    if head[:3] != b"BZh" or following is None or following[0] != (after + 4) * 8:
        raise Broken(f"what follows the bzip2 stream at compressed byte {after:,} is not bzip2", bit // 8)


def _corrupt(bit: int) -> Broken:
    return Broken(f"corrupt bzip2 block at compressed byte {bit // 8:,}", bit // 8)


def truncated(marks: Marks, begin: int = 0) -> Broken:
    """Say that the input ends too early."""
    return Broken(f"truncated bzip2 stream after {marks.end:,} compressed bytes", begin)


def whole(steps: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    """Decode a file from its beginning."""
    marks = Marks(steps)
    first = marks.get(0)
    if first is None:
        raise truncated(marks)
    if first[0] != 32:
        raise _corrupt(0)
    yield from blocks(marks)


def region(file: Input, start: int, end: int) -> Generator[tuple[bytes, bool]]:
    """Yield the blocks that begin in [start, end), then those after, marked True and False."""
    file.seek(start)
    if not start:
        for at, data in whole(file.steps()):
            yield data, at < end
        return
    marks = Marks(file.steps(), start)
    while (first := marks.get(0)) and first[0] < end * 8:
        try:
            data = next_block(marks)
        except Broken:
            if not _is_inside(file.path, first[0]):
                raise
            marks.pop(1)
            continue
        yield data, True
        break
    for at, data in blocks(marks):
        yield data, at < end


def _is_inside(path: str, bit: int) -> bool:
    """Tell whether what looks like the first mark of a range lies within a block that began before it."""
    window = max(0, bit // 8 - LOOK_BACK)
    with Input(path) as file:
        file.seek(window)
        marks = Marks(file.steps(), window)
        while (mark := marks.get(0)) and mark[0] < bit:
            try:
                next_block(marks)
            except Broken:
                marks.pop(1)
        return mark is None or mark[0] > bit
