"""Mentions that a pipeline of spaCy recognises, united with those that were found before.

Where both found one, the earlier stays.
"""

from __future__ import annotations

from dataclasses import dataclass

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.linkers.base import Block, Mentions, Step, joined
from kbtools.linkers.candidates import Places, look_up
from kbtools.linkers.knowledge import Knowledge


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which pipeline recognises them."""

    model: str = setting("A spaCy pipeline: the name of an installed one, or its folder.", "")
    labels: tuple[str, ...] = setting("Only entities with these labels.  [all]", ())
    disable: tuple[str, ...] = setting("Parts of the pipeline that are not run.", ())

    def __post_init__(self) -> None:
        if not self.model:
            raise ConfigError("mentions/ner: no model is named; write model=en_core_web_sm, or a folder")


def make(knowledge: Knowledge, settings: Settings) -> Step:
    """Return the step; the pipeline is loaded by its first block."""

    def find(block: Block, mentions: Mentions) -> Mentions:
        from kbtools.linkers.spacy import entities  # noqa: PLC0415 - seconds, and an optional library

        found = entities.recognised(settings.model, settings.disable, settings.labels, block.texts)
        return joined([mentions, look_up(knowledge, block, Places(*found), "ner")])

    return find
