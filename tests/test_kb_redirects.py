import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.kb import numbering, redirects
from kbtools.kb.keymap import MISSING, KeyMap
from tests import staged_world as world
from tests import tiny_kb


def stage(folder, entities, pairs, *, size=2):
    moved = [{"from_id": a, "key": world.key(a), "to": world.key(b), "kind": "merge"} for a, b in pairs]
    half = len(moved) // 2
    rows = [world.entity(name) for name in entities]
    world.stage(
        folder, [{"entities": rows, "redirects": moved[:half]}, {"redirects": moved[half:]}], size=size
    )
    return folder


def resolved(folder):
    with pa.ipc.open_file(str(folder / redirects.FILE)) as file:
        return [tuple(row.values()) for row in file.read_all().to_pylist()]


def follow(entities, pairs):
    """Walk from each id until an entity is met, the walk ends or comes back."""
    leads: dict[str, str] = {}
    for name, target in pairs:
        leads.setdefault(name, target)
    found = {}
    for name, target in leads.items():
        seen, end = {name}, target
        while end not in entities and end in leads and end not in seen:
            seen.add(end)
            end = leads[end]
        if end in entities and name not in entities:
            found[name] = entities[end]
    return found


def test_chains_loops_and_all_that(tmp_path):
    pairs = {
        "Q10": "Q1",
        "Q11": "Q10",  # a chain
        "Q12": "Q12",  # to itself
        "Q13": "Q14", "Q14": "Q15", "Q15": "Q13",  # in a circle
        "Q16": "Q13",  # into a circle
        "Q17": "Q99",  # to an id that is not in this base
        "Q2": "Q1",  # from an entity
        "Q18": "Q2",  # to an entity that has a redirect too
        "P5": "Q0",
    }  # fmt: skip
    stage(tmp_path, ["Q0", "Q1", "Q2"], pairs.items())
    facts = world.number(tmp_path)
    assert resolved(tmp_path) == [
        ("P5", 0, "merge"), ("Q10", 1, "merge"), ("Q11", 1, "merge"), ("Q18", 2, "merge"),
    ]  # fmt: skip
    assert (facts["redirects"], facts["redirects elsewhere"]) == (4, 7)
    keys = np.array([world.key(name) for name in ("Q11", "Q13", "Q2", "Q99")])
    known = KeyMap(tmp_path / numbering.KEYS).get(keys).tolist()
    assert known == [1, int(MISSING), 2, int(MISSING)]


def test_of_two_redirects_from_one_id_the_first_counts(tmp_path):
    stage(tmp_path, ["Q0", "Q1"], [("Q7", "Q1"), ("Q8", "Q0"), ("Q7", "Q0"), ("Q7", "Q9")])
    world.number(tmp_path)
    assert resolved(tmp_path) == [("Q7", 1, "merge"), ("Q8", 0, "merge")]


def test_a_long_chain_is_followed_to_its_end(tmp_path):
    length = redirects.LONGEST
    stage(tmp_path, ["Q0"], [(f"Q{n + 1}", f"Q{n}") for n in range(length)])
    assert world.number(tmp_path)["redirects"] == length


def test_without_redirects_nothing_is_said_of_them(tmp_path):
    stage(tmp_path, ["Q0"], [])
    assert "redirects" not in world.number(tmp_path)
    assert resolved(tmp_path) == []


ids = st.integers(0, 20).map("Q{}".format)


@settings(max_examples=60)
@given(
    entities=st.lists(ids, unique=True, max_size=6),
    pairs=st.lists(st.tuples(ids, ids), max_size=25),
    size=st.integers(1, 4),
)
def test_any_redirects_are_followed(entities, pairs, size):
    with tempfile.TemporaryDirectory() as name:
        folder = stage(Path(name), entities, pairs, size=size)
        world.number(folder)
        found = resolved(folder)
        truth = follow({name: eid for eid, name in enumerate(entities)}, pairs)
        assert found == sorted((name, eid, "merge") for name, eid in truth.items())
        names = [f"Q{n}" for n in range(21)]
        keys = np.array([world.key(name) for name in names])
        known = KeyMap(folder / numbering.KEYS).get(keys).tolist()
    for name, eid in zip(names, known, strict=True):
        assert eid == (entities.index(name) if name in entities else truth.get(name, int(MISSING)))


def test_redirects_of_an_earlier_release_live_on_unless_something_newer_is_known(tmp_path):
    ids = ["Q0", "Q1", "Q2", "Q3", "Q4"]
    old = tiny_kb.write(
        tmp_path / "old",
        {
            "entities": [
                tiny_kb.entity(eid, name, None, flags=int(name == "Q4")) for eid, name in enumerate(ids)
            ],
            "redirects": [
                {"from_id": "Q4", "to_eid": 4, "kind": "retired"},
                {"from_id": "Q70", "to_eid": 1, "kind": "merge"},  # Q1 is merged into Q0 now
                {"from_id": "Q71", "to_eid": 2, "kind": "merge"},  # Q2 is gone for good
                {"from_id": "Q72", "to_eid": 3, "kind": "merge"},  # led to Q3, now to Q0
                {"from_id": "Q73", "to_eid": 0, "kind": "merge"},  # an entity again
                {"from_id": "Q74", "to_eid": 0, "kind": "title"},
            ],
        },
    )
    stage(tmp_path / "new", ["Q0", "Q3", "Q73"], [("Q1", "Q0"), ("Q72", "Q0")])
    world.number(tmp_path / "new", old=old)
    assert resolved(tmp_path / "new") == [
        ("Q1", 0, "merge"),
        ("Q2", 2, "retired"),
        ("Q4", 4, "retired"),
        ("Q70", 0, "merge"),
        ("Q71", 2, "merge"),
        ("Q72", 0, "merge"),
        ("Q74", 0, "title"),
    ]
