"""What `verify --deep` asks of trees: lengths, soft positions, numbers of branches and words, labels."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.kb.soundness import guarded, many
from kbtools.trees.about.rows import ROWS, Array, Bools, Flat, Trees, sizes
from kbtools.trees.schema import TABLE

LISTS = ("input_ids", "segment", "soft", "branch", "word", "labels")  # as long as the tokens, or null
OPTIONAL = {"input_ids", "labels"}

Fault = tuple[str, Array]  # what is wrong, and the rows in which it is


def problems(
    path: Path, tables: Collection[str], *, memory: int | None = None, threads: int | None = None
) -> Iterator[str]:
    """Yield every problem in the trees, if their files are whole, in one sentence each."""
    if TABLE in tables:
        yield from guarded(TABLE, partial(_problems, Trees(path)))


def _problems(trees: Trees) -> Iterator[str]:
    most = trees.manifest.settings.get("max_length")
    counts: dict[str, int] = {}
    first: dict[str, str] = {}
    for batch in trees.scan(TABLE, rows=ROWS):
        for what, rows in _faults(batch, most if isinstance(most, int) else None):
            if len(rows):
                counts[what] = counts.get(what, 0) + len(rows)
                first.setdefault(what, batch["sentence_id"][int(rows[0])].as_py())
    for what, count in counts.items():
        yield f"{TABLE}: {many(count, 'sentence')} {what}, such as {first[what]!r}"


def _faults(batch: pa.RecordBatch, most: int | None) -> Iterator[Fault]:
    long = sizes(batch, "tokens")
    uneven = np.zeros(len(long), np.bool_)
    for name in LISTS:
        mine = sizes(batch, name)
        uneven |= (mine != long) & ((mine >= 0) | (name not in OPTIONAL))
    yield "whose lists are not of one length", np.flatnonzero(uneven)
    if most is not None:
        yield f"with more tokens than max_length, which is {most:,}", np.flatnonzero(long > most)
    even = np.flatnonzero(~uneven)
    batch = batch.take(pa.array(even))
    flat = Flat.of(batch)
    for what, wrong in [*_numbers(flat), *_positions(flat), *_others(batch, flat)]:
        yield what, even[np.unique(flat.owner[wrong])]


def _numbers(flat: Flat) -> Iterator[tuple[str, Bools]]:
    """Check the numbers of branches and words."""
    first = np.zeros(len(flat.owner), np.bool_)
    first[flat.offsets[:-1][np.diff(flat.offsets) > 0]] = True
    begun = np.cumsum(flat.begins)
    before = np.concatenate([[0], begun])[flat.offsets[:-1]][flat.owner]  # branches of rows above
    yield (
        "whose branches are not numbered 1, 2, 3 … in order, without gaps in any",
        (flat.branch < 0) | ((flat.branch > 0) & (flat.branch != begun - before)),
    )
    trunk, above = flat.branch == 0, flat.above()
    last = np.concatenate([[-1], above[:-1]])  # the trunk's token before
    last = np.where(first, -1, last)
    told = np.where(last >= 0, flat.word[last], -1)
    step = flat.word - told
    yield (
        "whose words are not numbered 0, 1, 2 … in order",
        trunk & ~((step == 1) | ((step == 0) & (last >= 0))),
    )
    yield (
        "with a branch that does not stand behind its word, or has another's number",
        ~trunk & ((above < 0) | (flat.word != np.where(above >= 0, flat.word[above], -2))),
    )
    behind = np.concatenate([[False], ~trunk[:-1]])  # a branch
    yield "with a branch inside of its word", trunk & behind & (last >= 0) & (step == 0)


def _positions(flat: Flat) -> Iterator[tuple[str, Bools]]:
    trunk, above = flat.branch == 0, flat.above()
    passed = np.concatenate([[0], np.cumsum(trunk)])
    nth = passed[:-1] - passed[flat.offsets[:-1]][flat.owner]
    yield "whose trunk does not count 0, 1, 2 … in soft positions", trunk & (flat.soft != nth)
    begins = flat.begins
    place = np.arange(len(begins))
    start = np.maximum.accumulate(np.where(begins, place, 0))
    head = np.where(above >= 0, flat.soft[above], -2)
    yield (
        "with a branch whose soft positions do not count on from its word",
        ~trunk & (flat.soft != head + 1 + place - start),
    )


def _others(batch: pa.RecordBatch, flat: Flat) -> Iterator[tuple[str, Bools]]:
    trunk, above = flat.branch == 0, flat.above()
    yield "with a segment that is not 0 or 1", (flat.segment < 0) | (flat.segment > 1)
    kind = np.where(above >= 0, flat.segment[above], flat.segment)
    fall = np.zeros(len(trunk), np.bool_)
    fall[1:] = (flat.segment[1:] < flat.segment[:-1]) & (flat.owner[1:] == flat.owner[:-1])
    yield "whose segments do not follow each other, or differ in a branch", (flat.segment != kind) | fall
    labelled = np.repeat(sizes(batch, "labels") >= 0, np.diff(flat.offsets))
    told = np.zeros(len(trunk), np.bool_)
    told[labelled] = pc.is_valid(batch["labels"].flatten()).to_numpy(zero_copy_only=False)
    yield "with a label on a branch", told & ~trunk
    numbered = np.repeat(sizes(batch, "input_ids") >= 0, np.diff(flat.offsets))
    below = np.zeros(len(trunk), np.bool_)
    ids = pc.fill_null(batch["input_ids"].flatten(), -1).to_numpy(zero_copy_only=False)
    below[numbered] = ids < 0
    yield "with an id of a token below 0", below
    yield "with a token that is null", pc.is_null(flat.tokens).to_numpy(zero_copy_only=False)
