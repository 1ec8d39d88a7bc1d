"""Which triples are known: asked for many at once, exactly, wherever the tensors are.

A pair is (anchor, relation, side): which tails does this head have, or which heads this tail. Distinct pairs
are numbered densely, and an entry is pair · 2³¹ + answer; entries are sorted, each once. So what is known of
a pair stands together (`answers`), and a triple is found by bisection.

Most of what training asks about is not known, and on a CPU bisection is slow, for it reads all over memory:
0.1 to 1 µs each. So there a table of bits is asked first: 2 to 4 ns each. For a small graph it has a bit for
each pair and entity, which tells all. Else each entry sets two bits of a word, all three hashed from its
pair and its answer (a Bloom filter in blocks: Putze, Sanders & Singler 2007), which tell 99 % of what is not
known; the rest is bisected. On other devices all is bisected: that is fast there, and nothing has to wait
until it is known how many are left.

Memory: 16 bytes a triple for entries, 16 bytes a pair (two pairs a triple at most), and on a CPU 8 to 16
bytes a triple for the table, or 32 MB at most where it tells all. Building takes three times that for a
moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

SHIFT = 31  # bits of an answer
ANSWER = (1 << SHIFT) - 1
WHOLE = 1 << 28  # bits of a table that tells all, at most
BITS = 32  # of another table, for each entry, at least
SLICE = 1 << 20  # comparisons that are made together
AT_ONCE = 1 << 20  # entries that are put into a table together
FACTORS = (-0x61C8864680B583EB, -0x3B314601E57A13AD)  # odd


class Known:
    """A set of triples of head row, rid and tail row."""

    def __init__(self, parts: Sequence[I32], rows: int, relations: int) -> None:
        """Take the triples of several arrays [n, 3]; the same may be in several."""
        if 2 * rows * relations >= 1 << 63 or rows >= 1 << SHIFT:
            raise ValueError(f"{rows:,} rows and {relations:,} relations: too many to number their pairs")
        self.rows, self.relations = rows, relations
        pairs, entries = _numbered(parts, rows, relations)
        begins = np.searchsorted(entries, np.arange(len(pairs) + 1) << SHIFT)
        self._pairs, self._entries, self._begins = map(torch.from_numpy, (pairs, entries, begins))
        self._whole = (len(pairs) + 1) * rows <= WHOLE  # one more: of pairs of which nothing is known

    def to(self, device: torch.device | str) -> Known:
        """Return the same on another device."""
        moved = Known.__new__(Known)
        moved.rows, moved.relations, moved._whole = self.rows, self.relations, self._whole
        moved._pairs, moved._entries, moved._begins = (
            one.to(device) for one in (self._pairs, self._entries, self._begins)
        )
        return moved

    def __len__(self) -> int:
        """Count the distinct triples."""
        return len(self._entries) // 2

    def pairs(self, anchor: Tensor, relation: Tensor, heads: Tensor) -> Tensor:
        """Find the numbers of pairs, [...] each → [...] int64; −1: nothing is known.

        `heads` tells whether heads are asked for.
        """
        if not len(self._pairs):
            return torch.full_like(anchor, -1, dtype=torch.int64)
        asked = (heads * self.relations + relation) * self.rows + anchor
        found = torch.searchsorted(self._pairs, asked).clamp_(max=len(self._pairs) - 1)
        return torch.where(self._pairs[found] == asked, found, -1)

    def contains(self, anchor: Tensor, relation: Tensor, heads: Tensor, candidates: Tensor) -> Tensor:
        """Tell which candidates are answers, [C, S] each and [C, N] or [C, S, N] → [C, S, N] bool."""
        return self.among(self.pairs(anchor, relation, heads), candidates)

    def among(self, pairs: Tensor, candidates: Tensor) -> Tensor:
        """Do the same for pairs [C, S] that have been numbered."""
        if candidates.dim() == 2:
            candidates = candidates[:, None, :]
        pairs = pairs[..., None]
        if self._table is None:
            return self._bisected(pairs, candidates)
        count = len(pairs)
        step = max(1, SLICE // max(1, pairs.shape[1] * candidates.shape[2]))
        slices = [slice(at, at + step) for at in range(0, max(count, 1), step)]
        found = [self._told(pairs[some], candidates[some], self._table) for some in slices]
        return found[0] if len(found) == 1 else torch.cat(found)

    def _told(self, pairs: Tensor, candidates: Tensor, table: Tensor) -> Tensor:
        """Ask the table, then bisect what it leaves open: [C, S, 1] and [C, ., N] → [C, S, N]."""
        told = self._asked(pairs, candidates, table).bool()
        if self._whole:
            return told
        found = told.numpy()  # quicker than torch for the few that are left
        left = np.unravel_index(np.flatnonzero(found), found.shape)
        pair, candidate = (np.broadcast_to(one.numpy(), found.shape)[left] for one in (pairs, candidates))
        entries = self._entries.numpy()
        wanted = pair << SHIFT | candidate
        at = np.searchsorted(entries, wanted)
        found[left] = entries[np.minimum(at, len(entries) - 1)] == wanted
        return told

    def answers(self, anchor: Tensor, relation: Tensor, heads: Tensor) -> tuple[Tensor, Tensor]:
        """List all answers of queries, [Q] each → the query [K] and the row [K] of each, sorted."""
        pairs = self.pairs(anchor, relation, heads)
        counts = self._counts(pairs)
        query = torch.repeat_interleave(counts)
        before = counts.cumsum(0) - counts
        start = self._begins[pairs.clamp(min=0)] - before
        at = torch.arange(len(query), device=query.device) + start[query]
        return query, self._entries[at] & ANSWER

    def counts(self, anchor: Tensor, relation: Tensor, heads: Tensor) -> Tensor:
        """Count the answers of queries, [...] each → [...]."""
        return self._counts(self.pairs(anchor, relation, heads))

    def _counts(self, pairs: Tensor) -> Tensor:
        if not len(self._pairs):
            return torch.zeros_like(pairs)
        at = pairs.clamp(min=0)
        return (self._begins[at + 1] - self._begins[at]) * (pairs >= 0)

    def _bisected(self, pairs: Tensor, candidates: Tensor) -> Tensor:
        entries = (pairs << SHIFT) | candidates  # of pair −1 it is below 0, where there are none
        if not len(self._entries):
            return torch.zeros_like(entries, dtype=torch.bool)
        found = torch.searchsorted(self._entries, entries).clamp_(max=len(self._entries) - 1)
        return self._entries[found] == entries

    def _asked(self, pairs: Tensor, candidates: Tensor, table: Tensor) -> Tensor:
        """Return the bit of the table: 0 is no, 1 is yes or, of hashes, maybe."""
        if self._whole:
            at = (torch.where(pairs < 0, len(self._pairs), pairs) * self.rows).int() + candidates.int()
            words = table.index_select(0, (at >> 5).view(-1)).view_as(at)
            return words.bitwise_right_shift_(at.bitwise_and_(31)).bitwise_and_(1)
        first, second = _summed(pairs, candidates)
        words = table.index_select(0, first.bitwise_and_(len(table) - 1).view(-1)).view_as(first)
        found = words >> (second & 31)
        found &= words.bitwise_right_shift_((second >> 5).bitwise_and_(31))
        return found.bitwise_and_(1)

    @cached_property
    def _table(self) -> Tensor | None:
        """The table, made when it is first asked; none: bisection alone."""
        return self._tabled() if len(self._entries) and self._entries.device.type == "cpu" else None

    def _tabled(self) -> Tensor:
        """Set the bits of all entries; words of 32."""
        bits = (len(self._pairs) + 1) * self.rows if self._whole else BITS * len(self._entries)
        words = -(-bits // 32) if self._whole else 1 << (bits // 32 - 1).bit_length()
        table = np.zeros(words, np.uint32)
        for at in range(0, len(self._entries), AT_ONCE):
            places = np.sort(self._places(self._entries[at : at + AT_ONCE], words))
            word = places >> 5
            first = np.flatnonzero(np.diff(word, prepend=-1))
            bit = np.uint32(1) << (places & 31).astype(np.uint32)
            table[word[first]] |= np.bitwise_or.reduceat(bit, first)
        return torch.from_numpy(table.view(np.int32))

    def _places(self, entries: Tensor, words: int) -> I64:
        """Say which bits entries set."""
        pairs, candidates = entries >> SHIFT, entries & ANSWER
        if self._whole:
            return (pairs * self.rows + candidates).numpy()
        first, second = _summed(pairs, candidates)
        word = (first & (words - 1)).long() << 5
        return torch.cat([word | (second & 31), word | ((second >> 5) & 31)]).numpy()


def _numbered(parts: Sequence[I32], rows: int, relations: int) -> tuple[I64, I64]:
    """Return pairs [P] and entries [K]; made relation by relation, as keys are small then."""
    triples = np.concatenate([np.zeros((0, 3), np.int32), *parts])
    triples = triples[np.argsort(triples[:, 1], kind="stable")]
    ends = np.searchsorted(triples[:, 1], np.arange(relations + 1))
    entries, pairs = np.empty(2 * len(triples), np.int64), [np.zeros(0, np.int64)]
    count = at = 0
    for side, (anchor, answer) in enumerate(((0, 2), (2, 0))):
        for relation in np.flatnonzero(np.diff(ends)).tolist():
            some = triples[ends[relation] : ends[relation + 1]]
            keys = _distinct((some[:, anchor].astype(np.int64) << SHIFT) | some[:, answer])
            anchors = keys >> SHIFT
            new = np.diff(anchors, prepend=-1) > 0
            pairs.append(anchors[new] + (side * relations + relation) * rows)
            numbers = np.cumsum(new) + (count - 1)
            entries[at : at + len(keys)] = (numbers << SHIFT) | (keys & ANSWER)
            count, at = count + len(pairs[-1]), at + len(keys)
    return np.concatenate(pairs), entries[:at].copy()


def _distinct(numbers: I64) -> I64:
    """Sort numbers, where they are, and return each once."""
    numbers.sort()
    new = np.ones(len(numbers), np.bool_)
    np.not_equal(numbers[1:], numbers[:-1], out=new[1:])
    return numbers if new.all() else numbers[new]


def _summed(pairs: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
    """Return two hashes of triples, int32: each a sum, so that all is hashed once where all meet all."""
    first, second = _hashed(pairs, 1), _hashed(candidates, 2)
    return first[0] + second[0], first[1] + second[1]  # they wrap around


def _hashed(numbers: Tensor, key: int) -> tuple[Tensor, Tensor]:
    mixed = (numbers.long() + key) * FACTORS[0]
    mixed ^= mixed >> 29
    mixed *= FACTORS[1]
    mixed ^= mixed >> 32
    return mixed.int(), (mixed >> 32).int()
