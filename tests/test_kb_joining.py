"""Rows under names become tables: as a naive builder would make them, and some cases by hand."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kbtools.kb import finish
from kbtools.kb.schema import TABLES
from kbtools.kb.soundness import out_of_order
from tests import tiny_kb
from tests.named_world import TEXTS, Dump, finished, random_dump, tables_of
from tests.oracle_named import Expected
from tests.staged_world import Row, Tables, plain_batches, small_groups

seeds = st.integers(0, 1 << 32)
IDS = [*TEXTS, *(f"e{n}" for n in range(9))]
quick = settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow])
quicker = settings(quick, max_examples=2)
thorough = settings(quick, max_examples=60)


def check(folder, expected, done, facts, *, overlay=False):
    """Compare all tables with those expected, and what is said of them with the files."""
    found = tables_of(folder)
    found.pop("classes", None)
    for table, rows in expected.tables.items():
        assert found.get(table) == rows, table
    assert set(found) == set(expected.tables)
    described = finish.tables_of(folder, done)
    for name, table in described.items():
        if name != "classes":
            assert table.rows == len(expected.tables[name])
            assert out_of_order(plain_batches(name, found[name], 5), TABLES[name].order) is None
    said = {f"{table} of no entity": rows for table, rows in expected.lost.items() if table != "pages"}
    assert facts.get("pages without an entity", 0) == expected.lost["pages"]
    assert facts.get("left out", {}) == said
    assert facts["repeated"] == (expected.unknown if overlay else 0)
    if not overlay:
        assert facts.get("redirects elsewhere", 0) == expected.elsewhere
        assert facts["entities"] == len(expected.tables["entities"])


def becomes(seed, size, *, own_names=False, **shape):
    dump = random_dump(Random(seed), ids=IDS, own_names=own_names, **shape)
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        small_groups(patch)
        folder = dump.stage(Path(name), size=size)
        check(folder, Expected(dump), *finished(folder, dump))


def releases(seed, *, own_names):
    rng = Random(seed)
    before = None
    for _ in range(3):
        dump = random_dump(rng, ids=rng.sample(IDS, 12), own_names=own_names, parts=2)
        expected = Expected(dump, old=before)
        with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
            small_groups(patch)
            folder = dump.stage(Path(name, "new"))
            old = None if before is None else tiny_kb.write(Path(name, "old"), before, files=2)
            check(folder, expected, *finished(folder, dump, old=old))
        before = expected.tables


def overlays(seed, *, names):
    """A base of two releases, so that it has tombstones and their redirects, and an overlay."""
    rng = Random(seed)
    first = Expected(random_dump(rng, ids=rng.sample(IDS, 12), parts=1)).tables
    base = Expected(random_dump(rng, ids=rng.sample(IDS, 12), parts=2), old=first).tables
    base["sitelinks"] = base.get("sitelinks", []) or [{"eid": 0, "site": "enwiki", "title": "a"}]
    dump = random_dump(rng, ids=IDS, parts=3, own_names=rng.random() < 0.3)
    dump.names = names
    expected = Expected(dump, base=base)
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        small_groups(patch)
        folder = dump.stage(Path(name, "new"))
        onto = tiny_kb.write(Path(name, "base"), base, files=2)
        check(folder, expected, *finished(folder, dump, onto=onto), overlay=True)


@quick
@given(seed=seeds, size=st.integers(1, 9), own_names=st.booleans())
def test_any_dump_becomes_the_tables_of_a_naive_builder(seed, size, own_names):
    becomes(seed, size, own_names=own_names)


@quicker
@given(seed=seeds, own_names=st.booleans())
def test_release_after_release_as_a_naive_builder_would(seed, own_names):
    releases(seed, own_names=own_names)


@quicker
@given(seed=seeds, names=st.sampled_from(["id", "site:enwiki"]))
def test_overlays_as_a_naive_builder_would(seed, names):
    overlays(seed, names=names)


def test_tables_that_are_not_wanted(tmp_path):
    """A triple whose tail is no entity can only be a literal."""
    part: Tables = {
        "entities": [{"entity": "a"}],
        "triples": [
            {"entity": "a", "relation": "r", "tail": tail, "statement": n} for n, tail in enumerate("axy")
        ],
        "literals": [{"entity": "a", "relation": "r", "datatype": "string", "value": "z", "statement": 3}],
        "xref": [{"entity": "a", "scheme": "isbn", "value": "1"}],
    }
    dump = Dump(parts=[part])
    _, facts = finished(dump.stage(tmp_path), dump, without=["literals", "xref"])
    tables = tables_of(tmp_path)
    assert {name for name, rows in tables.items() if rows} == {"entities", "relations", "triples"}
    assert facts["left out"] == {"triples whose tail is no entity": 2}


def test_a_tail_may_say_what_it_is_otherwise(tmp_path):
    more: list[Row] = [{"otherwise": None}, {"otherwise": "string", "rank": 1, "best": False}]
    said = {"entity": "a", "relation": "r", "tail": "x"}
    triples = [{**said, **one, "statement": n} for n, one in enumerate(more)]
    dump = Dump(parts=[{"entities": [{"entity": "a"}], "triples": triples}])
    finished(dump.stage(tmp_path), dump)
    found = tables_of(tmp_path)["literals"]
    shown = [(row["datatype"], row["value"], row["rank"], row["best"], row["statement"]) for row in found]
    assert shown == [("entity-id", "x", 0, True, 0), ("string", "x", 1, False, 1)]


def test_numbers_of_statements_and_pages_go_on_from_part_to_part(tmp_path):
    page: Row = {"entity": None, "title": "A", "lang": "en", "text": "text", "sections": []}
    link = {"start": 0, "end": 1, "surface": "t", "target": "a", "target_title": "A", "kind": "wikilink"}

    def part(pages, statements):
        triples = [{"entity": "a", "relation": "r", "tail": "a", "statement": n} for n in range(statements)]
        qualifiers = [
            {"entity": "a", "statement": n, "relation": "q", "tail": "a", "ord": 0} for n in range(statements)
        ]
        anchors = [{**link, "page": n} for n in range(pages)]
        return {"pages": [page] * pages, "anchors": anchors, "triples": triples, "qualifiers": qualifiers}

    dump = Dump(parts=[{"entities": [{"entity": "a"}]}, part(2, 3), {}, part(0, 1), part(3, 2)])
    finished(dump.stage(tmp_path, size=100), dump)
    tables = tables_of(tmp_path)
    assert (
        [row["page"] for row in tables["pages"]]
        == [row["page"] for row in tables["anchors"]]
        == list(range(5))
    )
    numbers = [[row["statement"] for row in tables[name]] for name in ("triples", "qualifiers")]
    assert numbers == [list(range(6))] * 2
    (surface,) = tables["surfaces"]
    assert (surface["text"], surface["source"], surface["count"], surface["lang"]) == ("t", "anchor", 5, "en")
    (entity,) = tables["entities"]
    assert (entity["in_degree"], entity["out_degree"]) == (6, 6)


@pytest.mark.long
@thorough
@given(seed=seeds, size=st.integers(1, 40), own_names=st.booleans())
def test_larger_dumps(seed, size, own_names):
    becomes(seed, size, own_names=own_names, rows=60, parts=6)


@pytest.mark.long
@thorough
@given(seed=seeds, own_names=st.booleans(), names=st.sampled_from(["id", "site:enwiki", "site:zhwiki"]))
def test_many_releases_and_overlays(seed, own_names, names):
    releases(seed, own_names=own_names)
    overlays(seed, names=names)
