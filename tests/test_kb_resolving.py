"""Ids of all kinds become entities: of any release, under any scheme, as titles."""

from __future__ import annotations

import pytest

from kbtools.kb.reader import gather
from kbtools.kb.resolving import resolve
from kbtools.kb.schema import TOMBSTONE
from tests import tiny_kb


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kbs")
    places = {
        "entities": [
            tiny_kb.entity(0, "Q90", "Paris"),
            tiny_kb.entity(1, "Q999", "gone", flags=TOMBSTONE),
            tiny_kb.entity(2, "Q64", "Berlin"),
            tiny_kb.entity(3, "1", "one"),
        ],
        "redirects": [
            {"from_id": "Q999", "to_eid": 0, "kind": "merge"},
            {"from_id": "Paname", "to_eid": 0, "kind": "title"},
        ],
        "sitelinks": [
            {"eid": 2, "site": "dewiki", "title": "Berlin"},
            {"eid": 3, "site": "dewiki", "title": "Paris"},
            {"eid": 2, "site": "enwiki", "title": "Berlin"},
            {"eid": 0, "site": "enwiki", "title": "Paris"},
        ],
        "xref": [
            {"eid": 0, "scheme": "P486", "value": "D010311"},
            {"eid": 3, "scheme": "MSH", "value": "Q64"},
        ],
    }
    senses = {
        "entities": [tiny_kb.entity(0, "06-n", "dog"), tiny_kb.entity(1, "Q90", "another Q90")],
        "xref": [{"eid": 0, "scheme": "sense_key", "value": "dog%1:05:00::"}],
    }
    paths = [
        tiny_kb.write(folder / "places", places, name="places"),
        tiny_kb.write(folder / "senses", senses, name="senses"),
    ]
    return dict(enumerate(gather(paths)))


@pytest.mark.parametrize(
    ("id_", "space", "wanted"),
    [
        ("Q90", None, (0, 0)),  # the first that knows it
        ("Q90", "senses", (1, 1)),
        ("Q90", "wikidata", (0, 0)),  # nobody here is called so
        ("Q999", None, (0, 0)),  # merged: the dead entity does not count
        ("Q64", None, (0, 2)),
        ("Q64", "mesh", (0, 3)),  # under its scheme before an id that looks the same
        ("D010311", "mesh", (0, 0)),
        ("D010311", "MESH", (0, 0)),
        ("mesh:D010311", None, (0, 0)),
        ("D010311", None, (0, 0)),
        ("dog%1:05:00::", "wordnet", (1, 0)),
        ("dog%1:05:00::", None, (1, 0)),
        ("Paris", "wikipedia", (0, 0)),
        ("Paris", "dewiki", (0, 3)),
        ("Paname", "wikipedia", (0, 0)),
        ("Atlantis", "wikipedia", None),
        ("dog%1:05:00::", "places", None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_an_id_leads_to_its_entity(bases, id_, space, wanted):
    found = resolve(bases, [id_, "Q64"], [space, None])
    told = (int(found.kb[0]), int(found.eid[0]))
    assert told == wanted if wanted else told[1] == -1
    assert (int(found.kb[1]), int(found.eid[1])) == (0, 2)  # whatever else is asked


def test_nothing_asked(bases):
    assert len(resolve(bases, []).eid) == 0
