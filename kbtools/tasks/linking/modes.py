"""What is compared with what, and by which rules: each mode gives counts for every document.

GERBIL's experiments (Röder, Usbeck, Ngonga Ngomo 2018): A2KB spans and entities, D2KB entities where the
spans are given, C2KB sets of entities, ERec spans. Strong: the same characters; weak: overlapping. Of all
annotations; InKB: of those that have an entity, on either side; EE: of those that have none; GSInKB: those
on gold spans that have one. GERBIL knows no optional labels: they are left out here, with the answers on
them. ELEVANT's rules know them, and labels inside labels.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kbtools.metrics import linking
from kbtools.metrics.linking import ANY, Annotations, Counts

Mode = Callable[[Annotations, Annotations, int], Counts]

HEAD, GIVEN = "A2KB, strong, InKB", "D2KB, InKB"  # the modes that are compared and told first
LENIENT = "ELEVANT, NIL ignored"


def asked(gold: Annotations, system: Annotations) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Mark what is left without optional labels and the answers that stand just on them."""
    wanted = ~gold.optional & (gold.entity != ANY)
    left = linking.gs_in_kb(_all_known(gold.take(~wanted)), system)
    return wanted, ~left | linking.gs_in_kb(_all_known(gold.take(wanted)), system)


def counted(gold: Annotations, system: Annotations, documents: int) -> dict[str, Counts]:
    """Count in every mode, in the order in which they are told."""
    ours, theirs = asked(gold, system)
    plain, answers = gold.take(ours), system.take(theirs)
    found = {name: mode(plain, answers, documents) for name, mode in MODES.items()}
    for name, required in ((LENIENT, False), ("ELEVANT, NIL required", True)):
        outcome = linking.elevant(gold, system, required=required)
        found[name] = outcome.counts(gold, system, documents)
    return found


def _all_known(one: Annotations) -> Annotations:
    return one.linked_to(np.zeros(len(one), np.int64))


def _a2kb(which: str, *, weak: bool = False) -> Mode:
    def mode(gold: Annotations, system: Annotations, documents: int) -> Counts:
        gold, system = _of(which, gold, system)
        return linking.a2kb(gold, system, weak=weak).counts(gold, system, documents)

    return mode


def _d2kb(which: str) -> Mode:
    def mode(gold: Annotations, system: Annotations, documents: int) -> Counts:
        gold, system = _of(which, gold, system.take(linking.on_gold_spans(gold, system)))
        return linking.a2kb(gold, system).counts(gold, system, documents)

    return mode


def _of(which: str, gold: Annotations, system: Annotations) -> tuple[Annotations, Annotations]:
    if which == "InKB":
        return gold.take(gold.known), system.take(system.known)
    if which == "EE":
        return gold.take(~gold.known), system.take(~system.known)
    if which == "GSInKB":
        return gold.take(gold.known), system.take(linking.gs_in_kb(gold, system))
    return gold, system


def _c2kb(gold: Annotations, system: Annotations, documents: int) -> Counts:
    gold, system = (one.take(linking.entities(one)) for one in (gold, system))
    return linking.c2kb(gold, system).counts(gold, system, documents)


def _erec(*, weak: bool) -> Mode:
    def mode(gold: Annotations, system: Annotations, documents: int) -> Counts:
        gold, system = (one.take(linking.spans(one)) for one in (gold, system))
        return linking.erec(gold, system, weak=weak).counts(gold, system, documents)

    return mode


MODES: dict[str, Mode] = {
    HEAD: _a2kb("InKB"),
    "A2KB, strong, all": _a2kb("all"),
    "A2KB, strong, EE": _a2kb("EE"),
    "A2KB, weak, InKB": _a2kb("InKB", weak=True),
    "A2KB, weak, all": _a2kb("all", weak=True),
    "A2KB, weak, EE": _a2kb("EE", weak=True),
    GIVEN: _d2kb("InKB"),
    "D2KB, all": _d2kb("all"),
    "D2KB, EE": _d2kb("EE"),
    "D2KB, GSInKB": _d2kb("GSInKB"),
    "C2KB": _c2kb,
    "ERec, strong": _erec(weak=False),
    "ERec, weak": _erec(weak=True),
}
