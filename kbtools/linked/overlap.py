"""Choose among mentions that overlap: the set without overlaps that weighs most, per text and knowledge base.

    mentions ──▶ runs that overlap ──from the right: best weight of the rest──▶ ──from the left: take──▶ kept

Weighted interval scheduling (Kleinberg and Tardos, Algorithm Design, 6.1): with the mentions of a run in
order of their starts, best(i) = max(best(i + 1), weight(i) + best(the first that starts where i ends or
later)). Most mentions overlap with none and most runs are short: all runs of a block go forward together,
one mention of each at a time, and the few that are very long are finished one by one.

Of sets that weigh the same, the one whose first mention is longer is kept, then whose first is earlier; then
their second mentions are compared, and so on. A knowledge base never takes a mention from another.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Longs = NDArray[np.int64]
Doubles = NDArray[np.float64]

TOGETHER = 24  # fewer runs than this are quicker one by one


class _Runs(NamedTuple):
    """Mentions that overlap, run after run, and behind each run one row that stands for its end."""

    next: Longs  # the row from which on mentions are free if this one is taken; the run's end at most
    weight: Doubles  # 0 at an end
    length: Longs  # in characters; −1 at an end, so any mention is longer
    first: Longs  # [runs] the longest run first
    end: Longs  # [runs]


def best_non_overlapping(
    text: NDArray[Any], start: NDArray[Any], end: NDArray[Any], kb: NDArray[Any], weight: NDArray[Any]
) -> Longs:
    """Return the rows to keep, in their order; mentions that only touch do not overlap.

    Weights are positive numbers. Mentions may come in any order; ordered by (text, start, −end) is quickest.
    """
    return _apart(text, start, end, kb, weight)


def leftmost_longest(text: NDArray[Any], start: NDArray[Any], end: NDArray[Any], kb: NDArray[Any]) -> Longs:
    """Return the rows to keep: from the left, always the longest that starts first, and on behind it."""
    return _apart(text, start, end, kb, None)


def _apart(
    text: NDArray[Any], start: NDArray[Any], end: NDArray[Any], kb: NDArray[Any], weight: NDArray[Any] | None
) -> Longs:
    order = _in_order(text, start, end, kb)
    if not len(order):
        return order
    text, start, end, kb = (np.asarray(column, np.int64)[order] for column in (text, start, end, kb))
    group = np.zeros(len(order), np.int64)
    np.cumsum((np.diff(text) != 0) | (np.diff(kb) != 0), out=group[1:])
    group *= max(int(start.max()), int(end.max())) + 1  # one long line of text, group after group
    start, end = start + group, end + group
    reached = np.maximum.accumulate(end)
    new = np.concatenate([[True], start[1:] >= reached[:-1]])
    first = np.flatnonzero(new)
    size = np.diff(np.append(first, len(order)))
    kept = np.repeat(size == 1, size)
    several = np.flatnonzero(~kept)
    if len(several):
        weights = None if weight is None else weight[order[several]]
        kept[several[_best(start[several], end[several], weights, size[size > 1])]] = True
    return np.sort(order[kept])


def _in_order(text: NDArray[Any], start: NDArray[Any], end: NDArray[Any], kb: NDArray[Any]) -> Longs:
    """Order rows by (kb, text, start, −end, row)."""
    if not len(text):
        return np.zeros(0, np.int64)
    same = text[1:] == text[:-1]
    later = (start[1:] > start[:-1]) | ((start[1:] == start[:-1]) & (end[1:] <= end[:-1]))
    if not ((text[1:] > text[:-1]) | (same & later)).all():
        return np.lexsort((-np.asarray(end, np.int64), start, text, kb))
    if (kb == kb[0]).all():
        return np.arange(len(text))
    return np.argsort(kb, kind="stable")  # of bytes: one pass


def _best(start: Longs, end: Longs, weight: NDArray[Any] | None, size: Longs) -> Longs:
    """Return which mentions of runs of two and more to keep."""
    runs = len(size)
    moved = np.arange(len(start)) + np.repeat(np.arange(runs), size)  # a row more after each run
    last = np.cumsum(size + 1) - 1
    rows = len(start) + runs
    follows, weights, lengths = np.zeros(rows, np.int64), np.zeros(rows), np.full(rows, -1)
    free = np.searchsorted(start, end)  # no start in other runs lies between
    free = np.maximum(free, np.arange(1, len(start) + 1))  # after itself: also if it is empty
    after = np.append(moved, 0)[free]
    follows[moved] = np.minimum(np.where(free == len(start), last[-1], after), np.repeat(last, size))
    weights[moved] = 0 if weight is None else weight
    lengths[moved] = end - start
    order = np.argsort(-size, kind="stable")
    table = _Runs(follows, weights, lengths, (last - size)[order], last[order])
    taken = _taken(table, np.arange(rows) if weight is None else _firsts(table))
    return np.flatnonzero(taken[moved])


def _firsts(table: _Runs) -> Longs:
    """Return, for each row, the first mention of the best set of the mentions from this row on."""
    best, first = np.zeros(len(table.next)), np.arange(len(table.next))
    active = _active(table.end - table.first)
    for step, count in enumerate(active, 1):
        i = table.end[:count] - step
        take, leave, rival = table.weight[i] + best[table.next[i]], best[i + 1], first[i + 1]
        longer = table.length[i] >= table.length[rival]
        taken = (take > leave) | ((take == leave) & longer)
        best[i] = np.where(taken, take, leave)
        first[i] = np.where(taken, i, rival)
    for begin, end in zip(table.first.tolist(), table.end.tolist(), strict=True):
        if end - begin <= len(active):
            break
        whole = slice(begin, end + 1)
        part = table._replace(next=table.next[whole], weight=table.weight[whole], length=table.length[whole])
        first[whole] = _firsts_of_one(part, best[whole], first[whole], begin, end - begin - len(active))
    return first


def _firsts_of_one(table: _Runs, best: Doubles, first: Longs, begin: int, left: int) -> list[int]:
    """Go on with the `left` first of a run; plain numbers are quicker than tiny arrays."""
    weights, lengths = table.weight.tolist(), table.length.tolist()
    follows = (table.next - begin).tolist()
    bests, firsts = best.tolist(), (first - begin).tolist()
    for i in range(left - 1, -1, -1):
        take, leave, rival = weights[i] + bests[follows[i]], bests[i + 1], firsts[i + 1]
        taken = take > leave or (take == leave and lengths[i] >= lengths[rival])
        bests[i], firsts[i] = (take, i) if taken else (leave, rival)
    return [begin + one for one in firsts]


def _taken(table: _Runs, first: Longs) -> NDArray[np.bool_]:
    """Follow each run from its beginning to mark the best set."""
    taken = np.zeros(len(first), np.bool_)
    at, end = table.first, table.end
    while len(at) >= TOGETHER:
        one = first[at]
        taken[one] = True  # at the end it marks the end's own row, which is no mention
        at = table.next[one]
        on = at < end
        at, end = at[on], end[on]
    for i, stop in zip(at.tolist(), end.tolist(), strict=True):
        mine, follows = (first[i : stop + 1] - i).tolist(), (table.next[i : stop + 1] - i).tolist()
        here, rows = 0, []
        while here < stop - i:
            rows.append(mine[here])
            here = follows[mine[here]]
        taken[np.asarray(rows, np.int64) + i] = True
    return taken


def _active(sizes: Longs) -> list[int]:
    """Return how many runs have a first, second … mention from their end, while there are enough of them."""
    steps = int(sizes[TOGETHER - 1]) if len(sizes) >= TOGETHER else 0
    found: list[int] = np.searchsorted(-sizes, -np.arange(1, steps + 1), side="right").tolist()
    return found
