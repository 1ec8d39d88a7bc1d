"""WN-LMF as a stream of records: what stands directly in a lexicon, one small tree at a time."""

from __future__ import annotations

from kbtools.errors import SourceError
from kbtools.io.markup import Element, Take, Trees

__all__ = ["LEXICONS", "Element", "Elements"]

ROOT = "LexicalResource"
LEXICONS = {"Lexicon", "LexiconExtension"}


class Elements(Trees):
    """Yields each lexicon's start (nothing in it yet), then its records, whole."""

    def __init__(self, path: str) -> None:
        super().__init__(path, self._wanted)

    def _wanted(self, depth: int, tag: str) -> Take:
        if depth == 0 and tag != ROOT:
            raise SourceError(f"is XML, but its root is <{tag}>, not <{ROOT}> as in WN-LMF", path=self.path)
        return (None, "start", "whole")[depth]
