import tempfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.kb.degrees import Degrees, total

ENTITIES = 12
eids = st.integers(0, ENTITIES - 1)
batches = st.lists(st.lists(st.tuples(eids, eids), max_size=8), max_size=4)


def rows(pairs):
    columns = [pa.array([pair[side] for pair in pairs], pa.uint32()) for side in (0, 1)]
    return pa.RecordBatch.from_arrays(columns, ["head", "tail"])


def _cut_off(folder):
    with Degrees(folder, "triples", counting=True) as degrees:
        degrees.add(rows([(0, 0)]))
        raise ZeroDivisionError


@given(files=st.lists(batches, max_size=3))
def test_degrees_are_counts(files):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, found in enumerate(files):
            with Degrees(folder, f"triples-{number:05}", counting=True) as degrees:
                for pairs in found[1:]:
                    degrees.add(pa.Table.from_batches([rows(pairs)]))
                watched = list(degrees.watch(map(rows, found[:1])))
                assert watched == list(map(rows, found[:1]))
            assert all((folder / path).is_file() for path in degrees.files)
        pairs = [pair for found in files for part in found for pair in part]
        outgoing, incoming = (Counter(pair[side] for pair in pairs) for side in (0, 1))
        assert total(folder, "out", ENTITIES).tolist() == [outgoing[eid] for eid in range(ENTITIES)]
        assert total(folder, "in", ENTITIES).tolist() == [incoming[eid] for eid in range(ENTITIES)]


def test_doing_it_again_does_not_count_twice(tmp_path):
    for _ in range(2):
        with Degrees(tmp_path, "triples", counting=True) as degrees:
            degrees.add(rows([(1, 2), (1, 3)]))
        assert total(tmp_path, "out", 4).tolist() == [0, 2, 0, 0]


def test_a_half_counted_file_is_counted_anew(tmp_path):
    with pytest.raises(ZeroDivisionError):
        _cut_off(tmp_path)
    with Degrees(tmp_path, "triples", counting=True) as degrees:
        degrees.add(rows([(1, 2)]))
    assert total(tmp_path, "in", 3).tolist() == [0, 0, 1]


def test_other_tables_are_not_counted(tmp_path):
    with Degrees(tmp_path, "labels", counting=False) as degrees:
        assert list(degrees.watch([rows([(1, 2)])])) == [rows([(1, 2)])]
    assert degrees.files == []
    assert list(tmp_path.iterdir()) == []


def test_without_triples_all_degrees_are_zero(tmp_path):
    assert total(tmp_path, "in", 3).tolist() == [0, 0, 0]
