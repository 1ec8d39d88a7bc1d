"""What is compared with what: annotations, entities where the spans are given, sets of entities, spans.

A2KB: spans and entities. D2KB: the same, of a system's annotations only those on gold spans. C2KB: which
entities a document names (Cornolti, Ferragina, Ciaramita 2013, "A Framework for Benchmarking
Entity-Annotation Systems"). ERec: spans alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kbtools.metrics.linking.annotations import Annotations, Bools, Longs
from kbtools.metrics.linking.counts import Counts
from kbtools.metrics.linking.pairing import (
    Pairs,
    agree,
    joined,
    keys,
    one_to_one,
    overlapping,
    same_span,
)


class Outcome(NamedTuple):
    """How each annotation fared; those that are neither right nor wrong do not count."""

    found: Bools  # [G] gold: a true positive
    missed: Bools  # [G] gold: a false negative
    wrong: Bools  # [S] system: a false positive
    answer: Longs  # [G] gold: the row of the system that answers it; −1: none

    def counts(self, gold: Annotations, system: Annotations, documents: int) -> Counts:
        """Count document by document."""
        return Counts(
            np.bincount(gold.doc[self.found], minlength=documents),
            np.bincount(system.doc[self.wrong], minlength=documents),
            np.bincount(gold.doc[self.missed], minlength=documents),
        )


def outcome(gold: Annotations, system: Annotations, pairs: Pairs) -> Outcome:
    """Pair one to one; all that is left over is wrong."""
    kept = pairs.where(one_to_one(*pairs))
    answer = np.full(len(gold), -1, np.int64)
    answer[kept.gold] = kept.system
    wrong = np.ones(len(system), np.bool_)
    wrong[kept.system] = False
    return Outcome(answer >= 0, answer < 0, wrong, answer)


def a2kb(gold: Annotations, system: Annotations, *, weak: bool = False) -> Outcome:
    """Compare spans and entities; weak: spans only have to overlap."""
    pairs = overlapping(gold, system) if weak else same_span(gold, system)
    return outcome(gold, system, pairs.where(agree(gold, system, pairs)))


def erec(gold: Annotations, system: Annotations, *, weak: bool = False) -> Outcome:
    """Compare spans; give both through `spans` first."""
    return outcome(gold, system, overlapping(gold, system) if weak else same_span(gold, system))


def on_gold_spans(gold: Annotations, system: Annotations) -> Bools:
    """Mark a system's annotations for D2KB: those on gold spans, as many as there are gold ones."""
    back = same_span(system, gold)  # in the order of the system
    kept = np.zeros(len(system), np.bool_)
    kept[back.gold[one_to_one(*back)]] = True
    return kept


def spans(one: Annotations) -> Bools:
    """Mark the first annotation of each span."""
    number, _ = keys((one.doc, one.doc[:0]), (one.start, one.start[:0]), (one.end, one.end[:0]))
    return _first(number)


def entities(one: Annotations) -> Bools:
    """Mark the first annotation of each entity in each document; NIL is no entity."""
    number, _ = keys((one.doc, one.doc[:0]), (one.entity, one.entity[:0]))
    return _first(number) & one.known


def c2kb(gold: Annotations, system: Annotations) -> Outcome:
    """Compare sets of entities; give both through `entities` first."""
    pairs = joined(*keys((gold.doc, system.doc), (gold.entity, system.entity)))
    if gold.others.values.size:
        owner = gold.others.owner
        more = joined(*keys((gold.doc[owner], system.doc), (gold.others.values, system.entity)))
        both = np.concatenate([pairs, np.stack([owner[more.gold], more.system])], axis=1)
        pairs = Pairs(*np.unique(both, axis=1))
    return outcome(gold, system, pairs)


def gs_in_kb(gold: Annotations, system: Annotations) -> Bools:
    """Mark a system's annotations, of entities or not, on the spans of gold that has an entity."""
    pairs = same_span(gold, system)
    kept = np.zeros(len(system), np.bool_)
    kept[pairs.system[gold.known[pairs.gold]]] = True
    return kept


def _first(number: Longs) -> Bools:
    first = np.zeros(number.size, np.bool_)
    first[np.unique(number, return_index=True)[1]] = True
    return first
