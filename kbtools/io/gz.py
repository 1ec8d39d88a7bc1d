"""gzip: members one after another, and how to find one in the middle of a file.

Format: RFC 1952. A member is a header, a deflate stream, its CRC-32 and its length.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator
from typing import cast

from isal import igzip_lib, isal_zlib

from kbtools.io.feed import Feed, decode, garbage, truncated
from kbtools.io.inputs import Input
from kbtools.io.nouns import Broken

MAGIC = b"\x1f\x8b\x08"
EXTRA, NAME, COMMENT, HEADER_CRC, RESERVED = 4, 8, 16, 2, 0xE0
LONGEST_HEADER = 1 << 17
PROBE = 1 << 16  # bytes inflated before a candidate is believed
WINDOW = 1 << 20
FAILURES = (cast(type[Exception], igzip_lib.IsalError),)  # the stub takes it for an instance


def header_size(data: bytes) -> int | None:
    """Return the length of the header that `data` begins with, None if it goes on beyond.

    ValueError: not a header.

    >>> import gzip
    >>> header_size(gzip.compress(b"")), header_size(MAGIC)
    (10, None)
    """
    if not MAGIC.startswith(data[:3]):
        raise ValueError("no gzip header")
    if len(data) < 10:
        return None
    flags = data[3]
    if flags & RESERVED:
        raise ValueError("reserved flags are set")
    at = 10
    if flags & EXTRA:
        if len(data) < at + 2:
            return None
        at += 2 + int.from_bytes(data[at : at + 2], "little")
    for flag in (NAME, COMMENT):
        if flags & flag:
            zero = data.find(b"\0", at)
            if zero < 0:
                if len(data) > LONGEST_HEADER:
                    raise ValueError("endless header")
                return None
            at = zero + 1
    if flags & HEADER_CRC:
        at += 2
    return at if at <= len(data) else None


def members(feed: Feed) -> Iterator[tuple[int, bytes]]:
    """Yield what is inside, each time with the compressed byte at which its member begins.

    The first thing yielded from each member is b"".
    """
    while feed.skip_zeros():
        begin = feed.position
        _pass_header(feed, begin)
        yield begin, b""
        crc = length = 0
        decoder = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_DEFLATE)
        for data in decode(feed, decoder, FAILURES, "gzip", begin):
            crc = isal_zlib.crc32(data, crc)
            length += len(data)
            yield begin, data
        if not feed.want(8):
            raise truncated("gzip", feed, begin)
        if feed.rest[:8] != _trailer(crc, length):
            at = feed.position
            raise Broken(f"corrupt gzip stream before compressed byte {at:,}: wrong checksum", begin)
        feed.drop(8)


def _pass_header(feed: Feed, begin: int) -> None:
    try:
        while (size := header_size(feed.rest)) is None:
            if not feed.more():
                raise truncated("gzip", feed, begin)
    except ValueError:
        raise garbage("gzip", feed, begin) from None
    feed.drop(size)


def _trailer(crc: int, length: int) -> bytes:
    return crc.to_bytes(4, "little") + (length & 0xFFFFFFFF).to_bytes(4, "little")


def find_member(file: Input, start: int, end: int) -> int | None:
    """Return the first byte in [start, end) at which a member begins."""
    for base in range(start, end, WINDOW):
        stop = min(base + WINDOW, end)
        data = file.at(base, stop - base + len(MAGIC) - 1)
        at = data.find(MAGIC)
        while at >= 0:
            if is_member(file, base + at):
                return base + at
            at = data.find(MAGIC, at + 1)
    return None


def is_member(file: Input, at: int) -> bool:
    """Tell a member from three bytes that look like one, by inflating its beginning.

    A member that the end of the file cuts off is a member.
    """
    data = file.at(at, LONGEST_HEADER + PROBE)
    try:
        size = header_size(data)
        if size is None:
            return data.startswith(MAGIC)
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        out = inflater.decompress(data[size:], PROBE)
    except (ValueError, zlib.error):
        return False
    tail = inflater.unused_data[:8]
    return not inflater.eof or len(tail) < 8 or tail == _trailer(zlib.crc32(out), len(out))


def region(file: Input, start: int, end: int) -> Generator[tuple[bytes, bool]]:
    """Yield the members that begin in [start, end), then those after, marked True and False.

    Who owns the last member here looks whether the owner of the next will find it: a member whose
    beginning is damaged is nobody's else.
    """
    begin = find_member(file, start, end) if start else 0
    if begin is None:
        return
    file.seek(begin)
    checked = False
    try:
        for at, data in members(Feed(file.steps(), begin)):
            if at >= end and not checked:
                checked = True
                if not is_member(file, at):
                    raise Broken(f"corrupt gzip member at compressed byte {at:,}", start)
            yield data, at < end
    except Broken as broken:
        if broken.begin >= end and not checked and not is_member(file, broken.begin):
            raise Broken(broken.reason, start) from None
        raise
