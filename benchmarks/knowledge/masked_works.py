"""As `entity_masking`, of words that are works: the first of each sentence is hidden, and nothing else.

So all arms of `knowbert_facts` are asked for the same words, however long their texts are. An objective that
is added: `added` says so, as the entry point of a package would.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from benchmarks.knowledge.world import CLASS
from kbtools.errors import ConfigError
from kbtools.models.batch import Columns
from kbtools.models.masking import units
from kbtools.models.masking.tokens import Tokens
from kbtools.models.objectives import entity_masking
from kbtools.models.objectives.base import Here

NAME = "masked_works"


@dataclass(frozen=True, kw_only=True)
class Settings(entity_masking.Settings):
    """Nothing beside what there is."""


class MaskedWorks(entity_masking.EntityMasking):
    """A fact is hidden, and what the knowledge base says of its word; who it is about is not."""

    settings: ClassVar[type] = Settings

    def __init__(self, settings: Settings, here: Here) -> None:
        super().__init__(settings, here)
        numbers = {word: at for at, word in enumerate(here.words)}
        if missing := [work for work in CLASS if work not in numbers]:
            raise ConfigError(f"{NAME}: no words of the vocabulary: {', '.join(missing)}")
        self.works = np.array([numbers[work] for work in CLASS])

    def _units(self, tokens: Tokens, batch: Columns, spans: list[units.Spans]) -> tuple[Tokens, units.Units]:
        every = units.single(tokens)
        found = every.where(np.isin(tokens.ids[every.first], self.works))
        _, first = np.unique(found.example, return_index=True)
        return tokens, units.Units(*(one[first] for one in found))


OBJECTIVE = MaskedWorks


@contextmanager
def added() -> Iterator[None]:
    """Let kbtools find this objective."""
    with tempfile.TemporaryDirectory(prefix="kbtools-objective-") as folder:
        told = Path(folder) / "kbtools_benchmarks-0.dist-info"
        told.mkdir()
        (told / "METADATA").write_text("Name: kbtools-benchmarks\nVersion: 0\n", encoding="utf-8")
        entry = f"[kbtools.models.objectives]\n{NAME} = {__name__}\n"
        (told / "entry_points.txt").write_text(entry, encoding="utf-8")
        sys.path.append(folder)
        try:
            yield
        finally:
            sys.path.remove(folder)
