"""All that a report of link prediction holds: numbers, plots, and each query with what was answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from kbtools.kb.schema import DICT, F32, F64, STR, U32
from kbtools.metrics import Cloud, Results
from kbtools.tasks.candidates.groups import Groups
from kbtools.tasks.linkprediction import Settings, judging
from kbtools.tasks.linkprediction.naming import Names
from kbtools.tasks.linkprediction.ranks import HEAD, I64, SIDES, TAIL, Ranks

BREAKDOWNS = ("category", "seen in training")  # what each query of `predictions` has a column of


class Asked(NamedTuple):
    """The triples that were ranked, by the numbers of the knowledge base."""

    head: I64  # [N] eids
    relation: I64  # [N] rids
    tail: I64  # [N] eids
    answers: I64  # [N, 2, K] eids of the best answers; −1: there are no more


def results(
    title: str,
    asked: Asked,
    ranks: Ranks,
    groups: Sequence[Groups],
    settings: Settings,
    *,
    seed: int,
    names: Names,
    relations: Sequence[str],
    counts: Mapping[str, Any],
    notes: Sequence[str],
    clouds: Sequence[Cloud] = (),
) -> Results:
    """Measure ranks, over all queries and in groups; `relations` are ids by rid."""
    ways = judging.systems(ranks, settings)
    told = list(judging.measures(ways, groups, settings, seed))
    return Results(
        title=title,
        measures=told,
        predictions=predictions(asked, ranks, groups, settings, names=names, relations=relations),
        curves=list(judging.curves(told)),
        counts={
            **counts,
            "triples ranked": len(asked.head),
            "queries": ranks.better.size,
            "candidates of each": ranks.rows,
        },
        notes=list(notes),
        clouds=list(clouds),
    )  # fmt: skip


def predictions(
    asked: Asked,
    ranks: Ranks,
    groups: Sequence[Groups],
    settings: Settings,
    *,
    names: Names,
    relations: Sequence[str],
) -> pa.Table:
    """Lay queries down, two a triple: what was asked, the ranks, the best answers (known ones left out)."""
    rid = pa.array(np.repeat(asked.relation, 2))
    columns = {
        "head": _twice(names.ids(asked.head)),
        "relation": pa.array(relations, STR).take(rid),
        "tail": _twice(names.ids(asked.tail)),
        "head label": _twice(names.labels(asked.head)),
        "tail label": _twice(names.labels(asked.tail)),
        "asked": pa.array(np.tile(SIDES, len(asked.head)), STR).cast(DICT),
    }
    for way in judging.systems(ranks, settings):
        columns[f"rank {way.name}"] = pa.array(way.ranks.ravel(), F64)
    columns["known answers left out"] = pa.array(ranks.known.ravel(), U32)
    columns["score"] = pa.array(ranks.score.ravel(), F32)
    columns["answers"] = _answers(asked, ranks, names)
    for one in groups:
        if one.by in BREAKDOWNS:
            codes = pa.array(one.group.ravel().astype(np.int32))
            columns[one.by] = pa.DictionaryArray.from_arrays(codes, pa.array(one.names, STR)).cast(DICT)
    return pa.table(columns)


def _twice(words: pa.Array) -> pa.Array:
    return words.take(pa.array(np.repeat(np.arange(len(words)), 2)))


def _answers(asked: Asked, ranks: Ranks, names: Names) -> pa.Array:
    """Lay down lists of answers: id, label, score, and whether it is the right one."""
    eids = asked.answers
    right = eids == np.stack([asked.tail, asked.head], axis=1)[:, [TAIL, HEAD], None]
    there = eids >= 0
    flat = eids[there]
    rows = pa.StructArray.from_arrays(
        [names.ids(flat), names.labels(flat), pa.array(ranks.top_score[there], F32), pa.array(right[there])],
        names=["id", "label", "score", "right"],
    )
    ends = np.concatenate([[0], np.cumsum(there.sum(axis=2).ravel())])
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), rows)
