"""The steps of a build that read text: prior files, and pages or corpora in which names are counted."""

from __future__ import annotations

from collections.abc import Sequence

from kbtools.alias.names import Rules
from kbtools.alias.ranges import Names
from kbtools.alias.stages import Stages
from kbtools.artefact import Done, Input
from kbtools.kb.reader import Base


def inputs(corpora: Sequence[str]) -> list[Input]:
    """Identify the corpora."""
    return []


def stage_priors(
    stages: Stages, files: Sequence[str], bases: Sequence[Base], rules: Rules, bounds: list[str]
) -> list[Names]:
    """Stage what prior files count."""
    return []


def count(stages: Stages, bases: Sequence[Base], corpora: Sequence[str], bounds: list[str]) -> list[Done]:
    """Count names in text."""
    return []
