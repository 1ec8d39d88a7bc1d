import tempfile
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.kb import numbering
from kbtools.kb.mapping import Mapping
from kbtools.kb.schema import TABLES
from kbtools.kb.writer import plain
from tests import staged_world as world

MAPPED = (
    "labels",
    "surfaces",
    "descriptions",
    "sitelinks",
    "xref",
    "types",
    "triples",
    "literals",
    "qualifiers",
)


def mapped(mapping, table, *bounds):
    rows = []
    for batch in mapping.table(table, *bounds):
        assert batch.schema.equals(plain(TABLES[table].schema))
        assert batch.num_rows
        rows += batch.to_pylist()
    return rows


@settings(max_examples=15)
@given(seed=st.integers(0, 1 << 32), size=st.integers(1, 9), data=st.data())
def test_every_table_is_mapped_as_with_dicts(seed, size, data):
    made = world.random_world(Random(seed), entities=25)
    expected = made.expected()
    with tempfile.TemporaryDirectory() as folder:
        world.number(made.stage(Path(folder), size=size))
        mapping = Mapping(Path(folder))
        total = mapping.parts.rows
        cut = data.draw(st.integers(0, total))
        for table in MAPPED:
            whole = mapped(mapping, table)
            assert world.in_order(table, whole) == expected[table], table
            pieces = mapped(mapping, table, 0, cut) + mapped(mapping, table, cut, total)
            assert world.in_order(table, pieces) == expected[table], table


@pytest.fixture
def small(tmp_path):
    """Stage two parts: Q1 and Q2 (left out) in one, Q3 in the other; Q7 is merged into Q3."""
    relation = world.key("P5")

    def triple(row, tail, statement):
        own = {"row": row, "relation": relation, "tail": world.key(tail), "statement": statement}
        return {**own, "rank": statement % 3 - 1, "best": statement % 2 == 0}

    def literal(row, statement):
        own = {"row": row, "relation": relation, "rank": 0, "best": True, "statement": statement}
        return {**own, "datatype": "quantity", "value": "1.5", "number": 1.5, "unit": "Q9", "lang": "en"}

    def qualifier(row, statement, ord_, **value):
        return {"row": row, "statement": statement, "relation": relation, "ord": ord_, **value}

    one = {
        "entities": [world.entity("Q1"), world.entity("Q2")],
        "used": [{"key": relation}],
        "triples": [triple(0, "Q3", 0), triple(0, "Q2", 1), triple(0, "P77", 3), triple(1, "Q1", 4)],
        "literals": [literal(0, 2), literal(1, 5)],
        "qualifiers": [
            qualifier(0, 0, 0, tail=world.key("Q2")),
            qualifier(0, 0, 1, tail=world.key("Q7")),
            qualifier(0, 0, 2, datatype="string", value="text"),
            qualifier(1, 4, 0, datatype="string", value="gone"),
        ],
        "types": [{"row": 0, "type": world.key("Q2")}, {"row": 0, "type": world.key("Q7")}],
    }
    two = {
        "entities": [world.entity("Q3")],
        "labels": [{"row": 0, "lang": "en", "text": "three"}],
        "triples": [triple(0, "Q7", 0)],
        "qualifiers": [qualifier(0, 0, 0, tail=world.key("Q123"))],
        "redirects": [{"from_id": "Q7", "key": world.key("Q7"), "to": world.key("Q3"), "kind": "merge"}],
    }
    world.stage(tmp_path, [one, two], size=2)
    np.save(tmp_path / numbering.KEEP, np.array([True, False, True]))
    world.number(tmp_path)
    return Mapping(tmp_path)


def test_statements_of_left_out_entities_are_gone_and_merged_ones_are_found(small):
    assert [(row["head"], row["tail"], row["statement"]) for row in mapped(small, "triples")] == [
        (0, 1, 0),
        (1, 1, 6),  # Q3 → Q7, which is Q3 now; the first part has six statements
    ]


def test_a_reference_to_what_is_not_here_becomes_a_literal_with_its_id(small):
    own, *outside = mapped(small, "literals")
    assert (own["datatype"], own["value"], own["number"], own["unit"]) == ("quantity", "1.5", 1.5, "Q9")
    null = dict.fromkeys(("number", "unit", "precision", "calendar", "lang"))
    same = {"head": 0, "relation": 0, "datatype": "entity-id", **null}
    assert outside == [
        {**same, "value": "Q2", "rank": 0, "best": False, "statement": 1},
        {**same, "value": "P77", "rank": -1, "best": False, "statement": 3},
    ]


def test_so_does_that_of_a_qualifier(small):
    found = [
        (r["statement"], r["ord"], r["tail"], r["datatype"], r["value"]) for r in mapped(small, "qualifiers")
    ]
    assert found == [
        (0, 0, None, "entity-id", "Q2"),
        (0, 1, 1, None, None),
        (0, 2, None, "string", "text"),
        (6, 0, None, "entity-id", "Q123"),
    ]


def test_a_type_that_is_not_here_is_left_to_the_statements(small):
    assert mapped(small, "types") == [{"eid": 0, "type": 1}]


def test_eids_of_rows(small):
    assert small.eids(np.arange(3)).tolist() == [0, 2**32 - 1, 1]
    assert mapped(small, "labels") == [{"eid": 1, "lang": "en", "text": "three"}]
    assert mapped(small, "labels", 0, 2) == []
