import tempfile
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.errors import ArtefactError
from kbtools.kb import staged
from kbtools.kb.parts import Parts, rows_of
from kbtools.kb.staged import SCHEMAS, PartWriter
from tests import staged_world as world

LABELS = [{"row": n // 2, "lang": "en" if n % 2 else None, "text": f"name {n} é"} for n in range(20)]
TYPES = [{"row": n, "type": n << 32} for n in range(7)]


def write(path, tables, *, size=4):
    """Write tables turn by turn, a batch of each and then a block's end."""
    with PartWriter(path) as out:
        for at in range(0, max(map(len, tables.values())), size):
            for table, rows in tables.items():
                out.add(table, world.batch(table, rows[at : at + size]))
            out.end_block()
    return path


def write_wrongly(path):
    """Fail in the middle: the second batch is one of another table."""
    with PartWriter(path) as out:
        out.add("types", world.batch("types", TYPES[:1]))
        out.add("types", world.batch("labels", LABELS))


def read(path, table, columns=None):
    return [row for batch in staged.read(path, table, columns) for row in batch.to_pylist()]


@pytest.mark.parametrize("most", [0, 500, staged.SEGMENT_BYTES])
def test_rows_come_back_in_order_whatever_the_segments(tmp_path, monkeypatch, most):
    monkeypatch.setattr(staged, "SEGMENT_BYTES", most)
    path = write(tmp_path / "parts" / "a.part", {"labels": LABELS, "types": TYPES})
    assert read(path, "labels") == LABELS
    assert read(path, "types") == TYPES
    assert [batch.num_rows for batch in staged.read(path, "labels")] == [4] * 5
    assert [batch.schema for batch in staged.read(path, "types")] == [SCHEMAS["types"]] * 2


@pytest.mark.parametrize("table", SCHEMAS)
def test_every_table_keeps_its_values_and_its_nulls(tmp_path, table):
    samples = {pa.string(): "苹果\x00", pa.bool_(): True, pa.float64(): -0.5}
    full = {field.name: samples.get(field.type, 1) for field in SCHEMAS[table]}
    rows = [full, dict.fromkeys(full), full]
    assert read(write(tmp_path / "a.part", {table: rows}, size=2), table) == rows


def test_a_table_without_rows_is_not_there(tmp_path):
    path = write(tmp_path / "a.part", {"labels": [], "types": TYPES[:1]})
    assert read(path, "labels") == []
    with PartWriter(tmp_path / "b.part") as out:
        out.end_block()
    assert read(tmp_path / "b.part", "labels") == []


def test_some_columns_in_the_order_of_the_schema(tmp_path):
    path = write(tmp_path / "a.part", {"labels": LABELS})
    (batch, *_) = staged.read(path, "labels", ["text", "row"])
    assert batch.schema.names == ["row", "text"]
    assert read(path, "labels", ["lang"]) == [{"lang": row["lang"]} for row in LABELS]


def test_two_of_one_name_are_the_same_bytes(tmp_path):
    one, two = (write(tmp_path / name, {"labels": LABELS}) for name in "ab")
    assert one.read_bytes() == two.read_bytes()


@settings(max_examples=60)
@given(data=st.data(), how=st.sampled_from(["cut", "flip", "overwrite the index"]))
def test_a_damaged_part_is_an_error_and_never_other_rows(data, how):
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder, "a.part"), {"labels": LABELS, "types": TYPES})
        sound = path.read_bytes()
        broken = bytearray(sound)
        if how == "cut":
            del broken[data.draw(st.integers(0, len(sound) - 1)) :]
        else:
            low = 0 if how == "flip" else len(sound) - 60
            for at in data.draw(st.lists(st.integers(low, len(sound) - 1), min_size=1, max_size=4)):
                broken[at] ^= data.draw(st.integers(1, 255))
        path.write_bytes(broken)
        for table, rows in (("labels", LABELS), ("types", TYPES)):
            try:
                found = read(path, table)
            except ArtefactError as error:
                told = str(error)
            else:
                assert found == rows  # the damage lies elsewhere
                continue
            assert str(path) in told
            assert "run the same command again" in told


@pytest.mark.parametrize("content", [b"", b"x", b"\0" * 100, None], ids=["empty", "short", "zeros", "gone"])
def test_what_is_no_part_is_an_error(tmp_path, content):
    if content is not None:
        (tmp_path / "a.part").write_bytes(content)
    with pytest.raises(ArtefactError, match=r"a\.part: damaged or gone; run the same command again"):
        read(tmp_path / "a.part", "labels")


def test_an_error_leaves_neither_part_nor_draft(tmp_path):
    with pytest.raises(pa.ArrowInvalid):
        write_wrongly(tmp_path / "a.part")
    assert list(tmp_path.iterdir()) == []


def test_an_error_at_the_very_end_leaves_neither_part_nor_draft(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PartWriter, "_flush", full)
    with pytest.raises(OSError, match="No space"):
        write(tmp_path / "a.part", {"types": TYPES})
    assert list(tmp_path.iterdir()) == []


def test_a_failed_rewrite_leaves_the_part_that_was_there(tmp_path):
    path = write(tmp_path / "a.part", {"types": TYPES})
    with pytest.raises(pa.ArrowInvalid):
        write_wrongly(path)
    assert read(path, "types") == TYPES


@settings(max_examples=40)
@given(seed=st.integers(0, 1 << 32), size=st.integers(1, 5), data=st.data())
def test_parts_give_the_rows_between_two_entities(seed, size, data):
    rng = Random(seed)
    parts = []
    for _ in range(rng.randrange(1, 5)):
        count = rng.choice([0, 1, 4])
        rows = sorted(rng.randrange(count) for _ in range(rng.randrange(9))) if count else []
        entities = [world.entity(f"Q{n}") for n in range(count)]
        types = [{"row": row, "type": place} for place, row in enumerate(rows)]
        parts.append({"entities": entities, "types": types})
    with tempfile.TemporaryDirectory() as folder:
        made = world.stage(Path(folder), parts, size=size)
        found = Parts(Path(folder))
        total = sum(len(tables["entities"]) for tables in parts)
        assert found.rows == total
        truth = [
            (part.row + row["row"], row["type"])
            for part, tables in zip(made, parts, strict=True)
            for row in tables["types"]
        ]
        first = data.draw(st.integers(0, total))
        end = data.draw(st.integers(first, total))
        got = [
            pair
            for part, batch in found.between("types", first, end)
            for pair in zip(rows_of(part, batch).tolist(), batch["type"].to_pylist(), strict=True)
        ]
        assert got == [pair for pair in truth if first <= pair[0] < end]
