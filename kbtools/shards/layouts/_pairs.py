"""Pairs of terms that stand in a relation: words of one meaning, words of a meaning and of the next above.

A meaning is a synset of WordNet, a group of Roget. A term is a name of one in lower case, with spaces for
underscores. All is held in memory: both have some hundred thousand terms and some hundred thousand pairs.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.arrays import ranges
from kbtools.errors import ArtefactError, ConfigError
from kbtools.kb import statements
from kbtools.kb.reader import Base
from kbtools.kb.schema import STR
from kbtools.shards.base import I64

SYNONYMS, ABOVE = 0, 1  # kinds of pairs: what a pair is both is said to be synonyms
NAMES = ("syn", "hyp")
KINDS = pa.array(["synset", "concept", "sememe", "item"])


class Pairs(NamedTuple):
    """Pairs of terms, each once, in an order that depends on the terms alone."""

    terms: pa.Array  # sorted
    first: I64  # the more special one, if there is one
    second: I64
    kind: I64  # SYNONYMS or ABOVE
    source: I64  # a place among the names of knowledge bases


class Wanted(Protocol):
    """Which names and relations make pairs: settings of the layout."""

    @property
    def names(self) -> tuple[str, ...]:
        """Sources of names."""
        ...

    @property
    def langs(self) -> tuple[str, ...]:
        """Languages of names; none: any."""
        ...

    @property
    def above(self) -> tuple[str, ...]:
        """Relations to the next meaning above."""
        ...

    @property
    def most(self) -> int:
        """Words that a meaning has at most, to make synonyms."""
        ...


def pairs(bases: list[Base], wanted: Wanted, counts: Counter[str]) -> Pairs:
    """Gather the pairs of all knowledge bases: what several say is said by the first."""
    told = [_terms(base, wanted.names, wanted.langs) for base in bases]
    terms = pc.unique(pa.concat_arrays([text for _, text in told]))
    terms = terms.take(pc.sort_indices(terms))
    found = []
    for place, (base, (eid, text)) in enumerate(zip(bases, told, strict=True)):
        term = pc.index_in(text, terms).to_numpy(False).astype(np.int64)
        sets = _Sets(eid, term, base.kb.rows("entities"))
        both = sets.inside(wanted.most, counts), sets.across(*_above(base, wanted.above))
        for kind, mine in enumerate(both):
            whose = np.full(len(mine), place, np.int64)
            found.append(np.column_stack([mine, np.full(len(mine), kind, np.int64), whose]))
    return _distinct(terms, np.concatenate(found))


class _Sets:
    """The terms of each entity, one after the other."""

    def __init__(self, eid: I64, term: I64, entities: int) -> None:
        both = np.unique(np.column_stack([eid, term]), axis=0)
        self.term = both[:, 1]
        self.offsets = np.searchsorted(both[:, 0], np.arange(entities + 1))

    def inside(self, most: int, counts: Counter[str]) -> I64:
        """Return all pairs of terms of one entity."""
        sizes = np.diff(self.offsets)
        counts["sets of too many words"] += int((sizes > most).sum())
        sizes = np.where(sizes > most, 0, sizes)
        place = ranges(self.offsets[:-1], sizes)
        behind = np.repeat(self.offsets[:-1] + sizes, sizes) - place - 1  # terms that come later in the set
        return np.column_stack([np.repeat(self.term[place], behind), self.term[ranges(place + 1, behind)]])

    def across(self, low: I64, high: I64) -> I64:
        """Return all pairs of a term of one entity and a term of another."""
        below, over = np.diff(self.offsets)[low], np.diff(self.offsets)[high]
        first = ranges(self.offsets[low], below)
        times = np.repeat(over, below)
        return np.column_stack(
            [
                np.repeat(self.term[first], times),
                self.term[ranges(np.repeat(self.offsets[high], below), times)],
            ]
        )


def _distinct(terms: pa.Array, found: I64) -> Pairs:
    """Keep each pair once: as synonyms if they are, in the first source; equal words are no pair."""
    found = found[found[:, 0] != found[:, 1]]
    found[:, :2] = np.where((found[:, 2] == SYNONYMS)[:, None], np.sort(found[:, :2], axis=1), found[:, :2])
    count = np.int64(len(terms))
    code = found[:, 0] * count + found[:, 1]
    order = np.lexsort((found[:, 3], found[:, 2], code))
    found, code = found[order], code[order]
    found = found[np.append(True, np.diff(code) != 0)[: len(found)]]
    unordered = found[:, :2].min(axis=1) * count + found[:, :2].max(axis=1)
    synonyms = unordered[found[:, 2] == SYNONYMS]
    found = found[(found[:, 2] == SYNONYMS) | ~np.isin(unordered, synonyms)]
    return Pairs(terms, *np.ascontiguousarray(found.T))


def _terms(base: Base, sources: tuple[str, ...], langs: tuple[str, ...]) -> tuple[I64, pa.Array]:
    """Return the terms of entities that are meanings: eid, text."""
    meanings = np.zeros(base.kb.rows("entities"), np.bool_)
    for batch in base.kb.scan("entities", ["eid", "kind"]):
        meanings[batch["eid"].to_numpy()] = pc.is_in(batch["kind"].cast(STR), KINDS).to_numpy(False)
    eids, texts = [np.zeros(0, np.int64)], [pa.array([], STR)]
    for kb in base.parts:
        for batch in kb.scan("surfaces", ["eid", "text", "lang", "source"]) if kb.rows("surfaces") else ():
            kept = pc.is_in(batch["source"].cast(STR), pa.array(sources)).to_numpy(False)
            if langs:
                lang = batch["lang"].cast(STR)  # null: the language of the whole
                kept = kept & pc.or_(lang.is_null(), pc.is_in(lang, pa.array(langs))).to_numpy(False)
            eid = batch["eid"].to_numpy().astype(np.int64)
            some = np.flatnonzero(kept & meanings[eid])
            eids.append(eid[some])
            texts.append(cleaned(batch["text"].take(pa.array(some))))
    return np.concatenate(eids), pa.concat_arrays(texts)


def cleaned(texts: pa.Array) -> pa.Array:
    """Return terms as they are compared: lower case, single spaces."""
    spaced = pc.replace_substring_regex(pc.utf8_lower(texts.cast(STR)), r"[_\s]+", " ")
    return pc.utf8_trim_whitespace(spaced)


def _above(base: Base, names: tuple[str, ...]) -> tuple[I64, I64]:
    """Return which entity stands directly below which; `hyponym` is read the other way round."""
    known = statements.relations(base)
    rids = dict(zip(known["id"].to_pylist(), known["rid"].to_pylist(), strict=True))
    wanted = np.array([rids[name] for name in names if name in rids], np.int64)
    low, high = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for triples in statements.all_of(base):
        some = np.isin(triples.relation, wanted)
        low.append(triples.head[some])
        high.append(triples.tail[some])
    both = np.unique(np.column_stack([np.concatenate(low), np.concatenate(high)]), axis=0)
    return both[:, 0], both[:, 1]


def save(folder: Path, found: Pairs) -> None:
    """Write pairs for all tasks."""
    np.save(folder / "pairs.npy", np.stack(found[1:]), allow_pickle=False)
    with pa.ipc.new_file(folder / "terms.arrow", pa.schema([("term", STR)])) as file:
        file.write_batch(pa.record_batch([found.terms], names=["term"]))


def load(folder: Path) -> Pairs:
    """Read what `save` wrote."""
    try:
        with pa.ipc.open_file(folder / "terms.arrow") as file:
            terms = file.get_batch(0)["term"]
        numbers: Any = np.load(folder / "pairs.npy", allow_pickle=False)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ArtefactError(f"{folder}: cannot be read: {error}; start again with --restart") from error
    return Pairs(terms, *numbers)


def refuse_empty(found: Pairs, sources: tuple[str, ...]) -> None:
    """Say what helps where there is not one pair."""
    if not len(found.first):
        raise ConfigError(f"no two words of one meaning with a source of {', '.join(sources)}: set `names`")
