"""Runs a model over examples; what it answers is kept as few numbers a target.

Memory: a batch, and what is kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kbtools import plugins
from kbtools.errors import ArtefactError
from kbtools.models.batch import Batch, Output, moved
from kbtools.models.objectives.base import Answers, Objective
from kbtools.models.tasks.shards import Settings
from kbtools.models.tasks.shards.kinds import __name__ as KINDS  # noqa: N812
from kbtools.models.tasks.shards.opening import Opened
from kbtools.models.training.feeding import TARGETS, dev_batches
from kbtools.models.training.looking import means
from kbtools.models.training.trainee import Totals, add
from kbtools.progress import Progress

Longs = NDArray[np.int64]


class Kept(NamedTuple):
    """The answers of an objective to one thing that it asks; those of an example stand together."""

    kind: str
    names: Sequence[str]
    example: Longs  # [M] its number in the split
    place: Longs  # [M] the token
    columns: dict[str, NDArray[Any]]  # [M, ...]


class Replies(NamedTuple):
    """What a task's examples gave."""

    means: dict[str, float]  # losses and measures, as looks at dev have them
    targets: dict[str, float]  # by objective
    answers: dict[tuple[str, str], Kept]  # (objective, of what)


def ask(opened: Opened, settings: Settings, *, quiet: bool = True) -> dict[str, Replies]:
    """Ask about all examples of a split, task by task."""
    total = sum(source.shards.rows(settings.split) for source in opened.sources.values())
    with Progress("evaluate", total, "examples", quiet=quiet) as progress:
        return {task: _task(opened, task, settings, progress) for task in opened.sources}


@torch.inference_mode()
def _task(opened: Opened, task: str, settings: Settings, progress: Progress) -> Replies:
    source = opened.sources[task]
    totals: Totals = {}
    targets = dict.fromkeys(source.objectives, 0.0)
    gathered = _Gathered(settings)
    batches = dev_batches(source, opened.readings[task], seed=opened.recipe.run.seed, split=settings.split)
    low = opened.dtype != torch.float32
    for made in batches:
        batch = moved(made, opened.device)
        with torch.autocast(opened.device.type, opened.dtype if low else torch.bfloat16, enabled=low):
            for name, found in _asked(opened, source.objectives, batch, totals).items():
                gathered.take(name, found, batch)
        for name, many in made[TARGETS].items():
            targets[name] += many
        progress.advance(len(made["batch.rows"]))
    costs = means(list, totals, targets, dict.fromkeys(source.objectives, 1.0))
    for name in source.objectives:
        if np.isnan(costs.get(f"{name}.loss", 0.0)):  # compared with these, nothing would be better
            raise ArtefactError(
                f"{opened.path}: {name}: the model's answers are no numbers (NaN): states or vectors "
                "grow too large, maybe only for this precision (-o precision=fp32)"
            )
    return Replies(costs, targets, gathered.whole())


def _asked(
    opened: Opened, objectives: Mapping[str, Objective], batch: Batch, totals: Totals
) -> dict[str, Sequence[Answers]]:
    """Add up what a batch costs; return what is answered, by objective."""
    runs = not all(getattr(one, "encodes", False) for one in objectives.values())
    output = opened.model(batch) if runs else Output()
    found: dict[str, Sequence[Answers]] = {}
    for name, objective in objectives.items():
        loss = objective.loss(opened.model, output, batch)
        add(totals, {f"{name}.loss": loss.total})
        add(totals, {f"{name}.{measure}": value for measure, value in loss.measures.items()})
        if (answers := getattr(objective, "answers", None)) is not None and batch[TARGETS][name]:
            found[name] = answers(opened.model, output, batch)
    return found


class _Gathered:
    """Answers, batch after batch."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.told: dict[tuple[str, str], tuple[str, Sequence[str]]] = {}
        self.parts: defaultdict[tuple[str, str], list[dict[str, NDArray[Any]]]] = defaultdict(list)

    def take(self, name: str, found: Sequence[Answers], batch: Batch) -> None:
        """Keep of a batch what its kind needs."""
        length = batch["input_ids"].shape[1] if "input_ids" in batch else 1
        rows = batch["batch.rows"].cpu()
        for one in found:
            key = name, one.of
            self.told[key] = one.kind, one.names
            kept: Mapping[str, Tensor] = plugins.load(KINDS, one.kind).keep(one, self.settings)
            places = one.places.cpu()
            self.parts[key].append(
                {
                    ".example": rows[places // length].numpy(),
                    ".place": (places % length).numpy(),
                    **{column: _array(value) for column, value in kept.items()},
                }
            )

    def whole(self) -> dict[tuple[str, str], Kept]:
        """Put all in the order of examples."""
        found = {}
        for key, parts in self.parts.items():
            columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
            order = np.lexsort([columns[".place"], columns[".example"]])
            columns = {name: value[order] for name, value in columns.items()}
            example, place = columns.pop(".example"), columns.pop(".place")
            found[key] = Kept(*self.told[key], example, place, columns)
        return found


def _array(value: Tensor) -> NDArray[Any]:
    return np.asarray((value.float() if value.dtype == torch.bfloat16 else value).cpu().numpy())
