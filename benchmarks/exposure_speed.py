"""Measure counting what meets: `kbtools inspect --exposure`, and the counts of `kbtools tree --cooccurrence`.

    python benchmarks/exposure_speed.py [--examples N] [--facts N] [--naive N]

Examples are made up: 512 tokens, Zipf's law for words and entities, a mention about every 12 tokens, of
200,000 entities; facts between them, of 500 relations with 5 cues each. They are written as one Arrow file
and counted from there, on one core, in rounds: the best counts. Plain Python looks, for some of the examples,
at all pairs of mentions with sets and dictionaries, as one would first write it; it must count the same.

Sentences are 25 tokens with two or three entities, counted by `metrics.cooccurrence` alone: reading a corpus
and cutting it into sentences is the reader's time.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa

from kbtools.metrics.cooccurrence import Counts, Pairs, keys_of
from kbtools.shards import exposed
from kbtools.shards.base import SPAN
from kbtools.shards.cues import Cues
from kbtools.shards.exposed import Exposed, Facts

LENGTH, MENTIONS, ENTITIES, RELATIONS, WORDS, BATCH, ROUNDS = 512, 42, 200_000, 500, 30_000, 1024, 3


def zipf(rng: np.random.Generator, top: int, size: Any) -> Any:
    """Draw numbers below `top`, small ones more often."""
    return np.minimum((top ** rng.random(size)).astype(np.int64) - 1, top - 1)


def facts(rng: np.random.Generator, count: int) -> Facts:
    """Draw facts; their ends are often the frequent entities."""
    head, tail = zipf(rng, ENTITIES, count), rng.integers(0, ENTITIES, count)
    relation = zipf(rng, RELATIONS, count)
    told = np.unique(np.stack([head, relation, tail])[:, head != tail], axis=1)
    keys = keys_of(told[0], told[2])
    order = np.argsort(keys, kind="stable")
    head, relation, tail = told[:, order].astype(np.uint32)
    distinct, begins = np.unique(keys[order], return_index=True)
    return Facts(head, relation, tail, Pairs(distinct), np.append(begins, len(order)), 0)


def write(path: Path, rng: np.random.Generator, count: int) -> None:
    """Write examples as shards have them."""
    fields = [("input_ids", pa.list_(pa.int32())), ("word_start", pa.list_(pa.bool_()))]
    fields += [("entities.x.spans", pa.list_(SPAN)), ("entities.x.gold", pa.list_(pa.int64()))]
    schema = pa.schema(fields)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, schema) as out:
        for _ in range(0, count, BATCH):
            tokens = np.arange(0, BATCH * LENGTH + 1, LENGTH, np.int32)
            mentions = np.arange(0, BATCH * MENTIONS + 1, MENTIONS, np.int32)
            start = np.sort(rng.integers(1, LENGTH - 4, (BATCH, MENTIONS)), axis=1).ravel()
            spans = np.stack([start, start + rng.integers(1, 4, len(start))], axis=1).astype(np.int32)
            columns = [
                pa.ListArray.from_arrays(tokens, zipf(rng, WORDS, BATCH * LENGTH).astype(np.int32)),
                pa.ListArray.from_arrays(tokens, pa.array(rng.random(BATCH * LENGTH) < 0.8)),
                pa.ListArray.from_arrays(
                    mentions, pa.FixedSizeListArray.from_arrays(spans.ravel(), type=SPAN)
                ),
                pa.ListArray.from_arrays(mentions, zipf(rng, ENTITIES, BATCH * MENTIONS)),
            ]
            out.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))


def batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Map the file."""
    with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
        for number in range(file.num_record_batches):
            yield file.get_batch(number)


def counted(path: Path, known: Facts, cues: Cues | None) -> Exposed:
    """Count all examples."""
    found = Exposed(known, cues)
    for batch in batches(path):
        found.add(exposed.read(batch, "x"))
    return found


def naive(path: Path, known: Facts, examples: int) -> Counter[tuple[int, int]]:
    """Count pairs of the first examples in plain Python."""
    ends = zip(known.head.tolist(), known.tail.tolist(), strict=True)
    asked = {(min(pair), max(pair)) for pair in ends}
    found: Counter[tuple[int, int]] = Counter()
    for batch in batches(path):
        for gold in batch["entities.x.gold"][: max(examples, 0)].to_pylist():
            found.update(pair for pair in combinations(sorted({*gold}), 2) if pair in asked)
        examples -= batch.num_rows
    return found


def best(do: Callable[[], Any]) -> tuple[float, Any]:
    """Do it some times; return the least seconds, and what it returned."""
    seconds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        made = do()
        seconds.append(time.perf_counter() - begun)
    return min(seconds), made


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--examples", type=int, default=8192)
    parser.add_argument("--facts", type=int, default=1_000_000)
    parser.add_argument("--naive", type=int, default=1024)
    asked = parser.parse_args()
    rng = np.random.default_rng(7)
    known = facts(rng, asked.facts)
    words = sorted(
        {
            (relation, True, (int(word),))
            for relation in range(RELATIONS)
            for word in rng.integers(100, WORDS, 5)
        }
    )
    print("| what | tokens/s on one core | met |\n|---|---|---|")
    with TemporaryDirectory() as folder:
        path = Path(folder, "examples.arrow")
        write(path, rng, asked.examples)
        tokens = -(-asked.examples // BATCH) * BATCH * LENGTH
        for name, cues in (("ends of facts", None), ("ends of facts and cues", Cues(words))):
            seconds, found = best(lambda cues=cues: counted(path, known, cues))
            print(f"| examples: {name} | {tokens / seconds:,.0f} | {int(found.together.sum()):,} |")
        begun = time.perf_counter()
        pairs = naive(path, known, asked.naive)
        plain = time.perf_counter() - begun
        print(
            f"| plain Python, pairs alone | {asked.naive * LENGTH / plain:,.0f} | {sum(pairs.values()):,} |"
        )
        few = Exposed(known, None)
        left = asked.naive
        for batch in batches(path):
            few.add(exposed.read(batch.slice(0, max(left, 0)), "x"))
            left -= batch.num_rows
        first = few.together[known.begins[:-1]]
        assert int(first.sum()) == sum(pairs.values()), "the two ways count differently"
    unit = np.repeat(np.arange(400_000), rng.integers(1, 5, 400_000))
    entity = zipf(rng, ENTITIES, len(unit))
    seconds, counts = best(lambda: _sentences(known, unit, entity))
    print(f"| sentences: entities and pairs | {400_000 * 25 / seconds:,.0f} | {int(counts.pairs.sum()):,} |")


def _sentences(known: Facts, unit: Any, entity: Any) -> Counts:
    """Count some thousand sentences at a time, as batches of a corpus have them."""
    counts = Counts(known.pairs, ENTITIES)
    edges = np.searchsorted(unit, np.arange(0, unit[-1] + 4096, 4096))
    for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        counts.add(4096, unit[low:high], entity[low:high])
    return counts


if __name__ == "__main__":
    main()
