"""ERNIE's blocks and its task, after Zhang et al. (2019) and their code: one token after the other.

w̃ = LN(w + O·MHA(w)), ẽ = LN(e + O·MHA(e)), h = gelu(W_t w̃ + b_t + W_e ẽ + b_e),
w' = LN(w̃ + W_o h + b_o), e' = LN(ẽ + W_oe h + b_oe).

Entities stand beside tokens: a vector for each token, `None` where there is no entity.
"""

from __future__ import annotations

import math

import numpy as np

from tests.slow_transformer import attended, dot, gelu, layer, layer_norm, linear, softmax, under


def block(kind, tokens, entities, weights, *, heads, sees, eps=1e-12, sequence=None):
    """One block; returns tokens and entities.

    `heads` are those of tokens and of entities; `sees` is of tokens, entities see those of their example.
    """
    if kind == "sim":
        return layer(tokens, weights, heads[0], sees, eps), entities
    tokens = attended(tokens, under(weights, "attention"), heads[0], sees, eps)
    if kind == "norm":
        entities = among(entities, under(weights, "entities"), heads[1], eps, sequence)
    made = [fused(w, e, under(weights, "fusion"), eps) for w, e in zip(tokens, entities, strict=True)]
    # Where no entity is, the new vector is dropped: the next block does not see it.
    return [w for w, _ in made], [
        e if old is not None else None for (_, e), old in zip(made, entities, strict=True)
    ]


def among(entities, weights, heads, eps, sequence):
    """Attention among the entities that are there, and nobody else."""
    row = [1] * len(entities) if sequence is None else sequence
    there = [i for i, one in enumerate(entities) if one is not None]
    found = list(entities)
    for i in there:
        same = [entities[j] for j in there if row[j] == row[i]]
        (found[i],) = attended([entities[i]], weights, heads, [range(len(same))], eps, others=same)
    return found


def fused(word, entity, weights, eps):
    """Fuse a token with its entity; without one, as if the vector were zeros: its bias is still added."""
    width = weights["entity.weight"].shape[1]
    entity = np.zeros(width) if entity is None else entity
    h = gelu(linear(word, weights, "token") + linear(entity, weights, "entity"))
    word = layer_norm(word + linear(h, weights, "token_out"), weights, "token_norm", eps)
    if "entity_out.weight" not in weights:  # the last block: nobody reads its entities
        return word, None
    return word, layer_norm(entity + linear(h, weights, "entity_out"), weights, "entity_norm", eps)


def stream(length, firsts, vectors, *, cls=(), width):
    """Put each entity's vector at the first token of its mention; with `cls`, zeros at these tokens."""
    found = [None] * length
    for first, vector in zip(firsts, vectors, strict=True):
        found[first] = np.array(vector, dtype=np.float64)
    for first in cls:
        if found[first] is None:
            found[first] = np.zeros(width)
    return found


def dea(states, labels, table, weights, *, eps=1e-12, sequence=None, zero=False, more=()):
    """Sum of −log softmax over aligned tokens, and how many were right.

    `labels[i]` is the eid that stood there before anything was corrupted, −1: none; `states[i]` is the
    token's. Candidates are the batch's own eids, or (`sequence`: which one a token is of) those of its
    sequence, with `more`; `zero` puts a row of zeros in front, as their code does.
    """
    aligned = [i for i, label in enumerate(labels) if label >= 0]
    total, right = 0.0, 0
    for i in aligned:
        among_ = [j for j in aligned if sequence is None or sequence[j] == sequence[i]]
        candidates = sorted({labels[j] for j in among_} | set(more))
        asked = layer_norm(gelu(linear(states[i], weights, "dense")), weights, "norm", eps)
        scores = [dot(asked, table[eid]) for eid in candidates]
        if zero:
            candidates, scores = [-1, *candidates], [0.0, *scores]
        at = candidates.index(labels[i])
        total -= math.log(softmax(scores)[at])
        right += scores[at] == max(scores)
    return total, right
