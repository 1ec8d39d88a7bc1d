import tempfile
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.errors import ArtefactError
from kbtools.kb import numbering, predecessor
from kbtools.kb.keymap import MISSING, KeyMap
from tests import staged_world as world
from tests import tiny_kb

GONE = int(MISSING)


def stage(folder, *parts, size=3, keep=None, lines=True):
    """Write parts of entities, each given as "Q1 Q2 Q1"; the lines of a part count from 0, two by two."""
    tables = [
        {"entities": [world.entity(name, line=2 * n) for n, name in enumerate(names.split())]}
        for names in parts
    ]
    world.stage(folder, tables, size=size, lines=lines)
    if keep is not None:
        np.save(folder / numbering.KEEP, np.array(keep, bool))
    return folder


def eids(folder):
    found = np.fromfile(folder / numbering.EIDS, np.uint32).tolist()
    return [None if eid == GONE else eid for eid in found]


def duplicates(folder):
    with pa.ipc.open_file(str(folder / numbering.DUPLICATES)) as file:
        return file.read_all().to_pylist()


def base(folder, *names, **more):
    """Write an older knowledge base of these ids."""
    rows = [tiny_kb.entity(eid, name, f"label of {name}") for eid, name in enumerate(names)]
    return tiny_kb.write(folder, {"entities": rows, **more}, files=2)


def test_eids_follow_the_dump_over_parts_and_batches(tmp_path):
    stage(tmp_path, "Q9 Q3 Q7 P1 Q1", "", "Q2", "P2 Q0 Q8 Q4")
    facts = world.number(tmp_path)
    assert eids(tmp_path) == list(range(10))
    assert (facts["entities"], facts["repeated"]) == (10, 0)
    asked = np.array([world.key(name) for name in ("Q9", "P1", "Q4", "Q5", "P0")])
    assert KeyMap(tmp_path / numbering.KEYS).get(asked).tolist() == [0, 3, 9, GONE, GONE]
    assert numbering.load(tmp_path).in_order


def test_the_first_of_an_id_counts_and_others_are_rejects(tmp_path):
    stage(tmp_path, "Q1 Q1 Q2 Q3 Q2", "Q2 Q4", "Q4 Q5")  # in a batch, across batches, parts and files
    facts = world.number(tmp_path)
    assert eids(tmp_path) == [0, None, 1, 2, None, None, 3, None, 4]
    assert (facts["entities"], facts["repeated"]) == (5, 4)
    places = [("dump0", 3, "Q1"), ("dump0", 9, "Q2"), ("dump0", 101, "Q2"), ("dump1", 201, "Q4")]
    assert duplicates(tmp_path) == [
        {
            "file": file,
            "line": line,
            "byte": None,
            "reason": f"{name} again: the first entity of this id counts",
            "snippet": name,
        }
        for file, line, name in places
    ]


def test_lines_that_are_not_known_are_null(tmp_path):
    stage(tmp_path, "Q1 Q1", lines=False)
    world.number(tmp_path)
    assert [row["line"] for row in duplicates(tmp_path)] == [None]


def test_rows_that_were_not_chosen_have_no_number(tmp_path):
    # the first Q2 is left out, so that the second one is no repetition; the third one is
    stage(tmp_path, "Q1 Q2 Q3 Q2", "Q2 Q1", keep=[1, 0, 1, 1, 1, 0])
    facts = world.number(tmp_path)
    assert eids(tmp_path) == [0, None, 1, 2, None, None]
    assert (facts["entities"], facts["repeated"]) == (3, 1)
    assert [row["snippet"] for row in duplicates(tmp_path)] == ["Q2"]


def test_a_dump_without_entities(tmp_path):
    stage(tmp_path, "")
    assert world.number(tmp_path)["entities"] == 0
    found = numbering.load(tmp_path)
    assert (found.entities, found.bounds) == (0, [0, 0])


@settings(max_examples=50)
@given(seed=st.integers(0, 1 << 32), size=st.integers(1, 6), group=st.integers(1, 5))
def test_numbers_and_row_groups_are_those_of_a_dict(seed, size, group):
    rng = Random(seed)
    names = [[f"Q{rng.randrange(25)}" for _ in range(rng.randrange(9))] for _ in range(4)]
    flat = [name for part in names for name in part]
    keep = [rng.random() < 0.8 for _ in flat] if rng.random() < 0.5 else None
    seen, expected = dict[str, int](), []
    for row, name in enumerate(flat):
        new = (keep is None or keep[row]) and name not in seen
        expected.append(seen.setdefault(name, len(seen)) if new else None)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        world.small_groups(patch, group=group)
        stage(Path(folder), *(" ".join(part) for part in names), size=size, keep=keep)
        world.number(Path(folder))
        assert eids(Path(folder))[: len(flat)] == expected
        bounds = numbering.load(Path(folder)).bounds
    assert (bounds[0], bounds[-1]) == (0, len(flat))
    groups = [[eid for eid in expected[a:b] if eid is not None] for a, b in pairwise(bounds)]
    by_value = [list(range(at, min(at + group, len(seen)))) for at in range(0, len(seen), group)]
    assert groups == (by_value or [[]])


def test_ids_of_an_earlier_release_keep_their_eids(tmp_path):
    old = base(tmp_path / "old", "Q5", "Q3", "Q8", "P1")
    stage(tmp_path / "new", "Q8 Q9 Q5", "Q8 P2 P1")  # Q8 twice; Q3 is gone
    facts = world.number(tmp_path / "new", old=old)
    assert eids(tmp_path / "new") == [2, 4, 0, None, 5, 3]
    assert (facts["entities"], facts["repeated"]) == (6, 1)
    assert (facts["ids kept"], facts["tombstones"]) == (3, 1)
    assert not numbering.load(tmp_path / "new").in_order
    with pa.ipc.open_file(str(tmp_path / "new" / predecessor.TOMBSTONES)) as file:
        (tombstone,) = file.read_all().to_pylist()
    assert (tombstone["eid"], tombstone["id"], tombstone["label"]) == (1, "Q3", "label of Q3")
    assert tombstone["flags"] == 1


@settings(max_examples=15)
@given(seed=st.integers(0, 1 << 32))
def test_numbers_after_an_earlier_release_are_those_of_a_dict(seed):
    rng = Random(seed)
    names = [f"Q{n}" for n in range(20)]
    before = rng.sample(names, rng.randrange(1, 12))
    flat = [rng.choice(names) for _ in range(rng.randrange(15))]
    keep = [rng.random() < 0.8 for _ in flat] if rng.random() < 0.5 else None
    known = {name: eid for eid, name in enumerate(before)}
    expected, seen = [], set()
    for row, name in enumerate(flat):
        new = (keep is None or keep[row]) and name not in seen
        expected.append(known.setdefault(name, len(known)) if new else None)
        seen |= {name} if new else set()
    with tempfile.TemporaryDirectory() as folder:
        old = base(Path(folder, "old"), *before)
        new = stage(Path(folder, "new"), " ".join(flat[:5]), " ".join(flat[5:]), keep=keep)
        facts = world.number(new, old=old)
        assert eids(new)[: len(flat)] == expected
    assert facts["entities"] == len(known)
    assert facts["tombstones"] == len(set(before) - seen)


def test_an_overlay_is_no_predecessor(tmp_path):
    kb = base(tmp_path / "old", "Q1")
    tiny_kb.edit_manifest(kb, base={"name": "tiny", "content": "x"})
    stage(tmp_path / "new", "Q1")
    with pytest.raises(ArtefactError, match="is an overlay of tiny; give the base instead"):
        world.number(tmp_path / "new", old=kb)


def test_a_predecessor_whose_eids_are_not_dense_is_refused(tmp_path):
    rows = [tiny_kb.entity(eid, f"Q{eid}", None) for eid in (0, 1, 1)]
    kb = tiny_kb.write(tmp_path / "old", {"entities": rows})
    stage(tmp_path / "new", "Q1")
    with pytest.raises(ArtefactError, match="its eids are not dense"):
        world.number(tmp_path / "new", old=kb)


def test_a_damaged_part_is_named_in_both_ways_of_numbering(tmp_path):
    old = base(tmp_path / "old", "Q1")
    for name, before in (("a", None), ("b", old)):
        folder = stage(tmp_path / name, "Q1 Q2")
        part = folder / "work" / "parts" / "000.part"
        part.write_bytes(part.read_bytes()[:-1])
        with pytest.raises(ArtefactError, match=r"000\.part: damaged or gone"):
            world.number(folder, old=before)
