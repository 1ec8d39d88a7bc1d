import numpy as np
import pyarrow as pa

from kbtools.kb import finish, relations
from kbtools.kb.keymap import MISSING
from kbtools.kb.relations import Relations
from kbtools.kb.schema import TABLES
from tests import staged_world as world
from tests import tiny_kb


def described(name, label=None, inverse=None):
    return {
        "key": world.key(name),
        "id": name,
        "label": label,
        "description": label and f"about {label}",
        "inverse": None if inverse is None else world.key(inverse),
    }


def numbered(folder, *parts, old=None):
    """Stage descriptions and uses ("P1 P2"), and return the rows of the relations."""
    tables = [
        {
            "relations": [row for row in rows if isinstance(row, dict)],
            "used": [
                {"key": world.key(name)} for row in rows if isinstance(row, str) for name in row.split()
            ],
        }
        for rows in parts
    ]
    world.stage(folder, tables, size=2)
    facts = world.number(folder, old=old)
    with pa.ipc.open_file(str(folder / relations.FILE)) as file:
        found = file.read_all()
    assert found.schema.equals(TABLES["relations"].schema)
    assert facts["relations"] == found.num_rows
    return found.to_pylist()


def row(rid, name, label=None, inverse=None):
    about = label and f"about {label}"
    return {"rid": rid, "id": name, "label": label, "description": about, "inverse_rid": inverse}


def test_rids_follow_the_keys_whoever_speaks_of_them_first(tmp_path):
    found = numbered(
        tmp_path,
        ["P30 P2", described("P9", "nine")],
        ["P9 P2 P100", described("P1", "one", inverse="P30"), described("P9", "nine again")],
    )
    assert found == [
        row(0, "P1", "one", inverse=3),
        row(1, "P2"),
        row(2, "P9", "nine"),  # the first description counts
        row(3, "P30"),
        row(4, "P100"),
    ]


def test_an_inverse_that_is_not_a_relation_here_is_left_out(tmp_path):
    assert numbered(tmp_path, [described("P1", "one", inverse="P2")]) == [row(0, "P1", "one")]


def test_whole_columns_of_keys(tmp_path):
    numbered(tmp_path, ["P5 P3"], ["P4"])
    found = Relations(tmp_path)
    keys = np.array([world.key(name) for name in ("P5", "P3", "P6", "P2", "P3", "Q4")])
    assert found.get(keys).tolist() == [2, 0, int(MISSING), int(MISSING), 0, int(MISSING)]
    assert found.get(keys[:0]).tolist() == []


def test_no_relations_at_all(tmp_path):
    assert numbered(tmp_path, []) == []
    assert Relations(tmp_path).get(np.array([world.key("P1")])).tolist() == [int(MISSING)]
    assert finish.rid_of(tmp_path, "P1") is None


def test_rids_of_an_earlier_release_stay_and_new_ones_are_appended(tmp_path):
    old = tiny_kb.write(
        tmp_path / "old",
        {
            "entities": [tiny_kb.entity(0, "Q0", None)],
            "relations": [row(0, "P7", "seven", inverse=1), row(1, "P3", "three"), row(2, "P5", "five")],
        },
    )
    found = numbered(
        tmp_path / "new", ["P9 P1 P3", described("P7", "siete", inverse="P9"), described("P3")], old=old
    )
    assert found == [
        row(0, "P7", "siete", inverse=4),
        row(1, "P3"),
        row(2, "P5", "five"),  # gone, and kept
        row(3, "P1"),
        row(4, "P9"),
    ]
    assert finish.rid_of(tmp_path / "new", "P9") == 4
    assert finish.rid_of(tmp_path / "new", "P999") is None
    assert finish.rid_of(tmp_path / "new", None) is None
