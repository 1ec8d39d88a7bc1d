"""What it takes to be a training signal.

    batch ──corrupt──▶ batch with targets ──model──▶ Output ──loss──▶ a sum over targets

A module of `objectives/` has `OBJECTIVE`, a class as below. `corrupt` runs where batches are made (a thread,
or a worker), so what it finds out there (places of targets, how many there are) costs the device nothing. A
loss is a *sum* over its targets: the loop divides by the targets of a whole step, over all micro-batches and
processes, so that accumulation and more processes change nothing but the time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol

from torch import Tensor, nn

from kbtools.errors import ConfigError
from kbtools.models.batch import Batch, Columns, Output
from kbtools.models.draws import Draws
from kbtools.shards.reader import Shards


class MissingColumnError(ConfigError):
    """The shards lack what an objective reads."""


@dataclass(frozen=True)
class Here:
    """What an objective is told of the run that it is part of."""

    size: int  # of the vocabulary
    special: Mapping[str, int]  # pad, unk, cls, sep, mask; −1: the tokenizer has none
    columns: Sequence[str] = ()  # that the shards have
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)  # words of columns of words
    words: Sequence[str] = ()  # the vocabulary, by id; empty if it is not known
    learned: Mapping[str, Sequence[str]] = field(default_factory=dict)  # classes that heads have, by head
    shards: Sequence[Shards] = ()  # that are read; empty if they are not known

    def having(self, table: str, who: str) -> Shards | None:
        """Return the shards that have a table beside their examples; none, if no shards are known."""
        found = [one for one in self.shards if table in one.tables]
        if len(found) == 1 or not self.shards:
            return found[0] if found else None
        told = " and ".join(str(one.path) for one in found or self.shards)
        what = "both have a" if found else "no"
        raise MissingColumnError(f"{told}: {what} table {table!r}, which {who} reads; one is to have it")


class Loss(NamedTuple):
    """What a batch costs."""

    total: Tensor  # summed over its targets, a scalar
    measures: Mapping[str, Tensor] = {}  # sums over its targets too; `A/B`: A is told as a share of measure B


def shares(hit: Tensor, found: Tensor, wanted: Tensor) -> dict[str, Tensor]:
    """Return measures of what is found: precision, recall and F1, from numbers that can be added up."""
    return {
        "precision/found": hit, "found": found, "recall/wanted": hit, "wanted": wanted,
        "f1/both": 2 * hit, "both": found + wanted,
    }  # fmt: skip


class Answers(NamedTuple):
    """What a model says to M targets, and what is right.

    `kind` says how they are scored, and what there is of each: a module of `models/tasks/shards/kinds`.
    `places` are those in the flattened [B, T] that tell which example is asked; without tokens, the rows.
    """

    kind: str
    places: Tensor  # [M]
    columns: Mapping[str, Tensor]  # [M, ...]
    names: Sequence[str] = ()  # of classes
    of: str = ""  # where an objective asks several things: which of them


class Model(Protocol):
    """What a loss sees of the model."""

    heads: nn.ModuleDict  # by the names that objectives gave them

    @property
    def words(self) -> Tensor:
        """The embeddings of the vocabulary, [V, H]: language-model heads are tied to them."""
        ...


class Objective(Protocol):
    """One training signal; plain settings in, no state of its own beside what it is told.

    One that runs the model itself (several times, or on other columns) has `encodes = True`; where all
    objectives of a batch do, the model is not run before. One that learns from other models names them in
    `origins`: folders, runs, names on the hub.

    One that can say what the model answers has a method `answers(model, output, batch) -> Sequence[Answers]`,
    asked by `kbtools eval shards` after `loss` and of the same; without it, loss and measures are all that is
    told.
    """

    settings: ClassVar[type]  # a frozen dataclass

    def __init__(self, settings: Any, here: Here) -> None: ...

    @property
    def columns(self) -> Sequence[str]:
        """Columns of the shards that it needs, `input_ids` apart; may end in `.*` for all parts of a view."""
        ...

    @property
    def heads(self) -> Mapping[str, Any]:
        """Heads that it needs: name → settings of a head of `parts/heads`; one name, one head, shared."""
        ...

    def corrupt(self, batch: Batch, draws: Draws) -> int:
        """Change inputs and add targets, in place; return how many targets there are.

        Names of what is added begin with the objective's own. Tokens chosen are marked in `corrupted`
        ([B, T] bool, made when it is absent); those that are marked are left alone.
        """
        ...

    def loss(self, model: Model, output: Output, batch: Columns) -> Loss:
        """Sum over the targets; a batch without any costs 0 and still reaches all its parameters."""
        ...
