import tempfile
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest
import xxhash
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kbtools.artefact import digest, perform
from kbtools.kb import finish, numbering
from kbtools.kb.schema import TABLES
from kbtools.kb.schema_digest import schema_digest
from kbtools.kb.soundness import out_of_order
from tests import staged_world as world
from tests import tiny_kb

seeds = st.integers(0, 1 << 32)
DAMAGE = [["dump1", 250, "cut off"], ["dump0", 77, "bad check sum"]]


def check(folder, expected, done):
    """Compare all tables with those expected, and what is said of them with the files."""
    for table, rows in expected.items():
        assert world.rows_of(folder, table) == rows, table
    tables = finish.tables_of(folder, done)
    assert set(tables) == {*expected, "classes"}
    written = {str(p.relative_to(folder / "new")) for p in (folder / "new").rglob("*") if p.is_file()}
    assert written == {file.path for table in tables.values() for file in table.files}
    for name, table in tables.items():
        rows = world.rows_of(folder, name)
        assert table.rows == len(rows)
        assert table.schema == schema_digest(TABLES[name].schema)
        assert rows == world.in_order(name, rows)
        assert out_of_order(world.plain_batches(name, rows, 5), TABLES[name].order) is None
        assert [file.path for file in table.files] == sorted(file.path for file in table.files)
        for file in table.files:
            path = folder / "new" / file.path
            assert (file.bytes, file.digest) == (path.stat().st_size, digest.of_file(path))


def check_places(folder):
    """A table sorted by entity has its rows in the file that their eid says, in the group that it says."""
    for name in ("entities", *finish.BY_EID):
        for path in (folder / "new" / name).iterdir():
            with pq.ParquetFile(path) as file:
                groups = [file.read_row_group(n)[TABLES[name].key[0]] for n in range(file.num_row_groups)]
            eids = [set(group.to_numpy() // numbering.GROUP) for group in groups]
            assert all(len(group) == 1 for group in eids)
            places = [place for group in eids for place in group]
            assert places == sorted(set(places))
            assert {place // finish.GROUPS for place in places} <= {int(path.stem)}


def id_space(expected):
    ids = [row["id"] for row in expected["entities"]]
    return xxhash.xxh3_128_hexdigest("".join(f"{name}\n" for name in ids).encode())


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(seed=seeds, size=st.integers(1, 20))
def test_any_world_becomes_the_tables_of_a_naive_builder(seed, size):
    made = world.random_world(Random(seed))
    expected = made.expected()
    expected["rejects"] = world.in_order(
        "rejects",
        expected["rejects"]
        + [{"file": f, "line": None, "byte": at, "reason": why, "snippet": ""} for f, at, why in DAMAGE],
    )
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        world.small_groups(patch)
        folder = made.stage(Path(name), size=size)
        done, facts = world.finished(folder, damage=DAMAGE)
        check(folder, expected, done)
        check_places(folder)
    assert facts["id space"] == id_space(expected)
    assert facts["entities"] == len(expected["entities"])
    assert facts["relations"] == len(expected["relations"])


@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow])
@given(seed=seeds, size=st.integers(1, 20))
def test_release_after_release_as_a_naive_builder_would(seed, size):
    rng = Random(seed)
    before: world.Tables | None = None
    for _ in range(3):
        made = world.random_world(rng, entities=rng.choice([1, 8, 40]), select=rng.random() < 0.5)
        if before is not None and not before["entities"]:
            break
        expected = made.expected(before)
        with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
            world.small_groups(patch)
            folder = made.stage(Path(name, "new"), size=size)
            old = None if before is None else tiny_kb.write(Path(name, "old"), before, files=2)
            done, facts = world.finished(folder, old=old)
            check(folder, expected, done)
            check_places(folder)
        assert facts["id space"] == id_space(expected)
        before = expected


def test_the_bytes_do_not_depend_on_how_parts_are_cut_into_batches(tmp_path, monkeypatch):
    world.small_groups(monkeypatch)
    made = world.random_world(Random(5))
    found = []
    for size in (1, 4, 100):
        done, _ = world.finished(made.stage(tmp_path / str(size), size=size))
        found.append(finish.tables_of(tmp_path / str(size), done))
    assert found[0] == found[1] == found[2]


def test_a_slice_can_be_made_again_and_in_any_order(tmp_path, monkeypatch):
    world.small_groups(monkeypatch)
    made = world.random_world(Random(6))
    once, _ = world.finished(made.stage(tmp_path / "once"))
    folder = made.stage(tmp_path / "again")
    world.number(folder)
    tasks = finish.second_wave(folder, without=(), damage=[], memory=world.MEMORY)
    assert len(tasks) > 12  # several files of each sliced table
    done = [perform(task, folder) for task in [*tasks, *reversed(tasks)]]
    done += [perform(task, folder) for task in _third(folder)]
    assert finish.tables_of(folder, done) == finish.tables_of(tmp_path / "once", once)


def _third(folder):
    rid = finish.rid_of(folder, world.SUBCLASS_OF)
    return finish.third_wave(folder, subclass_of=rid, memory=world.MEMORY, workers=1)


@pytest.mark.parametrize("follows", [False, True])
def test_tables_that_a_source_does_not_have_are_absent(tmp_path, follows):
    without = ["literals", "qualifiers", "triples", "types", "labels", "surfaces", "xref", "sitelinks"]
    rows = [world.entity(f"Q{n}", label="x", line=n) for n in range(3)]
    world.stage(tmp_path / "new", [{"entities": rows}])
    before = {"entities": [tiny_kb.entity(0, "Q2", None)]}
    old = tiny_kb.write(tmp_path / "old", before) if follows else None
    done, facts = world.finished(tmp_path / "new", old=old, without=without)
    tables = finish.tables_of(tmp_path / "new", done)
    assert sorted(tables) == ["descriptions", "entities", "redirects", "rejects", "relations"]
    assert [tables[name].rows for name in sorted(tables)] == [0, 3, 0, 0, 0]
    assert "classes in cycles" not in facts  # without types and subclasses there is nothing to close


def test_nothing_staged_is_an_empty_base(tmp_path):
    world.stage(tmp_path, [])
    done, facts = world.finished(tmp_path)
    tables = finish.tables_of(tmp_path, done)
    assert set(tables) == set(TABLES) - {"pages", "anchors"}  # these come from named sources only
    assert all(table.rows == 0 and len(table.files) == 1 for table in tables.values())
    assert facts["entities"] == 0
    assert finish.ids_of(tmp_path, []) == []


def test_rejects_may_lack_their_line_or_byte(tmp_path):
    reject: world.Row = {"reason": "odd", "snippet": "…"}
    parts: list[world.Tables] = [
        {"entities": [world.entity("Q1")], "rejects": [reject | {"line": 3}, reject | {"byte": 9}, reject]},
        {"rejects": [reject | {"line": 0, "byte": 0}]},
    ]
    world.stage(tmp_path, parts)
    world.finished(tmp_path)
    rows = [(row["file"], row["line"], row["byte"]) for row in world.rows_of(tmp_path, "rejects")]
    assert rows == [("dump0", None, 9), ("dump0", 101, 1000), ("dump0", 4, None), ("dump0", None, None)]


def test_cycles_are_named(tmp_path):
    def subclass(row, of):
        own = {"row": row, "relation": world.key(world.SUBCLASS_OF), "tail": world.key(of)}
        return own | {"rank": 0, "best": True, "statement": row}

    world.stage(
        tmp_path,
        [
            {
                "entities": [world.entity(name) for name in ("Q7", "Q5", "Q9")],
                "used": [{"key": world.key(world.SUBCLASS_OF)}],
                "triples": [subclass(0, "Q5"), subclass(1, "Q7"), subclass(2, "Q9")],
            }
        ],
    )
    _, facts = world.finished(tmp_path)
    assert finish.ids_of(tmp_path, facts["cycles"]) == [["Q7", "Q5"], ["Q9"]]


@pytest.mark.long
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(seed=seeds)
def test_larger_worlds(seed):
    made = world.random_world(Random(seed), entities=200, parts=7)
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        world.small_groups(patch, group=16, groups=4)
        done, _ = world.finished(made.stage(Path(name), size=17))
        check(Path(name), made.expected(), done)
