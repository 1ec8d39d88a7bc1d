"""Words that speak of a relation ("born" beside a place of birth), and where they stand among tokens.

The cues of a relation are the words of its label and its other names; in scripts without spaces a name is one
word. Function words are none, for they stand everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.arrays import ranges
from kbtools.kb.reader import Base, Kb
from kbtools.metrics.cooccurrence import distinct
from kbtools.shards.base import I32, I64, Bools
from kbtools.text import CJK
from kbtools.text.stop_words import stop_words
from kbtools.tokens.tokenizer import Tokenizer

LETTERS = 3  # of a cue, at least; of one in Chinese, two
_WORD = re.compile(rf"[{CJK}]{{2,}}|[^\W\d_{CJK}]{{{LETTERS},}}")
_WIDE = re.compile(f"[{CJK}]")
KINDS = ("property", "relation")


def words_of(names: Iterable[str]) -> list[str]:
    """Return the words of a relation's names that say something, each once, in order.

    >>> words_of(["place of birth", "Birthplace", "出生地点"])
    ['place', 'birth', 'birthplace', '出生地点']
    """
    found = (match.group().lower() for name in names for match in _WORD.finditer(name))
    return [word for word in dict.fromkeys(found) if word not in stop_words()]


def names_of(base: Base) -> list[list[str]]:
    """Return the names of each relation: its label, and those of the entity of the same id."""
    rows = relations_of(base)
    names: list[list[str]] = [[] for _ in range(max((row["rid"] + 1 for row in rows), default=0))]
    rids = {}
    for row in rows:
        rids[row["id"]] = row["rid"]
        names[row["rid"]] += [row["label"]] if row["label"] else []
    rid_of = dict(_described(base, rids))
    eids = pa.array(sorted(rid_of), pa.uint32())
    for table in ("labels", "surfaces") if rid_of else ():
        for part in base.parts:
            for batch in part.scan(table, ["eid", "text"]) if table in part.tables else ():
                for row in batch.filter(pc.is_in(batch["eid"], eids)).to_pylist():
                    names[rid_of[row["eid"]]].append(row["text"])
    return names


def numbered(base: Base) -> Iterator[tuple[Kb, int, int]]:
    """Yield the parts of a knowledge base, and from which relation on theirs go on behind those before.

    Each overlay numbers its relations as if it were the only one.
    """
    first, shift = base.kb.rows("relations"), 0
    for part in base.parts:
        yield part, first, shift
        shift += 0 if part is base.kb else part.rows("relations")


def relations_of(base: Base) -> list[dict[str, Any]]:
    """Return rid, id and label of all relations."""
    return [
        row | {"rid": row["rid"] + shift * (row["rid"] >= first)}
        for part, first, shift in numbered(base)
        if "relations" in part.tables
        for row in part.table("relations", ["rid", "id", "label"]).to_pylist()
    ]


def _described(base: Base, rids: dict[str, int]) -> Iterable[tuple[int, int]]:
    """Yield eid and rid of the relations that are entities too, as properties of Wikidata are."""
    for batch in base.kb.scan("entities", ["eid", "id", "kind"]):
        kind = pc.is_in(batch["kind"].cast(pa.string()), pa.array(KINDS))
        for row in batch.filter(kind).to_pylist():
            if row["id"] in rids:
                yield row["eid"], rids[row["id"]]


class Cues:
    """Sequences of tokens, each a cue of some relation, found in one pass over tokens whatever their number.

    They are kept as a tree of prefixes: an edge is the state before it and the token, as one number.
    """

    def __init__(self, sequences: Sequence[tuple[int, bool, tuple[int, ...]]]) -> None:
        """Take (relation, whether it is a whole word, its tokens)."""
        told = sorted({one for one in sequences if one[2]})
        relation, whole = (np.array([one[at] for one in told], np.int64) for at in (0, 1))
        lengths = np.array([len(one[2]) for one in told], np.int64)
        state = np.zeros(len(told), np.int64)
        self.edges: list[I64] = []  # of each depth, sorted; an edge leads to the state of its place
        self.ends: list[tuple[I64, I64, Bools]] = []  # of each depth: state, sorted; relation, whole
        left = np.arange(len(told))
        while len(left):
            depth = len(self.edges)
            token = np.array([told[at][2][depth] for at in left.tolist()], np.int64)
            edges, state[left] = np.unique((state[left] << 32) | token, return_inverse=True)
            done = left[lengths[left] == depth + 1]
            done = done[np.argsort(state[done], kind="stable")]
            self.edges.append(edges)
            self.ends.append((state[done], relation[done], whole[done].astype(np.bool_)))
            left = left[lengths[left] > depth + 1]

    @classmethod
    def of(cls, words: Sequence[Sequence[str]], tokenizer: Tokenizer) -> Cues:
        """Encode the cues of each relation as they may stand in text: capitalised, behind a space."""
        spelt: dict[str, list[int]] = {}
        for relation, mine in enumerate(words):
            for form in {form for word in mine for form in _forms(word)}:
                spelt.setdefault(form, []).append(relation)
        forms = sorted(spelt)
        stream = tokenizer.encode(forms, None)
        ids, begins = stream.ids.tolist(), stream.begins.tolist()
        sequences = []
        for at, form in enumerate(forms):
            tokens = tuple(ids[begins[at] : begins[at + 1]])
            if tokenizer.special.unk not in tokens:
                whole = _WIDE.search(form) is None
                sequences += [(relation, whole, tokens) for relation in spelt[form]]
        return cls(sequences)

    def find(self, ids: I32, opens: Bools, row: I64, asked: Bools) -> tuple[I64, I64]:
        """Return relation and place of all cues, sorted, each once; they begin where it is `asked`.

        `opens` [T + 1] tells where a word may begin, and one before it ends.
        """
        found: list[I64] = []
        place = np.flatnonzero(asked)
        state = np.zeros(len(place), np.int64)
        for depth, (edges, (ends, relation, whole)) in enumerate(zip(self.edges, self.ends, strict=True)):
            inside = place + depth < len(ids)
            place, state = place[inside], state[inside]
            inside = row[place + depth] == row[place]
            place, state = place[inside], state[inside]
            key = (state << 32) | ids[place + depth]
            at = np.minimum(np.searchsorted(edges, key), len(edges) - 1)
            known = edges[at] == key
            place, state = place[known], at[known]
            first, last = np.searchsorted(ends, state), np.searchsorted(ends, state, side="right")
            which = ranges(first, last - first)
            where = np.repeat(place, last - first)
            fits = ~whole[which] | (opens[where] & opens[where + depth + 1])
            found.append((relation[which] * len(ids) + where)[fits])
        told = distinct(np.concatenate(found)) if found else np.zeros(0, np.int64)
        return told // max(len(ids), 1), told % max(len(ids), 1)


def _forms(word: str) -> list[str]:
    shapes = [word, word[:1].upper() + word[1:]]
    return [space + shape for shape in shapes for space in ("", " ")]
