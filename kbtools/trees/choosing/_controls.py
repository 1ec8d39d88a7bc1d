"""Facts that are not the entity's own: what a model gains by true ones is what it loses with these.

    none       no mention has branches
    permuted   facts of another entity, always the same one
    redrawn    facts of another entity, another one at each occurrence
    random     in the place of each fact any fact, always the same one
    wrong      facts of another candidate of the name; without any, and for links, of anybody
    swap       facts of another entity with the same types, always the same one

Drawn by `seed`, and per occurrence by the sentence's id and the place in it: the same however a corpus is cut
up. Among entities that something may be said of (`allow`, `deny`): those have as many facts on average as
the true ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import pyarrow as pa

from kbtools.alias import Alias, hashing
from kbtools.arrays import ranges
from kbtools.cycles import I64, U64, another, below, keys_of
from kbtools.errors import ConfigError
from kbtools.kb.kinds import circles, kinds
from kbtools.kb.reader import Base
from kbtools.trees.base import Bools, Sentences
from kbtools.trees.choosing import _texts
from kbtools.trees.facts import Facts, mapped

Whose = Literal["true", "none", "permuted", "redrawn", "random", "wrong", "swap"]
ENTITIES, ROWS, NEXT = (f"controls.{name}" for name in ("entities", "rows", "next"))
AT_ONCE = 1 << 20


def prepare(facts: Facts, folder: Path, said: Bools, choice: Choice, base: Base | None) -> None:
    """Write whose facts may be told, and which; `said` [R] tells what relations may be."""
    whose = choice.facts
    if whose in {"true", "none"}:
        return
    last, many = -1, 0
    with (folder / ENTITIES).open("wb") as entities, (folder / ROWS).open("wb") as rows:
        for low in range(0, len(facts), AT_ONCE):
            some = np.arange(low, min(low + AT_ONCE, len(facts)))
            some = some[said[facts.relation[some]] & ~_texts.repeated(folder, some)]
            heads = np.unique(facts.heads(some))
            heads = heads[heads > last]
            last, many = int(heads[-1]) if len(heads) else last, many + len(heads)
            entities.write(heads.tobytes())
            rows.write(some.tobytes())
    if many < 2:
        raise ConfigError(f"choice.facts={whose}: there are no two entities of which something may be said")
    if whose == "swap":
        if base is None:
            raise ConfigError("choice.facts=swap exchanges entities of the same types: pass --kb KB")
        circles(kinds(base), mapped(folder / ENTITIES, np.int64), choice.seed).tofile(folder / NEXT)


class Choice(Protocol):
    """What is wanted."""

    @property
    def facts(self) -> Whose:
        """Whose facts are told."""

    @property
    def seed(self) -> int:
        """What is drawn depends on it."""


class Named(Protocol):
    """Names of a knowledge base."""

    alias: Alias
    kb: int


class Controls:
    """What is told in the place of facts."""

    def __init__(self, folder: Path, choice: Choice) -> None:
        self.whose, self.seed = choice.facts, choice.seed
        if self.whose not in {"true", "none"}:
            self.entities = mapped(folder / ENTITIES, np.int64)
            self.rows = mapped(folder / ROWS, np.int64)
        if self.whose == "swap":
            self.next = mapped(folder / NEXT, np.int64)

    def sentences(self, found: Sentences, ids: list[str], names: Named | None) -> Sentences:
        """Put others in the place of entities; `ids` are those of trees, `names` tell of other candidates."""
        mentions = found.mentions
        if self.whose in {"true", "random"} or not len(mentions.eid):
            return found
        if self.whose == "none":
            return found._replace(mentions=mentions.take(np.zeros(0, np.int64)))
        place = np.minimum(np.searchsorted(self.entities, mentions.eid), len(self.entities) - 1)
        known = self.entities[place] == mentions.eid  # of others nothing may be said, true or not
        if self.whose == "swap":
            other = self.entities[self.next[place]]
        elif self.whose == "permuted":
            key = keys_of(self.seed)
            other = self.entities[another(place, len(self.entities), key)]
        else:
            keys = self._occurrences(found, ids)
            other = self.entities[another(place, len(self.entities), keys)]
            if self.whose == "wrong" and names is not None:
                other = _others(found, names, other, keys, self.entities)
        eid = np.where(known, other, mentions.eid)
        return found._replace(mentions=mentions._replace(eid=eid))

    def told(self, rows: I64) -> I64:
        """Return the facts that are told where these were to be."""
        if self.whose != "random":
            return rows
        return np.asarray(self.rows[below(keys_of(np.uint64(self.seed), rows), len(self.rows))])

    def _occurrences(self, found: Sentences, ids: list[str]) -> U64:
        """Hash where mentions stand: the id of the tree, which text of a pair, the place in it."""
        mentions = found.mentions
        tree = found.tree[mentions.sentence]
        which = mentions.sentence - np.searchsorted(found.tree, tree)
        return keys_of(
            np.uint64(self.seed), hashing.of_strings(pa.array(ids, pa.string()))[tree], which, mentions.start
        )


def _others(found: Sentences, names: Named, other: I64, keys: U64, holders: I64) -> I64:
    """Draw another candidate of each name, that something may be said of; without any, keep `other`."""
    mentions, alias = found.mentions, names.alias
    spans = zip(mentions.sentence.tolist(), mentions.start.tolist(), mentions.end.tolist(), strict=True)
    slices = alias.lookup([found.texts[text][start:end] for text, start, end in spans])
    rows = ranges(slices.first, slices.length)
    query = np.repeat(np.arange(len(mentions.eid)), slices.length)
    eids = alias.arrays["eids"][rows].astype(np.int64)
    kept = (alias.kb_of(rows) == names.kb) & (eids != mentions.eid[query])
    place = np.minimum(np.searchsorted(holders, eids), len(holders) - 1)
    kept &= holders[place] == eids
    query, eids = query[kept], eids[kept]
    counts = np.bincount(query, minlength=len(mentions.eid))
    some = np.flatnonzero(counts)
    first = np.cumsum(counts) - counts
    drawn = other.copy()
    drawn[some] = eids[first[some] + below(keys[some], counts[some])]
    return drawn
