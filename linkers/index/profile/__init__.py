"""A profile: what is known of each entity, to tell candidates apart: words, neighbours, classes.

    descriptions, labels, names, triples, types ─┐
    pages: beginnings, anchors' surroundings ────┴─▶ words ──tf·idf──▶ the most telling ones
    anchors, triples ──▶ neighbours (a sample of many)      types, classes ──▶ classes

`files.py` says what the files are, `profile.py` how they are asked.
"""

from kbtools.linkers.index.profile.building import build
from kbtools.linkers.index.profile.csr import SIXTEENTHS, Csr, drawn
from kbtools.linkers.index.profile.profile import Profile
from kbtools.linkers.index.profile.settings import Settings

__all__ = ["SIXTEENTHS", "Csr", "Profile", "Settings", "build", "drawn", "open_index"]

open_index = Profile
