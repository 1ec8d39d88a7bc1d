"""Open whatever users have, and read it as plain bytes from front to back."""

from __future__ import annotations

import lzma
import re
from collections.abc import Iterator
from itertools import chain
from types import TracebackType

import zstandard

from kbtools.errors import SourceError
from kbtools.io import bzip, gz
from kbtools.io.feed import Feed, streams
from kbtools.io.inputs import STEP, Input
from kbtools.io.nouns import Broken, Damage

MAGIC = {
    "gz": re.compile(rb"\x1f\x8b\x08"),
    "bz2": re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"),
    "zst": re.compile(rb"(\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18)"),
    "xz": re.compile(rb"\xfd7zXZ\0"),
}
FOREIGN = {b"PK\x03\x04": "a zip archive", b"7z\xbc\xaf\x27\x1c": "a 7z archive", b"Rar!": "a rar archive"}


def open_stream(path: str) -> Stream:
    """Open a file, a URL, or `-` for standard input, whatever container it is in."""
    file = Input(path)
    try:
        return Stream(file)
    except BaseException:
        file.close()
        raise


class Stream:
    """Decompressed bytes. A damaged container ends early and says so in `damage`; it never raises."""

    def __init__(self, file: Input) -> None:
        self.file = file
        self.path = file.path
        head = file.read(STEP)
        if not head:
            raise SourceError("is empty; is the download complete?", path=file.path)
        self.container = container_of(head, file.path)
        self.damage: Damage | None = None
        self.position_out = 0
        self._chunks = self._decoded(head)
        self._held = b""

    @property
    def size_in(self) -> int | None:
        """Compressed bytes in all, None if nobody knows."""
        return self.file.size

    @property
    def position_in(self) -> int:
        """Compressed bytes read so far."""
        return self.file.position

    def read(self, n: int) -> bytes:
        """Return `n` bytes, fewer only at the end, b"" after it."""
        parts = [self._held]
        have = len(self._held)
        while have < n and (chunk := next(self._chunks, b"")):
            parts.append(chunk)
            have += len(chunk)
        data = b"".join(parts)
        self._held = data[n:]
        return data[:n]

    def chunks(self) -> Iterator[bytes]:
        """Yield the rest in chunks of any size: the fastest way to read."""
        held, self._held = self._held, b""
        if held:
            yield held
        yield from self._chunks

    def _decoded(self, head: bytes) -> Iterator[bytes]:
        try:
            for chunk in decoded(self.container, chain([head], self.file.steps())):
                if chunk:
                    self.position_out += len(chunk)
                    yield chunk
        except Broken as broken:
            self.damage = Damage(self.position_out, broken.reason)

    def close(self) -> None:
        """Close the file; standard input stays open."""
        self.file.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def container_of(head: bytes, path: str = "") -> str:
    """Recognise a container by its first bytes: suffixes lie.

    >>> import bz2
    >>> container_of(bz2.compress(b"")), container_of(b"BZh is how this text begins")
    ('bz2', 'plain')
    """
    for magic, what in FOREIGN.items():
        if head.startswith(magic):
            raise SourceError(f"is {what}; unpack it first", path=path)
    return next((name for name, magic in MAGIC.items() if magic.match(head)), "plain")


def decoded(container: str, steps: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress; raise Broken at the first byte that cannot be had."""
    if container == "plain":
        return steps
    if container == "gz":
        return (data for _, data in gz.members(Feed(steps)))
    if container == "bz2":
        return (data for _, data in bzip.whole(steps))
    if container == "xz":
        return streams(Feed(steps), lzma.LZMADecompressor, (lzma.LZMAError,), "xz", MAGIC["xz"])
    return streams(Feed(steps), Zstd, (zstandard.ZstdError,), "zstd", MAGIC["zst"])


class Zstd:
    """One zstd frame. The library hands out all it can at once, so it is fed little by little."""

    SIP = 1 << 13

    def __init__(self) -> None:
        # frames made with --long may refer back by up to 2 GiB
        self._decoder = zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()
        self._waiting = b""
        self.unused_data = b""

    @property
    def eof(self) -> bool:
        """Whether the frame is complete."""
        return self._decoder.eof

    @property
    def needs_input(self) -> bool:
        """Whether all input was used."""
        return not self._waiting

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        """Take `data`; return some output, at least `max_length` bytes if there is as much."""
        data = self._waiting + data if self._waiting else data
        at = have = 0
        parts = []
        while at < len(data) and not self.eof and have < max_length:
            part = self._decoder.decompress(data[at : at + self.SIP])
            parts.append(part)
            have += len(part)
            at += self.SIP
        self._waiting = data[at:]
        if self.eof:
            self.unused_data = self._decoder.unused_data + self._waiting
        return b"".join(parts)
