"""Opening what users have, whole or in ranges, and cutting it into records."""

from kbtools.io.nouns import Block, Damage, Piece
from kbtools.io.opening import Stream, open_stream
from kbtools.io.pieces import Dump
from kbtools.io.reading import Blocks

__all__ = ["Block", "Blocks", "Damage", "Dump", "Piece", "Stream", "open_stream"]
