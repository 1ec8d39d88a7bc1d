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


class Loss(NamedTuple):
    """What a batch costs."""

    total: Tensor  # summed over its targets, a scalar
    measures: Mapping[str, Tensor] = {}  # sums over its targets too, such as how many were right


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
