"""Byte-pair encoding, learnt from counted words: the most frequent pair of neighbours becomes one piece.

Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units". Counts are integers, and
of pairs as frequent the one with the smaller numbers comes first, so the same words give the same pieces.
(The trainers of `tokenizers` number pieces in the order of a hash table, which differs in every process.)

Memory: some 60 bytes for a character of the distinct words.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

I64: TypeAlias = NDArray[np.int64]
Merge = tuple[int, int]  # numbers of two pieces

_SHIFT = 32


class Merges:
    """Words as chains of pieces, in which pairs are joined one after another."""

    def __init__(self, words: Sequence[Sequence[int]], counts: Sequence[int]) -> None:
        lengths = np.fromiter(map(len, words), np.int64, len(words))
        self.ids = np.fromiter((one for word in words for one in word), np.int64, int(lengths.sum()))
        self.weight = np.repeat(np.asarray(counts, np.int64), lengths)
        places = np.arange(len(self.ids))
        ends = np.cumsum(lengths)
        self.left, self.right = places - 1, places + 1  # neighbours in the word; −1: none
        self.left[(ends - lengths)[lengths > 0]] = -1
        self.right[(ends - 1)[lengths > 0]] = -1
        self.count: dict[int, int] = {}
        self.where: dict[int, list[I64]] = {}  # places of the first of a pair; some are out of date
        self.heap: list[tuple[int, int]] = []
        self._tally(np.flatnonzero(self.right >= 0), 1)

    def next(self, least: int) -> Merge | None:
        """Find the most frequent pair; None if it is rarer than `least`."""
        while self.heap:
            told, pair = self.heap[0]
            real = self.count.get(pair, 0)
            if -told == real:
                return (pair >> _SHIFT, pair & ((1 << _SHIFT) - 1)) if real >= max(least, 1) else None
            heapq.heapreplace(self.heap, (-real, pair)) if real else heapq.heappop(self.heap)
        return None

    def join(self, merge: Merge, new: int) -> None:
        """Make one piece of a pair wherever it stands; in aaa of the first two."""
        pair = (merge[0] << _SHIFT) | merge[1]
        places = np.unique(np.concatenate(self.where.pop(pair)))
        right = self.right[places]
        places = places[(self.ids[places] == merge[0]) & (right >= 0) & (self.ids[right] == merge[1])]
        if merge[0] == merge[1]:
            places = self._apart(places)
        left, right = self.left[places], self.right[places]
        after = self.right[right]
        self._tally(np.unique(np.concatenate([left[left >= 0], places, right[after >= 0]])), -1)
        self.ids[places], self.ids[right] = new, -1
        self.right[places] = after
        self.left[after[after >= 0]] = places[after >= 0]
        left = self.left[places]
        self._tally(np.unique(np.concatenate([left[left >= 0], places[after >= 0]])), 1)

    def _apart(self, places: I64) -> I64:
        """Leave out every second of places that follow each other."""
        begins = np.flatnonzero(np.append(True, self.right[places[:-1]] != places[1:]))
        run = np.repeat(begins, np.diff(np.append(begins, len(places))))
        apart: I64 = places[(np.arange(len(places)) - run) % 2 == 0]
        return apart

    def _tally(self, places: I64, sign: int) -> None:
        """Count the pairs that begin at these places, or no longer do."""
        if not len(places):
            return
        pairs = (self.ids[places] << _SHIFT) | self.ids[self.right[places]]
        order = np.argsort(pairs, kind="stable")
        pairs, places = pairs[order], places[order]
        begins = np.flatnonzero(np.append(True, pairs[1:] != pairs[:-1]))
        sums = np.add.reduceat(self.weight[places], begins).tolist()
        for pair, change, there in zip(
            pairs[begins].tolist(), sums, np.split(places, begins[1:]), strict=True
        ):
            count = self.count.get(pair, 0) + sign * change
            if count:
                self.count[pair] = count
            else:
                self.count.pop(pair, None)
                self.where.pop(pair, None)
            if sign > 0:
                self.where.setdefault(pair, []).append(there)
                heapq.heappush(self.heap, (-count, pair))


def learn(
    words: Mapping[str, int],
    pieces: Sequence[str],
    size: int,
    *,
    prefix: str = "",
    least: int = 2,
    told: Callable[[int], None] | None = None,
) -> tuple[list[str], list[tuple[str, str]]]:
    """Add pieces to the first ones, single characters, until there are `size`; return all, and the merges.

    What goes on with a word is written with `prefix`. Characters that are no piece part words. `least` is how
    often a pair must occur; `told` hears how many pieces there are.
    """
    found, known = list(pieces), {piece: at for at, piece in enumerate(pieces)}
    chains, counts = [], []
    for word, count in words.items():
        chain = [known.get(char if not at else prefix + char, -1) for at, char in enumerate(word)]
        for run in _runs(chain):
            chains.append(run)
            counts.append(count)
    merges: list[tuple[str, str]] = []
    state = Merges(chains, counts)
    while len(found) < size and (merge := state.next(least)) is not None:
        first, second = found[merge[0]], found[merge[1]]
        joined = first + second.removeprefix(prefix)
        if joined not in known:
            known[joined] = len(found)
            found.append(joined)
        merges.append((first, second))
        state.join(merge, known[joined])
        if told is not None:
            told(len(found))
    return found, merges


def _runs(chain: list[int]) -> list[list[int]]:
    """Cut a chain at −1; what is single has no pair and is left out."""
    if -1 not in chain:
        return [chain] if len(chain) > 1 else []
    runs: list[list[int]] = [[]]
    for one in chain:
        if one < 0:
            runs.append([])
        else:
            runs[-1].append(one)
    return [run for run in runs if len(run) > 1]
