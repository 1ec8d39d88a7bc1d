from __future__ import annotations

import msgspec
import pyarrow as pa
import pytest

from kbtools import artefact
from kbtools.artefact import Input, KbRef, digest
from kbtools.errors import ArtefactError
from kbtools.kb.reader import Kb
from kbtools.kb.soundness import out_of_order
from kbtools.kb.verify import verify
from tests import tiny_kb


@pytest.fixture
def kb(tmp_path):
    return tiny_kb.write(tmp_path / "kb", tiny_kb.world(), files=2)


def problems(tmp_path, **tables) -> list[str]:
    """Write the tiny world with some tables changed, and look deep."""
    kb = tiny_kb.write(tmp_path / "kb", tiny_kb.world() | tables)
    return verify(kb, deep=True, threads=1).problems


@pytest.mark.parametrize("deep", [False, True])
def test_a_sound_knowledge_base(kb, deep):
    found = verify(kb, deep=deep, threads=2)
    assert found.problems == []
    assert (found.kind, found.tables, found.rows, found.files) == ("kb", 9, 24, 14)


def test_files_gone_cut_and_foreign_are_all_named(kb):
    Kb(kb).files("labels")[1].unlink()
    cut = Kb(kb).files("entities")[0]
    cut.write_bytes(cut.read_bytes()[:-1])
    (kb / "notes.txt").write_text("mine")
    (kb / "labels" / "00007.parquet").write_bytes(b"")
    found = verify(kb)
    told = [
        "entities/00000.parquet: ",
        "labels/00001.parquet: gone",
        "00007.parquet: does not belong here",
        "notes.txt: ",
    ]
    assert len(found.problems) == 4
    assert all(part in problem for part, problem in zip(told, found.problems, strict=True))


def test_rows_columns_and_the_manifest_itself_are_compared(kb):
    tables = msgspec.to_builtins(Kb(kb).manifest.tables)
    tables["labels"]["rows"] = 7
    tables["types"]["schema"] = "other"
    tiny_kb.edit_manifest(kb, tables=tables)
    assert [problem.split(": ", 1)[1] for problem in verify(kb).problems] == [
        "5 rows, where the manifest says 7",
        "its columns are not those that the manifest says",
        "its columns are not those that the manifest says",
        "its content digest does not fit its tables: it was edited",
    ]


def test_a_flipped_bit_is_found_by_looking_deep(kb):
    file = Kb(kb).files("triples")[1]
    data = bytearray(file.read_bytes())
    data[40] ^= 1
    file.write_bytes(data)
    assert verify(kb).sound
    assert verify(kb, deep=True).problems == [f"{file}: damaged: its bytes have changed"]


def test_a_broken_footer_is_one_line(kb):
    file = Kb(kb).files("triples")[1]
    file.write_bytes(b"\0" * file.stat().st_size)
    (problem,) = verify(kb).problems
    assert problem.startswith(f"{file}: its footer cannot be read: ")
    assert "\n" not in problem


def test_inputs_are_compared_where_they_still_are(tmp_path, kb):
    dump, changed = tmp_path / "dump.json", tmp_path / "changed.json"
    dump.write_text("[]")
    changed.write_text("[1]")
    inputs = [
        Input(path=str(dump), kind="dump", content=digest.of_dump(dump)),
        Input(path=str(changed), kind="dump", content=digest.of_dump(dump)),
        Input(path=str(tmp_path / "gone.json"), kind="dump", content="x"),
        Input(path=str(kb), kind="kb", content="another"),
    ]
    made = tiny_kb.write(tmp_path / "made", tiny_kb.world(), inputs=inputs)
    assert verify(made).sound
    assert verify(made, deep=True).problems == [
        f"input {changed}: not what this was made from any more",
        f"input {kb}: not what this was made from any more",
    ]


def test_order(tmp_path):
    rows = tiny_kb.world()["triples"]
    assert problems(tmp_path, triples=[*rows[1:], rows[0]]) == [
        "triples: row 4 is out of order; rows are sorted by head, relation, tail"
    ]


def test_ids_are_dense_and_unique(tmp_path):
    entities = tiny_kb.world()["entities"]
    entities[4]["eid"], entities[5]["id"] = 3, "Q5"
    found = problems(tmp_path, entities=entities, triples=[], types=[], qualifiers=[])
    assert "entities: 1 row with a repeated eid" in found
    assert "entities: ids are not unique: 'Q5' 2 times" in found


def test_a_hole_in_the_numbers(tmp_path):
    relations = tiny_kb.world()["relations"]
    relations[2]["rid"] = 5
    assert "relations: rid is not dense: 3 rows, and the last is 5" in problems(tmp_path, relations=relations)


def test_references(tmp_path):
    types = [{"eid": 1, "type": 6}, {"eid": 7, "type": 6}]
    qualifiers = [
        {"statement": 5, "relation": 3, "tail": 4, "ord": 0},
        {"statement": 99, "relation": 1, "ord": 0},
    ]
    assert problems(tmp_path, types=types, qualifiers=qualifiers) == [
        "qualifiers: 1 row with a relation beyond the last of relations",
        "types: 1 row with a eid beyond the last of entities",
        "types: 2 rows with a type beyond the last of entities",
        "qualifiers: 1 row of no statement",
    ]


def test_degrees_are_counted_again(tmp_path):
    entities = tiny_kb.world()["entities"]
    entities[4]["in_degree"] = 9
    assert problems(tmp_path, entities=entities) == [
        "entities: in_degree is wrong in 1 row; eid 4 says 9, triples 2"
    ]


def test_best_follows_from_rank_over_triples_and_literals(tmp_path):
    literals = tiny_kb.world()["literals"]
    literals[0] |= {
        "head": 3,
        "relation": 1,
        "rank": 1,
    }  # preferred: the triple (3, 1, 4) is not best any more
    assert problems(tmp_path, literals=literals) == [
        "literals, triples: best does not follow from rank in 1 row, first for head 3, relation 1"
    ]


def test_a_table_of_entities_is_missed_but_not_in_an_overlay(tmp_path):
    labels = {"labels": tiny_kb.world()["labels"]}
    alone = tiny_kb.write(tmp_path / "alone", labels)
    over = tiny_kb.write(tmp_path / "over", labels, base=KbRef(name="tiny", content="x"))
    assert verify(alone, deep=True).problems == ["labels: speaks of entities, a table that is absent"]
    assert verify(over, deep=True).sound


def test_other_kinds_are_verified_by_their_files(tmp_path):
    with artefact.Staging(tmp_path / "run", "plan") as staging:
        (staging.new / "model.bin").write_bytes(b"1234")
        table = artefact.Table(rows=1, files=[artefact.entry(staging.new, "model.bin")], schema="")
        staging.commit(msgspec.structs.replace(artefact.begin("run"), tables={"model": table}))
    assert verify(tmp_path / "run", deep=True).sound
    (tmp_path / "run" / "model.bin").write_bytes(b"1235")
    assert "damaged" in verify(tmp_path / "run", deep=True).problems[0]


def test_what_is_no_artefact_is_refused(tmp_path):
    with pytest.raises(ArtefactError, match="no such artefact"):
        verify(tmp_path / "absent")


@pytest.mark.parametrize(
    ("values", "row"),
    [
        ([], None),
        ([(1, "a")], None),
        ([(1, "a"), (1, "a"), (1, None), (2, None), (3, "a"), (None, "a"), (None, "b")], None),
        ([(1, "a"), (2, "a"), (1, "z")], 2),
        ([(1, "b"), (1, "a")], 1),
        ([(1, None), (1, "a")], 1),
        ([(None, "a"), (1, "a")], 1),
        ([(1, "Z"), (1, "a"), (1, "ä"), (1, "柏"), (1, "𝄞")], None),  # by code point, not by alphabet
        ([(1, "\uffff"), (1, "𝄞")], None),  # not by UTF-16
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_order_is_checked_over_the_edges_of_batches(values, row, size):
    columns = {
        "a": pa.array([a for a, _ in values], pa.uint32()),
        "b": pa.array([b for _, b in values], pa.string()).dictionary_encode(),
    }
    batches = pa.table(columns).to_batches(size)
    assert out_of_order(batches, ["a", "b"]) == row
