"""Labels of examples: classes, several classes at once, or numbers.

    one      a class; a sum of cross entropies
    several  a list of classes, maybe empty; binary cross entropies, their mean over classes, summed
    number   a number, in words or not; squared errors, summed

On the first token, or all tokens (`pooling`), by the pooler and one matrix; or on the markers of mentions
(`marked`). `weights` make the targets of a class count more or less; the number of targets, by which the sum
is divided, stays what it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.models.batch import Batch, Columns, Output, of_examples
from kbtools.models.draws import Draws
from kbtools.models.objectives import _classes
from kbtools.models.objectives.base import Answers, Here, Loss, Model, shares
from kbtools.models.parts.heads import base, markers

NUMBER = "number"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which column tells, its classes, and how they count."""

    column: str = setting("The label of each example.", "label")
    kind: Literal["one", "several", "number"] = setting("What a label is: a class, classes, a number.", "one")
    classes: tuple[str, ...] = setting("Classes by number; none: those of the shards.", ())
    count: int = setting("How many there are, where they are numbers without names.", 0)
    weights: dict[str, float] = field(
        default_factory=dict, metadata={"help": "How much targets of a class count; others count 1."}
    )
    smoothing: float = setting("The share of a target that all classes have evenly.", 0.0)
    pooled: bool = setting("Whether the state goes through the pooler.", True)
    pooling: Literal["cls", "mean", "max"] = setting(
        "The state of an example: its first token's, or that of all its tokens but branches of trees.", "cls"
    )
    marked: tuple[str, ...] = setting(
        "Columns of spans with a marker before each: the markers' states, in place of the first token's.", ()
    )
    dropout: float | None = setting("Before the head's matrix; none: the text encoder's own.", None)

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing < 1:
            raise ConfigError(f"labels.smoothing is {self.smoothing}; it is at least 0 and below 1")
        if self.kind != "one" and self.smoothing:
            raise ConfigError("labels.smoothing is for labels that are one class")
        if self.marked and self.pooling != "cls":
            raise ConfigError("labels.marked takes the states of markers: leave labels.pooling out")
        if self.kind == "number":
            for name in ("classes", "count", "weights"):
                if getattr(self, name):
                    raise ConfigError(f"labels.{name} is for labels that are classes; they are numbers")


class Labels:
    """Learns the labels of examples from the first token."""

    settings: ClassVar[type] = Settings

    def __init__(self, settings: Settings, here: Here) -> None:
        self.told, self.values, self.weights = settings, None, None
        if settings.kind == "number":
            _classes.there(settings.column, here, "labels")
            self.names: tuple[str, ...] = (NUMBER,)
            self.values = _numbers(settings.column, here)
            return
        found = _classes.known(settings.column, here, settings.classes, "labels", count=settings.count)
        self.classes = found if settings.kind == "several" else _classes.several(found, "labels")
        self.names = found.names
        self.weights = _classes.by_class(settings.weights, found.names, "labels")

    @property
    def columns(self) -> Sequence[str]:
        """The one that tells; where markers are."""
        return (self.told.column, *self.told.marked)

    @property
    def heads(self) -> Mapping[str, Any]:
        """The classes; a pooler, if it is wanted."""
        if marked := self.told.marked:
            told = markers.Settings(classes=self.names, markers=len(marked), dropout=self.told.dropout)
            return {"labels": base.plain(told)}
        found = _classes.heads("labels", self.names, self.told.dropout)
        return found if self.told.pooled else {"labels": found["labels"]}

    def corrupt(self, batch: Batch, draws: Draws) -> int:
        """Find the first token of each example that has a label, and the label."""
        many = self._asked(batch)
        if self.told.marked:
            batch["labels.marks"] = _marks(batch, self.told.marked)
        return many

    def _asked(self, batch: Batch) -> int:
        lists = self.told.kind == "several"
        if (lists or self.told.marked) and batch["batch.rows"].dim() > 1:
            what = "lists" if lists else "markers"
            raise ConfigError(
                f"labels: {what} of packed examples cannot be told apart; say run.packed = false"
            )
        column, places = of_examples(batch, self.told.column), _classes.first_tokens(batch)
        if column.dim() != 1 + lists:
            kind, other = ("one value", "one") if lists else ("a list", "several")
            raise ConfigError(
                f"labels: column {self.told.column} has {kind} for each example; say kind = {other!r}"
            )
        if self.told.kind == "one":
            return _classes.asked(batch, "labels", places, self.classes.of(column))
        targets = self._held(column) if lists else self._number(column)
        some = torch.isfinite(targets) if targets.dim() == 1 else torch.ones(len(targets), dtype=torch.bool)
        batch["labels.places"], batch["labels.targets"] = places[some], targets[some]
        return int(some.sum())

    def loss(self, model: Model, output: Output, batch: Columns) -> Loss:
        """Sum over examples."""
        _classes.agreed(model.heads["labels"], self.names, "labels")
        scores = self._scored(model, output, batch)
        targets = batch["labels.targets"]
        if self.told.kind == "one":
            return _classes.one_of(scores, targets, self.weights, self.told.smoothing)
        if self.told.kind == "several":
            return _each(scores, targets, self.weights)
        error = scores[:, 0] - targets
        return Loss(error.square().sum(), {"error": error.detach().abs().sum()})

    def answers(self, model: Model, output: Output, batch: Columns) -> Sequence[Answers]:
        """Say how likely each class is, or the number."""
        scores = self._scored(model, output, batch)
        if self.told.kind == "one":
            return [_classes.told(scores, batch, "labels", self.names)]
        places, gold = batch["labels.places"], batch["labels.targets"]
        if self.told.kind == "number":
            return [Answers("number", places, {"gold": gold, "answer": scores[:, 0]})]
        return [Answers("several", places, {"gold": gold > 0, "scores": scores.sigmoid()}, self.names)]

    def _scored(self, model: Model, output: Output, batch: Columns) -> Tensor:
        """Score each class of M targets, [M, C]."""
        if not self.told.marked:
            by = ("pooler", "labels") if self.told.pooled else ("labels",)
            return _classes.scored(model, output, batch, "labels", by, pooling=self.told.pooling)
        many = len(batch["labels.places"])
        marks = batch["labels.marks"][:many]
        if not many:  # the marks of nobody, which count for nothing: all weights get a gradient
            marks = marks.new_zeros(1, marks.shape[1])
        scores: Tensor = model.heads["labels"](output.hidden, marks)[:many]
        return scores.float()

    def _held(self, column: Tensor) -> Tensor:
        """Mark the classes that lists [N, L] name, [N, C]."""
        found = self.classes.of(column)
        held = torch.zeros(len(found), len(self.names) + 1)
        held.scatter_(1, torch.where(found < 0, len(self.names), found), 1.0)
        return held[:, :-1]

    def _number(self, column: Tensor) -> Tensor:
        """Return numbers [N]; NaN where there is none."""
        if self.values is None:
            return column.float() if column.is_floating_point() else _known(column, column.float())
        return _known(column, self.values[column.clamp(min=0)])


OBJECTIVE = Labels


def _marks(batch: Columns, columns: Sequence[str]) -> Tensor:
    """Return the places of the markers of M targets in the flattened batch, [M, K]; −1: there is none."""
    length: int = batch["input_ids"].shape[1]
    row = batch["labels.places"] // length
    starts = torch.stack([batch[name][row, 0].long() for name in columns], 1)
    found = torch.where(starts > 0, row[:, None] * length + starts - 1, -1)
    hidden = batch.get("corrupted", torch.zeros_like(batch["input_ids"], dtype=torch.bool))
    for name, places in zip(columns, found.unbind(1), strict=True):
        some = places[places >= 0]
        tokens = batch["input_ids"].flatten()[some[~hidden.flatten()[some]]]
        if (tokens != tokens[:1]).any():  # of shards without markers, the state of some word would be taken
            raise ConfigError(
                f"labels.marked: different tokens stand before {name}, so they are no markers; make shards "
                f"with some (kbtools shard -o {name.partition('.')[0]}.markers=…)"
            )
    return found


def _each(scores: Tensor, targets: Tensor, weights: Tensor | None) -> Loss:
    """Sum binary cross entropies [M, C] over examples, the mean over classes; right: all classes are."""
    costs = functional.binary_cross_entropy_with_logits(scores, targets, reduction="none")
    if weights is not None:
        costs = costs * weights.to(costs)
    said, gold = scores.detach() > 0, targets > 0
    counts = shares((said & gold).sum(), said.sum(), gold.sum())
    return Loss(costs.mean(-1).sum(), {"right": (said == gold).all(-1).sum(), **counts})


def _known(column: Tensor, values: Tensor) -> Tensor:
    return torch.where(column < 0, math.nan, values)


def _numbers(column: str, here: Here) -> Tensor | None:
    """Read the words of a column as numbers; none: it has numbers."""
    words = here.classes.get(column)
    if words is None:
        return None
    try:
        values = [float(word) for word in words]
    except ValueError as error:
        raise ConfigError(f"labels: column {column}: {error}; say kind = 'one'") from error
    if not values or not all(map(math.isfinite, values)):
        raise ConfigError(f"labels: column {column} has no numbers; it has {_classes.shown(words)}")
    return torch.tensor(values)
