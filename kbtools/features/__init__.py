"""Features as an artefact (contracts §7): a vector for each document, sentence, word, token or span."""

from kbtools.features.reader import Features
from kbtools.features.schema import KIND

__all__ = ["KIND", "Features"]
