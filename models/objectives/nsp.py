"""Which pair of texts this is: whether the second goes on with the first (Devlin et al. 2019).

Classes are the kinds of pairs that there are, in this order: next, previous, random. So 0 is a pair that
really goes on, as in BERT's own code; with three kinds it is the sentence objective of StructBERT (Wang et
al. 2020). On the first token: pooler, then classes; a sum of cross entropies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from kbtools.config import setting
from kbtools.models.batch import Batch, Columns, Output, of_examples
from kbtools.models.draws import Draws
from kbtools.models.objectives import _classes
from kbtools.models.objectives.base import Answers, Here, Loss, Model
from kbtools.shards.layouts.pairs import KINDS


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which column tells, and the order of classes."""

    column: str = setting("The kind of each pair.", "pair.kind")
    classes: tuple[str, ...] = setting(
        f"Kinds in the order of their numbers; none: those of the shards, in this order: {', '.join(KINDS)}.",
        (),
    )


class Nsp:
    """Learns what a pair is from the pooled first token."""

    settings: ClassVar[type] = Settings

    def __init__(self, settings: Settings, here: Here) -> None:
        self.column = settings.column
        learned = tuple(here.learned.get("nsp", ()))
        words = settings.classes or learned or tuple(sorted(here.classes.get(self.column, ()), key=_order))
        self.classes = _classes.several(_classes.known(self.column, here, words, "nsp"), "nsp")

    @property
    def columns(self) -> Sequence[str]:
        """The one that tells."""
        return (self.column,)

    @property
    def heads(self) -> Mapping[str, Any]:
        """A pooler, and the classes of pairs."""
        return _classes.heads("nsp", self.classes.names)

    def corrupt(self, batch: Batch, draws: Draws) -> int:
        """Find the first token of each pair, and its class."""
        targets = self.classes.of(of_examples(batch, self.column))
        return _classes.asked(batch, "nsp", _classes.first_tokens(batch), targets)

    def loss(self, model: Model, output: Output, batch: Columns) -> Loss:
        """Sum over pairs."""
        _classes.agreed(model.heads["nsp"], self.classes.names, "nsp")
        scores = _classes.scored(model, output, batch, "nsp", ("pooler", "nsp"))
        return _classes.one_of(scores, batch["nsp.targets"])

    def answers(self, model: Model, output: Output, batch: Columns) -> Sequence[Answers]:
        """Say how likely each kind is."""
        scores = _classes.scored(model, output, batch, "nsp", ("pooler", "nsp"))
        return [_classes.told(scores, batch, "nsp", self.classes.names)]


OBJECTIVE = Nsp


def _order(word: str) -> tuple[int, str]:
    return (next((place for place, kind in enumerate(KINDS) if kind == word), len(KINDS)), word)
