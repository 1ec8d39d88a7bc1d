"""Supersenses of words: the lexicographer files that a wordnet's synsets of a word stand in.

A set of supersenses is a number: bit n is the file with the number n, of 45 (Levine et al. 2020 speak of the
order of their names; it is that of WordNet's own numbers). A form leads to lemmas by the lists of exceptions
and by the rules of `kbtools.text.detachment`; a form that is in a list for a part of speech has no other
lemma there. Memory: the words of the wordnet, once in each process.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.errors import ConfigError
from kbtools.kb.asking import answer
from kbtools.kb.quoting import quote
from kbtools.kb.reader import Base, gather
from kbtools.shards.base import I64, Here
from kbtools.sources.wordnet.symbols import LEXICAL_FILES
from kbtools.text.detachment import RULES, SHORT

U64 = NDArray[np.uint64]
NAMES = list(LEXICAL_FILES.values())
POS = "nvar"
_FILES = "SELECT eid, n FROM entities JOIN asked USING (id) ORDER BY n"
_TYPED = "SELECT t.eid, min(n) AS n FROM types t JOIN asked ON type = asked.eid GROUP BY ALL"
_WORDS = """
SELECT lower(s.text) AS word, CASE pos WHEN 's' THEN 'a' ELSE coalesce(pos, 'n') END AS pos,
       s.source IN ('exception', 'form') AS form, s.eid AS eid, t.n AS sense
FROM surfaces s JOIN (SELECT DISTINCT types.eid, n FROM types JOIN asked ON types.type = asked.eid) t
  ON s.eid = t.eid
WHERE s.source IN ('lemma', 'alias', 'exception', 'form') AND (s.lang IS NULL OR s.lang IN ({langs}))
"""


class Supersenses(NamedTuple):
    """The words of a wordnet with their sets, by part of speech."""

    lemmas: pa.StringArray  # [L] in small letters
    sets: U64  # [4, L]
    forms: dict[str, tuple[pa.StringArray, U64, U64]]  # by part of speech: irregular forms with their sets
    senses: NDArray[np.int8]  # by eid; −1: none

    def of(self, words: pa.StringArray, *, any_pos: bool) -> U64:
        """Return the set of each word: of its lemmas in any part of speech, or in those the form may be."""
        every = np.bitwise_or.reduce(self.sets, axis=0)
        found = _taken(every, pc.index_in(words, self.lemmas))
        for number, pos in enumerate(POS):
            told = self.sets[number]
            forms, own, wide = self.forms[pos]
            place = pc.index_in(words, forms)
            found |= _taken(wide if any_pos else own, place)
            regular = place.is_null()
            for stems, rows in _stems(words, pos, regular):
                at = pc.index_in(stems, self.lemmas)
                there = _taken(told, at)
                found[rows] |= np.where(there > 0, _taken(every, at), 0) if any_pos else there
        return found


def _stems(words: pa.StringArray, pos: str, regular: pa.BooleanArray) -> Iterator[tuple[pa.StringArray, I64]]:
    """Yield what may be the lemmas of words, a rule at a time, and the words' rows."""
    if pos == "n":
        plural = pc.and_(pc.greater(pc.utf8_length(words), SHORT), pc.invert(pc.ends_with(words, "ss")))
        regular = pc.and_(regular, plural)
    for suffix, ending in RULES.get(pos, ()):
        rows = np.flatnonzero(pc.and_(regular, pc.ends_with(words, suffix)).to_numpy(zero_copy_only=False))
        stems = pc.utf8_slice_codeunits(words.take(pa.array(rows)), 0, -len(suffix))
        yield pc.binary_join_element_wise(stems, ending, ""), rows


def supersenses(here: Here, name: str | None, langs: tuple[str, ...]) -> tuple[int, Supersenses]:
    """Find the wordnet among the knowledge bases and read its words; return its place, too."""
    for place, base in sorted(here.bases.items()):
        if name is not None and base.name != name:
            continue
        found = _read(tuple(str(part.path) for part in base.parts), base.kb.manifest.content, langs)
        if found is not None:
            return place, found
        if name is not None:
            raise ConfigError(f"{base.kb.path}: no wordnet: its synsets are in no lexicographer file")
    wanted = "a wordnet" if name is None else name
    raise ConfigError(f"senses of words need {wanted}: pass it with --kb KB (kbtools ingest wordnet)")


@lru_cache(maxsize=4)
def _read(paths: tuple[str, ...], _content: str, langs: tuple[str, ...]) -> Supersenses | None:
    base = gather(paths)[0]
    if not {"entities", "types", "surfaces"} <= set(base.tables):
        return None
    files = _ask(base, _FILES, {"id": NAMES, "n": list(LEXICAL_FILES)}, {"entities"})
    if not len(files):
        return None
    asked = {name: files[name] for name in ("eid", "n")}
    words = _WORDS.format(langs=", ".join(map(quote, langs)) or "NULL")
    typed = _ask(base, _TYPED, asked, {"types"})
    senses = np.full(base.kb.rows("entities"), -1, np.int8)
    senses[typed["eid"].to_numpy()] = typed["n"].to_numpy()
    return _gathered(_ask(base, words, asked, {"surfaces", "types"}), senses)


def _ask(base: Base, sql: str, asked: dict[str, Any], only: set[str]) -> pa.Table:
    return answer(base.kb.path, sql, asked, parts=base.parts, only=only)


def _gathered(rows: pa.Table, senses: NDArray[np.int8]) -> Supersenses:
    """Unite the supersenses of each word, and of each irregular form."""
    is_form = rows["form"].combine_chunks().to_numpy(zero_copy_only=False)
    word, pos = (rows[name].combine_chunks() for name in ("word", "pos"))
    part = pc.index_in(pos, pa.array(list(POS))).fill_null(0).to_numpy()
    eid = rows["eid"].to_numpy().astype(np.int64)
    bit = np.left_shift(np.uint64(1), rows["sense"].to_numpy().astype(np.uint64))
    lemmas = pc.unique(word.filter(pa.array(~is_form))).sort()
    of = pc.index_in(word, lemmas).fill_null(-1).to_numpy()
    sets = np.zeros((len(POS), len(lemmas)), np.uint64)
    np.bitwise_or.at(sets, (part[~is_form], of[~is_form]), bit[~is_form])
    every = np.bitwise_or.reduce(sets, axis=0)
    forms = {}
    for number, letter in enumerate(POS):
        mine = (part == number) & is_form
        names = pc.unique(word.filter(pa.array(mine)))
        place = pc.index_in(word.filter(pa.array(mine)), names).to_numpy()
        own = np.zeros(len(names), np.uint64)
        np.bitwise_or.at(own, place, bit[mine])
        lemma = (part == number) & ~is_form
        wide = own | _wider((place, eid[mine]), (of[lemma], eid[lemma]), every, len(names))
        forms[letter] = (names, own, wide)
    return Supersenses(lemmas, sets, forms, senses)


def _wider(told: tuple[I64, I64], lemmas: tuple[I64, I64], every: U64, count: int) -> U64:
    """Return for each irregular form the set of its lemma, in any part of speech.

    The lists tell synsets of a form. Its lemma is one all of whose synsets are told, and of those the one
    that has most: took is of take, not of one of its synonyms.
    """
    pairs = {"place": told[0], "eid": told[1]}, {"of": lemmas[0], "eid": lemmas[1]}
    forms, words = (pa.table(one).group_by(list(one)).aggregate([]) for one in pairs)
    met = forms.join(words, "eid", join_type="inner").group_by(["place", "of"]).aggregate([([], "count_all")])
    place, of, size = (met[name].to_numpy() for name in ("place", "of", "count_all"))
    whole = size == np.bincount(words["of"].to_numpy(), minlength=len(every))[of]
    place, of, size = place[whole], of[whole], size[whole]
    most = np.zeros(count, np.int64)
    np.maximum.at(most, place, size)
    best = size == most[place]
    found = np.zeros(count, np.uint64)
    np.bitwise_or.at(found, place[best], every[of[best]])
    return found


def _taken(values: U64, at: pa.Array) -> U64:
    """Take values at places; 0 at nulls."""
    place = at.fill_null(-1).to_numpy(zero_copy_only=False)
    found: U64 = np.append(values, np.uint64(0))[place]
    return found
