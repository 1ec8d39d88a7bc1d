"""What leads to a mention from those before it: by a knowledge base, and as a corpus tells it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from kbtools.errors import ConfigError
from kbtools.shards.views import _parents
from tests import tiny_kb
from tests.corpus_read import link
from tests.test_shards_entities import columns, here, linked
from tests.tiny_kb import triple
from tests.tiny_linked import document, mention
from tests.viewed import documents

ADAMS, BERLIN, GERMANY, CITY = 1, 3, 4, 5
INSTANCE, COUNTRY, RELATIONS, AGAIN = 0, 1, 3, -2
TEXT = "Ulm ulm Bonn Köln Trier ulm"
PLACES = [(0, 3), (4, 7), (8, 12), (13, 17), (18, 23), (24, 27)]
COLUMNS = ("best", "parents", "relations")


@pytest.fixture(scope="module")
def kb(tmp_path_factory):
    tables = tiny_kb.world()
    tables["triples"].append(triple(4, 1, 3, 6))  # Germany and Berlin lead to each other
    tables["triples"].sort(key=lambda row: (row["head"], row["relation"], row["tail"]))
    return tiny_kb.write(tmp_path_factory.mktemp("kb") / "kb", tables)


def leads(row):
    return [
        [*zip(parents, relations, strict=True)]
        for parents, relations in zip(row["parents"], row["relations"], strict=True)
    ]


def of(*eids):
    return linked(document("a", TEXT, [mention(*PLACES[at], eid) for at, eid in enumerate(eids)]))


def test_triples_lead_either_way_and_an_entity_to_itself(kb):
    mine = here(kb)
    (row,) = columns(mine, of(BERLIN, GERMANY, CITY, BERLIN, ADAMS), columns=COLUMNS)
    assert leads(row) == [
        [],
        [(BERLIN, COUNTRY), (BERLIN, COUNTRY + RELATIONS)],
        [(BERLIN, INSTANCE)],
        [(BERLIN, AGAIN), (GERMANY, COUNTRY), (GERMANY, COUNTRY + RELATIONS), (CITY, INSTANCE + RELATIONS)],
        [],
    ]
    assert mine.counts["mentions that others lead to"] == 3


def test_only_mentions_before_in_the_same_row_count(kb):
    row, means = np.array([0, 0, 0, 1, 1, 3]), np.array([5, -2, 5, 5, 4, 4])
    later, earlier = _parents.before(row, means)
    assert [*zip(later.tolist(), earlier.tolist(), strict=True)] == [(2, 0), (4, 3)]
    (whole,) = columns(here(kb), of(GERMANY, None, None, BERLIN), columns=COLUMNS)
    assert leads(whole) == [[], [], [], [(GERMANY, COUNTRY), (GERMANY, COUNTRY + RELATIONS)]]


def test_equal_to_looking_at_every_pair(kb):
    """The triples are Berlin–Germany, Germany–Berlin, Berlin–city and Adams–human."""
    facts = {
        (BERLIN, COUNTRY, GERMANY),
        (GERMANY, COUNTRY, BERLIN),
        (BERLIN, INSTANCE, CITY),
        (1, INSTANCE, 0),
    }
    eids = [0, GERMANY, 1, BERLIN, 1, CITY]
    (row,) = columns(here(kb), of(*eids), columns=COLUMNS)
    for at, found in enumerate(leads(row)):
        slow = set()
        for before in eids[:at]:
            slow |= {(before, r) for h, r, t in facts if (h, t) == (before, eids[at])}
            slow |= {(before, r + RELATIONS) for h, r, t in facts if (t, h) == (before, eids[at])}
            slow |= {(before, AGAIN)} if before == eids[at] else set()
        assert found == sorted(slow)


def told(place, id_, relation, parent):
    extra = json.dumps({"relation": relation, "parent_id": parent})
    return link(*PLACES[place], id=id_, kb="tiny", extra=extra)


def test_what_a_corpus_tells(kb):
    links = [[
        told(0, "Q64", ["@@NEW@@"], ["Q64"]),
        told(2, "Q183", ["P17", "R:P31", "P_odd"], ["Q64", "Q64", "Q64"]),
        told(3, "Q64", ["@@REFLEXIVE@@", "P17"], ["Q64", "Q5"]),  # Q5 is not in the row
        told(4, "Q515", ["P31"], ["Q_gone"]),
        link(*PLACES[5], id="Q1", kb="tiny", extra="{"),
    ]]  # fmt: skip
    mine = here(kb)
    (row,) = columns(mine, documents(TEXT, links=links), columns=("gold", *COLUMNS[1:]), parents="told")
    assert row["gold"] == [3, 4, 3, 5, 2]
    assert leads(row) == [
        [],
        [(BERLIN, -1), (BERLIN, COUNTRY), (BERLIN, INSTANCE + RELATIONS)],
        [(BERLIN, AGAIN)],
        [],
        [],
    ]
    assert mine.counts["parents not in the knowledge base"] == 1
    assert mine.counts["mentions whose parents cannot be read"] == 1


def test_without_the_knowledge_base(kb):
    with pytest.raises(ConfigError, match="parents of entities need tiny: pass it with --kb KB"):
        columns(here(), of(BERLIN), columns=COLUMNS)


def test_linked_documents_tell_of_no_parents(kb):
    (row,) = columns(here(kb), of(BERLIN, GERMANY), columns=COLUMNS, parents="told")
    assert leads(row) == [[], []]
