"""What meets in text: counts equal to counting one by one, NPMI by hand, units of a corpus."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools import executors
from kbtools.errors import ConfigError
from kbtools.kb import ids as kb_ids
from kbtools.kb.reader import gather
from kbtools.metrics import cooccurrence as meeting
from kbtools.metrics.cooccurrence import Counts, Pairs, npmi
from kbtools.trees import cooccurrence, preparing
from kbtools.trees.facts import Facts, opened
from tests import tiny_kb, tiny_linked

ENTITY = st.integers(0, 9)
UNITS = st.lists(st.lists(ENTITY, max_size=12), max_size=8)
FACTS = st.lists(st.tuples(ENTITY, ENTITY), max_size=30)


def counted(units: list[list[int]], facts: list[tuple[int, int]]) -> Counts:
    pairs = Pairs.of([head for head, _ in facts], [tail for _, tail in facts])
    counts = Counts(pairs, 10)
    unit = np.repeat(np.arange(len(units)), [len(one) for one in units])
    counts.add(len(units), unit, np.array([eid for one in units for eid in one], np.int64))
    return counts


@given(UNITS, FACTS)
def test_counts_are_those_of_counting_one_by_one(units, facts):
    counts = counted(units, facts)
    named = Counter(eid for one in units for eid in {*one})
    both = Counter(pair for one in units for pair in combinations(sorted({*one}), 2))
    asked = sorted({(min(fact), max(fact)) for fact in facts if fact[0] != fact[1]})
    assert counts.units == len(units)
    assert counts.entities.tolist() == [named[eid] for eid in range(10)]
    assert counts.pairs.tolist() == [both[pair] for pair in asked]


@given(UNITS, FACTS)
def test_chunks_do_not_matter(units, facts):
    whole = counted(units, facts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(meeting, "CHUNK", 3)
        parts = counted(units, facts)
    assert parts.pairs.tolist() == whole.pairs.tolist()


@given(UNITS, FACTS, st.integers(0, 8))
def test_parts_add_up(units, facts, cut):
    whole = counted(units, facts)
    first, second = counted(units[:cut], facts), counted(units[cut:], facts)
    assert (first.pairs + second.pairs).tolist() == whole.pairs.tolist()
    assert (first.entities + second.entities).tolist() == whole.entities.tolist()


def test_a_unit_of_thousands_and_an_entity_of_all_facts():
    everyone = np.arange(3000)
    pairs = Pairs.of(np.zeros(2999, np.int64), everyone[1:])
    counts = Counts(pairs, 3000)
    counts.add(2, np.append(np.zeros(3000, np.int64), 1), np.append(everyone, 0))
    assert counts.pairs.tolist() == [1] * 2999
    assert counts.entities[:2].tolist() == [2, 1]


def test_entities_that_nobody_knows_are_left_out():
    counts = Counts(Pairs.of([0], [1]), 2)
    counts.add(1, np.zeros(4, np.int64), np.array([-1, 0, 1, 7]))
    assert (counts.entities.tolist(), counts.pairs.tolist()) == ([1, 1], [1])


def test_npmi_by_hand():
    # of 8 units 4 name a, 2 name b, 1 names both: ln(1/8 / (4/8 · 2/8)) = 0
    assert npmi([1], [4], [2], 8).tolist() == [0.0]
    # 2 name both: ln(2/8 / (1/2 · 1/4)) / -ln(2/8) = ln 2 / ln 4
    assert npmi([2], [4], [2], 8)[0] == pytest.approx(0.5)
    # less than by chance: ln(1/8 / (4/8 · 4/8)) / -ln(1/8) = -ln 2 / ln 8
    assert npmi([1], [4], [4], 8)[0] == pytest.approx(-1 / 3)
    assert npmi([0, 2, 8], [3, 2, 8], [5, 2, 8], 8).tolist() == [-1.0, 1.0, 1.0]


@given(st.integers(1, 50), st.data())
def test_npmi_is_within_its_bounds(units, data):
    one, other = (data.draw(st.integers(1, units)) for _ in range(2))
    both = data.draw(st.integers(max(0, one + other - units), min(one, other)))
    value = float(npmi([both], [one], [other], units)[0])
    assert -1 - 1e-9 <= value <= 1 + 1e-9
    assert not math.isnan(value)


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    """Adams (1) is a human (0); Berlin (3) is a city (5), in Germany (4)."""
    base = gather([tiny_kb.write(tmp_path / "kb", tiny_kb.world())])[0]
    preparing.prepare(base, tmp_path / "facts")
    return opened(tmp_path / "facts")


@pytest.fixture
def linked(tmp_path: Path, facts: Facts) -> Path:
    text = "Berlin is in Germany. Berlin is a city! Adams, a human."
    places = {"Berlin": 3, "Germany": 4, "city": 5, "Adams": 1, "human": 0}
    found = [(at, word) for word in places for at in range(len(text)) if text.startswith(word, at)]
    mentions = [tiny_linked.mention(at, at + len(word), places[word]) for at, word in sorted(found)]
    documents = [
        tiny_linked.document("a", text, mentions),
        tiny_linked.document("b", "Nothing.", []),
        tiny_linked.document("c", "Germany", [tiny_linked.mention(0, 7, 4), tiny_linked.mention(0, 7, None)]),
    ]
    return tiny_linked.write(tmp_path / "linked", [tmp_path / "kb"], documents)


@pytest.mark.parametrize(
    ("window", "units", "together"),
    [(1, 5, {(3, 4): 1, (3, 5): 1, (0, 1): 1}), (2, 5, {(3, 4): 1, (3, 5): 2, (0, 1): 2}),
     (0, 3, {(3, 4): 1, (3, 5): 1, (0, 1): 1})],
)  # fmt: skip
def test_units_of_linked_documents(facts, linked, window, units, together):
    cooccurrence.prepare(facts, str(linked), kb="tiny", window=window)
    found = cooccurrence.opened(facts.folder)
    pairs = [(int(key) >> 32, int(key) & 0xFFFFFFFF) for key in found.pairs.keys]
    assert found.units == units
    assert dict(zip(pairs, found.together.tolist(), strict=True)) == together


def test_the_same_with_workers_of_a_building_site(facts, linked, tmp_path):
    cooccurrence.prepare(facts, str(linked), kb="tiny")
    folder = facts.folder / cooccurrence.FOLDER
    alone = {name: (folder / name).read_bytes() for name in (cooccurrence.PAIRS, cooccurrence.ENTITIES)}
    site = tmp_path / "site"
    site.mkdir()
    with executors.pool(site, workers=2) as crew:
        cooccurrence.prepare(facts, str(linked), kb="tiny", site=site, crew=crew)
    assert {name: (folder / name).read_bytes() for name in alone} == alone


def test_text_without_links_needs_names(facts, tmp_path):
    (tmp_path / "a.txt").write_text("Berlin is in Germany.")
    with pytest.raises(ConfigError, match="link it first, or pass --alias"):
        cooccurrence.prepare(facts, str(tmp_path / "a.txt"), kb="tiny")


def test_a_corpus_of_another_knowledge_base(facts, linked):
    with pytest.raises(ConfigError, match="names no entity of other"):
        cooccurrence.prepare(facts, str(linked), kb="other")


def test_links_by_ids_are_looked_up(facts, tmp_path):
    kb = tiny_kb.write(tmp_path / "named", tiny_kb.world())
    ids = kb_ids.Ids(gather([kb])[0].kb).take(np.array([3, 4])).to_pylist()
    links = [{"start": at, "end": at + 1, "ids": {"tiny": one}} for at, one in enumerate([*ids, "nobody"])]
    links.append({"start": 3, "end": 4, "ids": {"other": ids[0]}})
    (tmp_path / "a.jsonl").write_bytes(msgspec.json.encode({"id": "a", "text": "abcd", "mentions": links}))
    cooccurrence.prepare(facts, str(tmp_path / "a.jsonl"), kb="tiny", kbs=[str(kb)])
    found = cooccurrence.opened(facts.folder)
    assert (found.units, found.named.tolist()) == (1, [0, 0, 0, 1, 1, 0])


def test_names_in_raw_text(facts, tmp_path):
    from kbtools.alias.building.build import build  # noqa: PLC0415 - for this test alone

    rows = [
        {"eid": eid, "text": text, "source": "label", "lang": "en"}
        for eid, text in [(0, "human"), (1, "Adams"), (3, "Berlin"), (4, "Germany"), (5, "Berlin City")]
    ]
    world = tiny_kb.world() | {"surfaces": sorted(rows, key=lambda row: str(row["text"]))}
    kb = tiny_kb.write(tmp_path / "named", world)
    build([kb], tmp_path / "alias")
    document = {"doc_id": "a", "text": "Berlin, Germany. Berlin City, Germany. Adams is human"}
    (tmp_path / "a.jsonl").write_bytes(msgspec.json.encode(document))
    cooccurrence.prepare(facts, str(tmp_path / "a.jsonl"), kb="tiny", alias=str(tmp_path / "alias"))
    found = cooccurrence.opened(facts.folder)
    assert (found.units, found.named.tolist()) == (3, [1, 1, 0, 1, 2, 1])  # Berlin City hides its Berlin
    values = found.npmi(np.array([1, 3, 4]), np.array([0, 4, 4]))
    assert values == pytest.approx([1.0, math.log(1.5) / math.log(3), 1.0])
