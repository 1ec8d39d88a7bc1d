"""Mentions that the corpus tells: gold, anchors, spans of a user; their candidates come from names, too.

With `trust`, what the corpus says is meant is the only candidate: so gold becomes `linked` documents.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.linkers.base import KINDS, Block, Given, Mentions, Step, joined
from kbtools.linkers.candidates import Places, bare, look_up
from kbtools.linkers.knowledge import Knowledge


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which links of a corpus are mentions."""

    kinds: tuple[str, ...] = setting("Links of these kinds: gold, anchor, ner …", KINDS)
    trust: bool = setting("Take what they mean as the corpus says it.", False)

    def __post_init__(self) -> None:
        wrong = [kind for kind in self.kinds if kind not in KINDS]
        if wrong:
            raise ConfigError(f"kinds: no {wrong[0]!r}; there are {', '.join(KINDS)}")


def make(knowledge: Knowledge, settings: Settings) -> Step:
    """Return the step that takes over what the corpus tells."""
    wanted = [KINDS.index(kind) for kind in settings.kinds]

    def find(block: Block, mentions: Mentions) -> Mentions:
        if block.given is None:
            return mentions
        rows = np.flatnonzero(np.isin(block.given.kind, wanted))
        given = block.given.take(rows)
        if settings.trust:
            found = _trusted(given)
        else:
            places = Places(given.text, given.start, given.end)
            found = look_up(knowledge, block, places, given.kind, only=given.kb)
        return joined([found, mentions])  # what is given stands above what was found

    return find


def _trusted(given: Given) -> Mentions:
    """Make mentions with what is meant as the only candidate; none where it is in no knowledge base."""
    known = given.eid >= 0
    ones = np.ones(int(known.sum()), np.float32)
    found = bare(Places(given.text, given.start, given.end), given.kind, np.maximum(given.kb, 0))
    return joined(
        [
            found._replace(
                offsets=np.concatenate([[0], np.cumsum(known)]),
                eid=given.eid[known].astype(np.uint32),
                prior=ones,
                string=ones,
            )
        ]
    )
