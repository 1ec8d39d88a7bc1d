"""The processes that train together: each trains some lanes of a round, and all get what all made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from torch import Tensor

from kbtools.models.training.world import World


class Lane(NamedTuple):
    """What became of what all share, in one bucket of a round."""

    number: int
    tensors: Mapping[str, Tensor]
    seen: Tensor  # [R] triples of each relation
    step: int
    loss: float
    triples: int


class Crew:
    """One process, or several that `torchrun` has started."""

    def __init__(self, world: World) -> None:
        self.world, self.size = world, world.size

    @property
    def main(self) -> bool:
        """Whether this process does what is done once."""
        return self.world.main

    def together(self) -> AbstractContextManager[None]:
        """Fail in all processes if one fails."""
        return self.world.together()

    def trains(self, lane: int) -> bool:
        """Tell whether a lane is this process's."""
        return lane % self.size == self.world.rank

    def all(self, mine: Sequence[Lane]) -> list[Lane]:
        """Return the lanes of all processes, in order."""
        if self.size == 1:
            return list(mine)
        sent = [
            lane._replace(
                tensors={name: one.cpu() for name, one in lane.tensors.items()}, seen=lane.seen.cpu()
            )
            for lane in mine
        ]
        device = self.world.device
        found = [
            lane._replace(
                tensors={name: one.to(device) for name, one in lane.tensors.items()},
                seen=lane.seen.to(device),
            )
            for lanes in self.world.gathered(sent)
            for lane in lanes
        ]
        return sorted(found, key=lambda lane: lane.number)

    def told(self, value: Any) -> Any:
        """Return what the main process has of some plain data."""
        return self.world.told(value)

    def any(self, asked: bool) -> bool:
        """Tell whether any process was asked for something."""
        return bool(self.world.sums([float(asked)])[0])
