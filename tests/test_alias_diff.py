from __future__ import annotations

import pytest

from kbtools import api
from kbtools.about import diff
from kbtools.alias.about.changes import AliasDifference, Turn
from kbtools.errors import ArtefactError, ConfigError
from tests import tiny_alias, tiny_kb
from tests.tiny_alias import name

OLD = [
    name(0, "Jordan", "anchor", 6), name(1, "Jordan", "anchor", 3), name(2, "Jordan", "anchor", 1),
    name(3, "Berlin"), name(4, "Germany", "anchor", 9),
]  # fmt: skip
NEW = [
    name(0, "Jordan", "anchor", 2), name(1, "Jordan", "anchor", 7), name(5, "Jordan", "anchor", 1),
    name(3, "Berlin"), name(5, "city", "anchor", 5), name(2, "universe"),
]  # fmt: skip


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two tables with α = 0, so that priors are shares of counts."""
    folder = tmp_path_factory.mktemp("diff")
    return tiny_alias.build(folder / "old", OLD, alpha=0.0), tiny_alias.build(folder / "new", NEW, alpha=0.0)


def compared(old, new, **options) -> AliasDifference:
    found = diff(old, new, **options)
    assert isinstance(found, AliasDifference)
    return found


def step(turn: Turn) -> tuple[object, ...]:
    sides = [one and (one.id, round(one.prior, 3)) for one in (turn.before, turn.after)]
    return (turn.norm, *sides)


def test_names_come_and_go(pair):
    found = compared(*pair)
    assert not found.same
    assert (found.added.count, found.vanished.count) == (2, 1)
    assert [(one.norm, one.n, one.meaning and one.meaning.id) for one in found.added.examples] == [
        ("city", 5, "Q515"),  # the most frequent first
        ("universe", 1, "Q1"),
    ]
    (gone,) = found.vanished.examples
    assert (gone.norm, gone.kb, gone.meaning and gone.meaning.label) == ("germany", "tiny", "Germany")
    assert {one.name: (one.old, one.new) for one in found.tables}["counts"] == (5, 6)


def test_what_a_name_means_changes(pair):
    found = compared(*pair)
    assert found.tops.count == 1
    assert [step(one) for one in found.tops.examples] == [("jordan", ("Q5", 0.6), ("Q42", 0.7))]
    assert [step(one) for one in found.gained.examples] == [("jordan", None, ("Q515", 0.1))]
    assert [step(one) for one in found.lost.examples] == [("jordan", ("Q1", 0.1), None)]
    assert [step(one) for one in found.moved.examples] == [
        ("jordan", ("Q5", 0.6), ("Q5", 0.2)),
        ("jordan", ("Q42", 0.3), ("Q42", 0.7)),
    ]
    (side,) = found.kbs
    assert (side.old_names, side.new_names, side.old_candidates, side.new_candidates) == (3, 4, 5, 6)
    assert (side.gained, side.lost) == (1, 1)


def test_the_same(pair):
    found = compared(pair[0], pair[0])
    assert found.same
    assert (found.added.count, found.tops.count, found.moved.count, found.settings) == (0, 0, 0, {})


def test_how_much_is_shown_can_be_chosen(pair):
    found = compared(*pair, examples=1)
    assert (found.moved.count, len(found.moved.examples)) == (2, 1)
    assert compared(*pair, examples=0).added.examples == []


def test_settings_are_compared(tmp_path):
    kb = tiny_alias.kb(tmp_path / "kb", OLD)
    (tmp_path / "w.toml").write_text("label = 2.0")
    api.build_alias([kb], tmp_path / "a")
    api.build_alias([kb], tmp_path / "b", weights=tmp_path / "w.toml")
    assert compared(tmp_path / "a", tmp_path / "b").settings == {"weights.label": (1.0, 2.0)}


def shuffled(out, names, **fields):
    """Write the tiny world with entities 0 and 1 in each other's place."""
    world = tiny_kb.world()
    world["entities"][0], world["entities"][1] = world["entities"][1], world["entities"][0]
    for eid in (0, 1):
        world["entities"][eid]["eid"] = eid
    swapped = [{**row, "eid": {0: 1, 1: 0}.get(row["eid"], row["eid"])} for row in names]
    rows = sorted(swapped, key=lambda row: row["text"].encode())
    return tiny_kb.write(out, world | {"surfaces": rows}, **fields)


def test_entities_with_other_numbers_are_matched_by_id(tmp_path):
    old = tiny_alias.build(tmp_path / "old", OLD)
    api.build_alias([shuffled(tmp_path / "kb", OLD)], tmp_path / "new")
    found = compared(old, tmp_path / "new")
    assert [side.matched for side in found.kbs] == ["id"]
    assert (found.tops.count, found.gained.count, found.lost.count, found.moved.count) == (0, 0, 0, 0)


def test_one_id_space_needs_no_knowledge_base(tmp_path):
    for release, names, space in (("old", OLD, ["a"]), ("new", NEW, ["a", "b"])):
        kb = tiny_alias.kb(tmp_path / f"kb-{release}", names, id_space=space)
        api.build_alias([kb], tmp_path / release)
        kb.rename(tmp_path / f"gone-{release}")
    found = compared(tmp_path / "old", tmp_path / "new")
    assert [side.matched for side in found.kbs] == ["eid"]
    (top,) = found.tops.examples
    assert top.before is not None
    assert (top.before.eid, top.before.id, found.tops.count) == (0, None, 1)


def test_entities_that_cannot_be_matched_are_left_out_and_said(tmp_path):
    old = tiny_alias.build(tmp_path / "old", OLD)
    api.build_alias([shuffled(tmp_path / "kb", NEW)], tmp_path / "new")
    (tmp_path / "kb").rename(tmp_path / "gone")
    found = compared(old, tmp_path / "new")
    assert [side.matched for side in found.kbs] == ["no"]
    assert found.notes == [
        "tiny: its numbers have changed and it is not where it was; only names are compared"
        " (--kb KB says where it is)"
    ]
    assert (found.added.count, found.tops.count, found.gained.count) == (2, 0, 0)


def test_knowledge_bases_that_moved_can_be_given(tmp_path):
    old = tiny_alias.build(tmp_path / "old", OLD)
    api.build_alias([shuffled(tmp_path / "kb", NEW)], tmp_path / "new")
    (tmp_path / "kb").rename(tmp_path / "gone")
    found = diff(old, tmp_path / "new", kbs=[tmp_path / "gone"])
    assert isinstance(found, AliasDifference)
    assert ([side.matched for side in found.kbs], found.notes) == (["id"], [])
    other = tiny_alias.kb(tmp_path / "other", OLD, name="other")
    with pytest.raises(ArtefactError, match="no candidates of 'other' here; there are: tiny"):
        diff(old, tmp_path / "new", kbs=[other])
    with pytest.raises(ConfigError, match="--kb names what alias tables and linked"):
        diff(other, other, kbs=[other])


def test_knowledge_bases_of_one_side(tmp_path):
    one = tiny_alias.kb(tmp_path / "one", OLD)
    two = tiny_alias.kb(tmp_path / "two", OLD, name="two")
    api.build_alias([one], tmp_path / "a")
    api.build_alias([two, one], tmp_path / "b")  # the place of `one` changes
    found = compared(tmp_path / "a", tmp_path / "b")
    assert [(side.kb, side.old_names, side.new_names) for side in found.kbs] == [
        ("tiny", 3, 3),
        ("two", 0, 3),
    ]
    assert (found.tops.count, found.gained.count, found.moved.count) == (0, 0, 0)
    assert compared(tmp_path / "b", tmp_path / "a").lost.count == 0


def test_only_artefacts_of_one_kind_are_compared(pair):
    kb = pair[0].parent / "kb"
    with pytest.raises(ArtefactError, match=r"alias is an alias, .*kb a kb; give two artefacts of one kind"):
        diff(pair[0], kb)
    assert not isinstance(diff(kb, kb), AliasDifference)
