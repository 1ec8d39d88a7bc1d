"""What a trained model says of a candidate in its text: the log-odds that it is meant, not none.

The model is that of `--with knowbert:RUN`; it reads the text with its own tokenizer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.linkers.base import Block, Feature, Floats, Mentions
from kbtools.linkers.knowledge import Knowledge
from kbtools.linkers.scoring import Asked


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How text is read."""

    length: int = setting("Tokens of a window; 0: what the model takes, up to 512.", 0)
    batch: int = setting("Tokens that are run together, padding too.", 2048)
    device: str = setting("cpu, cuda, cuda:1; auto: a GPU if there is one.", "auto")

    def __post_init__(self) -> None:
        if self.length < 0 or self.batch < 1:
            raise ConfigError(f"length is {self.length} (0 or more), batch {self.batch} (1 or more)")


def make(knowledge: Knowledge, settings: Settings) -> Feature:
    """Make the feature."""
    scorer = knowledge.scorer
    if scorer is None:
        raise ConfigError("the feature model is what a trained model says; name one: --with knowbert:RUN")

    scorer.check(length=settings.length, device=settings.device)

    def model(block: Block, mentions: Mentions, _: Mapping[str, Floats]) -> Floats:
        if not len(mentions.eid):
            return np.zeros(0, np.float32)
        return scorer(
            block.texts, block.langs, Asked.of(mentions),
            length=settings.length, batch=settings.batch, device=settings.device,
        )  # fmt: skip

    return model
