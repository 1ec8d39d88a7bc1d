"""What queries are told apart by: what is asked for, relations and their kinds, what training has seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.tasks.candidates.groups import Groups
from kbtools.tasks.linkprediction.ranks import SIDES

OTHERS = "other relations"
SEEN = ("both entities", "not the answer", "not the entity asked about", "neither")


class Training(NamedTuple):
    """What is known of training."""

    entities: NDArray[np.bool_]  # [rows] whether it is in any triple
    category: NDArray[np.integer[Any]]  # [relations] a place in `categories`
    categories: Sequence[str]
    relations: Sequence[str]  # what they are called


def groups(triples: NDArray[np.int64], training: Training, most: int) -> list[Groups]:
    """Tell the queries of triples apart, [N, 2] each; `most` relations have a group of their own."""
    head, relation, tail = triples.T
    side = np.broadcast_to(np.arange(2), (len(head), 2))
    category = _both(training.category[relation].astype(np.int64))
    unseen = ~training.entities[np.stack([tail, head], axis=1)]  # answers
    asked = [f"{name}, {what}" for name in training.categories for what in SIDES]
    return [
        Groups("what is asked for", list(SIDES), side),
        Groups("category", list(training.categories), category),
        Groups("category and what is asked for", asked, 2 * category + side),
        Groups("seen in training", list(SEEN), unseen + 2 * unseen[:, ::-1]),
        _relations(relation, training.relations, most),
    ]


def _both(of_triples: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.repeat(of_triples[:, None], 2, axis=1)


def _relations(relation: NDArray[np.int64], names: Sequence[str], most: int) -> Groups:
    """Give each of the most frequent relations a group, and all others one together."""
    often = np.bincount(relation, minlength=len(names))
    order = np.argsort(-often, kind="stable")[:most]
    order = order[often[order] > 0]
    place = np.full(len(names), len(order), np.int64)
    place[order] = np.arange(len(order))
    return Groups("relation", [*(names[rid] for rid in order.tolist()), OTHERS], _both(place[relation]))
