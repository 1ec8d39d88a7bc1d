"""Mentions of entities of some classes alone: diseases and drugs, or whatever classes there are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.linkers.base import Block, Mentions, Step, keep_candidates, take
from kbtools.linkers.knowledge import Knowledge
from kbtools.linkers.mentions._classes import instances


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which classes."""

    classes: tuple[str, ...] = setting("Ids of classes: candidates are instances of one of them.", ())

    def __post_init__(self) -> None:
        if not self.classes:
            raise ConfigError("mentions/typed: no class is named; write classes=T047,T121")


def make(knowledge: Knowledge, settings: Settings) -> Step:
    """Return the step; a mention that loses all its candidates goes, one that had none stays."""
    marked = instances(knowledge, settings.classes, "mentions/typed")

    def find(block: Block, mentions: Mentions) -> Mentions:
        del block
        had = mentions.lengths > 0
        kept = keep_candidates(mentions, marked(mentions.kb[mentions.owner], mentions.eid))
        return take(kept, np.flatnonzero(~had | (kept.lengths > 0)))

    return find
