"""The steps of a build that read text: prior files, and pages or corpora in which names are counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kbtools.artefact import Done, Input

if TYPE_CHECKING:
    from kbtools.alias.build import Build
    from kbtools.alias.ranges import Names
    from kbtools.executors import Pool


def inputs(corpora: Sequence[str]) -> list[Input]:
    return []


def stage_priors(build: Build, crew: Pool, rules: dict[str, Any], bounds: Sequence[str]) -> list[Names]:
    return []


def count(build: Build, crew: Pool, forms: Sequence[str]) -> list[Done]:
    return []
