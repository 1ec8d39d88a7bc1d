"""A relation moves heads to tails (TransE, Bordes et al. 2013): how far triples are from true, and the cost.

    d_r(h, t) = ‖h + r − t‖_p
    L = − log σ(γ − d_r(h, t)) − (1/n) Σᵢ log σ(d_r(h'ᵢ, t'ᵢ) − γ)       (Wang et al. 2021, eq. 2)

All in fp32: of the differences of states that are nearly equal, half precision leaves little.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class Triples(NamedTuple):
    """Vectors of N triples, [N, H] each."""

    head: Tensor
    relation: Tensor
    tail: Tensor
    head_read: Tensor  # with the relation's text behind its own; else the same as `head`
    tail_read: Tensor


class Wrong(NamedTuple):
    """Distances of what is not true, [N, M], and which of them count."""

    distance: Tensor
    counts: Tensor


def true(some: Triples, p: int) -> Tensor:
    """Return the distance of triples, [N]: the mean of both ways to read one end with the relation.

    A score is γ − d, so the mean of two scores is γ less the mean of two distances.
    """
    one = distance(some.head_read + some.relation - some.tail, p)
    if some.head_read is some.head and some.tail_read is some.tail:
        return one
    return (one + distance(some.head + some.relation - some.tail_read, p)) / 2


def replaced(some: Triples, heads: Tensor, tails: Tensor, p: int) -> Tensor:
    """Return distances with other heads [N, n, H], then other tails [N, n, H]: [N, 2n].

    The end that stays is the one that is read with the relation.
    """
    to_head, to_tail = _wanted(some)
    return torch.cat([distance(heads - to_head[:, None], p), distance(tails - to_tail[:, None], p)], 1)


def compared(some: Triples, heads: Tensor, tails: Tensor, p: int) -> Tensor:
    """Do the same where all triples have the same candidates, heads [C, H] and tails [D, H]: [N, C + D]."""
    exact = "donot_use_mm_for_euclid_dist"
    wanted = zip(_wanted(some), (heads, tails), strict=True)
    with torch.autocast(heads.device.type, enabled=False):
        return torch.cat(
            [torch.cdist(one, others, p=float(p), compute_mode=exact) for one, others in wanted], 1
        )


def distance(difference: Tensor, p: int) -> Tensor:
    """Measure differences [..., H]."""
    found: Tensor = torch.linalg.vector_norm(difference, ord=p, dim=-1)
    return found


def cost(distances: Tensor, other: Wrong, gamma: float, *, half: bool) -> Tensor:
    """Sum the costs of N triples; one of which nothing false is known costs what its truth costs.

    `half` is a factor of the authors' code: the mean of both terms, in place of their sum.
    """
    near = -functional.logsigmoid(gamma - distances)
    far = -functional.logsigmoid(other.distance - gamma) * other.counts
    far = far.sum(1) / other.counts.sum(1).clamp(min=1)
    return (near + far).sum() * (0.5 if half else 1.0)


def _wanted(some: Triples) -> tuple[Tensor, Tensor]:
    """Say where a head should be, and a tail: [N, H] each."""
    return some.tail_read - some.relation, some.head_read + some.relation
