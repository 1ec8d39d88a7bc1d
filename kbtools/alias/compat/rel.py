"""REL: links and dictionaries added up, and one spelling looked up by way of another.

    p(e|m) = min(1, c(m, e) / Σ c(m, e') + 1 / |E(m)|)

over the 100 entities with the most links; c counts anchors and prior files (Crosswikis), E(m) is whom a
dictionary calls m (every other source, in the place of YAGO; not inflected forms). Van Hulst et al.: REL: An
Entity Linker Standing on the Shoulders of Giants, SIGIR 2020, after Ganea and Hofmann 2017
(`_dictionary.py`).

Reproduced as the program has it (`wikipedia_yago_freq.py`, `mention_detection_base.py`):

- The sum is rounded to 3 digits, but only where there was something to add: the entities that a dictionary
  names, of spellings that have links. All other values are not rounded.
- The cap is the published formula, and a strong one: a name that a dictionary gives to a single entity has p
  = 1 for it, whatever the links say. Values of one spelling may add up to more than 1; they are not
  renormalised.
- Links whose text holds "Wikipedia" or "wikipedia" do not count. No more than 100 candidates are handed out.
- The look-up: a spelling in capitals is first tried as a title (NATO → Nato), and stays so if that is known
  and at least as frequent. Whatever is not known yet is looked up in lower case among all lower-cased
  spellings, then without the characters ( . | , ! and '. A spelling's frequency is the number of its links,
  and 1 if it is in a dictionary.

Different here, and why:

- Of several spellings with the same lower case, SQLite hands out whichever it has first. Here it is the
  lower-cased spelling itself if it is known, else the most frequent, then the first in the alphabet.
- The last step, for a spelling unknown in any case: the look-up leaves out all punctuation, not only the six
  characters; it then finds the most frequent spelling that has none of the six.
- Rows of targets with "#", of lists and of disambiguation pages are left out when counts are made (`kbtools
  ingest`), not here.

Not inherited: the sum without the cap, in [0, 2], of Kolitsas et al. 2018; whole tables in memory; up to
seven queries a mention.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.alias.building.weighing import Floats, Ints, new
from kbtools.alias.compat._answers import Asked, Finder, Resolve, Tables, answer
from kbtools.alias.compat._dictionary import Added, spelt
from kbtools.alias.compat._names import LINKS, Names, Pairs, each, read
from kbtools.config import setting

ABOUT = __doc__ or ""
STRIPPED = r"[(.|,!')]"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """As published."""

    pool: int = setting("Entities with the most links, whose links are summed up.", 100)
    most: int = setting("Candidates handed out.", 100)
    digits: int = setting("Digits that sums are rounded to.", 3)
    links: tuple[str, ...] = setting("Sources that count links.", LINKS)


def weigh(
    counts: pa.Table, occurrences: pa.Table | None = None, settings: Settings | None = None
) -> pa.Table:
    """Return REL's candidates for one range of norms."""
    told = settings or Settings()
    names = read(counts)
    found = spelt(names, told.links)
    added = Added(found, told.pool)
    both = (added.total[found.table] > 0) & added.named
    prior = np.where(both, np.round(added.prior, told.digits), added.prior)
    kept = (prior > 0) & (found.best_first(prior) < told.most)
    tables = Tables(found.table, found.eid, found.links, prior, found.sources).where(kept)
    frequency = found.sum(found.links) + (added.size > 0)
    resolve = _resolve(names, found, frequency)
    return answer(names, tables, resolve, whole=True, capitals=(str.upper,))


def _resolve(names: Names, found: Pairs, frequency: Floats) -> Resolve:
    """Prepare the look-up by way of titles, lower case, and fewer punctuation marks."""
    first = np.flatnonzero(new(found.table))
    surface, kb = found.key[first], found.kb[first]
    norm, text = names.norm_of[surface], names.surfaces.take(pa.array(surface))
    own = Finder(norm, kb, text)
    lower = each(text, str.lower)
    alphabet = pc.rank(text, tiebreaker="dense").to_numpy() if len(text) else np.zeros(0, np.int64)
    itself = pc.equal(text, lower).to_numpy(zero_copy_only=False)
    order = np.lexsort((alphabet, -frequency, ~itself))
    lowered = Finder(norm[order], kb[order], lower.take(pa.array(order)), order)
    bare = np.flatnonzero(~pc.match_substring_regex(text, STRIPPED).to_numpy(zero_copy_only=False))
    bare = bare[np.lexsort((alphabet[bare], -frequency[bare]))]
    any_other = Finder(norm[bare], kb[bare], pa.array([""] * len(bare), pa.string()), bare)

    def resolve(asked: Asked) -> Ints:
        norm, kb, text = asked.norm, asked.kb, asked.text.fill_null("")
        mine = own(norm, kb, text)
        shouted = pc.equal(text, each(text, str.upper)).to_numpy(zero_copy_only=False)
        titled = np.where(shouted, own(norm, kb, each(text, str.title)), mine)
        more = np.append(frequency, 0)  # of none: the last item
        best = np.where((titled < 0) | (more[mine] > more[titled]), mine, titled)
        best = np.where(best < 0, lowered(norm, kb, each(text, str.lower)), best)
        stripped = pc.replace_substring_regex(text, STRIPPED, "")
        best = np.where(best < 0, own(norm, kb, pc.utf8_trim_whitespace(stripped)), best)
        others = asked.text.is_null().to_numpy(zero_copy_only=False)
        return np.where(others, any_other(norm, kb, pa.array([""] * len(norm), pa.string())), best)

    return resolve
