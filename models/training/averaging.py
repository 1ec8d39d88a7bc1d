"""A running mean of the weights, which often does better than the weights of the last step.

After each step a ← d·a + (1 − d)·w (Polyak & Juditsky 1992 average evenly; here the past fades by d a step).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from kbtools.errors import ArtefactError
from kbtools.models.training.groups import always_frozen, named
from kbtools.models.training.states import local, placed, whole


class Average:
    """The mean of each weight, but for those that never train; begun with the weights as they are.

    Make it once the model is on its device and, if it is sharded, after that; it keeps to the weights, not to
    what they are wrapped in. Weights that a stage freezes take part: they may train in another.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        weights = named(model)
        for name in always_frozen(model, weights):
            del weights[name]
        self.decay = decay
        self.weights = {name: weight for name, weight in weights.items() if weight.is_floating_point()}
        self.means = {name: weight.detach().clone() for name, weight in self.weights.items()}
        self._swapped = False

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights of the step that was just done."""
        if self._swapped:
            raise RuntimeError("the model holds the means just now: there is nothing to take in")
        if self.means:
            weights = [local(weight.detach()) for weight in self.weights.values()]
            torch._foreach_lerp_([local(mean) for mean in self.means.values()], weights, 1 - self.decay)

    @contextmanager
    def swapped(self) -> Iterator[None]:
        """Have the means in the model; afterwards it has its weights again, to the bit."""
        if self._swapped:
            raise RuntimeError("the model holds the means already")
        held = {name: weight.detach().clone() for name, weight in self.weights.items()}
        self._swapped = True
        try:
            self._put(self.means)
            yield
        finally:
            self._put(held)
            self._swapped = False

    @torch.no_grad()
    def _put(self, values: Mapping[str, Tensor]) -> None:
        for name, weight in self.weights.items():
            weight.copy_(values[name])

    def state(self) -> dict[str, Tensor]:
        """Return the means by name, whole; where the model is sharded, all processes call it."""
        return {name: whole(mean) for name, mean in self.means.items()}

    @torch.no_grad()
    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on with the means of `state`."""
        if missing := self.means.keys() - state.keys():
            raise ArtefactError(
                f"the checkpoint has no mean of {min(missing)} and {len(missing) - 1} other weights: it is "
                "of another model, or was made without run.ema"
            )
        for name, mean in self.means.items():
            mean.copy_(placed(name, state[name], mean))
