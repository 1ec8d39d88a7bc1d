import random
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.errors import ArtefactError
from kbtools.kb import database, sorting
from kbtools.kb.schema import TABLES
from kbtools.kb.writer import plain
from tests import staged_world as world

MEMORY = 1 << 28


SORTED = [table for table in TABLES if table != "pages"]  # these stand in the dump's order


@pytest.mark.parametrize("table", SORTED)
@given(seed=st.integers(0, 1 << 32), count=st.integers(0, 40), size=st.integers(1, 50))
def test_in_memory_is_sorted(table, seed, count, size):
    rng = Random(seed)
    rows = world.random_rows(table, count, rng, spread=rng.choice([2, 5, 256]))
    found = sorting.in_memory(table, world.plain_batches(table, rows, size))
    assert found.schema.equals(plain(TABLES[table].schema))
    assert found.to_pylist() == world.in_order(table, rows)


@pytest.mark.parametrize("table", SORTED)
def test_out_of_core_is_sorted(tmp_path, table):
    for count in (0, 1, 300):
        rows = world.random_rows(table, count, Random(count))
        found = list(sorting.out_of_core(tmp_path, table, world.plain_batches(table, rows, 7), MEMORY))
        assert [row for batch in found for row in batch.to_pylist()] == world.in_order(table, rows)
        assert all(batch.schema.equals(plain(TABLES[table].schema)) for batch in found)


def test_the_largest_numbers_and_equal_beginnings(tmp_path):
    names = ["same beginning, " * 3 + end for end in ("b", "a", "")] + ["z", "\U0010ffff", "\uffff"]
    rows = [
        {"head": 2**32 - 1 - n % 2, "relation": 0, "datatype": "d", "value": value, "rank": -1, "best": True}
        | {"statement": 2**64 - 1 - n, "number": (n % 3 - 1) * 1e300}
        for n, value in enumerate(names * 2)
    ]
    rows = [dict.fromkeys(TABLES["literals"].schema.names) | row for row in rows]
    batches = world.plain_batches("literals", rows, 5)
    truth = world.in_order("literals", rows)
    assert sorting.in_memory("literals", batches).to_pylist() == truth
    (found,) = sorting.out_of_core(tmp_path, "literals", batches, MEMORY)
    assert found.to_pylist() == truth


def many(count, *, seed):
    """Many surfaces, in batches, that share the beginnings of their texts."""
    rng = np.random.default_rng(seed)
    schema = plain(TABLES["surfaces"].schema)
    for _ in range(0, count, 1 << 14):
        numbers = rng.integers(0, count // 2, 1 << 14)
        texts = pa.array(
            [f"a rather long and rather common beginning of a name {n * 7919 % 10**9:x}" for n in numbers]
        )
        columns = {
            "eid": pa.array(numbers, pa.uint32()),
            "text": texts,
            "lang": pa.array(np.repeat("en", len(numbers)), mask=numbers % 3 == 0),
            "source": pa.repeat("label", len(numbers)),
            "atom": pa.array(rng.integers(0, 9, len(numbers)).astype(str)),
        }
        nulls = pa.nulls(len(numbers))
        yield pa.RecordBatch.from_arrays(
            [columns.get(field.name, nulls).cast(field.type) for field in schema], schema=schema
        )


def test_what_does_not_fit_is_spilled_beside_the_target_and_comes_out_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "LEAST", 0)
    opened = tmp_path / "work" / "spill"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setenv("TMPDIR", str(elsewhere))
    most = 0
    found = []
    for batch in sorting.out_of_core(tmp_path, "surfaces", many(400_000, seed=1), 40 << 20):
        most = max(most, sum(path.stat().st_size for path in opened.iterdir()))
        found.append(batch)
    assert most > 4 << 20
    assert list(opened.iterdir()) == []
    assert list(elsewhere.iterdir()) == []
    expected = sorting.in_memory("surfaces", many(400_000, seed=1))
    assert pa.Table.from_batches(found).combine_chunks().equals(expected.combine_chunks())


def test_nothing_is_left_behind_when_it_is_given_up(tmp_path):
    rows: Any = sorting.out_of_core(tmp_path, "surfaces", many(40_000, seed=2), MEMORY)
    next(rows)
    rows.close()
    assert list((tmp_path / "work" / "spill").iterdir()) == []


def test_an_error_among_the_rows_is_the_error_that_is_seen(tmp_path):
    def rows():
        yield from world.plain_batches("types", [{"eid": 1, "type": 2}], 1)
        raise ArtefactError("x.part: damaged")

    with pytest.raises(ArtefactError, match=r"^x\.part: damaged$"):
        list(sorting.out_of_core(tmp_path, "types", rows(), MEMORY))


@pytest.mark.long
@pytest.mark.parametrize("table", ["literals", "qualifiers", "triples"])
def test_both_ways_agree_on_many_rows_with_many_ties(tmp_path, table):
    rng = random.Random(table)
    batches = [
        batch
        for _ in range(20)
        for batch in world.plain_batches(table, world.random_rows(table, 10_000, rng), 9999)
    ]
    found = list(sorting.out_of_core(tmp_path, table, batches, MEMORY))
    assert (
        pa.Table.from_batches(found)
        .combine_chunks()
        .equals(sorting.in_memory(table, batches).combine_chunks())
    )
