"""Masked language model beside entities: candidates of a mention do not tell what is masked in its text.

As `mlm`, and then for each knowledge base (Peters et al. 2019, KnowBert): a mention with a masked token gets
the candidate `HIDDEN` (eid −3) alone, or random ones, or keeps its own. `entity_masking.KB.fate` [B, M] says
which: 0 no token is masked, 1 kept, 2 hidden, 3 random ones. Mentions may also be masked whole, or be left
out of masking (Xiong et al. 2020, WKLM).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.models.batch import Batch, Columns, Output
from kbtools.models.draws import Draws
from kbtools.models.masking import mentions, units
from kbtools.models.masking.masker import Masker
from kbtools.models.masking.predicting import answered, predict
from kbtools.models.masking.settings import Masking
from kbtools.models.masking.tokens import Bools, Tokens, flat
from kbtools.models.objectives._classes import there
from kbtools.models.objectives.base import Answers, Here, Loss, Model
from kbtools.models.parts.heads import base, lm

NAME = "entity_masking"


@dataclass(frozen=True, kw_only=True)
class Settings(Masking):
    """What becomes of mentions."""

    unit: Literal["tokens", "words"] = setting("What is chosen as a whole.", "tokens")
    mentions: Literal["any", "whole", "out"] = setting(
        "Tokens of mentions are chosen as others are, or whole mentions, or none of them.", "any"
    )
    kbs: tuple[str, ...] = setting("Knowledge bases, by name; none named: all of the shards.", ())
    candidates: tuple[float, float, float] = setting(
        "Of mentions with a masked token, for each: share whose candidates are hidden, random, kept.",
        (0.8, 0.1, 0.1),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.candidates) < 0 or abs(sum(self.candidates) - 1) > 1e-6:
            raise ConfigError(f"candidates are {list(self.candidates)}; they are 0 at least and 1 in sum")


class EntityMasking:
    """Hidden tokens are predicted; who is meant by them is hidden too."""

    settings: ClassVar[type] = Settings

    def __init__(self, settings: Settings, here: Here) -> None:
        self.told = settings
        self.masker = Masker(NAME, settings, here)
        if settings.unit == "words":
            there("word_start", here, f"{NAME}.unit = words")
        for kb in settings.kbs:
            there(f"entities.{kb}.spans", here, f"{NAME}.kbs")
        if here.columns and not any(_is_spans(name) for name in here.columns):
            raise ConfigError(f"{NAME}: the shards have no mentions; make them from linked documents")

    @property
    def columns(self) -> Sequence[str]:
        """Name the columns it needs."""
        words = ("word_start",) if self.told.unit == "words" else ()
        bases = tuple(f"entities.{kb}.*" for kb in self.told.kbs) or ("entities.*",)
        return (*words, *bases)

    @property
    def heads(self) -> Mapping[str, Any]:
        """Name the head it needs."""
        return {self.told.head: base.plain(lm.Settings())}

    def corrupt(self, batch: Batch, draws: Draws) -> int:
        """Choose tokens and hide them, then hide who is meant by what was chosen, here or before."""
        tokens = Tokens.of(batch, self.masker.special)
        spans = {name: units.spans_of(tokens, batch, f"{name}.spans") for name in self._bases(batch)}
        many = self.masker.corrupt(batch, draws, *self._units(tokens, batch, [*spans.values()]))
        for name, some in spans.items():
            self._hide(tokens, batch, name, some, draws)
        return many

    def _bases(self, batch: Columns) -> list[str]:
        """Name the knowledge bases' columns, without their last part."""
        found = sorted(name.removesuffix(".spans") for name in batch if _is_spans(name))
        return [
            name for name in found if not self.told.kbs or name.removeprefix("entities.") in self.told.kbs
        ]

    def _units(self, tokens: Tokens, batch: Columns, spans: list[units.Spans]) -> tuple[Tokens, units.Units]:
        every = flat(batch["word_start"]) if self.told.unit == "words" else np.ones(len(tokens.ids), np.bool_)
        if self.told.mentions == "any":
            found = units.begun(tokens, every) if self.told.unit == "words" else units.single(tokens)
            return tokens, found
        joined = units.Spans(*map(np.concatenate, zip(*spans, strict=True)))
        if self.told.mentions == "whole":
            return tokens, units.with_spans(tokens, every, units.apart(joined))[0]
        tokens = tokens._replace(ordinary=tokens.ordinary & ~units.inside(tokens, joined))
        return tokens, units.begun(tokens, every)

    def _hide(self, tokens: Tokens, batch: Batch, name: str, spans: units.Spans, draws: Draws) -> None:
        purpose = f"{NAME} {name}"
        fate = mentions.fates(flat(batch["corrupted"]), spans, draws, purpose, self.told.candidates)
        swap = fate == mentions.SWAPPED
        others = mentions.swapped(tokens, batch, name, spans.where(swap), draws=draws, purpose=purpose)
        some: Bools = np.any(others.there, axis=1)  # with nobody to put in their place, they are hidden
        fate[np.flatnonzero(swap)[~some]] = mentions.HID
        others = others.where(some)
        mentions.hide(batch, name, spans.at, fate, others)
        told = torch.zeros(batch[f"{name}.spans"].shape[:2], dtype=torch.int8)
        told.view(-1)[torch.from_numpy(spans.at)] = torch.from_numpy(fate.astype(np.int8))
        batch[f"{NAME}.{name.removeprefix('entities.')}.fate"] = told

    def loss(self, model: Model, output: Output, batch: Columns) -> Loss:
        """Sum over the hidden tokens."""
        return predict(model, output, batch, name=NAME, head=self.told.head, at_once=self.told.at_once)

    def answers(self, model: Model, output: Output, batch: Columns) -> Sequence[Answers]:
        """Say what the hidden tokens are."""
        return answered(model, output, batch, name=NAME, head=self.told.head, at_once=self.told.at_once)


OBJECTIVE = EntityMasking


def _is_spans(name: str) -> bool:
    return name.startswith("entities.") and name.endswith(".spans")
