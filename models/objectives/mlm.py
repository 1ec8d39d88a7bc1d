"""Masked language model: some tokens are hidden, and predicted from the others (Devlin et al. 2019).

    L = − Σ_{i chosen} log p(x_i | x with the chosen tokens masked, replaced or kept)

Units are tokens, whole words (Cui et al. 2019: all pieces of a chosen word are predicted; what becomes of
each is drawn by itself), or n-grams of words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.models.batch import Batch, Columns, Output
from kbtools.models.draws import Draws
from kbtools.models.masking import units
from kbtools.models.masking.masker import Masker
from kbtools.models.masking.predicting import answered, predict
from kbtools.models.masking.settings import Masking
from kbtools.models.masking.tokens import Tokens
from kbtools.models.objectives._classes import there
from kbtools.models.objectives.base import Answers, Here, Loss, Model
from kbtools.models.parts.heads import base, lm

NAME = "mlm"


@dataclass(frozen=True, kw_only=True)
class Settings(Masking):
    """What is chosen as a whole."""

    unit: Literal["tokens", "words", "ngrams"] = setting("What is chosen as a whole.", "tokens")
    ngrams: tuple[float, ...] = setting("Weights of n-grams of 1, 2, 3 … words.", (1.0, 1 / 2, 1 / 3))

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.ngrams or min(self.ngrams) < 0 or not sum(self.ngrams) > 0:
            raise ConfigError(f"ngrams are {list(self.ngrams)}; they are 0 at least, and not all 0")


class Mlm:
    """Hidden tokens are predicted."""

    settings: ClassVar[type] = Settings

    def __init__(self, settings: Settings, here: Here) -> None:
        self.told = settings
        self.masker = Masker(NAME, settings, here)
        for name in self.columns:
            there(name, here, f"{NAME}.unit = {settings.unit}")

    @property
    def columns(self) -> Sequence[str]:
        """Name the columns it needs."""
        return () if self.told.unit == "tokens" else ("word_start",)

    @property
    def heads(self) -> Mapping[str, Any]:
        """Name the head it needs."""
        return {self.told.head: base.plain(lm.Settings())}

    def corrupt(self, batch: Batch, draws: Draws) -> int:
        """Choose tokens and hide them."""
        tokens = Tokens.of(batch, self.masker.special)
        return self.masker.corrupt(batch, draws, tokens, self._units(tokens, batch, draws))

    def _units(self, tokens: Tokens, batch: Columns, draws: Draws) -> units.Units:
        if self.told.unit == "tokens":
            return units.single(tokens)
        if self.told.unit == "words":
            return units.words(tokens, batch)
        return units.ngrams(tokens, batch, self.told.ngrams, draws, f"{NAME} ngrams")

    def loss(self, model: Model, output: Output, batch: Columns) -> Loss:
        """Sum over the hidden tokens."""
        return predict(model, output, batch, name=NAME, head=self.told.head, at_once=self.told.at_once)

    def answers(self, model: Model, output: Output, batch: Columns) -> Sequence[Answers]:
        """Say what the hidden tokens are."""
        return answered(model, output, batch, name=NAME, head=self.told.head, at_once=self.told.at_once)


OBJECTIVE = Mlm
