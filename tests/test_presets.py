"""What holds for every preset, because it is there: it loads, and links the sample's corpus as it should."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from kbtools import config, plugins
from kbtools.linkers import preset
from kbtools.linkers.base import KINDS
from kbtools.linkers.preset import FOLDERS, RANKING, Preset
from tests import sample_linking
from tests.sample_linking import documents, linked, opened, texts

PRESETS = preset.PRESETS.names()
CLOSE = 1e-5
each = pytest.mark.parametrize("name", PRESETS)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return sample_linking.build(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def some():
    """Documents of both languages, short and long."""
    return [*documents("en")[::4], *documents("zh")[::4]]


@each
def test_it_loads_and_says_what_it_is(name):
    made = preset.load(name)
    assert 10 < len(made.about) <= 110
    assert made.about.endswith(".")
    assert config.build(Preset, config.plain(made), where=name) == made


@each
def test_rows_are_in_order_and_add_up(world, some, name):
    here = opened(world, name)
    rows = linked(here, some)
    assert [row["doc_id"] for row in rows] == [row["doc_id"] for row in some]
    for row in rows:
        mentions = row["mentions"]
        places = [(one["start"], -one["end"], one["kb"]) for one in mentions]
        assert places == sorted(set(places))
        if here.preset.overlap == "best":
            for kb in (0, 1):
                own = [one for one in mentions if one["kb"] == kb]
                assert all(one["end"] <= two["start"] for one, two in pairwise(own))
        for one in mentions:
            assert 0 <= one["start"] < one["end"] <= len(row["text"])
            _adds_up(one)


def _adds_up(mention):
    told = mention["candidates"]
    p = [one["p"] for one in told]
    assert all(0 <= one <= 1 + CLOSE for one in [*p, mention["nil"], mention["p"]])
    assert sum(p) + mention["nil"] <= 1 + CLOSE
    assert p == sorted(p, reverse=True)
    assert len({one["eid"] for one in told}) == len(told)
    assert mention["kind"] in KINDS
    assert mention["features"] is None or len(mention["features"]) == len(told)
    if mention["eid"] is not None:
        assert mention["eid"] == told[0]["eid"]
        assert mention["p"] == pytest.approx(told[0]["p"], rel=1e-3)


@each
def test_it_finds_something(world, some, name):
    """Where the corpus tells its links as those of a page, or as gold."""
    given = preset.load(name).mentions.get("given", {})
    kind = (given.get("kinds") or ["gold"])[0]
    rows = [
        row | {"links": [link | {"kind": kind} for link in row["links"] or []]} if given else row
        for row in some
    ]
    found = linked(opened(world, name), rows)
    assert sum(one["eid"] is not None for row in found for one in row["mentions"]) > 20


@each
def test_a_document_does_not_depend_on_others(world, some, name):
    here, few = opened(world, name), some[::12]
    together = linked(here, few)
    assert [linked(here, [row])[0] for row in few] == together
    assert linked(here, few[::-1]) == together[::-1]


ODD = [
    "", " ", "\n\n", "a", "中", "。。。", "the of and", "e\u0301", "\u0301\u0301", "ﬁ Ⅷ ㍿",
    "12 345 6,789.0 $5", "😀", "👩\u200d🚀👩\u200d🚀", "\u0000\u0007\u001b[31m", "\u202eabc\u202c",
    "\ufeffParis", "Paris\r\nLondon", "x" * 5000, "中" * 5000, "Paris" * 400, "(" * 500, "((A) B)",
]  # fmt: skip


@each
def test_odd_documents(world, name):
    rows = texts(*ODD)
    found = linked(opened(world, name), rows)
    assert [row["text"] for row in found] == [row["text"] for row in rows]
    for row in found:
        assert all(one["end"] <= len(row["text"]) for one in row["mentions"])
    assert linked(opened(world, name), []) == []


def test_all_parts_are_in_the_reference():
    told = (Path(__file__).parent.parent / "docs" / "reference" / "linkers.md").read_text(encoding="utf-8")
    parts = [name for package in (*FOLDERS.values(), RANKING) for name in plugins.names(package)]
    assert [name for name in [*PRESETS, *parts] if f"`{name}`" not in told] == []
