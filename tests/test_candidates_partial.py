"""Candidates that a mention names by a part of their name: the table of parts, and linking with it."""

from __future__ import annotations

import re
from collections import defaultdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools import api, linkers
from kbtools.alias import hashing, normal
from kbtools.errors import ConfigError
from kbtools.linkers import endings, opening, partial
from kbtools.linkers.base import Block
from kbtools.linkers.index.profile import Profile, parts
from kbtools.text.stop_words import stop_words
from tests import tiny_kb
from tests.tiny_alias import name

NAMES = [
    name(0, "Henry Alfred Kissinger"), name(0, "Henry Kissinger", "alias"), name(1, "Walter Kissinger"),
    name(2, "Miami Dolphins"), name(3, "Miami"), name(4, "Home Depot"),
    name(5, "Digital Equipment Corporation"),
    name(6, "唐纳德·特朗普"), name(7, "University of Miami"), name(8, "Martin Luther King Jr."),
    name(9, "Paris (mythology)"), name(0, "Dr. K", "anchor"), name(10, "Dolphins of the Pacific", "redirect"),
]  # fmt: skip
KNOWN = {0: 8, 2: 3}  # facts that lead there


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("partial")
    facts = [eid for eid, count in KNOWN.items() for _ in range(count)]
    triples = [tiny_kb.triple(11 + at, 0, eid, at) for at, eid in enumerate(facts)]
    kb = tiny_kb.write(
        folder / "kb",
        {
            "entities": [tiny_kb.entity(eid, f"Q{eid}", None) for eid in range(11 + len(facts))],
            "surfaces": sorted(NAMES, key=lambda row: row["text"].encode()),
            "relations": [{"rid": 0, "id": "P0", "label": None}],
            "triples": sorted(triples, key=lambda row: (row["head"], row["relation"], row["tail"])),
        },
    )
    other = tiny_kb.write(
        folder / "other",
        {"entities": [tiny_kb.entity(0, "C0", None)], "surfaces": [name(0, "Kissinger disease")]},
        name="other",
    )
    api.build_alias([kb, other], folder / "alias")
    linkers.build_index([kb, other], folder / "profile", kind="profile")
    return folder


@pytest.fixture
def profile(world):
    return linkers.open_index(world / "profile")


def whom(profile, surface, most=9):
    found = partial.called(profile, [surface], most)
    priors = [round(prior, 4) for prior in found.prior.tolist()]
    return list(zip(found.kb.tolist(), found.eid.tolist(), priors, strict=True))


def test_the_best_known_come_first_and_share_by_how_well_known_they_are(profile):
    # entity 0 has 8 neighbours, the others none; each counts one for being there
    assert whom(profile, "Kissinger") == [(0, 0, 0.9), (0, 1, 0.1), (1, 0, 1.0)]
    assert whom(profile, "Kissinger", most=1) == [(0, 0, 0.9), (1, 0, 1.0)]


def test_first_and_last_words_are_parts_and_others_are_not(profile):
    assert [eid for _, eid, _ in whom(profile, "Henry Alfred")] == [0]
    assert [eid for _, eid, _ in whom(profile, "Alfred Kissinger")] == [0]
    assert [eid for _, eid, _ in whom(profile, "Miami")] == [2, 7]
    assert (
        whom(profile, "Alfred") == whom(profile, "of Miami") == whom(profile, "Henry Alfred Kissinger") == []
    )
    assert whom(profile, "Pacific") == []  # redirects and anchors name nobody


def test_endings_brackets_dots_and_case(profile):
    assert [eid for _, eid, _ in whom(profile, "King")] == [8]
    assert [eid for _, eid, _ in whom(profile, "Luther King")] == [8]
    assert [eid for _, eid, _ in whom(profile, "Digital Equipment Corp.")] == [5]
    assert [eid for _, eid, _ in whom(profile, "DIGITAL EQUIPMENT")] == [5]
    assert [eid for _, eid, _ in whom(profile, "特朗普")] == [6]
    assert whom(profile, "kissinger") == whom(profile, "mythology") == whom(profile, "") == []


def test_how_much_of_the_name_is_covered(profile):
    found = partial.called(profile, ["Kissinger", "Dolphins"], 9)
    # of "Henry Kissinger", the shorter of his names, and of "Walter Kissinger", "Kissinger disease"
    wanted = [9 / 15, 9 / 16, 9 / 17, 8 / 14]
    assert found.covered.tolist() == pytest.approx(wanted, abs=1 / 255)
    assert found.name.tolist() == [0, 0, 0, 1]


def linked(world, text, *settings):
    asked = opening.ask(
        world / "alias",
        indexes=[world / "profile"],
        linker="prior",
        overrides=["candidates.partial=5", *settings],
    )
    here = opening.Opened(asked)
    mentions = here.linker.found(Block([text]))
    eid, prior = mentions.eid.tolist(), [round(prior, 3) for prior in mentions.prior.tolist()]
    places = zip(mentions.start.tolist(), mentions.end.tolist(), mentions.kb.tolist(), strict=True)
    bounds = zip(mentions.offsets[:-1].tolist(), mentions.offsets[1:].tolist(), strict=True)
    return {
        (text[start:end], kb): list(zip(eid[low:high], prior[low:high], strict=True))
        for (start, end, kb), (low, high) in zip(places, bounds, strict=True)
    }


def test_whoever_bears_the_name_itself_goes_before(world):
    found = linked(world, "He flew to Miami.")
    dolphins, university = 4 / 5, 1 / 5
    assert found == {("Miami", 0): [(3, 1.0), (2, round(0.1 * dolphins, 3)), (7, round(0.1 * university, 3))]}
    found = linked(world, "He flew to Miami.", "candidates.partial_worth=0.5")
    assert found["Miami", 0][1] == (2, round(0.5 * dolphins, 3))


def test_unknown_rows_of_capitals_get_candidates_of_each_knowledge_base(world):
    # persons, companies and clubs that are called by a part of their name are in no table of names
    settings = ["mentions.runs.unknown=true"]
    found = linked(world, "Yesterday the Dolphins met Kissinger and Nobody.", *settings)
    assert [eid for eid, _ in found["Kissinger", 0]] == [0, 1]
    assert [eid for eid, _ in found["Kissinger", 1]] == [0]
    assert found["Dolphins", 0] == [(2, 1.0)]
    assert found["Nobody", 0] == []


def test_names_are_looked_up_without_their_endings(world):
    here = opening.Opened(opening.ask(world / "alias"))
    found = endings.shortened(["Home Depot Inc", "Merck & Co., Inc.", "Company", "King Jr."])
    assert found == ["home depot", "merck", "company", "king"]
    assert here.knowledge.alias.lookup(found[:1]).length.tolist() == [1]


def test_settings_that_cannot_be(world):
    with pytest.raises(ConfigError, match="partial_worth"):
        opening.ask(world / "alias", overrides=["candidates.partial_worth=2.0"])
    without = opening.Opened(opening.ask(world / "alias", overrides=["candidates.partial=5"]))
    with pytest.raises(ConfigError, match="profile"):
        without.linker.found(Block(["Miami"]))


def slow(names: list[str]) -> dict[int, dict[int, int]]:
    """Return the parts of each name by their hashes, word by word."""
    stops = set(stop_words())
    found: dict[int, dict[int, int]] = defaultdict(dict)
    for row, norm in enumerate(normal.spell(pa.array(names, pa.string())).norm.to_pylist()):
        words = norm.split(" ")
        core = list(words)
        for _ in range(2):
            if len(core) > 1 and core[-1] in endings.ENDINGS:
                core.pop()
        some = {tuple(core)} if len(core) < len(words) else set()
        some |= {one for n in range(1, 4) if len(core) > n for one in (tuple(core[:n]), tuple(core[-n:]))}
        for one in some if len(words) <= parts.MOST_WORDS else ():
            if all(len(edge) >= 2 and edge not in stops for edge in (one[0], one[-1])):
                key = int(hashing.of_strings(pa.array([" ".join(one)]))[0])
                found[row][key] = max(found[row].get(key, 0), len(" ".join(one)) * 255 // len(norm))
    return found


WORDS = st.sampled_from(["Ann", "of", "Inc.", "Lee", "Ünal", "Jr", "x", "York", "co", "(band)", "1990", "长"])


@given(st.lists(st.lists(WORDS, min_size=1, max_size=10).map(" ".join), max_size=8))
def test_parts_are_those_of_the_slow_oracle(names):
    row, key, covered = parts.parts_of(pa.array(names, pa.string()))
    found: dict[int, dict[int, int]] = defaultdict(dict)
    for one, hashed, share in zip(row.tolist(), key.tolist(), covered.tolist(), strict=True):
        found[one][hashed] = max(found[one].get(hashed, 0), share)
    plain = [re.sub(r"\s*[(（][^()（）]*[)）]\s*$", "", text) for text in names]
    assert found == slow(plain)


def test_a_profile_without_parts_finds_nobody(world, tmp_path):
    linkers.build_index(world / "kb", tmp_path / "p", kind="profile", parts=0)
    profile = Profile(tmp_path / "p")
    assert not len(profile.arrays["parts.keys"])
    assert whom(profile, "Kissinger") == []
    assert np.array_equal(profile.called(np.zeros(2, np.uint64)), [-1, -1])


def test_pieces_do_not_show(world, tmp_path, monkeypatch):
    whole = linkers.build_index(world / "kb", tmp_path / "whole", kind="profile").content
    monkeypatch.setattr(parts, "HELD", 3)
    monkeypatch.setattr(parts, "BATCH", 2)
    assert linkers.build_index(world / "kb", tmp_path / "pieces", kind="profile").content == whole
