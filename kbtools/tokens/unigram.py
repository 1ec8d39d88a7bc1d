"""Pieces with probabilities, learnt from counted words.

Kudo 2018, "Subword Regularization": all frequent substrings are pieces at first. Expectation maximisation
finds their probabilities: a word is the sum over its divisions, p(w) = Σ_d Π_{x∈d} p(x). Pieces that the
likelihood misses least go, until few enough are left: without x, count(x) · (log p(x) − log Σ_{d of x
without x} p(d)) is lost. Single characters stay.

All is done by arrays, in one order, so the same words give the same pieces; the trainer of `tokenizers` adds
floats in the order of a hash table. Memory: some 100 bytes for a character of the WORDS most frequent words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

I64: TypeAlias = NDArray[np.int64]
U64: TypeAlias = NDArray[np.uint64]
Floats: TypeAlias = NDArray[np.float64]

WORDS = 500_000
LONG = 48  # characters of a word that is looked at
SEEDS = 8  # pieces at first, for each that will be left
KEPT = 0.75  # of the pieces, each time
STEPS = 2  # of expectation maximisation between
LEAST = 0.5  # a character is taken to occur so often, at least
DIGITS = 8  # of a score: what machines may add up differently is cut off
_BASE = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)


class _Chains:
    """Words laid end to end, with hashes of all their substrings."""

    def __init__(self, words: Sequence[str]) -> None:
        self.text = "".join(words)
        codes = np.frombuffer(self.text.encode("utf-32-le"), "<u4").astype(np.uint64)
        self.lengths = np.fromiter(map(len, words), np.int64, len(words))
        self.ends = np.cumsum(self.lengths)
        self.word = np.repeat(np.arange(len(words)), self.lengths)
        self.left = self.ends[self.word] - np.arange(len(codes))  # characters from here to the word's end
        self.codes = (codes + np.uint64(1)) * _MIX
        self.codes ^= self.codes >> np.uint64(29)

    def hashes(self, length: int, before: U64 | None) -> U64:
        """Hash the substring of this length that begins at each character; `before`: those one shorter."""
        if before is None:
            return self.codes.copy()
        found = before * _BASE
        if length <= len(found):
            found[: len(found) - length + 1] += self.codes[length - 1 :]
        return found


class _Lattice:
    """All divisions of words into pieces: edges from place to place."""

    def __init__(self, chains: _Chains, pieces: Sequence[str], *, whole: bool = True) -> None:
        self.words = len(chains.lengths)
        self.nodes = len(chains.codes) + self.words
        self.first = chains.ends - chains.lengths + np.arange(self.words)
        self.last = self.first + chains.lengths
        starts, ends, ids = [], [], []
        told = _by_length(pieces)
        before: U64 | None = None
        for length in range(1, max(told) + 1):
            before = chains.hashes(length, before)
            if length not in told:
                continue
            known, numbers = told[length]
            at = np.minimum(np.searchsorted(known, before), len(known) - 1)
            there = (known[at] == before) & (chains.left >= length)
            if not whole:
                there &= chains.lengths[chains.word] != length
            places = np.flatnonzero(there)
            starts.append(places + chains.word[places])
            ends.append(starts[-1] + length)
            ids.append(numbers[at[places]])
        self.start, self.end = np.concatenate(starts), np.concatenate(ends)
        self.id = np.concatenate(ids)
        step = np.arange(self.nodes) - np.repeat(self.first, chains.lengths + 1)  # of a node in its word
        self.forward = _levels(self.end, step)
        self.backward = _levels(self.start, step)

    def sums(self, scores: Floats, *, back: bool = False) -> Floats:
        """Add up, at each place, the probabilities of all ways to it (or on from it), as logarithms."""
        here, there = (self.start, self.end) if back else (self.end, self.start)
        levels = self.backward[::-1] if back else self.forward
        found = np.full(self.nodes, -np.inf)
        found[self.last if back else self.first] = 0.0
        for edges, groups in levels:
            values = found[there[edges]] + scores[self.id[edges]]
            best = np.maximum.reduceat(values, groups)
            sure = np.where(np.isfinite(best), best, 0.0)
            counts = np.diff(np.append(groups, len(values)))
            with np.errstate(divide="ignore"):
                total = np.log(np.add.reduceat(np.exp(values - np.repeat(sure, counts)), groups)) + sure
            found[here[edges[groups]]] = total
        return found

    def expected(self, scores: Floats, counts: Floats) -> Floats:
        """Return how often each piece is expected to occur."""
        ahead, behind = self.sums(scores), self.sums(scores, back=True)
        whole = np.where(np.isfinite(ahead[self.last]), ahead[self.last], np.inf)
        word = np.searchsorted(self.first, self.start, side="right") - 1
        odds = ahead[self.start] + scores[self.id] + behind[self.end] - whole[word]
        found = np.bincount(self.id, np.exp(odds) * counts[word], minlength=len(scores))
        return np.asarray(found, np.float64)


def learn(
    words: Mapping[str, int],
    alphabet: Sequence[str],
    size: int,
    *,
    longest: int = 16,
    least: int = 2,
    told: Callable[[int], None] | None = None,
) -> list[tuple[str, float]]:
    """Return at most `size` pieces with the logarithms of their probabilities, the likeliest first.

    What holds a character that is not in the alphabet is left out. `least` is how often a piece must occur;
    `told` hears how many pieces there are.
    """
    known = set(alphabet)
    usable = [word for word in words if len(word) <= LONG and known.issuperset(word)]
    chosen = sorted(usable, key=lambda word: (-words[word], word))[:WORDS]
    counts = np.array([words[word] for word in chosen], np.float64)
    alphabet = sorted(alphabet)[:size]
    if not chosen:
        return [(one, -1.0) for one in alphabet]
    chains = _Chains(chosen)
    pieces, weights = _seeds(chains, counts, alphabet, most=SEEDS * size, longest=longest, least=least)
    scores = np.log(weights / weights.sum())
    while True:
        lattice = _Lattice(chains, pieces)
        for _ in range(STEPS):
            weights = np.maximum(lattice.expected(scores, counts), 1e-9)
            weights[: len(alphabet)] = np.maximum(weights[: len(alphabet)], LEAST)
            scores = np.log(weights / weights.sum())
        if told is not None:
            told(len(pieces))
        if len(pieces) <= size:
            break
        kept = _pruned(pieces, scores, weights, max(size, int(len(pieces) * KEPT)), len(alphabet))
        pieces, scores = [pieces[at] for at in kept], scores[kept]
    rounded = np.round(scores, DIGITS).tolist()
    return sorted(zip(pieces, rounded, strict=True), key=lambda one: (-one[1], one[0]))


def _seeds(
    chains: _Chains, counts: Floats, alphabet: Sequence[str], *, most: int, longest: int, least: int
) -> tuple[list[str], Floats]:
    """Take all characters, and the substrings that cover most."""
    weight = counts[chains.word]
    single = dict.fromkeys(alphabet, LEAST)
    found: list[tuple[float, str]] = []
    before = chains.hashes(1, None)
    text = chains.text
    for place, char in zip(*_totals(before, np.arange(len(before)), weight), strict=True):
        single[text[place]] = char
    for length in range(2, longest + 1):
        before = chains.hashes(length, before)
        places = np.flatnonzero(chains.left >= length)
        if not len(places):
            break
        firsts, totals = _totals(before[places], places, weight[places])
        often = np.flatnonzero(totals >= least)
        order = often[np.argsort(-totals[often], kind="stable")][:most]
        found += [(totals[at] * length, text[firsts[at] : firsts[at] + length]) for at in order.tolist()]
    found.sort(key=lambda one: (-one[0], one[1]))
    del found[max(most - len(single), 0) :]
    pieces = [*single, *(piece for _, piece in found)]
    return pieces, np.array([*single.values(), *(score / len(piece) for score, piece in found)])


def _totals(hashes: U64, places: I64, weight: Floats) -> tuple[I64, Floats]:
    """Add up the weights of equal substrings; return where each stands first, and the sum."""
    order = np.argsort(hashes, kind="stable")
    begins = np.flatnonzero(np.append(True, hashes[order[1:]] != hashes[order[:-1]]))
    firsts, totals = places[order[begins]], np.add.reduceat(weight[order], begins)
    again = np.argsort(firsts)
    return firsts[again], totals[again]


def _pruned(pieces: Sequence[str], scores: Floats, weights: Floats, most: int, alphabet: int) -> I64:
    """Choose the pieces that stay, in the order they have."""
    lattice = _Lattice(_Chains(pieces), pieces, whole=False)
    instead = lattice.sums(scores)[lattice.last]
    with np.errstate(invalid="ignore"):
        lost = np.round(weights * (scores - instead), DIGITS)
    lost[:alphabet] = np.inf
    rank = np.lexsort((np.arange(len(pieces)), -lost))
    kept: I64 = np.sort(rank[: max(most, alphabet)])
    return kept


def _by_length(pieces: Sequence[str]) -> dict[int, tuple[U64, I64]]:
    """Return, by length, the hashes of the pieces in order, and the number of each."""
    lengths = np.fromiter(map(len, pieces), np.int64, len(pieces))
    chains = _Chains(pieces)
    first = chains.ends - chains.lengths
    found = {}
    before: U64 | None = None
    for length in range(1, int(lengths.max()) + 1):
        before = chains.hashes(length, before)
        numbers = np.flatnonzero(lengths == length)
        if len(numbers):
            hashes = before[first[numbers]]
            order = np.argsort(hashes)
            found[length] = hashes[order], numbers[order]
    return found


def _levels(nodes: I64, step: I64) -> list[tuple[I64, I64]]:
    """Group edges by the step of a node in its word; in each, where those of one node begin."""
    order = np.lexsort((nodes, step[nodes]))
    steps = step[nodes[order]]
    cuts = np.flatnonzero(np.diff(steps)) + 1
    levels = []
    for edges in np.split(order, cuts):
        if len(edges):
            at = nodes[edges]
            levels.append((edges, np.flatnonzero(np.append(True, at[1:] != at[:-1]))))
    return levels
