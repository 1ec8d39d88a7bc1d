"""Whether a dialogue is real, or one of its turns is another's (ERNIE: Sun et al. 2019).

On the first token: the pooler that it shares with `nsp`, then two classes of its own, 0 fake and 1 real; a
sum of cross entropies. Words are masked as everywhere, by another objective.
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

NAMES = ("fake", "real")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which column tells."""

    column: str = setting("Whether each dialogue is real.", "dialogue.real")


class Dialogue:
    """Learns to tell real dialogues from fake ones."""

    settings: ClassVar[type] = Settings

    def __init__(self, settings: Settings, here: Here) -> None:
        _classes.there(settings.column, here, "dialogue")
        self.column = settings.column

    @property
    def columns(self) -> Sequence[str]:
        """The one that tells."""
        return (self.column,)

    @property
    def heads(self) -> Mapping[str, Any]:
        """A pooler, and two classes."""
        return _classes.heads("dialogue", NAMES)

    def corrupt(self, batch: Batch, draws: Draws) -> int:
        """Find the first token of each dialogue, and whether it is real."""
        targets = of_examples(batch, self.column).long()
        return _classes.asked(batch, "dialogue", _classes.first_tokens(batch), targets)

    def loss(self, model: Model, output: Output, batch: Columns) -> Loss:
        """Sum over dialogues."""
        scores = _classes.scored(model, output, batch, "dialogue", ("pooler", "dialogue"))
        return _classes.one_of(scores, batch["dialogue.targets"])

    def answers(self, model: Model, output: Output, batch: Columns) -> Sequence[Answers]:
        """Say how likely it is real."""
        scores = _classes.scored(model, output, batch, "dialogue", ("pooler", "dialogue"))
        return [_classes.told(scores, batch, "dialogue", NAMES)]


OBJECTIVE = Dialogue
