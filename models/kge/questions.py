"""What is asked of trained vectors: triples by rows of vectors, what is known of them, what training saw."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from kbtools.errors import SourceError
from kbtools.kb import resolving
from kbtools.kb.reader import Base
from kbtools.models.kge import categories
from kbtools.models.kge.graph import SPLITS, Graph
from kbtools.models.kge.known import Known
from kbtools.models.kge.trained import Trained
from kbtools.tasks.linkprediction.telling import Training

I64 = NDArray[np.int64]
I32 = NDArray[np.int32]
AT_ONCE = 1 << 20  # triples looked at together
FILTERS: dict[str, Sequence[str]] = {"all": SPLITS, "train+valid": SPLITS[:2], "none": ()}

NO_ENTITY, NO_RELATION = "left out: an entity without a vector", "left out: a relation without a vector"


class Graphed:
    """A graph whose triples are told in the rows of vectors; −1: none."""

    def __init__(self, graph: Graph, trained: Trained) -> None:
        self.graph = graph
        self.rows, self.relations = trained.entities.rows, max(graph.relations, len(trained.relations))
        self._row_of: I64 = trained.row_of(torch.from_numpy(graph.eids)).numpy()
        self._told = np.ones(len(trained.relations) + 1, np.bool_)
        self._told[-1] = False  # of relations that it has no rows for
        if trained.unknown is not None:
            self._told[trained.unknown.numpy()] = False

    def triples(self, split: str) -> I64:
        """Return the triples of a split, [n, 3]."""
        return np.concatenate([np.empty((0, 3), np.int64), *self.blocks(split)])

    def blocks(self, split: str) -> Iterator[I64]:
        """Yield the triples of a split, some at a time."""
        found: I32 = getattr(self.graph, split)
        return (self._mapped(found[at : at + AT_ONCE]) for at in range(0, len(found), AT_ONCE))

    def _mapped(self, some: I32) -> I64:
        return np.stack([self._row_of[some[:, 0]], some[:, 1], self._row_of[some[:, 2]]], axis=1)

    def sound(self, triples: I64, counts: Counter[str]) -> I64:
        """Leave out what has no vector, and count it."""
        entity = (triples[:, [0, 2]] >= 0).all(axis=1)
        relation = self._told[np.minimum(triples[:, 1], len(self._told) - 1)]
        counts[NO_ENTITY] += int((~entity).sum())
        counts[NO_RELATION] += int((entity & ~relation).sum())
        return triples[entity & relation]

    def known(self, asked: I64, told: str, further: Sequence[I64]) -> Known | None:
        """Gather the known answers of what is asked, by the filter `told`; other triples are passed by."""
        if not FILTERS[told]:
            return None
        wanted = [np.unique(self._key(asked, end)) for end in (0, 2)]
        parts = [*further] if told == "all" else []
        for split in FILTERS[told]:
            parts += [block[self._of(block, wanted)] for block in self.blocks(split)]
        return Known([part.astype(np.int32) for part in parts], self.rows, self.relations)

    def _of(self, triples: I64, wanted: Sequence[I64]) -> NDArray[np.bool_]:
        there = (triples[:, 0] >= 0) & (triples[:, 2] >= 0)
        return there & (np.isin(self._key(triples, 0), wanted[0]) | np.isin(self._key(triples, 2), wanted[1]))

    def _key(self, triples: I64, end: int) -> I64:
        found: I64 = triples[:, end] * self.relations + triples[:, 1]
        return found

    def training(self, names: Sequence[str]) -> Training:
        """Tell what training has seen; `names` of relations by rid."""
        seen = np.zeros(self.rows + 1, np.bool_)
        for block in self.blocks("train"):
            seen[block[:, 0]] = seen[block[:, 2]] = True  # −1 is the last, which is nobody's
        category = categories.shape(self.graph.train, self.graph.relations).category
        return Training(seen[:-1], category, categories.NAMES, names)

    def linked(self) -> I64:
        """Count the triples of training that each row is in."""
        found = np.zeros(self.rows + 1, np.int64)
        for block in self.blocks("train"):
            found += np.bincount(block[:, [0, 2]].ravel() % (self.rows + 1), minlength=self.rows + 1)
        return found[:-1]


class Stated(NamedTuple):
    """Triples of a file."""

    triples: I64  # [n, 3] eids and rids
    counts: Counter[str]


def read(path: Path, base: Base, relations: Sequence[str]) -> Stated:
    """Read triples as text: ids of head, relation and tail, with tabs between; one a line."""
    rows = list(_lines(path))
    counts = Counter(read=len(rows))
    places = {name: rid for rid, name in enumerate(relations)}
    ends = [one[end] for end in (0, 2) for one in rows]
    eid = resolving.own(base, ends).reshape(2, -1)
    rid = np.array([places.get(one[1], -1) for one in rows], np.int64)
    found = np.stack([eid[0], rid, eid[1]], axis=1)
    sound = (found >= 0).all(axis=1)
    counts["unknown ids"] = int((~sound).sum())
    return Stated(found[sound], counts)


def _lines(path: Path) -> Iterator[list[str]]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                fields = line.removeprefix(codecs.BOM_UTF8).decode().strip("\r\n").split("\t")
            except UnicodeDecodeError as error:
                raise SourceError("not UTF-8", path=path, line=number) from error
            if fields == [""]:
                continue
            if len(fields) != 3:
                raise SourceError(
                    f"{len(fields)} fields; a triple has 3 (head, relation, tail), with tabs between",
                    path=path, line=number,
                )  # fmt: skip
            yield fields


def drawn(triples: I64, most: int, seed: int) -> I64:
    """Draw as many triples as are wanted, in their order; 0: all."""
    if not most or len(triples) <= most:
        return triples
    return triples[np.sort(np.random.default_rng([seed, 4]).permutation(len(triples))[:most])]
