"""spaCy: shares of the links of an exact spelling, and nothing for any other.

    p(e|m) = n(m, e) / n(m),    n(m) = Σ n(m, e') over all entities

for the at most 10 entities with the most links, of those with at least 5. What the others have is not handed
on: priors add up to 1 or less, as `KnowledgeBase.add_alias` demands. The formula, the limits and the spelling
as it stands in the link are those of spaCy's script for Wikipedia (`bin/wiki_entity_linking/kb_creator.py`,
explosion/spaCy pull request 3864, 2019); there is no paper. Links are anchors alone.

Reproduced: the sum runs over all links of the spelling, also those too few to be kept; candidates in
descending order of their counts.

Different here, and why:

- The script keeps only entities with a description and more than 20 links in all. That needs a second pass
  over all spellings: choose the entities when the knowledge base is made (`kbtools ingest --select`).
- A spelling that spaCy does not know has no candidates, but a look-up goes on to the same letters in lower
  case and without accents. Where spaCy's answer is wanted, take only what was found at the level `exact`.

Not inherited: a second `add_alias` of one alias is ignored with a warning; here all its counts are added
before they are divided. `random.shuffle` before the best is chosen; a cosine divided by zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from kbtools.alias.building.weighing import Ints, new
from kbtools.alias.compat._answers import Asked, Finder, Tables, answer
from kbtools.alias.compat._names import pairs, read
from kbtools.config import setting

ABOUT = __doc__ or ""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """As published."""

    min_pair: int = setting("Links that a spelling needs to an entity.", 5)
    most: int = setting("Candidates of a spelling.", 10)
    links: tuple[str, ...] = setting("Sources that count links.", ("anchor",))


def weigh(
    counts: pa.Table, occurrences: pa.Table | None = None, settings: Settings | None = None
) -> pa.Table:
    """Return the candidates of spaCy's knowledge base for one range of norms."""
    told = settings or Settings()
    names = read(counts)
    linked = names.of(told.links) & (names.n > 0)
    found = pairs(names, names.surface, linked, np.zeros_like(linked))
    prior = found.links / np.maximum(found.sum(found.links), 1)[found.table]
    kept = (found.links >= told.min_pair) & (found.best_first(found.links) < told.most)
    tables = Tables(found.table, found.eid, found.links, prior, found.sources).where(kept)
    first = np.flatnonzero(new(found.table))
    surface = found.key[first]
    own = Finder(names.norm_of[surface], found.kb[first], names.surfaces.take(pa.array(surface)))

    def resolve(asked: Asked) -> Ints:
        return own(*asked)

    return answer(names, tables, resolve, folded=False)
