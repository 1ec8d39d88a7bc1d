"""Mentions whose entity is known, what they are told apart by, and how candidates are judged."""

from __future__ import annotations

import doctest
import gzip
import json

import numpy as np
import pytest

from kbtools import artefact
from kbtools.errors import ArtefactError, ConfigError, SourceError
from kbtools.kb import bases
from kbtools.kb.reader import gather
from kbtools.tasks import candidates
from kbtools.tasks.candidates import Found, gold, groups
from kbtools.tasks.candidates.gold import Gold
from tests import tiny_alias, tiny_kb


@pytest.fixture(scope="module")
def alias(tmp_path_factory):
    return tiny_alias.build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def known(alias):
    return {0: gather([alias.parent / "kb"])[0]}


def mentions(*answers: int, **fields) -> Gold:
    number = len(answers)
    columns = {
        "surfaces": [f"name {at}" for at in range(number)],
        "contexts": [""] * number,
        "ids": [tiny_kb.IDS[eid] for eid in answers],
        "kb": np.zeros(number, np.uint8),
        "eid": np.array(answers, np.uint32),
        "document": np.full(number, gold.NOWHERE),
        "counts": {},
    }
    return Gold(**{**columns, **fields})


def read(path, known, **options) -> Gold:
    return gold.read(path, known, **{"share": 1.0, "most": 1000, "seed": 0, **options})


LINES = [
    {"surface": "Adams", "id": "Q42", "context": "wrote a guide"},
    {"mention": "柏林", "id": "Q64", "kb": "tiny"},
    {"mention": "D. N. A.", "id": "Q999"},
    {"mention": "nobody", "id": "Q12345"},
]


@pytest.mark.parametrize("packed", [False, True])
def test_json_lines(tmp_path, known, packed):
    text = "\n".join(json.dumps(line) for line in LINES) + "\n\n"
    path = tmp_path / "gold.jsonl"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    found = read(path, known)
    assert found.surfaces == ["Adams", "柏林", "D. N. A."]
    assert found.eid.tolist() == [1, 3, 1]  # the last through a redirect
    assert found.contexts == ["wrote a guide", "", ""]
    assert found.ids == ["Q42", "Q64", "Q999"]
    assert found.counts == {"read": 4, "unknown ids": 1}


def test_a_table_with_a_header(tmp_path, known):
    path = tmp_path / "gold.tsv"
    path.write_text(
        'id\tnote\tmention\nQ42\tx\tthe "Adams"\nQ0\t\tnobody\r\nQ64\ty\t柏林\n', encoding="utf-8"
    )
    found = read(path, known)
    assert found.surfaces == ['the "Adams"', "柏林"]
    assert found.eid.tolist() == [1, 3]
    assert found.counts["unknown ids"] == 1


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b'{"surface": "a", "id": "Q42"}\n{"surface": "a"}\n', ":2: not a mention: .*`id`"),
        (b'{"surface": "a", "id": "Q42"}\n\n{"surface": 1, "id": "Q42"}\n', ":3: not a mention"),
        (b'{"surface": "a", "id": \n', ":1: not a mention"),
        (b'{"surface": "\xff", "id": "Q42"}\n', ":1: not a mention"),
        (b'{"surface": " ", "id": "Q42"}\n', ":1: a mention without surface"),
        (b'{"surface": "a", "id": ""}\n', ":1: a mention without id"),
        (b'{"surface": "a", "id": "Q42", "kb": "other"}\n', ":1: no knowledge base 'other' here; .* tiny"),
        (b"Adams\tQ42\n", ":1: neither JSON Lines"),
        (b"mention\tid\na\tb\tc\n", "not a table: .*Expected 2 columns"),
        (b"mention\tid\na\tQ42\n\tQ42\n", ":3: a mention without surface"),
        (b"mention\tid\n\xff\tQ42\n", "not a table: .*UTF"),
        (b"", "is empty"),
        # the bytes name the test: no time of day in them
        (gzip.compress(b'{"surface": "a", "id": "Q42"}\n' * 9, mtime=0)[:-20], "damaged"),
    ],
)
def test_bad_files_are_one_line(tmp_path, known, data, told):
    path = tmp_path / "gold"
    path.write_bytes(data)
    with pytest.raises(SourceError, match=told) as error:
        read(path, known)
    assert "\n" not in str(error.value)


def test_of_many_mentions_some_are_drawn(tmp_path, known):
    path = tmp_path / "gold.jsonl"
    path.write_text("".join(json.dumps({"surface": f"n{i}", "id": "Q42"}) + "\n" for i in range(100)))
    found = read(path, known, most=10)
    assert len(found.surfaces) == 10
    assert found.counts["not drawn"] == 90
    assert found.surfaces == read(path, known, most=10).surfaces
    assert found.surfaces != read(path, known, most=10, seed=1).surfaces


def test_ids_of_the_dead_are_unknown(tmp_path):
    world = tiny_kb.world()
    world["entities"][2]["flags"] = 1
    del world["redirects"]
    known = {0: gather([tiny_kb.write(tmp_path / "kb", world)])[0]}
    path = tmp_path / "gold.tsv"
    path.write_text("surface\tid\nuniverse\tQ1\nhuman\tQ5\n")
    assert read(path, known).surfaces == ["human"]


def test_of_two_knowledge_bases_the_first_that_knows_an_id(tmp_path):
    world = tiny_kb.world()
    world["entities"][1]["id"] = "X1"
    world["redirects"] = []
    one = tiny_kb.write(tmp_path / "one", tiny_kb.world(), name="one")
    two = tiny_kb.write(tmp_path / "two", world, name="two")
    known = dict(enumerate(gather([one, two])))
    path = tmp_path / "gold.tsv"
    path.write_text("surface\tid\tkb\na\tQ5\t\nb\tQ5\ttwo\nc\tX1\t\nd\tX1\tone\n")
    found = read(path, known)
    assert [*zip(found.surfaces, found.kb.tolist(), strict=True)] == [("a", 0), ("b", 1), ("c", 1)]
    assert found.counts["unknown ids"] == 1


@pytest.fixture(scope="module")
def wiki(tmp_path_factory, alias):
    base = gather([alias.parent / "kb"])[0].kb.manifest
    pages = [{"page": n, "title": f"Page {n}", "lang": "en", "text": "x", "sections": []} for n in range(200)]
    anchors = [
        {
            "page": n,
            "start": at,
            "end": at + 5,
            "surface": "NATO",
            "target": target,
            "target_title": "t",
            "kind": "link",
        }
        for n in range(200)
        for at, target in ((0, n % 5), (9, None))
    ]
    ref = artefact.KbRef(name="tiny", content=base.content, id_space=base.id_space)
    out = tmp_path_factory.mktemp("wiki") / "enwiki"
    return tiny_kb.write(out, {"pages": pages, "anchors": anchors}, name="enwiki", base=ref)


def test_links_of_some_pages(wiki, known):
    found = read(wiki, known, share=0.25)
    pages = {*found.document.tolist()}
    assert 25 <= len(pages) <= 75
    assert found.eid.tolist() == [page % 5 for page in found.document.tolist()]
    assert found.ids[:3] == [tiny_kb.IDS[eid] for eid in found.eid[:3].tolist()]
    assert found.counts == {"read": 2 * len(pages), "links without an entity": len(pages)}
    assert pages < {*read(wiki, known, share=0.5).document.tolist()}  # by title: a larger share has them too


def test_no_links_or_of_another_base(wiki, known, tmp_path, alias):
    with pytest.raises(ArtefactError, match="has no anchors"):
        read(alias.parent / "kb", known)
    other = {0: gather([tiny_kb.write(tmp_path / "kb", tiny_kb.world(), name="other")])[0]}
    with pytest.raises(ArtefactError, match="its links lead to 'tiny'; there are candidates of: other"):
        read(wiki, other)


def test_knowledge_bases_as_given_or_where_they_were(alias, tmp_path):
    manifest = artefact.read(alias)
    assert bases.bases_of(manifest)[0].name == "tiny"
    assert bases.bases_of(manifest, [alias.parent / "kb"])[0].name == "tiny"
    with pytest.raises(ArtefactError, match="no candidates of 'else' here; there are: tiny"):
        bases.bases_of(manifest, [tiny_kb.write(tmp_path / "else", tiny_kb.world(), name="else")])
    changed = tiny_alias.kb(tmp_path / "kb", tiny_alias.NAMES[1:])
    with pytest.raises(ArtefactError, match="another release of 'tiny'"):
        bases.bases_of(manifest, [changed])
    (alias.parent / "kb").rename(tmp_path / "moved")
    try:
        with pytest.raises(ArtefactError, match=r"tiny: not where it was \(.*kb\), or changed; pass it"):
            bases.bases_of(manifest)
    finally:
        (tmp_path / "moved").rename(alias.parent / "kb")


def test_examples_of_the_docstrings():
    assert doctest.testmod(groups).failed == 0


def test_groups_by_hand(alias, known):
    found = groups.lengths(["ab", "abcd", "a  b", "柏林德国人民共和国", "x" * 16])
    assert found.names == ["1–3", "4–7", "8–15", "16+"]
    assert found.group.tolist() == [0, 1, 0, 2, 3]
    found = groups.priors(np.array([1, 2, 3, 5, 6, 30, 31, 0], np.int32))
    assert [found.names[at] for at in found.group] == [
        "1", "2", "3–5", "3–5", "6–30", "6–30", "31+", "not a candidate",
    ]  # fmt: skip
    linked = groups.links(alias, mentions(0, 1, 2, 3, 4))  # anchors: 9, 4, 1, none, 5
    assert linked is not None
    assert [linked.names[at] for at in linked.group] == ["1–9", "1–9", "1–9", "0", "1–9"]


def test_groups_by_class(known):
    found = groups.types(known, mentions(1, 3, 3, 4), 8)
    assert found is not None
    assert found.names == ["Q515", "human (Q5)", "other classes", "no class"]
    assert found.group.tolist() == [1, 0, 0, 3]
    few = groups.types(known, mentions(1, 3, 3, 4), 1)
    assert few is not None
    assert few.names == ["Q515", "other classes", "no class"]
    assert few.group.tolist() == [1, 0, 0, 2]
    assert groups.types(known, mentions(4), 8) is None


def test_judged_by_hand():
    found = Found(
        ["alias", "fuzzy", "fused"],
        np.array([[1, 0, 2], [0, 3, 7], [0, 0, 0], [4, 1, 1]], np.int32),
        np.array([2, 5, 3, 3], np.int32),
    )
    ways = [groups.Groups("kind", ["a", "b", "empty"], np.array([0, 0, 1, -1]))]
    settings = candidates.Settings(at=(1, 5, 10))
    made = candidates.judge(mentions(0, 1, 2, 3), found, ways, settings, seed=0, title="T")
    value = {(m.by, m.group, m.system, m.metric): m.value for m in made.measures}
    assert [value["", "", system, "recall@5"] for system in ("alias", "fuzzy", "fused")] == [0.5, 0.5, 0.5]
    assert value["", "", "fused", "recall@10"] == 0.75
    assert value["", "", "fused, cut", "recall@10"] == 0.5
    assert value["", "", "fused, cut", "length"] == 3.25
    assert value["", "", "fused", "MRR"] == pytest.approx((1 / 2 + 1 / 7 + 1) / 4)
    assert value["kind", "a", "alias", "recall@1"] == 0.5
    assert value["kind", "b", "fused", "recall@10"] == 0
    assert not any(m.group == "empty" for m in made.measures)
    assert [(c.other, c.difference) for c in made.comparisons] == [("alias", 0.25), ("fuzzy", 0.25)]
    rows = made.predictions.to_pylist()
    assert rows[1]["rank alias"] is None
    assert [row["rank fused"] for row in rows] == [2, 7, None, 1]
    assert [row["kind"] for row in rows] == ["a", "a", "b", None]
    assert [curve.name for curve in made.curves] == ["recall", "kind"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"at": ()}, "numbers from 1"),
        ({"at": (5, 1)}, "at is 5,1; numbers .* that grow"),
        ({"share": 0.0}, "share is 0.0"),
        ({"level": 1.5}, "level is 1.5"),
        ({"mentions": 0}, "mentions is 0"),
    ],
)
def test_settings_that_make_no_sense(wrong, told):
    with pytest.raises(ConfigError, match=told):
        candidates.Settings(**wrong)
