"""Knowledge masking: phrases and names of entities are hidden whole (ERNIE, Sun et al. 2019, of Baidu).

What is predicted are tokens, at every level; levels differ in what is chosen as a whole: words (in Chinese
characters), phrases, or entities. The model is the same, so stages of a recipe change `level` alone.

    bernoulli   each phrase, and each word outside of one, by itself, as in the authors' code
    exact       phrases in random order as long as the budget lasts; what is left goes to single words
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.models.batch import Batch, Columns, Output
from kbtools.models.draws import Draws
from kbtools.models.masking import units
from kbtools.models.masking.masker import Masker
from kbtools.models.masking.predicting import answered, predict
from kbtools.models.masking.settings import How, Masking
from kbtools.models.masking.tokens import I64, Tokens, flat
from kbtools.models.objectives._classes import there
from kbtools.models.objectives.base import Answers, Here, Loss, Model
from kbtools.models.parts.heads import base, lm

NAME = "knowledge"
LEVELS = ("basic", "phrase", "entity")


@dataclass(frozen=True, kw_only=True)
class Settings(Masking):
    """The level; the authors draw no random token 0, which is padding."""

    level: Literal["basic", "phrase", "entity", "mixed"] = setting(
        "What is hidden whole: words, phrases, entities, or one of these by example.", "basic"
    )
    weights: tuple[float, float, float] = setting(
        "Mixed: how often words, phrases, entities.", (0.5, 0.25, 0.25)
    )
    how: How = setting(
        "`bernoulli`: each unit by itself; `exact`: as much as `rate` says, filled up with words.",
        "bernoulli",
    )
    random_from: int = setting("The lowest number of a random token.", 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.weights) < 0 or not sum(self.weights) > 0:
            raise ConfigError(f"weights are {list(self.weights)}; they are 0 at least, and not all 0")

    def share(self, level: str) -> float:
        """Say how often a level is chosen."""
        if self.level != "mixed":
            return float(self.level == level)
        return self.weights[LEVELS.index(level)] / sum(self.weights)


class Knowledge:
    """Hidden phrases and entities are predicted."""

    settings: ClassVar[type] = Settings

    def __init__(self, settings: Settings, here: Here) -> None:
        self.told = settings
        self.masker = Masker(NAME, settings, here)
        for name in self.columns:
            there(name, here, f"{NAME}.level = {settings.level}")

    @property
    def columns(self) -> Sequence[str]:
        """Name the columns of the levels that are in use."""
        return ("word_start", *(f"units.{level}" for level in LEVELS[1:] if self.told.share(level) > 0))

    @property
    def heads(self) -> Mapping[str, Any]:
        """Name the head it needs."""
        return {self.told.head: base.plain(lm.Settings())}

    def corrupt(self, batch: Batch, draws: Draws) -> int:
        """Choose phrases, entities, words, and hide them."""
        tokens = Tokens.of(batch, self.masker.special)
        spans = self._spans(tokens, batch, draws)
        found, is_span = units.with_spans(tokens, flat(batch["word_start"]), spans)
        return self.masker.corrupt(batch, draws, tokens, found, later=~is_span, reuse=True)

    def _spans(self, tokens: Tokens, batch: Columns, draws: Draws) -> units.Spans:
        """Return the phrases of examples whose level is that, and the entities of others."""
        level = self._levels(draws, len(tokens.lengths))
        parts = [units.Spans(*(np.zeros(0, np.int64) for _ in units.Spans._fields))]
        for number, name in enumerate(LEVELS):
            if number and self.told.share(name) > 0:
                spans = units.spans_of(tokens, batch, f"units.{name}")
                parts.append(spans.where(level[tokens.example[spans.first]] == number))
        return units.apart(units.Spans(*map(np.concatenate, zip(*parts, strict=True))))

    def _levels(self, draws: Draws, many: int) -> I64:
        """Draw the level of each example, [N]."""
        if self.told.level != "mixed":
            return np.full(many, LEVELS.index(self.told.level))
        bounds = np.cumsum([self.told.share(level) for level in LEVELS])[:-1]
        found: I64 = np.searchsorted(bounds, draws.examples(f"{NAME} level").numpy(), "right")
        return found

    def loss(self, model: Model, output: Output, batch: Columns) -> Loss:
        """Sum over the hidden tokens."""
        return predict(model, output, batch, name=NAME, head=self.told.head, at_once=self.told.at_once)

    def answers(self, model: Model, output: Output, batch: Columns) -> Sequence[Answers]:
        """Say what the hidden tokens are."""
        return answered(model, output, batch, name=NAME, head=self.told.head, at_once=self.told.at_once)


OBJECTIVE = Knowledge
