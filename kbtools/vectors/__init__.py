"""Vectors of entities as an artefact (contracts §7): a row of numbers for each, and which entity it is."""

from typing import TYPE_CHECKING, Any

from kbtools.vectors.reader import KIND, Vectors
from kbtools.vectors.words import Ngrams, Words, WordVectors
from kbtools.vectors.writer import write

if TYPE_CHECKING:
    from kbtools.vectors.bringing import bring

__all__ = ["KIND", "Ngrams", "Vectors", "WordVectors", "Words", "bring", "write"]


def __getattr__(name: str) -> Any:
    if name != "bring":
        raise AttributeError(f"kbtools.vectors has no {name!r}")
    from kbtools.vectors.bringing import bring  # noqa: PLC0415 - needs DuckDB, and who trains does not

    return bring
