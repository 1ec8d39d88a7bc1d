"""The fuzzy index, slowly: every name is looked at, every n-gram written out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rapidfuzz.distance import OSA

from kbtools.text import BARE, FOLDED, normalise
from tests.tiny_kb import entity, write


def kb_of(out: Path, named: Sequence[tuple[str, int]], **more: int) -> Path:
    """Write a knowledge base in which eids are called so; `more`: sitelinks of entities, by "e" + eid."""
    most = max([eid for _, eid in named], default=-1)
    entities = [entity(eid, f"E{eid}", None, sitelinks=more.get(f"e{eid}", 0)) for eid in range(most + 1)]
    surfaces = [{"text": text, "eid": eid, "source": "label"} for text, eid in sorted(named)]
    return write(out, {"entities": entities, "surfaces": surfaces})


def norm(text: str) -> str:
    return normalise(text, BARE) or normalise(text, FOLDED)


def allowed(name: str, edits: int) -> int:
    return sum(len(name) >= least for least in (2, 4, 12, 18)[:edits])


def wide(char: str) -> bool:
    return 0x2E80 <= ord(char) <= 0xD7FF or 0xF900 <= ord(char) <= 0xFAFF or 0x20000 <= ord(char) <= 0x3FFFF


def grams(name: str) -> set[str]:
    padded = f" {name} "
    found = {padded[at : at + 3] for at in range(len(name)) if name[at] != " "}
    for at, char in enumerate(name, start=1):
        if wide(char) or len(name) <= 4:
            found |= {padded[at - 1 : at + 1], padded[at : at + 2]}
        if wide(char) or len(name) <= 2:
            found.add(char)
    return found


def similarity(query: str, name: str) -> float:
    found = 1 - OSA.distance(query, name) / max(len(query), len(name))
    if " " in query and " " in name:
        query, name = (" ".join(sorted(text.split(" "))) for text in (query, name))
        return max(found, 0.95 * (1 - OSA.distance(query, name) / max(len(query), len(name))))
    return found


class Oracle:
    """What `FuzzyIndex.search_names` should find."""

    def __init__(self, names: Sequence[str], *, edits: int = 2, pool: int = 50, least: float = 0.5) -> None:
        self.names = sorted({norm(name) for name in names} - {""}, key=lambda name: (len(name), name))
        self.edits, self.pool, self.least = edits, pool, least
        self.grams = {name: grams(name) for name in self.names}
        counts = Counter(gram for found in self.grams.values() for gram in found)
        total = len(self.names)
        self.weights = {gram: round(16 * math.log2(1 + total / count)) for gram, count in counts.items()}

    def search(self, text: str, k: int, mode: str) -> list[tuple[str, float]]:
        query = norm(text)
        near = [name for name in self.names if OSA.distance(query, name) <= allowed(name, self.edits)]
        found = set(near if query else [])
        if query and (mode == "exact" or not near):
            found |= set(self._pool(query))
        scored = [(name, similarity(query, name)) for name in found]
        scored = [pair for pair in scored if pair[1] >= self.least]
        return sorted(scored, key=lambda pair: (-pair[1], len(pair[0]), pair[0]))[:k]

    def _pool(self, query: str) -> list[str]:
        mine = sorted(
            (gram for gram in grams(query) if gram in self.weights),
            key=lambda gram: (-self.weights[gram], key(gram)),
        )
        whole, kept, sum_ = sum(self.weights[gram] for gram in mine), set[str](), 0
        for gram in mine:
            if sum_ < 0.75 * whole:
                kept.add(gram)
            sum_ += self.weights[gram]
        liked = []
        for name in self.names:
            if not math.ceil(len(query) * self.least) <= len(name) <= math.floor(len(query) / self.least):
                continue
            shared = sum(self.weights[gram] for gram in kept & self.grams[name])
            likeness = 2 * shared / (whole + sum(self.weights[gram] for gram in self.grams[name]))
            if shared and likeness >= 0.25:
                liked.append((-likeness, len(name), name))
        return [name for _, _, name in sorted(liked)[: self.pool]]


def key(gram: str) -> tuple[int, ...]:
    codes = [ord(char) for char in gram]
    return tuple([0] * (3 - len(codes)) + codes)
