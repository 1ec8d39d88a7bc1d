"""KnowBert's KAR and its losses, after Peters et al. (2019) and their code: one span after the other.

A row is T states, M spans [start, end) and, of each, K eids with priors; a candidate that is not there is
None. Weights are named: down, up, score, pool_norm, span (a layer), entity_norm, scorer.0, scorer.1,
mixed_norm, recontextualise (a layer), out_norm, null.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tests.slow_transformer import dot, layer, layer_norm, linear, softmax, under

ABSENT = -1e4
EPS = 1e-5
HIDDEN = -3  # a candidate that is not told


class Told(NamedTuple):
    """How it is done."""

    heads: int = 4
    paper: bool = False  # no norm at the end
    softmax: bool = False  # all candidates take part: no threshold, no NULL
    threshold: float = 0.0
    layer_eps: float = 1e-12  # of the two layers
    null_normed: bool = False
    scale: bool = True  # products are divided by √E
    pool_norm: bool = True  # the three norms that the paper does not speak of
    entity_norm: bool = True
    mixed_norm: bool = True


def kar(hidden, spans, candidates, priors, *, vectors, weights, told):
    """Return the new states [T] and ψ [M][K]; without any span, the states as they are."""
    there = [m for m, span in enumerate(spans) if span is not None]
    if not there:
        return list(hidden), [[ABSENT] * len(row) for row in candidates]
    projected = [linear(x, weights, "down") for x in hidden]
    pooled = {m: span_vector(projected, spans[m], weights, told) for m in there}
    order = range(len(there))
    encoded = layer([pooled[m] for m in there], under(weights, "span"), told.heads, [order] * len(there),
                    told.layer_eps)  # fmt: skip
    mixed, scores = [], [[ABSENT] * len(row) for row in candidates]
    for m, state in zip(there, encoded, strict=True):
        entities = [
            None
            if eid is None
            else entity(weights["hidden"] if eid == HIDDEN else vectors[eid], weights, told)
            for eid in candidates[m]
        ]
        scores[m] = [
            ABSENT if e is None else psi(state, e, prior, weights, told)
            for e, prior in zip(entities, priors[m], strict=True)
        ]
        found = weighted(entities, scores[m], weights, told)
        mixed.append(norm(state + found, weights, "mixed_norm", on=told.mixed_norm))
    again = layer(projected, under(weights, "recontextualise"), told.heads, [order] * len(hidden),
                  told.layer_eps, others=mixed)  # fmt: skip
    new = [x + linear(p, weights, "up") for x, p in zip(hidden, again, strict=True)]
    return new if told.paper else [layer_norm(x, weights, "out_norm", EPS) for x in new], scores


def span_vector(projected, span, weights, told):
    """Tokens of a span, each as much as its own score says."""
    start, end = span
    tokens = projected[start:end]
    shares = softmax([linear(x, weights, "score")[0] for x in tokens])
    pooled = sum(share * x for share, x in zip(shares, tokens, strict=True))
    return norm(pooled, weights, "pool_norm", on=told.pool_norm)


def entity(vector, weights, told):
    """The vector of a candidate."""
    return norm(np.asarray(vector, dtype=np.float64), weights, "entity_norm", on=told.entity_norm)


def norm(x, weights, name, *, on):
    """Normalise, if that is asked for."""
    return layer_norm(x, weights, name, EPS) if on else x


def psi(state, candidate, prior, weights, told):
    """Two numbers, the scaled product and the prior, through a small network."""
    product = dot(state, candidate) / (math.sqrt(len(state)) if told.scale else 1)
    features = np.array([product, prior])
    inner = np.maximum(linear(features, weights, "scorer.0"), 0)
    return linear(inner, weights, "scorer.1")[0]


def weighted(entities, scores, weights, told):
    """The mean of the candidates, weighted by their scores; NULL where none passes."""
    able = [
        k for k, e in enumerate(entities) if e is not None and (told.softmax or scores[k] >= told.threshold)
    ]
    if not able:
        if told.softmax:
            raise ValueError("a span without candidates: say what is to be there")
        null = np.asarray(weights["null"], dtype=np.float64)
        return layer_norm(null, weights, "entity_norm", EPS) if told.null_normed else null
    shares = softmax([scores[k] for k in able])
    return sum(share * entities[k] for share, k in zip(shares, able, strict=True))


def margin(scores, candidates, gold, gamma=0.2):
    """Sum over all candidates of all spans, and their number: gold above γ, others below −γ."""
    terms = [
        max(0.0, gamma - score) if eid == answer else max(0.0, gamma + score)
        for row, eids, answer in zip(scores, candidates, gold, strict=True)
        for score, eid in zip(row, eids, strict=True)
        if eid is not None
    ]
    return math.fsum(terms), len(terms)


def likelihood(scores, candidates, gold):
    """Sum of −log softmax of the gold candidate over spans that have one, and their number."""
    terms = []
    for row, eids, answer in zip(scores, candidates, gold, strict=True):
        able = [k for k, eid in enumerate(eids) if eid is not None]
        if answer in [eids[k] for k in able]:
            shares = softmax([row[k] for k in able])
            terms.append(-math.log(shares[[eids[k] for k in able].index(answer)]))
    return math.fsum(terms), len(terms)


def back(matrix, bias):
    """The way back from W₁x + b₁: W₁ᵀ(W₁W₁ᵀ)⁻¹, which is its pseudo-inverse as its rows are independent."""
    across = matrix.T @ np.linalg.inv(matrix @ matrix.T)
    return across, -across @ bias
