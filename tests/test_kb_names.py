"""Text ids get numbers: in the order of their first mention, in this release and the next."""

from __future__ import annotations

import pytest

from kbtools.kb import names, redirects
from kbtools.kb.schema import TOMBSTONE
from tests import tiny_kb
from tests.named_world import Dump, finished, tables_of
from tests.staged_world import small_groups


def make(folder, *parts, old=None, subclass_of=None, **more):
    dump = Dump(parts=list(parts), **more)
    _, facts = finished(dump.stage(folder), dump, old=old, subclass_of=subclass_of)
    return tables_of(folder), facts


def mention(*ids, **more):
    return [{"entity": name, **more} for name in ids]


def ids(tables):
    return [row["id"] for row in tables["entities"]]


def edge(head, relation, tail, statement=0, **more):
    return {"entity": head, "relation": relation, "tail": tail, "statement": statement, **more}


# who is numbered


def test_eids_follow_the_first_mention(tmp_path):
    tables, facts = make(
        tmp_path,
        {"entities": mention("b", "a", "b")},
        {"entities": mention("苹果", "a", "B", "b ")},
        {},
        {"entities": mention("c", "苹果")},
    )
    assert ids(tables) == ["b", "a", "苹果", "B", "b ", "c"]
    assert [row["eid"] for row in tables["entities"]] == list(range(6))
    assert facts["entities"] == 6


def test_what_is_only_spoken_of_is_no_entity(tmp_path):
    tables, facts = make(
        tmp_path,
        {
            "entities": mention("a"),
            "labels": [{"entity": "x", "lang": "en", "text": "X"}] * 2,
            "triples": [edge("a", "r", "y"), edge("x", "r", "a", 1), edge("x", "r", "y", 2)],
            "types": [{"entity": "a", "type": "x"}, {"entity": "x", "type": "a"}],
            "qualifiers": [{"entity": "x", "statement": 1, "relation": "q", "tail": "a", "ord": 0}],
        },
    )
    assert ids(tables) == ["a"]
    assert {"labels", "types", "triples", "qualifiers"}.isdisjoint(tables)
    assert [row["value"] for row in tables["literals"]] == ["y"]
    assert facts["left out"] == {
        f"{table} of no entity": rows
        for table, rows in [("labels", 2), ("types", 2), ("triples", 1), ("literals", 1), ("qualifiers", 1)]
    }


def test_many_batches_keep_the_order(tmp_path, monkeypatch):
    monkeypatch.setattr(names, "BATCH", 1000)
    wanted = [f"{n * 7919 % 10_007}" for n in range(10_007)]
    dump = Dump(parts=[{"entities": mention(*wanted[n::3], *wanted[:50])} for n in range(3)])
    finished(dump.stage(tmp_path, size=500), dump)
    found = ids(tables_of(tmp_path))
    assert found == list(dict.fromkeys(row["entity"] for part in dump.parts for row in part["entities"]))


def test_nothing_staged_is_an_empty_base(tmp_path):
    tables, facts = make(tmp_path)
    assert tables == {"entities": [], "rejects": []}
    assert facts["entities"] == 0


# what is said of them


def test_the_first_value_of_each_column_counts(tmp_path):
    said = [
        {"entity": "a", "label": None, "lang": "de", "order": 1},
        {"entity": "a", "label": "late", "lang": "en", "order": 5, "freq": 3},
        {"entity": "a", "label": "second", "lang": None, "order": 1, "kind": "concept"},
        {"entity": "a", "description": "no order is 0"},
        {"entity": "a", "description": "too late", "kind": "item", "order": 0},
    ]
    for place in range(len(said)):
        rows = said[place:] + said[:place] if place else said
        tables, _ = make(tmp_path / str(place), {"entities": rows[:2]}, {"entities": rows[2:]})
        (found,) = tables["entities"]
        assert (found["label"], found["lang"], found["freq"], found["kind"]) == ("second", None, 3, "item")
        about = "too late" if place == 4 else "no order is 0"  # of equal order the earlier one
        assert (found["description"], found["sitelinks"]) == (about, 0)


def test_rows_of_one_entity_may_be_cut_anywhere(tmp_path, monkeypatch):
    rows = [{"entity": f"e{n % 7}", **({"label": f"{n}"} if n > 60 else {"freq": n})} for n in range(100)]
    found = []
    for batch in (1, 2, 3, 1000):
        monkeypatch.setattr(names, "BATCH", batch)
        tables, _ = make(tmp_path / str(batch), {"entities": rows})
        found.append(tables["entities"])
    assert [(row["label"], row["freq"]) for row in found[0]] == [
        (f"{n}", n % 7) for n in (63, 64, 65, 66, 67, 61, 62)
    ]
    assert found[0] == found[1] == found[2] == found[3]


def test_one_label_for_a_language_also_where_ids_were_merged(tmp_path):
    labels = [
        ("a", "en", "late", 2),
        ("old", "en", "first", None),
        ("a", "en", "second", 0),
        ("a", "de", "x", 9),
    ]
    tables, _ = make(
        tmp_path,
        {
            "entities": mention("a"),
            "redirects": [{"from_id": "old", "to": "a", "kind": "merge"}],
            "labels": [dict(zip(("entity", "lang", "text", "order"), row, strict=True)) for row in labels],
        },
    )
    assert [(row["lang"], row["text"]) for row in tables["labels"]] == [("de", "x"), ("en", "first")]


def test_own_names(tmp_path):
    tables, _ = make(
        tmp_path,
        {
            "entities": [*mention("苹果", "a"), {"entity": "a", "label": "A", "lang": "en"}],
            "redirects": [{"from_id": "old", "to": "a", "kind": "merge"}],
            "triples": [edge("苹果", "r", "a")],
        },
        own_names=True,
        lang="zh",
    )
    assert [(row["label"], row["lang"]) for row in tables["entities"]] == [("苹果", "zh"), ("A", "en")]
    assert [(row["eid"], row["lang"], row["text"]) for row in tables["labels"]] == [
        (0, "zh", "苹果"),
        (1, "zh", "a"),
    ]
    assert [(row["eid"], row["text"], row["source"]) for row in tables["surfaces"]] == [
        (1, "a", "name"),
        (0, "苹果", "name"),
    ]


# what leads to them


def lead(*pairs):
    return [{"from_id": a, "to": b, "kind": "merge"} for a, b in pairs]


def test_redirects_are_followed_to_their_end(tmp_path):
    tables, facts = make(
        tmp_path,
        {"redirects": lead(("x", "y"), ("z", "a"), ("loop", "loop 2"), ("b", "a"), ("self", "self"))},
        {"entities": mention("a", "b"), "redirects": lead(("loop 2", "loop"), ("y", "z"), ("p", "nowhere"))},
    )
    assert {row["from_id"]: row["to_eid"] for row in tables["redirects"]} == {"x": 0, "y": 0, "z": 0}
    assert (facts["redirects"], facts["redirects elsewhere"]) == (3, 5)


def test_a_chain_ends_at_the_first_entity(tmp_path):
    tables, _ = make(tmp_path, {"entities": mention("end", "b"), "redirects": lead(("a", "b"), ("b", "end"))})
    assert [(row["from_id"], row["to_eid"]) for row in tables["redirects"]] == [("a", 1)]


def test_a_long_chain(tmp_path):
    chain = [(f"{n}", f"{n + 1}") for n in range(redirects.LONGEST)]
    tables, _ = make(tmp_path, {"entities": mention(chain[-1][1]), "redirects": lead(*chain)})
    assert len(tables["redirects"]) == len(chain)


def test_statements_go_where_redirects_lead(tmp_path):
    tables, _ = make(
        tmp_path,
        {
            "entities": mention("a", "b"),
            "redirects": lead(("old a", "a"), ("old b", "b")),
            "triples": [edge("old a", "r", "old b")],
            "types": [{"entity": "a", "type": "b"}, {"entity": "old a", "type": "old b"}],
            "pages": [{"entity": "old a", "title": "A", "lang": "en", "text": "x", "sections": []}],
            "anchors": [
                {
                    "page": 0,
                    "start": 0,
                    "end": 1,
                    "surface": "x",
                    "target": "old b",
                    "target_title": "B",
                    "kind": "wikilink",
                }
            ],
        },
    )
    assert [(row["head"], row["tail"]) for row in tables["triples"]] == [(0, 1)]
    assert tables["types"] == [{"eid": 0, "type": 1}]
    assert (tables["pages"][0]["eid"], tables["anchors"][0]["target"]) == (0, 1)
    assert [(row["eid"], row["text"], row["count"]) for row in tables["surfaces"]] == [(1, "x", 1)]


# relations


def test_described_relations_come_first_the_others_by_name(tmp_path):
    tables, facts = make(
        tmp_path,
        {"entities": mention("a"), "triples": [edge("a", "z", "a"), edge("a", "b", "a", 1)]},
        {"relations": [{"relation": "y", "inverse": "c"}, {"relation": "m", "label": "first"}]},
        {"relations": [{"relation": "m", "label": "again", "description": "d", "inverse": "y"}]},
    )
    shown = [tuple(row.values()) for row in tables["relations"]]
    assert shown == [
        (0, "y", None, None, 3),
        (1, "m", "first", "d", 0),
        (2, "b", None, None, None),
        (3, "c", None, None, None),
        (4, "z", None, None, None),
    ]
    assert facts["relations"] == 5


def test_classes_follow_the_subclass_relation(tmp_path):
    part = {"entities": mention("dog", "animal", "rex"), "triples": [edge("dog", "is a", "animal")]}
    part["types"] = [{"entity": "rex", "type": "dog"}]
    tables, _ = make(tmp_path, part, subclass_of="is a")
    assert [tuple(row.values()) for row in tables["classes"]] == [(0, 0, 0), (0, 1, 1), (1, 1, 0)]


# the next release


@pytest.fixture
def old(tmp_path):
    tables, _ = make(
        tmp_path / "first",
        {
            "entities": mention("a", "b", "c", "d"),
            "redirects": lead(("old b", "b")),
            "triples": [edge("a", "r", "b"), edge("a", "s", "b", 1)],
        },
    )
    return tiny_kb.write(tmp_path / "old", tables)


def test_the_next_release_keeps_numbers_and_appends(tmp_path, old):
    tables, facts = make(
        tmp_path / "next",
        {"entities": mention("new", "c", "a", "newer"), "redirects": lead(("b", "c"))},
        {"triples": [edge("a", "t", "b"), edge("a", "s", "d", 1)]},
        old=old,
    )
    assert ids(tables) == ["a", "b", "c", "d", "new", "newer"]
    assert [row["flags"] & TOMBSTONE for row in tables["entities"]] == [0, 1, 0, 1, 0, 0]
    assert {row["from_id"]: (row["to_eid"], row["kind"]) for row in tables["redirects"]} == {
        "b": (2, "merge"),
        "old b": (2, "merge"),
        "d": (3, "retired"),
    }
    assert [row["id"] for row in tables["relations"]] == ["r", "s", "t"]
    assert [(row["head"], row["relation"], row["tail"]) for row in tables["triples"]] == [(0, 2, 2)]
    assert [row["value"] for row in tables["literals"]] == ["d"]  # it is no entity of this dump
    assert (facts["tombstones"], facts["ids kept"], facts["entities"]) == (2, 2, 6)


def test_an_id_that_comes_back_is_itself_again(tmp_path, old, monkeypatch):
    small_groups(monkeypatch)
    gone, _ = make(tmp_path / "gone", {"entities": mention("a"), "redirects": lead(("b", "a"))}, old=old)
    middle = tiny_kb.write(tmp_path / "middle", gone)
    back, _ = make(tmp_path / "back", {"entities": mention("e", "b", "a")}, old=middle)
    assert ids(back) == ["a", "b", "c", "d", "e"]
    assert [row["flags"] & TOMBSTONE for row in back["entities"]] == [0, 0, 1, 1, 0]
    assert {row["from_id"]: row["to_eid"] for row in back["redirects"]} == {"c": 2, "d": 3, "old b": 0}
