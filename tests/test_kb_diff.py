from __future__ import annotations

import pytest

from kbtools import artefact
from kbtools.errors import ArtefactError
from kbtools.kb.diff import Change, Edges, Example, diff, drift
from tests import tiny_kb


def later() -> dict[str, tiny_kb.Rows]:
    """The tiny world a release later: Q7 is new, Q1 went into Q183, Q515 has gone, Q64 is relabelled."""
    world = tiny_kb.world()
    entities = world["entities"]
    entities[2]["flags"] = entities[5]["flags"] = 1
    entities[3]["label"] = "Berlin"
    entities.append(tiny_kb.entity(6, "Q7", "seven"))
    world["redirects"] = [
        {"from_id": "Q1", "to_eid": 4, "kind": "merge"},
        {"from_id": "Q515", "to_eid": 5, "kind": "retired"},
        {"from_id": "Q999", "to_eid": 1, "kind": "merge"},
    ]
    world["triples"] = [
        triple for triple in world["triples"] if triple["tail"] != 5
    ] + [tiny_kb.triple(6, 0, 0, 9), tiny_kb.triple(6, 0, 4, 10)]  # fmt: skip
    world["labels"].append({"eid": 6, "lang": "fr", "text": "sept"})
    return world


@pytest.fixture
def old(tmp_path):
    return tiny_kb.write(tmp_path / "old", tiny_kb.world(), id_space=["a"], files=2)


@pytest.fixture
def new(tmp_path):
    return tiny_kb.write(tmp_path / "new", later(), id_space=["a", "b"])


def test_what_changed(old, new):
    found = diff(old, new, threads=2)
    assert not found.same
    tables = {change.name: (change.old, change.new) for change in found.tables}
    assert tables["entities"] == (6, 7)
    assert tables["triples"] == (5, 6)
    assert (found.added.count, found.added.examples) == (1, [Example(id="Q7", before=None, after="seven")])
    assert (found.vanished.count, [e.id for e in found.vanished.examples]) == (1, ["Q515"])
    assert found.merged.examples == [Example(id="Q1", before="universe", after="Q183")]
    assert found.relabelled.examples == [Example(id="Q64", before="柏林", after="Berlin")]
    assert (found.merged.count, found.relabelled.count) == (1, 1)
    assert (found.removed_triples, found.added_triples) == (1, 2)
    assert found.relations == [Edges(relation="P31", label="instance of", removed=1, added=2, kept=1)]
    assert found.languages == [
        Change(name=n, old=o, new=w) for n, o, w in [("en", 4, 4), ("fr", 0, 1), ("zh", 1, 1)]
    ]
    assert (found.shared_ids, found.stable, found.moved_eids) == (True, True, 0)


def test_nothing_changed(old):
    found = diff(old, old)
    assert found.same
    assert found.stable
    assert (found.removed_triples, found.added_triples, found.relations) == (0, 0, [])
    assert {m.count for m in (found.added, found.vanished, found.merged, found.relabelled)} == {0}


def test_triples_are_compared_by_ids_not_by_numbers(old, tmp_path):
    """The same world, its entities and relations numbered backwards."""
    world = tiny_kb.world()
    for row in world["entities"]:
        row["eid"] = 5 - row["eid"]
    for row in world["relations"]:
        row["rid"] = 2 - row["rid"]
    for row in world["triples"]:
        row.update(head=5 - row["head"], relation=2 - row["relation"], tail=5 - row["tail"])
    found = diff(old, tiny_kb.write(tmp_path / "back", world))
    assert (found.removed_triples, found.added_triples) == (0, 0)
    assert (found.shared_ids, found.stable, found.moved_eids) == (False, False, 6)


def test_entities_and_relations_that_are_gone_take_their_triples_along(old, tmp_path):
    world = tiny_kb.world()
    world["entities"], world["relations"] = world["entities"][:4], world["relations"][:1]
    world["triples"] = world["triples"][:2]
    found = diff(old, tiny_kb.write(tmp_path / "less", world))
    assert found.vanished.count == 2
    assert found.removed_triples == 3  # (Q42 P17 Q183), (Q64 P17 Q183), (Q64 P31 Q515)
    assert [(e.relation, e.removed, e.kept) for e in found.relations] == [("P17", 2, 0), ("P31", 1, 1)]
    assert not found.stable
    assert found.moved_eids == 0


def test_a_merge_is_found_without_tombstones(old, tmp_path):
    world = tiny_kb.world()
    world["entities"] = [row for row in world["entities"] if row["eid"] != 2]
    world["redirects"] = [{"from_id": "Q1", "to_eid": 4, "kind": "merge"}]
    found = diff(old, tiny_kb.write(tmp_path / "merged", world))
    assert (found.merged.count, found.vanished.count) == (1, 0)


def test_tables_may_be_absent(old, tmp_path):
    bare = tiny_kb.write(tmp_path / "bare", {"surfaces": []})
    gone = diff(old, bare)
    assert (gone.vanished.count, gone.removed_triples) == (6, 4)
    come = diff(bare, old)
    assert (come.added.count, come.added_triples) == (6, 4)  # five rows, two of them one triple


def test_only_artefacts_of_one_kind_are_compared(old, tmp_path):
    with artefact.Staging(tmp_path / "run", "plan") as staging:
        staging.commit(artefact.begin("run"))
    with pytest.raises(ArtefactError, match=r"old is a kb, .*run a run; give two artefacts of one kind"):
        diff(old, tmp_path / "run")
    with pytest.raises(ArtefactError, match="so far only knowledge bases"):
        diff(tmp_path / "run", tmp_path / "run")


def test_drift_names_every_count_that_moved(old, new):
    assert drift(old, new) == [
        "table entities: 6 → 7 (+16.7%)",
        "table labels: 5 → 6 (+20.0%)",
        "table triples: 5 → 6 (+20.0%)",
        "table redirects: 1 → 3 (+200.0%)",
        "language fr: 0 → 1 (new)",
        "relation P31 (instance of): 3 → 4 (+33.3%)",
    ]
    assert drift(old, new, 0.25) == [
        "table redirects: 1 → 3 (+200.0%)",
        "language fr: 0 → 1 (new)",
        "relation P31 (instance of): 3 → 4 (+33.3%)",
    ]
    assert drift(old, old) == []


def test_drift_is_more_than_the_limit_not_the_limit_itself(tmp_path):
    def world(n: int) -> dict[str, tiny_kb.Rows]:
        return {"entities": [tiny_kb.entity(eid, f"Q{eid}", None, lang=None) for eid in range(n)]}

    old = tiny_kb.write(tmp_path / "20", world(20))
    assert drift(old, tiny_kb.write(tmp_path / "21", world(21))) == []
    assert drift(old, tiny_kb.write(tmp_path / "19", world(19))) == []
    assert drift(old, tiny_kb.write(tmp_path / "22", world(22))) == ["table entities: 20 → 22 (+10.0%)"]


def test_relations_beyond_the_hundredth_may_move(tmp_path):
    def world(last: int) -> dict[str, tiny_kb.Rows]:
        relations = [{"rid": rid, "id": f"P{rid:03}"} for rid in range(101)]
        counts = dict.fromkeys(range(100), 20) | {100: last}
        triples = [tiny_kb.triple(0, rid, 0, 0) for rid, n in counts.items() for _ in range(n)]
        return {"entities": [tiny_kb.entity(0, "Q1", None)], "relations": relations, "triples": triples}

    old = tiny_kb.write(tmp_path / "old", world(1))
    assert drift(old, tiny_kb.write(tmp_path / "2", world(2))) == []
    assert drift(old, tiny_kb.write(tmp_path / "50", world(50))) == ["relation P100: 1 → 50 (+4900.0%)"]
