"""Several knowledge bases become one: small ones, by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from kbtools import api
from kbtools.artefact import KbRef, Licence
from kbtools.errors import ArtefactError, ConfigError
from kbtools.kb.reader import Kb
from tests import tiny_kb
from tests.tiny_kb import entity, triple


def rows(kb, table):
    return Kb(kb).table(table).to_pylist()


def of(kb, table, *columns):
    return [tuple(row[column] for column in columns) for row in rows(kb, table)]


def kb(folder, name, tables, **fields):
    return tiny_kb.write(folder / name, tables, name=name, **fields)


def wikidata():
    """Two diseases and a city; one disease speaks of a concept."""
    return {
        "entities": [
            entity(0, "Q1", "influenza", sitelinks=9, freq=2),
            entity(1, "Q2", None, lang=None, sitelinks=1),
            entity(2, "Q3", "Berlin"),
        ],
        "relations": [
            {"rid": 0, "id": "P31", "label": "instance of"}, {"rid": 1, "id": "P1", "inverse_rid": 0},
        ],
        "triples": [triple(0, 1, 1, 1), triple(0, 1, 2, 0)],
        "labels": [{"eid": 0, "lang": "en", "text": "influenza"}],
        "surfaces": [{"eid": 0, "text": "flu", "lang": "en", "source": "alias"}],
        "xref": [
            {"eid": 0, "scheme": "P2892", "value": "C1"},
            {"eid": 1, "scheme": "P2892", "value": "C2"},
            {"eid": 2, "scheme": "P2892", "value": "C99"},
        ],
        "classes": [
            {"type": 0, "ancestor": 0, "depth": 0},
            {"type": 0, "ancestor": 1, "depth": 1},
            {"type": 1, "ancestor": 1, "depth": 0},
        ],
        "types": [{"eid": 0, "type": 1}],
        "redirects": [{"from_id": id_, "to_eid": 0, "kind": "merge"} for id_ in ("C3", "Q9")],
        "qualifiers": [{"statement": 1, "relation": 0, "tail": 2, "ord": 0}],
        "rejects": [],
    }  # fmt: skip


def umls():
    return {
        "entities": [
            entity(0, "C3", "fever", kind="concept"),
            entity(1, "C2", "illness", kind="concept", description="a state", freq=3),
            entity(2, "C1", "Influenza", kind="concept", freq=5, sitelinks=11, description="a disease"),
        ],
        "relations": [{"rid": 0, "id": "isa", "inverse_rid": 1}, {"rid": 1, "id": "P1", "label": "part"}],
        "triples": [triple(2, 0, 1, 0), triple(2, 1, 1, 1, rank=1)],
        "labels": [{"eid": 0, "lang": "en", "text": "fever"}, {"eid": 2, "lang": "en", "text": "influenza"}],
        "surfaces": [
            {"eid": 2, "text": "flu", "lang": "en", "source": "alias"},
            {"eid": 2, "text": "grippe", "lang": "fr", "source": "term", "atom": "A1"},
        ],
        "descriptions": [{"eid": 1, "lang": "en", "kind": "short", "text": "a state", "source": "MSH"}],
        "literals": [
            {
                "head": 0, "relation": 1, "datatype": "string", "value": "x", "rank": 0, "best": True,
                "statement": 2,
            }
        ],
        "classes": [
            {"type": 0, "ancestor": 0, "depth": 0},
            {"type": 1, "ancestor": 0, "depth": 1},
            {"type": 1, "ancestor": 1, "depth": 0},
        ],
        "types": [{"eid": 2, "type": 1}],
        "rejects": [{"file": "MRREL.RRF", "line": 7, "byte": 100, "reason": "short", "snippet": "|"}],
    }  # fmt: skip


@pytest.fixture
def two(tmp_path):
    terms = [Licence(source=source, licence=source) for source in ("wikidata", "umls")]
    return [
        kb(tmp_path, "wikidata", wikidata(), licences=terms[:1], id_space=["w"]),
        kb(tmp_path, "umls", umls(), licences=terms, id_space=["u"], incomplete=True),
    ]


def test_by_cross_references(two, tmp_path):
    made = api.merge(two, tmp_path / "both", on="xref")
    out = tmp_path / "both"
    columns = ("id", "kind", "label", "description", "lang", "sitelinks", "freq", "in_degree", "out_degree")
    assert of(out, "entities", *columns) == [
        ("Q1", "item", "influenza", "a disease", "en", 11, 7, 0, 4),
        ("Q2", "item", "illness", "a state", "en", 1, 3, 3, 0),
        ("Q3", "item", "Berlin", None, "en", 0, 0, 1, 0),
        ("C3", "concept", "fever", None, "en", 0, 0, 0, 0),
    ]
    assert of(out, "relations", "id", "label", "inverse_rid") == [
        ("P31", "instance of", None), ("P1", "part", 0), ("isa", None, 1),
    ]  # fmt: skip
    assert of(out, "triples", "head", "relation", "tail", "best", "statement") == [
        (0, 1, 1, False, 1), (0, 1, 1, True, 3), (0, 1, 2, False, 0), (0, 2, 1, True, 2),
    ]  # fmt: skip
    assert of(out, "literals", "head", "relation", "statement") == [(3, 1, 4)]
    assert of(out, "qualifiers", "statement", "relation", "tail") == [(1, 0, 2)]
    assert of(out, "labels", "eid", "text") == [(0, "influenza"), (3, "fever")]
    assert of(out, "surfaces", "eid", "text", "atom") == [(0, "flu", None), (0, "grippe", "A1")]
    assert of(out, "types", "eid", "type") == [(0, 1)]
    assert of(out, "classes", "type", "ancestor", "depth") == [
        (0, 0, 0), (0, 1, 1), (0, 3, 2), (1, 1, 0), (1, 3, 1), (3, 3, 0),
    ]  # fmt: skip
    assert of(out, "xref", "eid", "scheme", "value") == [
        (0, "P2892", "C1"), (1, "P2892", "C2"), (2, "P2892", "C99"), (0, "umls", "C1"), (1, "umls", "C2"),
    ]  # fmt: skip
    assert of(out, "redirects", "from_id", "to_eid") == [("Q9", 0)]
    assert of(out, "rejects", "file", "line") == [("MRREL.RRF", 7)]
    assert (made.kind, made.name, made.incomplete) == ("kb", "wikidata-umls", True)
    assert [one.source for one in made.licences] == ["wikidata", "umls"]
    assert [(one.kind, one.path) for one in made.inputs] == [("kb", str(path)) for path in two]
    assert len(made.id_space) == 1
    assert made.counts["joined"] == 2
    assert api.verify(out, deep=True).problems == []


def test_by_ids_the_same_twice(tmp_path):
    one, two = (kb(tmp_path, name, tiny_kb.world()) for name in ("one", "two"))
    api.merge([one, two], tmp_path / "out", on="id")
    assert of(tmp_path / "out", "entities", "id") == [(id_,) for id_ in tiny_kb.IDS]
    assert rows(tmp_path / "out", "labels") == rows(one, "labels")
    assert len(rows(tmp_path / "out", "triples")) == 10  # each has said it
    assert of(tmp_path / "out", "xref", "scheme") == [("two",)] * 6
    assert api.verify(tmp_path / "out", deep=True).problems == []


def test_an_id_that_means_two_things_is_told_apart(tmp_path):
    one = kb(tmp_path, "one", {"entities": [entity(0, "apple", "fruit")]})
    two = kb(tmp_path, "two", {"entities": [entity(0, "pear", "pear"), entity(1, "apple", "company")]})
    made = api.merge([one, two], tmp_path / "out", on="xref", schemes=[])
    assert of(tmp_path / "out", "entities", "id") == [("apple",), ("pear",), ("two:apple",)]
    assert of(tmp_path / "out", "xref", "eid", "scheme", "value") == [(2, "two", "apple")]
    assert made.counts["renamed"] == 1
    three = kb(tmp_path, "three", {"entities": [entity(0, "two:apple", "x")]})
    with pytest.raises(ArtefactError, match="the id 'two:apple' is taken"):
        api.merge([one, two, three], tmp_path / "again", on="xref")


def xrefs(*pairs):
    return [{"eid": eid, "scheme": scheme, "value": value} for eid, scheme, value in pairs]


def test_what_is_not_one_to_one_is_left_apart(tmp_path):
    one = kb(tmp_path, "wikidata", {
        "entities": [entity(0, "Q1", "a"), entity(1, "Q2", "b"), entity(2, "Q3", "c")],
        "xref": xrefs((0, "P2892", "C1"), (0, "P2892", "C2"), (1, "P2892", "C3"), (2, "P2892", "C3")),
    })  # fmt: skip
    two = kb(tmp_path, "umls", {"entities": [entity(n, f"C{n}", "x") for n in range(4)]})
    made = api.merge([one, two], tmp_path / "out", on="xref")
    assert len(rows(tmp_path / "out", "entities")) == 7
    assert made.counts["ambiguous"] == 2
    assert of(tmp_path / "out", "rejects", "file", "snippet") == [
        ("merge", "wikidata:Q1 umls:C1 umls:C2"), ("merge", "wikidata:Q2 wikidata:Q3 umls:C3"),
    ]  # fmt: skip
    assert "2 groups would join" in api.merged(made, tmp_path / "out")


def test_schemes(tmp_path):
    one = kb(tmp_path, "wikidata", {
        "entities": [entity(0, "Q1", "dog"), entity(1, "Q2", "fast"), entity(2, "Q3", "x")],
        "xref": xrefs((0, "P5063", "i1"), (1, "P8814", "00000002-s"), (2, "P699", "DOID:1")),
    })  # fmt: skip
    net = {
        "entities": [entity(0, "00000001-n", "hound"), entity(1, "00000002-a", "quick")],
        "xref": xrefs((0, "ili", "i1")),
    }
    two = kb(tmp_path, "wordnet", net, notes={"release": "3.1"})
    old = kb(tmp_path, "wordnet-30", net, notes={"release": "3.0"})
    do = kb(tmp_path, "do", {"entities": [entity(0, "DOID:1", "y")]})

    def joined(bases, *schemes):
        out = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
        api.merge(bases, out, on="xref", schemes=schemes)
        return [
            row["value"]
            for row in rows(out, "xref")
            if row["eid"] < 3 and row["scheme"] in {Kb(b).name for b in bases}
        ]

    assert joined([one, two]) == ["00000001-n", "00000002-a"]
    assert joined([one, old]) == ["00000001-n"]  # P8814 speaks of another release
    assert joined([one, old], "P8814=wordnet-30") == ["00000002-a"]
    assert joined([one, do]) == []
    assert joined([one, do], "P699=do") == ["DOID:1"]
    assert joined([one, two], "P5063=ili") == ["00000001-n"]
    for scheme, message in [
        ("P698=do", "no knowledge base has cross references 'P698'; did you mean 'P699'?"),
        ("P699=od", "no knowledge base has cross references 'od'; there are P5063, P699, P8814,"),
        ("=do", "write scheme=kb"),
    ]:
        with pytest.raises(ConfigError) as error:
            joined([one, do], scheme)
        assert message in str(error.value)


def test_tombstones_live_if_one_does(tmp_path):
    gone = entity(0, "Q1", None, lang=None, flags=1)
    one = kb(tmp_path, "one", {
        "entities": [gone, entity(1, "Q2", "b"), {**gone, "eid": 2, "id": "Q3"}],
        "redirects": [{"from_id": id_, "to_eid": 1, "kind": "merge"} for id_ in ("Q1", "Q3")],
    })  # fmt: skip
    two = kb(tmp_path, "two", {"entities": [entity(0, "Q1", "a"), {**gone, "eid": 1, "id": "Q3"}]})
    made = api.merge([one, two], tmp_path / "out", on="id")
    assert of(tmp_path / "out", "entities", "id", "label", "flags") == [
        ("Q1", "a", 0),
        ("Q2", "b", 0),
        ("Q3", None, 1),
    ]
    assert of(tmp_path / "out", "redirects", "from_id") == [("Q3",)]
    assert made.counts["redirects dropped"] == 1


def overlay(folder, name, base, *, pages, anchors, surfaces):
    manifest = Kb(base).manifest
    ref = KbRef(name=Kb(base).name, content=manifest.content, id_space=manifest.id_space)
    tables = {
        "pages": [
            {"page": n, "eid": eid, "title": title, "lang": "en", "text": title, "sections": []}
            for n, (eid, title) in enumerate(pages)
        ],
        "anchors": [
            {
                "page": page,
                "start": 0,
                "end": 1,
                "surface": "x",
                "target": eid,
                "target_title": "T",
                "kind": "link",
            }
            for page, eid in anchors
        ],
        "surfaces": [{"eid": eid, "text": text, "source": "anchor", "count": 1} for eid, text in surfaces],
        "rejects": [],
    }
    return kb(folder, name, tables, base=ref)


def test_overlays_come_with_their_bases(tmp_path):
    one = kb(tmp_path, "one", {"entities": [entity(0, "a", "A"), entity(1, "b", "B")]}, id_space=["1"])
    two = kb(tmp_path, "two", {"entities": [entity(0, "c", "C"), entity(1, "b", "B")]}, id_space=["2"])
    over = [
        overlay(
            tmp_path,
            "enwiki",
            one,
            pages=[(1, "B"), (None, "N")],
            anchors=[(0, 0), (1, None)],
            surfaces=[(0, "s")],
        ),
        overlay(
            tmp_path,
            "zhwiki",
            two,
            pages=[(1, "b"), (0, "c")],
            anchors=[(0, 0), (1, 1)],
            surfaces=[(1, "t")],
        ),
    ]
    made = api.merge([over[1], one, over[0], two], tmp_path / "out", on="id")
    assert [Path(one.path).name for one in made.inputs] == ["one", "enwiki", "two", "zhwiki"]
    assert of(tmp_path / "out", "pages", "page", "eid", "title") == [
        (0, 1, "B"), (1, None, "N"), (2, 1, "b"), (3, 2, "c"),
    ]  # fmt: skip
    assert of(tmp_path / "out", "anchors", "page", "target") == [(0, 0), (1, None), (2, 2), (3, 1)]
    assert of(tmp_path / "out", "surfaces", "eid", "text") == [(0, "s"), (1, "t")]
    assert api.verify(tmp_path / "out", deep=True).problems == []
