"""Entities linked in a page, found again by their names: by hand, and on the small Wikipedia."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from kbtools import api, corpus, linkers
from kbtools.linkers.base import KINDS, Block, Given, Mentions, Own, joined
from kbtools.linkers.candidates import Places, bare
from kbtools.linkers.mentions import anchored
from tests.named_mentions import mentions_of, shown
from tests.tiny_linking import rows

SAMPLE = Path(__file__).parent.parent / "data" / "sample"
ANCHOR = KINDS.index("anchor")
PARIS = {"Paris": [(0, 0.6), (1, 0.3), (7, 0.1)], "France": [(2, 1.0)], "Texas": [(3, 1.0)]}


def page(texts: list[str], links: list[tuple[int, int, int, int]], **how: Any) -> tuple[Block, Mentions]:
    """Find names, and put the links of a corpus before them: text, start, end, eid (−1: not known)."""
    block, mentions = mentions_of(texts, PARIS)
    columns: list[Any] = [np.array(column) for column in zip(*links, strict=True)] or [np.zeros(0, int)] * 4
    text, start, end, eid = (column.astype(np.int32) for column in columns)
    block.given = Given(text, start, end, np.zeros(len(text), np.int16), eid.astype(np.int64),
                        np.full(len(text), ANCHOR, np.uint8))  # fmt: skip
    known = eid >= 0
    ones = np.ones(int(known.sum()), np.float32)
    given = bare(Places(text, start, end), "anchor")._replace(
        offsets=np.concatenate([[0], np.cumsum(known)]),
        eid=eid[known].astype(np.uint32),
        prior=ones,
        string=ones,
    )
    found = joined([given, mentions])
    return block, anchored.make(None, anchored.Settings(**how))(block, found)  # type: ignore[arg-type]


def test_names_of_linked_entities_alone_stay():
    block, after = page(["The capital. Paris, France, Paris.", "Paris"], [(0, 4, 11, 1)])
    assert shown(block, after) == [(0, 4, "capital", [1]), (0, 13, "Paris", [1]), (0, 28, "Paris", [1])]
    assert [KINDS[kind] for kind in after.kind] == ["anchor", "dictionary", "dictionary"]
    assert after.prior.tolist() == [1, 1, 1]
    assert after.parent.tolist() == [-1, 0, 0]


def test_two_linked_entities_of_a_name_share_it():
    _, after = page(["capital town Paris"], [(0, 0, 7, 0), (0, 8, 12, 1)])
    assert after.eid.tolist() == [0, 1, 0, 1]
    assert after.prior[2:] == pytest.approx([2 / 3, 1 / 3])


def test_links_that_lead_nowhere_stay_and_say_nothing():
    block, after = page(["Gotham, Paris"], [(0, 0, 6, -1)])
    assert shown(block, after) == [(0, 0, "Gotham", [])]


def test_the_entity_of_the_page():
    texts = ["Paris is a city", "Paris"]
    block, before = mentions_of(texts, PARIS)
    block.own = Own(np.array([0, -1], np.int16), np.array([1, -1]))
    step = anchored.make(None, anchored.Settings())  # type: ignore[arg-type]
    assert shown(block, step(block, before)) == [(0, 0, "Paris", [1])]
    without = anchored.make(None, anchored.Settings(own=False))  # type: ignore[arg-type]
    assert shown(block, without(block, before)) == []


def test_nothing_said_nothing_found():
    block, before = mentions_of(["Paris", ""], PARIS)
    assert len(anchored.make(None, anchored.Settings())(block, before)) == 0  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def wiki(tmp_path_factory):
    """Link the pages of the small Wikipedia."""
    folder = tmp_path_factory.mktemp("wiki")
    api.ingest("wikidata", [SAMPLE / "wikidata.json.gz"], folder / "kb", langs=["en", "zh"])
    dump = SAMPLE / "wikipedia" / "enwiki-pages-articles.xml"
    api.ingest("wikipedia", [dump], folder / "enwiki", onto=folder / "kb", name="enwiki")
    bases = [folder / "kb", folder / "enwiki"]
    api.build_alias(bases, folder / "alias")
    linkers.build_index(bases, folder / "profile", kind="profile")
    return folder


def linked(wiki: Path, linker: str) -> list[dict[str, Any]]:
    out, indexes = wiki / linker, [wiki / "profile"]
    linkers.link(
        f"pages:{wiki}/enwiki", out, alias=wiki / "alias", indexes=indexes, linker=linker, overwrite=True
    )
    return rows(out)


def said(page: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the links of a page that lead to an entity."""
    return [one for one in page["mentions"] if one["kind"] == "anchor" and one["eid"] is not None]


def test_pages_of_wikipedia(wiki):
    pages = linked(wiki, "wklm")
    kinds = [one["kind"] for row in pages for one in row["mentions"]]
    assert kinds.count("anchor") > 20
    assert kinds.count("dictionary") > 10
    for row in pages:
        own = msgspec.json.decode(row["meta"])["eid"]
        again = [one for one in row["mentions"] if one["kind"] == "dictionary"]
        links = {one["eid"] for one in said(row)}
        assert {one["eid"] for one in again} <= links | {own}
        assert {one["eid"] for one in again if one["parent"] is None} <= {own}
        for one in again:
            if one["parent"] is not None:
                assert row["mentions"][one["parent"]]["eid"] == one["eid"]


def test_links_of_pages_stay_as_they_are(wiki):
    """Votes have no say in what the authors of a page said."""
    for linker in ("ernie", "wklm"):
        pages = linked(wiki, linker)
        plain = [row for batch in corpus.documents(f"pages:{wiki}/enwiki") for row in batch.to_pylist()]
        links = [
            [(one["start"], one["end"], one["eid"]) for one in row["links"] if one["eid"] is not None]
            for row in plain
        ]
        assert [[(one["start"], one["end"], one["eid"]) for one in said(row)] for row in pages] == links
        assert {(one["p"], one["nil"]) for row in pages for one in said(row)} == {(1.0, 0.0)}
    assert sum(map(len, links)) > 20
