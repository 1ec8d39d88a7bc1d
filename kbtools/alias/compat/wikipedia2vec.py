"""Wikipedia2Vec, and LUKE after it: shares of the links of a lower-cased spelling.

    prior(e|m) = links(m, e) / links(m)
    link probability(m) = links(m) / documents with m,  at most 1

m is the text of a link in lower case, of at most 20 characters. A name needs a link probability of 0.2, a
candidate a prior of 0.01. What falls below is not handed on, and nothing is renormalised. Yamada et al.:
Wikipedia2Vec: An Efficient Toolkit for Learning and Visualizing the Embeddings of Words and Entities from
Wikipedia, EMNLP 2020 (demonstrations); the mention database and its limits are in the program alone
(`mention_db.pyx`).

Reproduced: links(m) is summed over all entities, also those below the limits; links are counted, but
documents with m once each, so that the quotient may exceed 1 before it is capped. A name that no document has
is left out.

LUKE (Yamada et al., EMNLP 2020) has the same formula over names of at most 20 tokens without accents, with
other limits, in `examples/legacy/utils/mention_db.py`: --min-link-prob 0.01, no smallest prior, the 100
entities with the most links of those with at least 1. Its limits: min_link_prob = 0.01, min_prior = 0, most =
100, min_links = 1; names keep their accents here.

Different here, and why:

- What is counted in text are occurrences, not the documents that have one. Without them link probabilities
  are unknown, and no name is left out; min_link_prob can be asked for when text is linked.
- The length is that of a spelling without accidental white space.
- A spelling never seen is looked up by its folded case ("STRASSE" is "straße" too), then without accents:
  nothing is known there either, unless another spelling is just that.

Greedy left-to-right detection, and linking only what is unambiguous or already in the page, belong to the
linker.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.alias.building.weighing import Floats, Ints, new, sums
from kbtools.alias.compat._answers import Asked, Finder, Tables, answer
from kbtools.alias.compat._names import each, pairs, read
from kbtools.config import setting

ABOUT = __doc__ or ""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """As published for Wikipedia2Vec's mention database."""

    min_link_prob: float = setting("Link probability that a name needs, where text was counted.", 0.2)
    min_prior: float = setting("Prior that a candidate needs.", 0.01)
    max_length: int = setting("Characters of a name.", 20)
    most: int = setting("Candidates of a name; 0 for all.", 0)
    min_links: int = setting("Links that a name needs to an entity.", 1)
    links: tuple[str, ...] = setting("Sources that count links.", ("anchor",))


def weigh(
    counts: pa.Table, occurrences: pa.Table | None = None, settings: Settings | None = None
) -> pa.Table:
    """Return the candidates of the mention database for one range of norms."""
    told = settings or Settings()
    names = read(counts)
    lower = each(names.surfaces, str.lower).dictionary_encode()
    code = lower.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    short = pc.utf8_length(names.surfaces).to_numpy() <= told.max_length
    linked = names.of(told.links) & (names.n > 0) & short[names.surface]
    key = names.norm_of * (len(lower.dictionary) + 1) + code  # equal lower case, and the same norm
    found = pairs(names, key[names.surface], linked, np.zeros_like(linked))
    total = found.sum(found.links)
    prior = found.links / np.maximum(total, 1)[found.table]
    kept = (prior >= told.min_prior) & (found.links >= told.min_links)
    if told.most:
        kept &= found.best_first(found.links) < told.most
    first = np.flatnonzero(new(found.table))
    norm, text = np.divmod(found.key[first], len(lower.dictionary) + 1)
    strings = lower.dictionary.take(pa.array(text))
    if occurrences is not None:
        seen = _documents(strings, occurrences)
        probability = np.minimum(1, total / np.maximum(seen, 1))
        kept &= ((seen > 0) & (probability >= told.min_link_prob))[found.table]
    tables = Tables(found.table, found.eid, found.links, prior, found.sources).where(kept)
    own = Finder(norm, found.kb[first], strings)

    def resolve(asked: Asked) -> Ints:
        return own(asked.norm, asked.kb, each(asked.text, str.lower))

    return answer(names, tables, resolve)


def _documents(strings: pa.StringArray, occurrences: pa.Table) -> Floats:
    """Add up the occurrences of all spellings with the same lower case."""
    column = occurrences["surface"].combine_chunks() if occurrences.num_rows else pa.array([], pa.string())
    lower = each(column, str.lower).dictionary_encode()
    seen = sums(
        lower.indices.to_numpy(zero_copy_only=False).astype(np.int64),
        occurrences["n"].to_numpy().astype(np.float64),
        len(lower.dictionary),
    )
    at = pc.index_in(strings, lower.dictionary).fill_null(-1).to_numpy(zero_copy_only=False)
    found: Floats = np.append(seen, 0.0)[at]
    return found
