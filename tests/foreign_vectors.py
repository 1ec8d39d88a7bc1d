"""A small world with titles, and vectors of it, for the tests of formats."""

from __future__ import annotations

from kbtools import vectors
from tests import tiny_kb, tiny_vectors

EIDS = [1, 0, 5, 3]
DIM = 4
WORDS = ["dog", "cat", "中文"]
TITLES = [
    {"eid": 1, "site": "enwiki", "title": "Douglas Adams"},
    {"eid": 3, "site": "dewiki", "title": "Berlin"},
    {"eid": 2, "site": "enwiki", "title": "Universe"},
]


def world(folder):
    """Write a knowledge base with titles of pages."""
    return tiny_kb.write(folder / "kb", {**tiny_kb.world(), "sitelinks": TITLES})


def words_of(folder):
    """Open the words of a folder, which has some."""
    found = vectors.Vectors(folder).words
    assert found is not None
    return found


def made(folder, kb, *, words=False, kind="float32"):
    """Write vectors of some of its entities, of all its relations, and maybe of words."""
    more = vectors.Words(WORDS, tiny_vectors.numbers(len(WORDS), DIM, 1, kind)) if words else None
    vectors.write(
        folder,
        EIDS,
        tiny_vectors.numbers(len(EIDS), DIM, 0, kind),
        kb=kb,
        relations={"relations": tiny_vectors.numbers(3, DIM, 2)},
        words=more,
    )
    return vectors.Vectors(folder)
