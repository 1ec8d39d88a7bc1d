"""Write a knowledge base of made-up names, of any size, as `kbtools ingest` would.

    python benchmarks/make_names.py KB [--names 10000000] [--seed 1]

Names are one to four words drawn by Zipf's law from a made-up vocabulary, one in twenty with an accent, one
in forty Chinese; a third are labels, a third aliases, the rest redirects and anchors, whose counts follow
Zipf's law too. One entity has four names on average, one name in eight means several. One name in six is
also spelt in another case. The same arguments give the same bytes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.artefact import Staging, Table, begin, entry
from kbtools.kb.schema import TABLES
from kbtools.kb.schema_digest import schema_digest
from kbtools.kb.sorting import out_of_core
from kbtools.kb.writer import plain, write_sorted

CHUNK = 1 << 19
WORDS = 200_000
SYLLABLES = str.split(
    "ba be bo ca ce co da de do fa fe fi ga go ha he ka ki la le li lo ma me mi mo na ne ni no pa pe po ra"
    " re ri ro sa se si so ta te ti to va ve vi wa we ya zo berg burg stein ton land ford son dale mont ville"
)
ACCENTED = ("é", "ö", "ñ", "å", "ç", "š")
HAN = "北京上海广州天地人大中国山水风云金木火土东西南明华文化学院市县区长江黄河"
SOURCES = ("label", "alias", "redirect", "anchor")


def main() -> None:
    """Read the arguments and write the knowledge base."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--names", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    write(asked.out, asked.names, asked.seed)


def write(out: Path, names: int, seed: int = 1) -> None:
    """Write a knowledge base with `names` rows of surfaces and a quarter as many entities."""
    entities = max(1, names // 4)
    with Staging(out, f"names {names} {seed}", overwrite=True, restart=True) as staging:
        new = staging.new
        tables = {}
        for table, batches in (
            ("entities", _entities(entities, seed)),
            ("surfaces", _sorted(staging.folder, names, entities, seed)),
        ):
            files = write_sorted(new, table, batches, step=1 << 17, file=1 << 21)
            rows = entities if table == "entities" else names
            tables[table] = Table(
                rows=rows,
                files=[entry(new, file) for file in files],
                schema=schema_digest(TABLES[table].schema),
            )
        staging.commit(begin("kb", name="names", tables=tables, id_space=[f"names {names} {seed}"]))


def _entities(count: int, seed: int) -> Iterator[pa.RecordBatch]:
    rng = np.random.default_rng([seed, 0])
    schema = plain(TABLES["entities"].schema)
    for low in range(0, count, CHUNK):
        eid = np.arange(low, min(low + CHUNK, count), dtype=np.uint32)
        size = len(eid)
        sitelinks = np.minimum(rng.zipf(2.0, size) - 1, 300).astype(np.uint16)
        degree = np.minimum(rng.zipf(1.8, size) - 1, 1_000_000).astype(np.uint32)
        ids = pc.binary_join_element_wise("Q", pa.array(eid + 1).cast(pa.string()), "")
        yield pa.record_batch(
            [
                pa.array(eid), ids, pa.repeat("item", size), pa.nulls(size, pa.string()),
                pa.nulls(size, pa.string()), pa.nulls(size, pa.string()), pa.array(sitelinks),
                pa.array(degree), pa.array(np.zeros(size, np.uint32)), pa.array(np.zeros(size, np.uint64)),
                pa.array(np.zeros(size, np.uint16)),
            ],
            schema=schema,
        )  # fmt: skip


def _sorted(folder: Path, names: int, entities: int, seed: int) -> Iterator[pa.RecordBatch]:
    yield from out_of_core(folder, "surfaces", _surfaces(names, entities, seed), 1 << 30, threads=2)


def _surfaces(names: int, entities: int, seed: int) -> Iterator[pa.RecordBatch]:
    words = vocabulary(seed)
    schema = plain(TABLES["surfaces"].schema)
    for number, low in enumerate(range(0, names, CHUNK)):
        rng = np.random.default_rng([seed, 1, number])
        size = min(CHUNK, names - low)
        text = _names(rng, words, size)
        eid = rng.integers(0, entities, size).astype(np.uint32)
        source = np.minimum(rng.integers(0, 12, size) // 3, 3)
        again = np.flatnonzero(rng.random(size) < 1 / 8)  # means something else as well
        text = text.take(pa.array(_with(np.arange(size), again, rng.integers(0, size, len(again)))))
        cased = pc.if_else(pa.array(rng.random(size) < 1 / 6), pc.utf8_lower(text), text)
        count = np.minimum(rng.zipf(1.7, size), 1 << 40).astype(np.uint64)
        yield pa.record_batch(
            [
                pa.array(eid), cased, pa.repeat("en", size), pa.array(SOURCES).take(pa.array(source)),
                pa.nulls(size, pa.string()), pa.array(count, mask=source != 3), pa.nulls(size, pa.string()),
            ],
            schema=schema,
        )  # fmt: skip


def _with(values: np.ndarray, places: np.ndarray, others: np.ndarray) -> np.ndarray:
    values[places] = others
    return values


def vocabulary(seed: int) -> pa.StringArray:
    """Make up words of one to four syllables; the most frequent come first."""
    rng = np.random.default_rng([seed, 2])
    syllables = np.array(SYLLABLES)
    parts = syllables[rng.integers(0, len(SYLLABLES), (WORDS, 4))]
    parts[rng.random(WORDS) < 0.7, 3] = ""
    parts[rng.random(WORDS) < 0.3, 2] = ""
    accented = rng.random(WORDS) < 1 / 20
    parts[accented, 1] = np.array(ACCENTED)[rng.integers(0, len(ACCENTED), int(accented.sum()))]
    return pc.utf8_capitalize(pc.binary_join_element_wise(*(pa.array(parts[:, i]) for i in range(4)), ""))


def _names(rng: np.random.Generator, words: pa.StringArray, size: int) -> pa.StringArray:
    def word() -> pa.StringArray:
        return words.take(pa.array((rng.zipf(1.15, size) - 1) % WORDS))

    length = rng.choice(4, size, p=[0.25, 0.45, 0.2, 0.1])
    name = word()
    for more in range(1, 4):
        longer = pc.binary_join_element_wise(name, word(), " ")
        name = pc.if_else(pa.array(length >= more), longer, name)
    han = np.array(list(HAN))[rng.integers(0, len(HAN), (size, 3))]
    chinese = pc.binary_join_element_wise(*(pa.array(han[:, i]) for i in range(3)), "")
    return pc.if_else(pa.array(rng.random(size) < 1 / 40), chinese, name)


if __name__ == "__main__":
    main()
