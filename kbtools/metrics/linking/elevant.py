"""The rules of ELEVANT: optional labels, labels of nothing known, labels inside labels.

Bast, Hertel, Prange (2022), "ELEVANT: A Fully Automatic Fine-Grained Entity Linking Evaluation and Analysis
Tool". Every label looks at what a system says of the same span.

    label       system: an entity             system: NIL                   system: nothing
    entity      right, or missed and wrong    missed (required: and wrong)  missed
    NIL         wrong (required: and missed)  nothing (required: right)     nothing (required: missed)
    optional    wrong unless it is right      nothing (required: wrong)     nothing
    none        wrong                         nothing                       nothing

In the mode IGNORED nothing is asked of NIL; `required` is the other one. A label with others inside it and
these others count once: if the outer one is not found as it is, those found inside stand for it.

Where we differ: spans are compared as they are, not widened to whole words first; what is linked on a number
or a date (ANY) is not judged, as we have no list of items that are numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kbtools.metrics.linking.annotations import ANY, Annotations, Bools, Longs
from kbtools.metrics.linking.modes import Outcome
from kbtools.metrics.linking.pairing import is_right, same_span


class _Cases(NamedTuple):
    """How each label fares by itself."""

    tp: Bools
    fp: Bools
    fn: Bools
    answer: Longs
    right: Bools  # the system says just this


def elevant(gold: Annotations, system: Annotations, *, required: bool = False) -> Outcome:
    """Compare as ELEVANT does; IGNORED is its mode for systems that know no NIL."""
    answer, on_gold = _answers(gold, system)
    optional = gold.optional | (gold.entity == ANY)
    cases = _cases(gold, system, answer, optional, required)
    found, missed, blamed = cases.tp.copy(), cases.fn.copy(), cases.fp.copy()
    if (gold.parent >= 0).any():
        _Nested(gold, cases, optional, required).settle(found, missed, blamed)
    wrong = ~on_gold & system.known
    wrong[answer[blamed & (answer >= 0)]] = True
    return Outcome(found, missed, wrong, answer)


def _answers(gold: Annotations, system: Annotations) -> tuple[Longs, Bools]:
    """Find what answers each label, the surest if there are several, and which are nobody's second choice."""
    pairs = same_span(gold, system)
    order = np.lexsort([pairs.system, -system.score[pairs.system], pairs.gold])
    rows, first = np.unique(pairs.gold[order], return_index=True)
    answer = np.full(len(gold), -1, np.int64)
    answer[rows] = pairs.system[order][first]
    chosen = np.zeros(len(system), np.bool_)
    chosen[answer[rows]] = True
    return answer, chosen


def _cases(gold: Annotations, system: Annotations, answer: Longs, optional: Bools, required: bool) -> _Cases:
    rows = np.arange(len(gold))
    said = np.append(system.entity, -1)[answer]
    spoken = answer >= 0
    linked, nil = spoken & (said >= 0), spoken & (said < 0)
    same = linked & is_right(gold, rows, said)
    asked = (gold.known | required) & ~optional
    tp = ~optional & (same | (nil & ~gold.known & required))
    fn = asked & ~tp
    fp = linked & ~same & (gold.entity != ANY)
    if required:
        fp |= nil & (gold.known | (gold.entity == ANY))
    return _Cases(tp, fp, fn, answer, same | (nil & ~gold.known & (gold.entity != ANY)))


class _Nested:
    """Labels with labels inside: which of them count, worked out label by label, as they are few."""

    def __init__(self, gold: Annotations, cases: _Cases, optional: Bools, required: bool) -> None:
        self.gold, self.cases, self.optional = gold, cases, optional
        self.asked_empty = gold.known | required
        self.children: dict[int, list[int]] = {}
        for row in np.flatnonzero(gold.parent >= 0).tolist():
            self.children.setdefault(int(gold.parent[row]), []).append(row)
        self.counts: dict[int, bool] = {}

    def settle(self, found: Bools, missed: Bools, blamed: Bools) -> None:
        """Let each outermost label count once, with what is inside it."""
        inner = np.flatnonzero(self.gold.parent >= 0)
        found[inner] = missed[inner] = blamed[inner] = False
        for root in sorted(self.children.keys() - set(inner.tolist())):
            self._weigh(root)
            below = [row for row in self._below(root) if self.counts.get(row, False)]
            blamed[below] = self.cases.fp[below]
            if self.counts[root]:
                if self.cases.answer[root] < 0 and self.asked_empty[root]:
                    missed[root] = not self.optional[root] or not self.optional[self._below(root)].all()
                continue
            blamed[root] = False
            tp, fp, fn = (bool(mask[below].any()) for mask in self.cases[:3])
            found[root], missed[root] = tp and not fn and not fp, fn

    def _below(self, row: int) -> list[int]:
        return [row for child in self.children.get(row, []) for row in (child, *self._below(child))]

    def _weigh(self, row: int, *, as_sibling: bool = False) -> bool:
        """Find out whether a label or one inside it counts, and remember which do."""
        if self.cases.right[row]:
            counts = inside = True
        else:
            weighed = [self._weigh(child) for child in self.children.get(row, [])]  # all of them
            inside = any(weighed)
            counts = self._counts(row, inside, as_sibling)
        if not as_sibling:
            self.counts[row] = counts
        return counts or inside

    def _counts(self, row: int, inside: bool, as_sibling: bool) -> bool:
        parent = int(self.gold.parent[row])
        if parent < 0 or inside:
            return not inside
        if self.cases.answer[row] >= 0:
            here = (self.gold.start, self.gold.end)
            return any(bool(column[row] != column[parent]) for column in here)
        if as_sibling:
            return False
        others = (child for child in self.children[parent] if child != row)
        return any(self._weigh(other, as_sibling=True) for other in others)
