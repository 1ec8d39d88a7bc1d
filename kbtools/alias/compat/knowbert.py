"""KnowBert: p(e|m) of links and dictionaries among 30 candidates; WordNet's tag counts plus one.

Wikipedia, and all knowledge bases but WordNet:

    p(e|m) = q(e|m) / Σ q(e'|m)     over the 30 entities with the largest q(e|m),
    q(e|m) = min(1, c(m, e) / Σ c(m, e') + 1 / |E(m)|)     after Ganea and Hofmann 2017 (`_dictionary.py`)

A text is looked up as it stands or as a title (nato → Nato), whichever is more frequent: links of the 100
best entities, plus the entities a dictionary gives it. On a tie the title wins. If neither is known, all
spellings with the same lower case answer together: for each entity the largest q of any of them, the 30
largest, divided by their sum.

WordNet, that is, names of source `lemma`:

    p(synset|lemma) = (tags + 1) / Σ (tags + 1)     over the senses of the lemma, 30 at most

Peters et al.: Knowledge Enhanced Contextual Word Representations. EMNLP 2019. Sections 4.1 and 4.2 name the
sources and the 30 candidates; the look-up is in the program alone (`kb/wiki_linking_util.py`,
`kb/wordnet.py`).

Different here, and why:

- Which file KnowBert read is known by its name alone, not how its values were capped. `capped = false` leaves
  the cap out, as the program of Kolitsas et al. 2018 does that wrote a file of that name.
- Only entities that have a vector are candidates there: restrict them when shards are made (`--vectors`).
- A spelling never seen whose lower case is a known spelling of its own is taken for that one. In all
  capitals, or as a title, it finds what KnowBert gives.
- WordNet's names are looked up as norms: without case, hyphens, underscores, full stops, on both sides. What
  is inflected must be brought to its lemma before (`linkers`); exception lists (geese) are not lemmas.
- A synset that has the lemma in several spellings is one candidate, with the sum of what its senses have.
- Without tag counts in the dump (no index.sense, no cntlist.rev) all senses are alike.

Not inherited:

- `combined_candidates[0] = cand` stores a better value under a key that no entity has; and the lower-cased
  table is written anew for each spelling, so that only the last one counts. {Obama: .9, OBAMA} lost Obama's
  .9.
- '.' left out of the text but not of the table, so that lemmas with full stops are never found.
- The key `candidate_entity_prior` with gold spans, `candidate_entity_priors` without.

Spans of at most 5 tokens without stop words at their ends (WordNet: 7, by mistake 6), and the candidate NULL,
belong to the linker's preset.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from kbtools.alias.building.weighing import Floats, Ints, new, ranks, sums
from kbtools.alias.compat._answers import Asked, Finder, Resolve, Tables, answer
from kbtools.alias.compat._dictionary import Added, spelt
from kbtools.alias.compat._names import LINKS, Mask, Names, Pairs, each, pairs, read
from kbtools.config import setting

ABOUT = __doc__ or ""
OF_WIKIPEDIA = ("anchor", "prior", "title", "redirect", "disambiguation")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """As published."""

    most: int = setting("Candidates of a name.", 30)
    pool: int = setting("Entities with the most links, whose links are summed up.", 100)
    capped: bool = setting("No sum of links and dictionaries is larger than 1.", True)
    smoothing: float = setting("Tags that each sense of WordNet is given besides its own.", 1.0)
    links: tuple[str, ...] = setting("Sources that count links.", LINKS)


def weigh(
    counts: pa.Table, occurrences: pa.Table | None = None, settings: Settings | None = None
) -> pa.Table:
    """Return KnowBert's candidates for one range of norms."""
    told = settings or Settings()
    names = read(counts)
    of_wordnet, elsewhere = _parted(names)
    found = spelt(names.rows(elsewhere), told.links)
    added = Added(found, told.pool, capped=told.capped)
    kept = np.flatnonzero((added.prior > 0) & (found.best_first(added.prior) < told.most))
    table, own = _shares(found.table[kept], added.prior[kept])
    spellings = Tables(table, found.eid[kept], found.links[kept], own, found.sources[kept])
    lowered, groups = _lowered(names, found, added.prior, kept, told.most)
    senses = pairs(names, names.norm_of[names.surface], np.zeros_like(of_wordnet), of_wordnet)
    lemmas = _lemmas(senses, told)
    lists = _end_to_end([(spellings, found.tables), (lowered, len(groups.norm)), (lemmas, senses.tables)])
    resolve = _resolve(names, found, added, groups, senses)
    return answer(names, lists, resolve, whole=True, capitals=(str.upper, str.title))


def _parted(names: Names) -> tuple[Mask, Mask]:
    """Mark the lemmas of WordNet, and the rows of names that WordNet does not have."""
    group = names.norm_of[names.surface] * 256 + names.kb
    lemma = names.of(("lemma",)) & ~np.isin(group, group[names.of(OF_WIKIPEDIA)])
    return lemma, ~np.isin(group, group[lemma])


def _shares(table: Ints, values: Floats) -> tuple[Ints, Floats]:
    """Divide values by their sum in each list."""
    return table, values / sums(table, values, int(table.max(initial=-1)) + 1)[table]


def _lowered(names: Names, found: Pairs, prior: Floats, kept: Ints, most: int) -> tuple[Tables, Asked]:
    """Merge the lists of all spellings with the same lower case: the largest value of each entity."""
    lower = each(names.surfaces, str.lower).dictionary_encode()
    code = lower.indices.to_numpy(zero_copy_only=False).astype(np.int64)[found.key[kept]]
    norm, kb, eid = names.norm_of[found.key[kept]], found.kb[kept], found.eid[kept]
    order = np.lexsort((eid, kb, code, norm))
    norm, kb, eid, code, rows = norm[order], kb[order], eid[order], code[order], kept[order]
    fresh, begins = new(norm, code, kb, eid), new(norm, code, kb)
    group, merged = np.cumsum(begins) - 1, np.cumsum(fresh) - 1
    size = int(fresh.sum())
    best, bits = np.zeros(size), np.zeros(size, np.uint32)
    np.maximum.at(best, merged, prior[rows])
    np.bitwise_or.at(bits, merged, found.sources[rows])
    links = sums(merged, found.links[rows], size)
    table, eid = group[fresh], eid[fresh]
    order = np.lexsort((eid, -best, table))
    order = order[ranks(table[order]) < most]
    table, share = _shares(table[order], best[order])
    text = lower.dictionary.take(pa.array(code[begins]))
    return Tables(table, eid[order], links[order], share, bits[order]), Asked(norm[begins], kb[begins], text)


def _lemmas(senses: Pairs, told: Settings) -> Tables:
    kept = np.flatnonzero(senses.best_first(senses.tags) < told.most)
    smooth = senses.tags[kept] + told.smoothing * senses.named[kept]
    table = senses.table[kept]
    total = sums(table, smooth, senses.tables)
    alike = total[table] <= 0  # no smoothing, no tags
    alone = senses.sum(np.ones(len(senses.table)))[table]
    share = np.where(alike, 1 / np.minimum(alone, told.most), smooth / np.where(total > 0, total, 1)[table])
    return Tables(table, senses.eid[kept], senses.tags[kept], share, senses.sources[kept])


def _end_to_end(lists: list[tuple[Tables, int]]) -> Tables:
    begin, parts = 0, []
    for tables, size in lists:
        parts.append(tables._replace(table=tables.table + begin))
        begin += size
    return Tables(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _resolve(names: Names, found: Pairs, added: Added, groups: Asked, senses: Pairs) -> Resolve:
    """Prepare the look-up: the text or its title, whichever is more frequent; lower case; lemmas."""
    first = np.flatnonzero(new(found.table))
    surface, kb = found.key[first], found.kb[first]
    own = Finder(names.norm_of[surface], kb, names.surfaces.take(pa.array(surface)))
    lowered = Finder(*groups, np.arange(len(groups.norm)) + found.tables)
    first = np.flatnonzero(new(senses.table))
    lemma = _blank(len(first))
    lemmas = Finder(
        senses.key[first], senses.kb[first], lemma, np.arange(len(first)) + found.tables + len(groups.norm)
    )
    frequency = np.append(added.total + added.size, 0)  # of none: the last item
    spelt_apart = np.zeros(len(names.norms), bool)  # else the norm as a whole says it all
    spelt_apart[names.norm_of[surface]] = True

    def resolve(asked: Asked) -> Ints:
        norm, kb, text = asked.norm, asked.kb, asked.text.fill_null("")
        others = asked.text.is_null().to_numpy(zero_copy_only=False)
        mine, title = own(norm, kb, text), own(norm, kb, each(text, str.title))
        best = np.where(frequency[mine] > frequency[title], mine, title)
        best = np.where(best < 0, lowered(norm, kb, each(text, str.lower)), best)
        whole = lemmas(norm, kb, _blank(len(norm)))
        best = np.where((best < 0) & spelt_apart[norm], whole, best)
        return np.where(others, whole, best)

    return resolve


def _blank(length: int) -> pa.StringArray:
    return pa.array([""] * length, pa.string())
