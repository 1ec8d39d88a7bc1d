"""Vectors of entities as an artefact (contracts §7): a row of numbers for each, and which entity it is."""

from kbtools.vectors.reader import KIND, Vectors
from kbtools.vectors.writer import write

__all__ = ["KIND", "Vectors", "write"]
