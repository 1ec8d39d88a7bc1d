"""Which facts of a knowledge base a model meets in its examples, by relation: one pass over the files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa

from kbtools.errors import ArtefactError
from kbtools.kb.ids import Ids
from kbtools.kb.reader import Base
from kbtools.shards import cues, exposed
from kbtools.shards.about.naming import Names
from kbtools.shards.base import I64
from kbtools.shards.cues import Cues
from kbtools.shards.exposed import NEAR, Exposed
from kbtools.shards.reader import Shards

TRAIN = "train"  # what a model learns from; on the other tables it is only measured
MANY = 10  # examples from which on a fact is met often
ROWS = 4096  # examples that are looked at together


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A fact, and the examples that name both of its ends."""

    head: str
    head_label: str | None
    tail: str
    tail_label: str | None
    together: int
    with_cue: int  # those of them where a word of the relation stands beside


class Relation(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of a relation."""

    id: str
    label: str | None
    triples: int
    never: int  # facts whose ends are in no example together
    few: int  # in 1 to 9
    many: int  # in 10 and more
    together: int  # examples that show a fact, summed over the facts
    with_cue: int
    cues: list[str]
    most: list[Shown]
    least: list[Shown]


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """What the examples show of a knowledge base."""

    path: str
    kb: str
    table: str
    examples: int
    tokens: int
    mentions: int  # that have an entity
    near: int
    alone: int  # facts of an entity about itself: left out
    relations: list[Relation]  # those with most facts first
    notes: list[str]


def exposure(
    path: Path | str, kbs: Sequence[Path | str] = (), *, tokenizer: Path | str | None = None,
    near: int = NEAR, examples: int = 3,
) -> list[Exposure]:  # fmt: skip
    """Count what shards show of each knowledge base given; `examples` of facts for each relation.

    The tokenizer is that of the shards, if it moved.
    """
    shards = Shards(path)
    names = Names(shards, kbs, tokenizer)
    table = TRAIN if TRAIN in shards.splits else next(iter(shards.splits), TRAIN)
    bases = [base for _, base in sorted(names.called.bases.items())]
    if not bases:
        raise ArtefactError(f"{path}: what it speaks of is not where it was: pass --kb KB")
    found = [base for base in bases if f"entities.{base.name}.spans" in shards.columns]
    if not found:
        told = ", ".join(base.name for base in bases)
        raise ArtefactError(
            f"{path}: does not say where entities of {told} are; shard with the view `entities`"
        )
    return [_of_base(shards, table, base, names, near=near, examples=examples) for base in found]


def _of_base(shards: Shards, table: str, base: Base, names: Names, *, near: int, examples: int) -> Exposure:
    words = [cues.words_of(told) for told in cues.names_of(base)]
    tokenizer = names.tokenizer
    sought = Cues.of(words, tokenizer) if tokenizer is not None else None
    special = [] if tokenizer is None else [one for one in tokenizer.special if one >= 0]
    counted = Exposed(exposed.facts_of(base), sought, near)
    for batch in batches(shards, table):
        counted.add(exposed.read(batch, base.name, special))
    return Exposure(
        path=str(shards.path),
        kb=base.name,
        table=table,
        examples=counted.examples,
        tokens=counted.tokens,
        mentions=counted.mentions,
        near=near,
        alone=counted.facts.alone,
        relations=_relations(base, counted, words, examples),
        notes=[]
        if sought is not None
        else ["the tokenizer is not at hand: no words of relations are looked for"],
    )


def batches(shards: Shards, table: str) -> Iterator[pa.RecordBatch]:
    """Yield the examples of a table in order; files are mapped, not read."""
    if table in shards.splits:
        opened = shards.open(table)
        for chunk in range(len(opened.batches)):
            batch = opened.batch(chunk)
            for low in range(0, batch.num_rows, ROWS):
                yield batch.slice(low, ROWS)


def _relations(base: Base, counted: Exposed, words: list[list[str]], examples: int) -> list[Relation]:
    facts, together, with_cue = counted.facts, counted.together, counted.with_cue
    described = {row["rid"]: (row["id"], row["label"]) for row in cues.relations_of(base)}
    order = np.lexsort((-together.astype(np.int64), facts.relation))  # by relation, most often met first
    relations, begins = np.unique(facts.relation[order], return_index=True)
    ends = np.append(begins[1:], len(order))
    shown = {
        rid: order[low:high]
        for rid, low, high in zip(relations.tolist(), begins.tolist(), ends.tolist(), strict=True)
    }
    wanted = [
        rows[some] for rows in shown.values() for some in (slice(examples), slice(-examples or None, None))
    ]
    told = _told(base, counted, wanted)
    found = []
    for rid, rows in shown.items():
        counts = together[rows]
        never, few = int((counts == 0).sum()), int(((counts > 0) & (counts < MANY)).sum())
        met = rows[:examples][counts[:examples] > 0]
        least = rows[::-1][: min(examples, len(rows) - len(met))]
        id_, label = described.get(rid, (str(rid), None))
        found.append(
            Relation(
                id=id_, label=label, triples=len(rows), never=never, few=few, many=len(rows) - never - few,
                together=int(counts.sum()), with_cue=int(with_cue[rows].sum()),
                cues=words[rid] if rid < len(words) else [],
                most=[told[at] for at in met.tolist()], least=[told[at] for at in least.tolist()],
            )
        )  # fmt: skip
    return sorted(found, key=lambda one: (-one.triples, one.id))


def _told(base: Base, counted: Exposed, wanted: Iterable[I64]) -> dict[int, Shown]:
    """Write some facts with ids and labels."""
    rows = np.unique(np.concatenate([np.zeros(0, np.int64), *wanted]))
    ids = Ids(base.kb)
    names = [
        ids.take(side[rows].astype(np.int64), column).to_pylist()
        for side in (counted.facts.head, counted.facts.tail)
        for column in ("id", "label")
    ]
    counts = [counted.together[rows], counted.with_cue[rows]]
    told = zip(rows.tolist(), *names, *(count.tolist() for count in counts), strict=True)
    return {
        at: Shown(
            head=head or "", head_label=head_label, tail=tail or "", tail_label=tail_label,
            together=together, with_cue=with_cue,
        )
        for at, head, head_label, tail, tail_label, together, with_cue in told
    }  # fmt: skip
