"""Batches of random mentions for tests: any number of them, of candidates, of examples in a row."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import strategies as st

WORDS = 11
ENTITIES = 7
HIDDEN = -3


class Table(torch.nn.Module):
    """Vectors of a few entities, in float64; others are zeros."""

    absent = False

    def __init__(self, kb, dim, seed=0):
        super().__init__()
        self.kb, self.dim = kb, dim
        self.vectors = torch.from_numpy(np.random.default_rng(seed).normal(size=(ENTITIES, dim)))

    def forward(self, eids):
        return torch.where((eids >= 0)[..., None], self.vectors[eids.clamp(min=0)], 0.0)


@st.composite
def batches(draw, kbs=("one",), packed=None, empty=True):
    """Draw columns as arrays: examples of a few tokens, with mentions of each knowledge base."""
    random = np.random.default_rng(draw(st.integers(0, 2**31)))
    packed = draw(st.booleans()) if packed is None else packed
    sizes = draw(
        st.lists(st.lists(st.integers(2, 5), min_size=1, max_size=2 if packed else 1), min_size=1, max_size=2)
    )
    length = max(map(sum, sizes)) + draw(st.integers(0, 2))
    sequence, positions = np.zeros((len(sizes), length), int), np.zeros((len(sizes), length), int)
    for row, many in enumerate(sizes):
        at = 0
        for number, size in enumerate(many, 1):
            sequence[row, at : at + size] = number
            positions[row, at : at + size] = range(size)
            at += size
    found = {"input_ids": random.integers(0, WORDS, sequence.shape), "attention_mask": sequence > 0}
    found["batch.rows"] = np.arange(len(sequence))
    if packed:
        starts = [
            [int(np.argmax(row == n)) if n in row else -1 for n in range(1, sequence.max() + 1)]
            for row in sequence
        ]
        found |= {"sequence": sequence, "positions": positions, "sequence.start": np.array(starts)}
        found["batch.rows"] = np.where(np.array(starts) >= 0, 0, -1)
    for kb in kbs:
        many, width = draw(st.integers(0 if empty else 1, 4)), draw(st.integers(0 if empty else 1, 3))
        named = _mentions(random, sequence, many, width, draw(st.sampled_from([0.0, 0.3, 0.9])))
        found |= {f"entities.{kb}.{name}": one for name, one in named.items()}
    return found


def _mentions(random, sequence, many, width, holes):
    rows = len(sequence)
    spans, there = np.zeros((rows, many, 2), int), np.zeros((rows, many), bool)
    for row in range(rows):
        for m in range(many):
            example = random.integers(1, sequence[row].max() + 1)
            first, last = np.sort(random.choice(np.flatnonzero(sequence[row] == example), 2))
            if random.random() >= holes:
                spans[row, m], there[row, m] = (first, last + 1), True
    able = there[..., None] & (random.random((rows, many, width)) >= holes)
    each = np.argsort(random.random((rows, many, ENTITIES)), -1)[..., :width]
    each = np.where(random.random(each.shape) < 0.15, HIDDEN, each)
    eids = np.where(able, each, -1)
    return {
        "spans": spans,
        "spans.mask": there,
        "eids": eids,
        "eids.mask": able,
        "priors": np.where(able, random.random(able.shape), 0.0),
        "gold": np.where(there, random.integers(-2, ENTITIES, there.shape), -1),
        "best": np.where(there, random.integers(-1, ENTITIES, there.shape), -1),
    }


def tensors(columns):
    """Return the batch as models read it."""
    return {name: torch.from_numpy(one) for name, one in columns.items()}


def examples(columns):
    """List the examples: the row, and the numbers of its tokens."""
    sequence = columns.get("sequence", columns["attention_mask"].astype(int))
    return [
        (row, np.flatnonzero(sequence[row] == number))
        for row in range(len(sequence))
        for number in range(1, sequence[row].max() + 1)
    ]


def mentions(columns, kb, row, tokens):
    """List the mentions of an example: number in the row, span in the example, candidates, priors."""
    of = {
        name: columns[f"entities.{kb}.{name}"][row]
        for name in ("spans", "spans.mask", "eids", "eids.mask", "priors")
    }
    found = []
    for m, (first, end) in enumerate(of["spans"]):
        if of["spans.mask"][m] and first in tokens:
            eids = [
                int(eid) if able else None
                for eid, able in zip(of["eids"][m], of["eids.mask"][m], strict=True)
            ]
            found.append((m, (first - tokens[0], end - tokens[0]), eids, of["priors"][m]))
    return found
