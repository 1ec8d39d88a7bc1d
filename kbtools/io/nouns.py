"""The nouns of this package, all plain data."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Damage(msgspec.Struct, frozen=True):
    """Where a container breaks off: the uncompressed byte, and why."""

    byte: int
    reason: str


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a dump for one reader; as plain data it travels to another process.

    `source` counts the input files of a command, `number` the pieces of that file. A piece is either a
    range of the dump's own (compressed) bytes, or a spool file that was cut out for it.
    """

    source: int
    number: int
    path: str  # the dump itself, or the spool file relative to the folder
    reader: str  # "plain", "gz" or "bz2" for a range of the dump; "spool"
    start: int = 0
    end: int = 0
    last: bool = False  # nothing follows in `path`: a final line without newline is whole
    numbered: bool = True  # lines are lines of the dump, so line numbers mean something
    layout: str = "lines"  # or "pages": what blocks hold whole ones of


class Block(NamedTuple):
    """Whole lines, or pages. `byte` and `line` count from the beginning of the piece's own region."""

    data: bytes
    byte: int
    line: int


class Broken(Exception):  # noqa: N818 - an event inside this package, never seen outside
    """A container cannot be decoded further.

    `begin` is the compressed byte at which the member or block begins that cannot be decoded.
    """

    def __init__(self, reason: str, begin: int = 0) -> None:
        self.reason, self.begin = reason, begin
        super().__init__(reason)
