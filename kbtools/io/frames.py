"""What records are made of in a stream of bytes: lines, or the pages of a MediaWiki XML dump.

A *unit* is a line, or the bytes from a `<page>` to the next one. In XML text every `<` is written `&lt;`, so
`<page>` is always the tag.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import chain
from typing import ClassVar

from kbtools.io.nouns import Broken

Region = Generator[tuple[bytes, bool]]  # bytes, and whether they are the reader's own
OPEN, CLOSE = b"<page>", b"</page>"


class Lines:
    """Units that end in a newline; one without it may stand at the end of a file."""

    noun: ClassVar[str] = "line"
    lead: ClassVar[int] = 1  # a line belongs to whom the newline before it belongs
    from_the_start: ClassVar[bool] = True  # the first unit begins where the file begins

    @staticmethod
    def next(data: bytes, at: int = 0) -> int:
        """Return where the next unit begins, -1 if there is none."""
        return data.find(b"\n", at) + 1 or -1

    @staticmethod
    def last(data: bytes) -> int:
        """Return where the last unit begins, -1 if there is none: all before it is whole."""
        return data.rfind(b"\n") + 1 or -1

    @staticmethod
    def whole(data: bytes) -> int:
        """Return where what is whole ends, 0 if nothing is."""
        return data.rfind(b"\n") + 1

    @staticmethod
    def end(data: bytes) -> int:
        """Return where the unit ends that began before, -1 if not here."""
        return data.find(b"\n") + 1 or -1

    @staticmethod
    def open(rest: bytes) -> bool:
        """Tell whether what is left of a region, without what is whole, may be the beginning of a unit."""
        return True

    @staticmethod
    def joined(region: Region) -> Region:
        """Yield a region in chunks that cut no mark in two."""
        return region


class Pages:
    """Units that begin with a `<page>`; what stands before the first, and after a `</page>`, is nobody's."""

    noun: ClassVar[str] = "page"
    lead: ClassVar[int] = 0
    from_the_start: ClassVar[bool] = False

    @staticmethod
    def next(data: bytes, at: int = 0) -> int:
        """Return where the next unit begins, -1 if there is none."""
        return data.find(OPEN, at)

    @staticmethod
    def last(data: bytes) -> int:
        """Return where the last unit begins, -1 if there is none: all before it is whole."""
        return data.rfind(OPEN)

    @staticmethod
    def whole(data: bytes) -> int:
        """Return where what is whole ends, 0 if nothing is."""
        close = data.rfind(CLOSE)
        return max(data.rfind(OPEN), close + len(CLOSE) if close >= 0 else 0, 0)

    @staticmethod
    def end(data: bytes) -> int:
        """Return where the unit ends that began before, -1 if not here."""
        close, following = data.find(CLOSE), data.find(OPEN)
        found = [at for at in (close + len(CLOSE) if close >= 0 else -1, following) if at >= 0]
        return min(found, default=-1)

    @staticmethod
    def open(rest: bytes) -> bool:
        """Tell whether what is left of a region, without what is whole, may be the beginning of a unit."""
        return rest.startswith(OPEN)

    @staticmethod
    def joined(region: Region) -> Region:
        """Yield a region in chunks that cut no tag in two.

        A `<page>` that begins in the own region and ends beyond it is the own region's.
        """
        held, held_own = b"", True
        with closing(region):
            try:
                for data, own in region:
                    data = held + data if held else data  # noqa: PLW2901
                    if held and held_own and not own:
                        if data.startswith(OPEN):
                            yield OPEN, True
                            data = data[len(OPEN) :]  # noqa: PLW2901
                        elif OPEN.startswith(data):
                            held = data
                            continue
                    held_own = own
                    keep = _begun(data)
                    held = data[len(data) - keep :]
                    if len(data) > keep or not own:
                        yield data[: len(data) - keep], own
            except Broken:
                if held:
                    yield held, held_own
                raise
        if held:
            yield held, held_own


def _begun(data: bytes) -> int:
    """Return how many of the last bytes may be the beginning of a tag."""
    at = data.rfind(b"<", -len(CLOSE) + 1 if len(data) >= len(CLOSE) else 0)
    begun = data[at:] if at >= 0 else b""
    return len(begun) if len(begun) < len(CLOSE) and begun and (begun in _PREFIXES) else 0


_PREFIXES = frozenset(tag[:n] for tag in (OPEN, CLOSE) for n in range(1, len(tag)))

Frame = type[Lines] | type[Pages]


def frame(layout: str) -> Frame:
    """Return how records are found in a layout."""
    return Pages if layout == "pages" else Lines


def joined(chunks: Iterator[bytes], units: Frame) -> Iterator[bytes]:
    """Yield a stream in chunks that cut no mark in two."""
    return (data for data, _ in units.joined((chunk, True) for chunk in chain(chunks)))
