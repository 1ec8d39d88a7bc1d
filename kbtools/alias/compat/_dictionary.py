"""p(e|m) of links and dictionaries as Ganea and Hofmann (2017) add them up; REL and KnowBert build on it.

    p_links(e|m) = c(m, e) / Σ c(m, e')     over the 100 entities with the most links
    p_names(e|m) = 1 / |E(m)|               over the entities E(m) that a dictionary calls m
    p(e|m)       = min(1, p_links + p_names)

Ganea, Hofmann: Deep Joint Entity Disambiguation with Local Neural Attention. EMNLP 2017. Section 6 names the
sources (links of Wikipedia and Crosswikis, counted together, and YAGO's dictionary); the cut to 100 and the
cap are in their program.
"""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc

from kbtools.alias.building.weighing import Floats
from kbtools.alias.compat._names import LINKS, Mask, Names, Pairs, pairs

NO_NAMES = ("form", "exception")  # inflected: no dictionary of names has them
ABOUT_WIKIPEDIA = r"[Ww]ikipedia"  # a link whose text holds this speaks of the encyclopedia, not of the world


def spelt(names: Names, links: tuple[str, ...]) -> Pairs:
    """Sum up the rows of each spelling: links of the sources named, and what dictionaries say."""
    linked = names.of(links)
    own = pc.match_substring_regex(names.surfaces, ABOUT_WIKIPEDIA).to_numpy(zero_copy_only=False)
    return pairs(
        names, names.surface, linked & ~own[names.surface] & (names.n > 0), ~names.of((*LINKS, *NO_NAMES))
    )


class Added:
    """The sum, with what it is made of."""

    def __init__(self, found: Pairs, pool: int, *, capped: bool = True) -> None:
        self.pool: Mask = (found.links > 0) & (found.best_first(found.links) < pool)
        linked = np.where(self.pool, found.links, 0)
        self.total: Floats = found.sum(linked)  # [T] links of the pool
        self.named: Mask = found.named > 0
        self.size: Floats = found.sum(self.named.astype(np.float64))  # [T] entities that are named so
        self.by_links: Floats = linked / np.maximum(self.total, 1)[found.table]
        self.by_names: Floats = self.named / np.maximum(self.size, 1)[found.table]
        both = self.by_links + self.by_names
        self.prior: Floats = np.minimum(both, 1) if capped else both
