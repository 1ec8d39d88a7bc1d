"""How links are scored, said slowly: loops over lists of annotations, one document after the other."""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import strategies as st

from kbtools.metrics import linking
from kbtools.metrics.linking import ANY, NIL, Annotations


class Said(NamedTuple):
    """One annotation."""

    doc: int
    start: int
    end: int
    entity: int
    score: float = 1.0
    optional: bool = False
    parent: int = -1
    others: tuple[int, ...] = ()
    candidates: tuple[int, ...] = ()


def laid(said: list[Said]) -> Annotations:
    return linking.annotate(
        *([one[place] for one in said] for place in range(4)),
        score=[one.score for one in said],
        optional=[one.optional for one in said],
        parent=[one.parent for one in said],
        others=linking.ragged([one.others for one in said]),
        candidates=linking.ragged([one.candidates for one in said]),
    )


def same(gold: Said, system: Said) -> bool:
    return gold[:3] == system[:3]


def overlap(gold: Said, system: Said) -> bool:
    return gold.doc == system.doc and gold.start < system.end and system.start < gold.end


def agree(gold: Said, system: Said) -> bool:
    if system.entity < 0:
        return gold.entity < 0
    return system.entity == gold.entity or system.entity in gold.others


def greedy(gold: list[Said], system: list[Said], fits) -> dict[int, int]:
    """GERBIL's counter of matches: which gold row is answered by which row of the system."""
    used: dict[int, int] = {}
    for row, one in enumerate(gold):
        for other, answer in enumerate(system):
            if other not in used.values() and fits(one, answer):
                used[row] = other
                break
    return used


def counts(gold: list[Said], system: list[Said], used: dict[int, int], documents: int) -> list[list[int]]:
    found = [[0, 0, 0] for _ in range(documents)]
    for row, one in enumerate(gold):
        found[one.doc][0 if row in used else 2] += 1
    for row, one in enumerate(system):
        found[one.doc][1] += row not in used.values()
    return found


def scores(tp: int, fp: int, fn: int) -> tuple[float, float, float]:
    if tp == 0:
        return (1.0, 1.0, 1.0) if fp == fn == 0 else (0.0, 0.0, 0.0)
    precision, recall = tp / (tp + fp), tp / (tp + fn)
    return precision, recall, 2 * precision * recall / (precision + recall)


def elevant(gold: list[Said], system: list[Said], *, required: bool) -> tuple[set[int], set[int], set[int]]:
    """Rows of gold that are found and missed, rows of the system that are wrong; no labels inside labels."""
    found, missed, wrong = set(), set(), set()
    judged = set()
    for row, one in enumerate(gold):
        answers = [other for other, answer in enumerate(system) if same(one, answer)]
        optional = one.optional or one.entity == ANY
        if not answers:
            if not optional and (required or one.entity != NIL):
                missed.add(row)
            continue
        best = min(answers, key=lambda other: (-system[other].score, other))
        judged.add(best)
        linked, right = system[best].entity >= 0, agree(one, system[best])
        if one.entity == ANY:
            if required and not linked:
                wrong.add(best)
        elif optional:
            if (linked and not right) or (required and not linked and one.entity >= 0):
                wrong.add(best)
        elif one.entity >= 0:
            if linked and right:
                found.add(row)
            else:
                missed.add(row)
                if linked or required:
                    wrong.add(best)
        elif linked:
            wrong.add(best)
            if required:
                missed.add(row)
        elif required:
            found.add(row)
    for row, answer in enumerate(system):
        if row not in judged and answer.entity >= 0:
            wrong.add(row)
    return found, missed, wrong


def right_by_score(gold: list[Said], system: list[Said], fits) -> list[bool]:
    right = [False] * len(system)
    used: set[int] = set()
    for row in sorted(range(len(system)), key=lambda row: (-system[row].score, row)):
        for other, one in enumerate(gold):
            if other not in used and fits(one, system[row]):
                used.add(other)
                right[row] = True
                break
    return right


def candidate_rank(one: Said, system: list[Said]) -> int:
    ranks = [
        place
        for answer in system
        if same(one, answer)
        for place, entity in enumerate(answer.candidates, 1)
        if (one.entity >= 0 and entity == one.entity) or entity in one.others
    ]
    return min(ranks, default=0)


ENTITIES = st.integers(0, 3)


def golds(documents: int = 3) -> st.SearchStrategy[list[Said]]:
    return st.lists(_said(documents, st.one_of(ENTITIES, st.just(NIL), st.just(ANY))), max_size=12)


def systems(documents: int = 3) -> st.SearchStrategy[list[Said]]:
    return st.lists(_said(documents, st.one_of(ENTITIES, st.just(NIL))), max_size=12)


def _said(documents: int, entity: st.SearchStrategy[int]) -> st.SearchStrategy[Said]:
    few = st.lists(ENTITIES, max_size=2, unique=True).map(tuple)
    return st.tuples(
        st.integers(0, documents - 1), st.integers(0, 8), st.integers(1, 4), entity,
        st.sampled_from([0.1, 0.5, 0.5, 0.9]), st.booleans(), few, few,
    ).map(_made)  # fmt: skip


def _made(told: tuple[Any, ...]) -> Said:
    doc, start, size, entity, score, optional, others, candidates = told
    return Said(
        doc, start, start + size, entity, score, optional, -1, others if entity >= 0 else (), candidates
    )
