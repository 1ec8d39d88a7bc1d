"""The fuzzy index: names that are nearly what was asked for; see `fuzzy_index.py` for what is found."""

from kbtools.linkers.index.fuzzy.building import build
from kbtools.linkers.index.fuzzy.fuzzy_index import FuzzyIndex, Names
from kbtools.linkers.index.fuzzy.settings import Settings

__all__ = ["FuzzyIndex", "Names", "Settings", "build", "open", "open_index"]

open = open_index = FuzzyIndex  # noqa: A001 - each kind of index is opened by its module's `open`
