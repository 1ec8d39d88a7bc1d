"""Classes of examples or tokens: which there are, where they are asked for, what a wrong answer costs.

What the objectives on classes share: a column of words or numbers becomes targets, and scores a sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from kbtools.errors import ConfigError
from kbtools.models.batch import IGNORED, Batch, Columns, Output, examples
from kbtools.models.objectives.base import Answers, Here, Loss, MissingColumnError, Model
from kbtools.models.parts.heads import base, classes, pooler
from kbtools.models.parts.pooling import SentencePooling


class Classes(NamedTuple):
    """The classes of a column."""

    column: str
    names: tuple[str, ...]  # in the order of the head's outputs
    numbers: Tensor  # [W] by number in the column: the class

    def of(self, values: Tensor) -> Tensor:
        """Turn what the column has into classes; what is below 0 is no target."""
        if values.numel() and int(values.max()) >= len(self.numbers):
            raise ConfigError(
                f"column {self.column} has class {int(values.max())}; "
                f"{len(self.numbers)} are known, from 0 on: {shown(self.names)}"
            )
        if not len(self.numbers):
            return torch.full_like(values, IGNORED, dtype=torch.long)
        found = self.numbers[values.clamp(min=0).long()]
        return torch.where(values < 0, IGNORED, found)


def heads(name: str, names: Sequence[str], dropout: float | None = 0.0) -> dict[str, Any]:
    """Return a pooler of first tokens, and classes on it."""
    of_classes = classes.Settings(classes=tuple(names), dropout=dropout)
    return {"pooler": base.plain(pooler.Settings()), name: base.plain(of_classes)}


def known(column: str, here: Here, named: Sequence[str], where: str, *, count: int = 0) -> Classes:
    """Find out the classes of a column; `named` are the setting's, all that the head is to know."""
    there(column, here, where)
    words = here.classes.get(column)
    names = tuple(named) or tuple(here.learned.get(where, ())) or tuple(words or map(str, range(count)))
    if not names:
        raise ConfigError(f"{where}: column {column} has no classes; name them in `classes`, or say how many")
    if count and count != len(names):
        raise ConfigError(f"{where}: count is {count}, but there are {len(names)} classes: {shown(names)}")
    if len({*names}) < len(names):
        raise ConfigError(f"{where}: classes {shown(names)}: name each once")
    if words is None:
        return Classes(column, names, torch.arange(len(names)))
    place = {name: number for number, name in enumerate(names)}
    strange = [word for word in words if word not in place]
    if strange:
        raise ConfigError(
            f"{where}: column {column} has {shown(strange)}, which the head does not know; "
            f"its classes are {shown(names)}"
        )
    return Classes(column, names, torch.tensor([place[word] for word in words], dtype=torch.long))


def there(column: str, here: Here, where: str) -> None:
    """Refuse a column that the shards do not have."""
    if here.columns and column not in here.columns:
        raise MissingColumnError(
            f"{where}: the shards have no column {column}; they have {shown(here.columns)}"
        )


def several(classes: Classes, where: str) -> Classes:
    """Refuse classes among which there is nothing to choose."""
    if len(classes.names) < 2:
        raise ConfigError(
            f"{where}: column {classes.column} has one class, {classes.names[0]}: nothing to learn"
        )
    return classes


def first_tokens(batch: Columns) -> Tensor:
    """Return the places of the first token of each example in the flattened batch, [N]."""
    found = examples(batch)
    length: int = batch["input_ids"].shape[1]
    return found.row * length + found.first


def asked(batch: Batch, name: str, places: Tensor, targets: Tensor) -> int:
    """Add targets that are some, and their places, to a batch; return how many."""
    some = targets != IGNORED
    batch[f"{name}.places"], batch[f"{name}.targets"] = places[some], targets[some]
    return int(some.sum())


def scored(
    model: Model, output: Output, batch: Columns, name: str, by: Sequence[str], *, pooling: str = "cls"
) -> Tensor:
    """Send the states at an objective's places through heads in turn, [M, ...].

    Places are those of first tokens; with `pooling`, the states are of all tokens of these examples but
    branches of trees. Without any place they are sent that of one token, which counts for nothing: all
    weights get a gradient.
    """
    places: Tensor = batch[f"{name}.places"]
    if pooling == "cls":
        states, asked_for = output.hidden.flatten(0, 1), places
    else:
        branch = batch.get("branch")
        states = SentencePooling(pooling)(output.hidden, batch, None if branch is None else branch == 0)
        asked_for = torch.searchsorted(first_tokens(batch), places)
    states = states[asked_for] if len(places) else states[:1]
    for head in by:
        states = model.heads[head](states)
    return states[: len(places)].float()


def agreed(head: nn.Module, names: Sequence[str], where: str) -> None:
    """Refuse data whose classes are not those that the head has learned, in its order."""
    learned: Any = getattr(head, "classes", names)
    if tuple(learned) != tuple(names):
        raise ConfigError(
            f"{where}: the model's head has classes {shown(learned)}, the data {shown(names)}; "
            f"give `classes` as the head has them, or begin with a model without it"
        )


def one_of(scores: Tensor, targets: Tensor, weights: Tensor | None = None, smoothing: float = 0.0) -> Loss:
    """Sum cross entropies of scores [M, C]; with weights, each target's counts by that of its class."""
    weights = None if weights is None else weights.to(scores)
    total = functional.cross_entropy(
        scores, targets, weight=weights, reduction="sum", label_smoothing=smoothing
    )
    return Loss(total, {"right": (scores.detach().argmax(-1) == targets).sum()})


def told(scores: Tensor, batch: Columns, name: str, names: Sequence[str]) -> Answers:
    """Return how likely each class is at an objective's places, by scores [M, C]; one of them is right."""
    columns = {"gold": batch[f"{name}.targets"], "scores": torch.softmax(scores, dim=-1)}
    return Answers("one", batch[f"{name}.places"], columns, tuple(names))


def by_class(weights: dict[str, float], classes: Sequence[str], where: str) -> Tensor | None:
    """Lay out weights of classes by number; those that are not named weigh 1."""
    for name, weight in weights.items():
        if name not in classes:
            raise ConfigError(f"{where}: weight of {name!r}, which is no class; there are {shown(classes)}")
        if not 0 <= weight < float("inf"):
            raise ConfigError(f"{where}: weight of {name!r} is {weight}; it is 0 at least")
    return torch.tensor([weights.get(name, 1.0) for name in classes]) if weights else None


def shown(names: Sequence[str]) -> str:
    """Write some names for a message."""
    more = f", ... ({len(names)})" if len(names) > 10 else ""
    return ", ".join(map(str, names[:10])) + more
