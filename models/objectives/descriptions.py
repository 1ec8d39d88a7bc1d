"""Masked language model on descriptions of entities, in place of other text (KEPLER's OnlyDesc).

With each triple comes the description of an entity that is drawn from all that have one: as many texts as
triples, whichever these are. Shards of triples have the descriptions in a table beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kbtools.models.batch import Batch, Columns, Output, examples
from kbtools.models.draws import Draws
from kbtools.models.masking import units
from kbtools.models.masking.masker import Masker
from kbtools.models.masking.predicting import predict
from kbtools.models.masking.settings import Masking
from kbtools.models.masking.tokens import Tokens
from kbtools.models.objectives import _described
from kbtools.models.objectives._described import MASK, NONE, Described
from kbtools.models.objectives._negatives import COLUMNS
from kbtools.models.objectives.base import Here, Loss, MissingColumnError, Model
from kbtools.models.parts.heads import base, lm
from kbtools.shards.reader import IDS

NAME = "descriptions"
TEXTS = f"{NAME}.texts"  # what of a batch is theirs


@dataclass(frozen=True, kw_only=True)
class Settings(Masking):
    """How tokens are masked."""


class Descriptions:
    """Hidden tokens of descriptions are predicted."""

    settings: ClassVar[type] = Settings
    encodes = True

    def __init__(self, settings: Settings, here: Here) -> None:
        self.told = settings
        self.masker = Masker(NAME, settings, here)
        self.described = Described.of(here, NAME)
        if self.described is not None:
            len(self.described.pool)  # says what is wrong if nobody has a text

    @property
    def columns(self) -> Sequence[str]:
        """A triple: each brings a description."""
        return COLUMNS[:1]

    @property
    def heads(self) -> Mapping[str, Any]:
        """The words of the vocabulary."""
        return {self.told.head: base.plain(lm.Settings())}

    def corrupt(self, batch: Batch, draws: Draws) -> int:
        """Draw entities, read what they are said to be, choose tokens and hide them."""
        if self.described is None:
            raise MissingColumnError(f"{NAME} reads descriptions beside triples; no shards are known")
        pool = self.described.pool
        u = draws.examples(f"{NAME} entity").numpy()
        who = pool[np.minimum((u * len(pool)).astype(np.int64), len(pool) - 1)]
        texts = self.described.texts(who, np.full(len(who), NONE))
        special = self.masker.special
        made: Batch = dict(_described.columns(texts, max(special.get("pad", 0), 0)))
        made |= {"batch.rows": examples(batch).number, "batch.epoch": draws.epoch}
        tokens = Tokens.of(made, special)
        many = self.masker.corrupt(made, Draws(made, draws.seed), tokens, units.single(tokens))
        batch[f"{TEXTS}.{IDS}"], batch[f"{TEXTS}.{MASK}"] = made[IDS], made[MASK]
        for one in ("places", "targets"):
            batch[f"{NAME}.{one}"] = made[f"{NAME}.{one}"]
        return many

    def loss(self, model: Model, output: Output, batch: Columns) -> Loss:
        """Sum over the hidden tokens."""
        run: Any = model
        found = run(_described.padded({name: batch[f"{TEXTS}.{name}"] for name in (IDS, MASK)}))
        return predict(model, found, batch, name=NAME, head=self.told.head, at_once=self.told.at_once)


OBJECTIVE = Descriptions
