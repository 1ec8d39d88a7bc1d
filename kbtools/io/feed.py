"""Compressed input with a memory, and the loop that all stream decoders share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Protocol

from kbtools.io.nouns import Broken

OUTPUT = 1 << 17  # so much is lost at most when a decoder fails, and held at most when it does not


class Feed:
    """Steps of input; what one decoder leaves over goes to the next."""

    def __init__(self, steps: Iterator[bytes], position: int = 0) -> None:
        self._steps = steps
        self.rest = b""
        self.position = position  # of the first byte of `rest`

    @property
    def end(self) -> int:
        """The compressed byte up to which input was read."""
        return self.position + len(self.rest)

    def more(self) -> bool:
        """Add a step to the rest; False if there is none."""
        step = next(self._steps, b"")
        self.rest = self.rest + step if self.rest else step
        return bool(step)

    def want(self, n: int) -> bool:
        """Have at least `n` bytes in the rest; False if the input ends before."""
        while len(self.rest) < n:
            if not self.more():
                return False
        return True

    def drop(self, n: int) -> None:
        """Forget the first `n` bytes of the rest."""
        self.rest = self.rest[n:]
        self.position += n

    def take(self) -> bytes:
        """Hand over the rest, or else the next step; b"" at the end."""
        if not self.rest:
            self.more()
        data, self.rest = self.rest, b""
        self.position += len(data)
        return data

    def give_back(self, data: bytes) -> None:
        """Put back what a decoder did not use."""
        self.rest = data + self.rest
        self.position -= len(data)

    def skip_zeros(self) -> bool:
        """Pass over padding; False if nothing else is left."""
        while True:
            full = len(self.rest)
            self.rest = self.rest.lstrip(b"\0")
            self.position += full - len(self.rest)
            if self.rest:
                return True
            if not self.more():
                return False


class Decoder(Protocol):
    """What the decompressors of isal, lzma and our own for zstd have in common."""

    @property
    def eof(self) -> bool: ...  # noqa: D102
    @property
    def needs_input(self) -> bool: ...  # noqa: D102
    @property
    def unused_data(self) -> bytes: ...  # noqa: D102
    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes: ...  # noqa: D102


def decode(
    feed: Feed, decoder: Decoder, failures: tuple[type[Exception], ...], name: str, begin: int = 0
) -> Iterator[bytes]:
    """Run one decoder to the end of its stream; raise Broken where it cannot go on."""
    data = feed.take()
    while True:
        try:
            out = decoder.decompress(data, OUTPUT)
        except failures as error:
            raise Broken(
                f"corrupt {name} stream before compressed byte {feed.position:,}: {error}", begin
            ) from None
        if out:
            yield out
        if decoder.eof:
            feed.give_back(decoder.unused_data)
            return
        data = b""
        if decoder.needs_input:
            data = feed.take()
            if not data:
                raise truncated(name, feed, begin)


def streams(
    feed: Feed,
    make: Callable[[], Decoder],
    failures: tuple[type[Exception], ...],
    name: str,
    magic: re.Pattern[bytes],
) -> Iterator[bytes]:
    """Decode streams that follow each other, with padding between them or without."""
    while feed.skip_zeros():
        feed.want(6)
        if not magic.match(feed.rest):
            raise garbage(name, feed)
        yield from decode(feed, make(), failures, name)


def truncated(name: str, feed: Feed, begin: int = 0) -> Broken:
    """Say that the input ends too early."""
    return Broken(f"truncated {name} stream after {feed.end:,} compressed bytes", begin)


def garbage(name: str, feed: Feed, begin: int = 0) -> Broken:
    """Say that something else follows."""
    return Broken(f"what follows the {name} stream at compressed byte {feed.position:,} is not {name}", begin)
