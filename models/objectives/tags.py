"""Labels of tokens: names, parts of speech, whatever a corpus marks on its words.

A column has a class for each token, or −100: further pieces of a word, what is not marked. A sum of cross
entropies over the others. `weights` make the targets of a class count more or less; the number of targets,
by which the sum is divided, stays what it is. Where classes are tags of names (B-LOC, I-LOC, O), precision,
recall and F1 of names with their types are measured, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.metrics import spans
from kbtools.models.batch import Batch, Columns, Output
from kbtools.models.draws import Draws
from kbtools.models.objectives import _classes
from kbtools.models.objectives.base import Answers, Here, Loss, Model, shares
from kbtools.models.parts.heads import base, tokens


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which column tells, its classes, and how they count."""

    column: str = setting("The class of each token.", "labels")
    classes: tuple[str, ...] = setting("Classes by number; none: those of the shards.", ())
    count: int = setting("How many there are, where they are numbers without names.", 0)
    weights: dict[str, float] = field(
        default_factory=dict, metadata={"help": "How much targets of a class count; others count 1."}
    )
    smoothing: float = setting("The share of a target that all classes have evenly.", 0.0)
    dropout: float | None = setting("Before the head's matrix; none: the text encoder's own.", None)

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing < 1:
            raise ConfigError(f"tags.smoothing is {self.smoothing}; it is at least 0 and below 1")


class Tags:
    """Learns the classes of tokens."""

    settings: ClassVar[type] = Settings

    def __init__(self, settings: Settings, here: Here) -> None:
        found = _classes.known(settings.column, here, settings.classes, "tags", count=settings.count)
        self.told, self.classes = settings, _classes.several(found, "tags")
        self.weights = _classes.by_class(settings.weights, found.names, "tags")
        self.scheme = spans.scheme(found.names)

    @property
    def columns(self) -> Sequence[str]:
        """The one that tells."""
        return (self.told.column,)

    @property
    def heads(self) -> Mapping[str, Any]:
        """The classes of tokens."""
        return {"tags": base.plain(tokens.Settings(classes=self.classes.names, dropout=self.told.dropout))}

    def corrupt(self, batch: Batch, draws: Draws) -> int:
        """Find the tokens that have a class."""
        column = batch[self.told.column]
        if column.shape != batch["input_ids"].shape:
            raise ConfigError(
                f"tags: column {self.told.column} is {list(column.shape)}, tokens are "
                f"{list(batch['input_ids'].shape)}: it has no class for each token"
            )
        targets = self.classes.of(column).flatten()
        return _classes.asked(batch, "tags", torch.arange(targets.numel()), targets)

    def loss(self, model: Model, output: Output, batch: Columns) -> Loss:
        """Sum over tokens."""
        _classes.agreed(model.heads["tags"], self.classes.names, "tags")
        scores = _classes.scored(model, output, batch, "tags", ("tags",))
        found = _classes.one_of(scores, batch["tags.targets"], self.weights, self.told.smoothing)
        return Loss(found.total, {**found.measures, **self._names(scores.detach(), batch)})

    def _names(self, scores: Tensor, batch: Columns) -> dict[str, Tensor]:
        """Count the names that tags mark: those of gold, those found, and those in both."""
        if self.scheme is None:
            return {}
        prefix, kinds = (torch.tensor(one, device=scores.device) for one in self.scheme[:2])
        sequence = _sequence(batch)
        gold, said = (
            spans.marks(prefix[tag], kinds[tag], sequence, latest=lambda values: values.cummax(0).values)
            for tag in (batch["tags.targets"], scores.argmax(-1))
        )
        return shares(spans.found(gold, said).sum(), said.ends.sum(), gold.ends.sum())

    def answers(self, model: Model, output: Output, batch: Columns) -> Sequence[Answers]:
        """Say how likely each class of each token is."""
        scores = _classes.scored(model, output, batch, "tags", ("tags",))
        return [_classes.told(scores, batch, "tags", self.classes.names)._replace(kind="tags")]


OBJECTIVE = Tags


def _sequence(batch: Columns) -> Tensor:
    """Return a number for each place: another one in each example."""
    places: Tensor = batch["tags.places"]
    length: int = batch["input_ids"].shape[1]
    found: Tensor = places // length
    if "sequence" in batch:
        found = found * (length + 1) + batch["sequence"].flatten()[places].long()
    return found
