import hashlib
import os
import tempfile
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.kb import writer
from kbtools.kb.schema import TABLES
from kbtools.kb.writer import FileWriter, file_name, plain, write_by, write_file, write_rows
from tests import staged_world as world


def triples(*heads):
    zero = dict.fromkeys(("relation", "tail", "rank"), 0) | {"best": True, "split": None}
    return [{"head": head, "statement": n, **zero} for n, head in enumerate(heads)]


def groups_of(new, name):
    """List the row groups of a file, each as its heads."""
    with pq.ParquetFile(new / name) as file:
        return [file.read_row_group(n)["head"].to_pylist() for n in range(file.num_row_groups)]


def cut(table, rows, sizes):
    """Cut rows into batches of these sizes, over and over; some are empty."""
    sizes = [*sizes, 1]
    schema, at, turn = plain(TABLES[table].schema), 0, 0
    while at < len(rows):
        size = sizes[turn % len(sizes)]
        yield pa.RecordBatch.from_pylist(rows[at : at + size], schema)
        at, turn = at + size, turn + 1


def digests(new):
    return {
        str(path.relative_to(new)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(new.rglob("*.parquet"))
    }


sizes = st.lists(st.integers(0, 9), max_size=4)


@settings(max_examples=40)
@given(seed=st.integers(0, 1 << 32), count=st.integers(0, 30), one=sizes, two=sizes)
def test_the_bytes_do_not_depend_on_the_batches(seed, count, one, two):
    rng = Random(seed)
    table = rng.choice(["triples", "literals", "surfaces", "redirects"])
    rows = world.in_order(table, world.random_rows(table, count, rng, spread=20))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        world.small_groups(patch)
        found, names = [], []
        for place, batching in enumerate((one, two)):
            new = Path(folder, str(place), "new")
            batches = cut(table, rows, batching)
            if table in ("triples", "literals"):
                names.append(write_by(new, table, batches, column="head", step=3, file=6))
            else:
                names.append(write_rows(new, table, batches))
            found.append(digests(new))
            assert world.rows_of(new.parent, table) == rows
        assert found[0] == found[1]
        assert names[0] == names[1] == list(found[0])


def test_groups_and_files_of_so_many_rows(tmp_path, monkeypatch):
    world.small_groups(monkeypatch, group=4, groups=2)
    new = tmp_path / "new"
    names = write_rows(new, "triples", cut("triples", triples(*range(21)), [3, 0, 9]))
    assert names == ["triples/00000.parquet", "triples/00001.parquet", "triples/00002.parquet"]
    assert [groups_of(new, name) for name in names] == [
        [[0, 1, 2, 3], [4, 5, 6, 7]],
        [[8, 9, 10, 11], [12, 13, 14, 15]],
        [[16, 17, 18, 19], [20]],
    ]


@pytest.mark.parametrize(("count", "files"), [(0, 1), (1, 1), (7, 1), (8, 1), (9, 2), (16, 2), (17, 3)])
def test_as_many_files_as_are_needed(tmp_path, monkeypatch, count, files):
    world.small_groups(monkeypatch, group=4, groups=2)
    names = write_rows(tmp_path / "new", "triples", cut("triples", triples(*range(count)), [5]))
    assert names == [file_name("triples", number) for number in range(files)]
    assert len(world.rows_of(tmp_path, "triples")) == count


def test_groups_and_files_by_the_values_of_a_column(tmp_path):
    new = tmp_path / "new"
    heads = [1, 1, 3, 4, 4, 4, 5, 9, 40, 41, 47, 80]
    names = write_by(new, "triples", cut("triples", triples(*heads), [5]), column="head", step=4, file=8)
    assert names == [file_name("triples", number) for number in (0, 1, 5, 10)]
    assert [groups_of(new, name) for name in names] == [
        [[1, 1, 3], [4, 4, 4, 5]],
        [[9]],
        [[40, 41], [47]],
        [[80]],
    ]


def test_the_first_file_is_there_even_if_it_is_empty(tmp_path):
    new = tmp_path / "new"
    names = write_by(new, "triples", cut("triples", triples(17, 18), [9]), column="head", step=4, file=8)
    assert names == [file_name("triples", 0), file_name("triples", 2)]
    assert [groups_of(new, name) for name in names] == [[], [[17, 18]]]


@pytest.mark.parametrize("table", TABLES)
def test_a_table_without_rows_is_one_empty_file_of_its_schema(tmp_path, table):
    for place, write in (
        ("a", lambda new: write_rows(new, table, [])),
        ("b", lambda new: write_by(new, table, [], column="eid", step=4, file=8)),
        ("c", lambda new: write_file(new, table, 0, [])),
    ):
        assert write(tmp_path / place / "new") == [file_name(table, 0)]
        assert world.rows_of(tmp_path / place, table) == []
    assert (
        digests(tmp_path / "a" / "new") == digests(tmp_path / "b" / "new") == digests(tmp_path / "c" / "new")
    )
    assert write_file(tmp_path / "c" / "new", table, 1, []) == []


@pytest.mark.parametrize("table", TABLES)
def test_schema_and_dictionaries_come_back(tmp_path, table):
    rows = world.in_order(table, world.random_rows(table, 40, Random(1)))
    (name,) = write_rows(tmp_path / "new", table, world.plain_batches(table, rows, 7))
    with pq.ParquetFile(tmp_path / "new" / name) as file:
        assert file.schema_arrow.equals(TABLES[table].schema)
        found = file.read()
        for field in TABLES[table].schema:
            if pa.types.is_dictionary(field.type):
                assert found[field.name].type.equals(pa.dictionary(pa.int32(), pa.string()))
        for at in range(file.metadata.num_columns):
            column = file.metadata.row_group(0).column(at)
            assert column.compression == "ZSTD"
            assert column.statistics is not None
    assert found.to_pylist() == rows


@pytest.mark.parametrize("write", [write_rows, lambda *a: write_by(*a, column="head", step=4, file=8)])
def test_a_failure_leaves_no_draft(tmp_path, monkeypatch, write):
    world.small_groups(monkeypatch, group=4, groups=2)

    def batches():
        yield from cut("triples", triples(*range(22)), [3])
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        write(tmp_path / "new", "triples", batches())
    whole = set(digests(tmp_path / "new"))
    assert whole <= {file_name("triples", 0), file_name("triples", 1)}
    assert {path.name for path in (tmp_path / "new" / "triples").iterdir()} == {Path(n).name for n in whole}
    assert list((tmp_path / "work" / "drafts").iterdir()) == []


def test_a_file_grows_outside_of_what_will_be_published(tmp_path):
    new = tmp_path / "new"
    with FileWriter(new, "triples", 3) as out:
        out.write(pa.Table.from_batches(cut("triples", triples(1, 2), [9])))
        assert list((new / "triples").iterdir()) == []
        (draft,) = (tmp_path / "work" / "drafts").iterdir()
        assert draft.name == f"triples-00003.{os.getpid()}"
    assert (out.name, out.rows) == ("triples/00003.parquet", 2)
    assert [path.name for path in (new / "triples").iterdir()] == ["00003.parquet"]


def test_files_are_written_as_the_rows_come(tmp_path, monkeypatch):
    world.small_groups(monkeypatch, group=4, groups=2)
    seen = []

    def batches():
        for batch in world.plain_batches("triples", triples(*range(40)), 4):
            seen.append(len(list((tmp_path / "new").rglob("*.parquet"))))
            yield batch

    write_rows(tmp_path / "new", "triples", batches())
    assert seen == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]  # one group is held, not a file's


@pytest.mark.long
def test_text_beyond_what_a_column_holds_is_an_error_not_a_loss(tmp_path):
    half = pa.array(["x" * (1 << 20)] * 1025)
    row = {"from_id": pa.chunked_array([half, half]), "to_eid": pa.array([0] * 2050, pa.uint32())}
    rows = pa.table({**row, "kind": pa.repeat("merge", 2050)}, schema=plain(TABLES["redirects"].schema))
    with (
        pytest.raises(pa.ArrowInvalid, match="overflow"),
        FileWriter(tmp_path / "new", "redirects", 0) as out,
    ):
        out.write(rows)


def test_plain_has_strings_where_there_were_dictionaries():
    for spec in TABLES.values():
        found = plain(spec.schema)
        assert found.names == spec.schema.names
        assert not any(pa.types.is_dictionary(field.type) for field in found)
        assert [f.nullable for f in found] == [f.nullable for f in spec.schema]
    assert writer.ROWS_IN_GROUP >= 1 << 16
