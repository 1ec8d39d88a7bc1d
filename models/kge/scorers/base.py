"""What a scorer is: a query made of what is known of a triple, and how candidates are compared with it.

    score(h, r, t) = offset + compare(query(h, r), t)          which tail?
                   = offset + compare(query(t, inverse(r)), h)  which head?

Both forms give the same number. So training and ranking know two things only: how a query is made, a vector
as wide as an entity's, and one of the few ways to compare it with many candidates at once (`comparing`).
Where relations have no inverse in this sense (TuckER), training adds a reciprocal relation for each and asks
for tails only.

Rows of entities and relations are not parameters of a scorer: they are tables, sparse, partitioned, maybe on
disk. What else it learns (a core, a modulus) are parameters as of any module.
"""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Generator, Tensor, nn

from kbtools.models.kge.comparing import Kind


class Scorer(nn.Module):
    """What all scorers have; a file in this folder names its own as SCORER, built as SCORER(settings)."""

    Settings: ClassVar[type]  # frozen; has `dim`
    compare: Kind
    inverts: ClassVar[bool] = True  # whether `inverse` exists
    complex: ClassVar[bool] = False  # whether all rows are halves [re | im] of complex numbers

    offset: float = 0.0  # γ of scorers that measure distances
    width: int  # numbers of an entity
    relation_width: int

    def __init__(self, settings: Any) -> None:
        super().__init__()
        self.settings = settings

    def query(self, anchor: Tensor, relation: Tensor) -> Tensor:
        """Return what an answer is to be like: [..., width], [..., relation_width] → [..., width]."""
        raise NotImplementedError

    def inverse(self, relation: Tensor) -> Tensor:
        """Turn relations around, so that a query of the tail asks for heads."""
        raise NotImplementedError

    def start(self, rows: int, generator: Generator) -> Tensor:
        """Draw first vectors of entities, [rows, width]."""
        raise NotImplementedError

    def start_relations(self, rows: int, generator: Generator) -> Tensor:
        """Draw first vectors of relations, [rows, relation_width]."""
        raise NotImplementedError

    def bound(self, rows: Tensor) -> Tensor:
        """Return rows of entities as they may be after a step: unit vectors, for some."""
        return rows
