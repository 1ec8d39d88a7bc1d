"""KEPLER's loss, after Wang et al. (2021) and their code: one triple after the other."""

from __future__ import annotations

import math


def distance(head, relation, tail, p):
    """‖h + r − t‖_p."""
    parts = [abs(h + r - t) for h, r, t in zip(head, relation, tail, strict=True)]
    return math.fsum(parts) if p == 1 else math.sqrt(math.fsum(one * one for one in parts))


def log_sigmoid(x):
    """−log(1 + e⁻ˣ)."""
    return min(x, 0.0) - math.log1p(math.exp(-abs(x)))


def cost(positive, negatives, gamma, *, half=False):
    """One triple, from its distance and those of its corruptions; `half` as their code has it."""
    near = -log_sigmoid(gamma - positive)
    far = -math.fsum(log_sigmoid(one - gamma) for one in negatives) / len(negatives)
    return (near + far) / 2 if half else near + far


def triples(rows, corrupted, text, relation, *, gamma, p, half=False, conditioned=None):
    """Sum of the costs of (head, relation, tail).

    `corrupted[i]` lists (side, entity): "head" or "tail", and who stands there instead. `text[e]` is an
    entity's vector, `conditioned[e, r]` that of its text read together with the relation's: the side that a
    corruption leaves alone is the conditioned one, and a true triple is the mean of both ways.
    """
    total = 0.0
    for (head, r, tail), others in zip(rows, corrupted, strict=True):
        read = (lambda e, r=r: text[e]) if conditioned is None else (lambda e, r=r: conditioned[e, r])
        d = [
            distance(read(head), relation[r], text[tail], p),
            distance(text[head], relation[r], read(tail), p),
        ]
        far = [
            distance(text[e], relation[r], read(tail), p) if side == "head"
            else distance(read(head), relation[r], text[e], p)
            for side, e in others
        ]  # fmt: skip
        total += cost(sum(d) / 2, far, gamma, half=half)
    return total
