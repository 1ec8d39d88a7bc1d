"""Whether losses and gradients are numbers: a run in which they are none would learn nothing any more.

A GPU is not waited for: what a step was is copied behind its work, and looked at when the next one has been
sent off.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from kbtools.errors import TaskError
from kbtools.models.training.loop import Step
from kbtools.models.training.world import ElsewhereError, World

GRADIENT = "the gradient"
SHOWN = 8  # numbers of examples in an error


class Seen(NamedTuple):
    """What is known of a step, or soon will be."""

    step: Step
    names: list[str]
    numbers: Tensor  # on the CPU
    there: Any  # the event behind the copy; None: it is done


class Watch:
    """Looks at each step, a step later on a GPU."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.unseen: Seen | None = None

    def take(self, step: Step) -> None:
        """Look at the step before; on a CPU at this one, too."""
        self.check()
        names = [name for name in step.totals if name.endswith(".loss")]
        told = [step.totals[name] for name in names]
        if self.world.accelerator.scaler is None:  # with one, a step whose gradient is none is left out
            names, told = [*names, GRADIENT], [*told, step.norm.double()]
        numbers = torch.stack(told)
        if numbers.device.type == "cpu":
            self.unseen = Seen(step, names, numbers, None)
            self.check()
            return
        held = torch.empty(numbers.shape, dtype=numbers.dtype, pin_memory=True)
        held.copy_(numbers, non_blocking=True)
        there: Any = torch.cuda.Event()  # type: ignore[no-untyped-call]
        there.record()
        self.unseen = Seen(step, names, held, there)

    def check(self) -> None:
        """Look at what was not looked at yet; stop the run if it is no number."""
        seen, self.unseen = self.unseen, None
        if seen is None:
            return
        if seen.there is not None:
            seen.there.synchronize()
        sound = torch.isfinite(seen.numbers).tolist()
        wrong = [name.removesuffix(".loss") for name, one in zip(seen.names, sound, strict=True) if not one]
        if wrong:
            self._refuse(seen.step, wrong)

    def _refuse(self, step: Step, wrong: list[str]) -> None:
        told = [(wrong, [(task, _some(rows)) for task, rows in step.rows])]
        if GRADIENT in wrong:  # then it is wrong in all processes: find out in which it began
            told = [one for some in self.world.gathered(told) for one in some]
            if not self.world.main:
                raise ElsewhereError("the main process has said why", task="training")
        told = [one for one in told if one[0] != [GRADIENT]] or told
        rows = "; ".join(f"{task} {some}" for _, rows in told for task, some in rows)
        what = " and ".join(dict.fromkeys(name for names, _ in told for name in names))
        raise TaskError(
            f"step {step.number:,}: no number came out of {what} (NaN or infinity); examples: {rows}. "
            "Lower optimiser.lr, or set run.clip, or look at these examples; "
            "the same command goes on at the newest checkpoint",
            task="training",
        )


def _some(rows: Tensor) -> str:
    found = rows[rows >= 0].tolist()
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return f"{', '.join(map(str, found[:SHOWN]))}{more}"
