"""Persons named again by a part of their name."""

from __future__ import annotations

import numpy as np
import pytest

from kbtools import api, linkers
from kbtools.alias import Alias
from kbtools.errors import ConfigError
from kbtools.linkers.base import KINDS
from kbtools.linkers.index.profile import Profile
from kbtools.linkers.knowledge import Knowledge
from kbtools.linkers.mentions import persons
from tests import small_names
from tests.named_mentions import mentions_of, shown
from tests.small_names import Name

PERSONS = 100  # entities from this number on are persons
NAMES = {
    "Angela Merkel": [(101, 0.97), (102, 0.02)],
    "Merkel": [(103, 0.5), (101, 0.3), (7, 0.2)],
    "Berlin": [(1, 1.0)],
}


def step(**settings):
    return persons.step_with(lambda kb, eid: eid >= PERSONS, persons.Settings(**settings))


def candidates(mentions, row):
    low, high = mentions.offsets[row : row + 2]
    return dict(zip(mentions.eid[low:high].tolist(), mentions.prior[low:high].tolist(), strict=True))


def test_a_later_name_is_the_same_person():
    block, before = mentions_of(["Angela Merkel left Berlin. Merkel smiled."], NAMES)
    after = step()(block, before)
    row = len(after) - 1
    assert shown(block, after)[row][:3] == (0, 27, "Merkel")
    assert KINDS[after.kind[row]] == "coreference"
    assert shown(block, after)[after.parent[row]][2] == "Angela Merkel"
    # p of 102 is below .05; 101 is handed on with .80, the rest of the short name has .20 of what it had
    assert candidates(after, row) == pytest.approx({101: 0.8 + 0.2 * 0.3, 103: 0.2 * 0.5, 7: 0.2 * 0.2})
    low, high = after.offsets[row : row + 2]
    assert (np.diff(after.prior[low:high]) <= 0).all()


def test_a_word_that_is_no_name_yet_becomes_a_mention():
    names = {"Ada Lovelace": [(101, 0.6), (104, 0.3)]}
    block, before = mentions_of(["Ada Lovelace wrote. Lovelace's notes; Ada’s, Adam and Ada-Mae's."], names)
    after = step()(block, before)
    assert [found[1:3] for found in shown(block, after)] == [
        (0, "Ada Lovelace"),
        (20, "Lovelace"),
        (38, "Ada"),
    ]
    assert candidates(after, 1) == pytest.approx({101: 0.8 * 2 / 3, 104: 0.8 / 3})


def test_before_the_full_name_too():
    block, before = mentions_of(["Merkel smiled. Angela Merkel left."], NAMES)
    assert KINDS[step()(block, before).kind[0]] == "coreference"
    after = step(backward=False)(block, before)
    assert KINDS[after.kind[0]] == "dictionary"
    assert (after.parent == -1).all()


def test_the_nearest_before_counts():
    names = {"John Smith": [(101, 1.0)], "Mary Smith": [(102, 1.0)]}
    text = "Smith? John Smith, Smith. Mary Smith, Smith. Mary, John."
    block, before = mentions_of([text], names)
    after = step()(block, before)
    told = [(words, eids) for _, _, words, eids in shown(block, after)]
    assert told == [
        ("Smith", [101]), ("John Smith", [101]), ("Smith", [101]), ("Mary Smith", [102]), ("Smith", [102]),
        ("Mary", [102]), ("John", [101]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("John von Neumann", {"von Neumann", "Neumann", "John"}),
        ("J. R. R. Tolkien", {"Tolkien"}),
        ("J.R.R. Tolkien Jr.", {"Tolkien"}),
        ("Jean-Paul Sartre", {"Jean-Paul", "Sartre"}),
        ("Conan O'Brien’s", {"Conan", "O'Brien"}),
        ("Gabriel García Márquez", {"Gabriel", "García", "Márquez", "García Márquez"}),
        ("Queen Elizabeth II", {"Elizabeth"}),
        ("Dr. Martin Luther King, Jr.", {"Martin", "Luther", "King", "Martin Luther King", "Luther King"}),
        ("Vincent van Gogh", {"Vincent", "van Gogh", "Gogh"}),
        ("唐纳德·特朗普", {"唐纳德", "特朗普"}),
        ("习近平", set()),
        ("Merkel", set()),
        ("the President", set()),
        ("", set()),
        ("- -", set()),
    ],
)
def test_parts_of_names(name, parts):
    assert set(persons.parts_of(name)) == parts


def test_places_that_are_no_names():
    names = {
        "Jean Paul": [(101, 1.0)],
        "Paul Street": [(1, 1.0)],
        "Jean Monnet": [(102, 1.0)],
    }
    text = "Jean Paul: not Jean-Paul, O'Paul, paul, PAUL, Paula, Paul Street; but Paul, (Paul) and Paul's."
    block, before = mentions_of([text], names)
    after = step()(block, before)
    assert [found[1] for found in shown(block, after) if found[2] == "Paul"] == [70, 77, 87]


def test_chinese_names_with_a_dot():
    names = {"唐纳德·特朗普": [(101, 1.0)]}
    block, before = mentions_of(["特朗普说。唐纳德·特朗普离开，特朗普回来；小唐纳德·川普。"], names)
    after = step()(block, before)
    assert [found[1:3] for found in shown(block, after)] == [
        (0, "特朗普"),
        (5, "唐纳德·特朗普"),
        (15, "特朗普"),
    ]


def test_only_persons_hand_on():
    names = {"New York": [(1, 1.0)], "York": [(2, 1.0)], "Some Body": [(101, 0.05)]}
    block, before = mentions_of(["New York, York, Some Body, Body"], names)
    assert step()(block, before) is before


def test_gold_mentions_stay_gold_and_no_others_come_if_so_set():
    names = {"Angela Merkel": [(101, 1.0)], "Merkel": []}
    block, before = mentions_of(["Angela Merkel, Merkel. Angela."], names, kind="gold")
    after = step(only_known=True)(block, before)
    assert [found[2:] for found in shown(block, after)] == [
        ("Angela Merkel", [101]),
        ("Merkel", []),  # inside the full name
        ("Merkel", [101]),
    ]
    assert {KINDS[kind] for kind in after.kind} == {"gold"}
    assert len(after) == len(before)
    last = len(after) - 1
    assert candidates(after, last) == pytest.approx({101: 0.8})
    assert KINDS[step()(block, before).kind[-1]] == "coreference"


def test_other_documents_and_knowledge_bases_are_their_own():
    block, before = mentions_of(["Angela Merkel", "Merkel"], NAMES, kbs=2)
    after = step()(block, before)
    assert len(after) == len(before)
    assert (after.parent[after.text == 1] == -1).all()
    block, before = mentions_of(["Ada Lovelace, Lovelace"], {"Ada Lovelace": [(101, 1.0)]}, kbs=2)
    after = step()(block, before)
    assert after.kb.tolist() == [0, 1, 0, 1]
    assert after.parent.tolist() == [-1, -1, 0, 1]


def test_a_mention_over_the_whole_text_costs_no_time():
    text = "Ada Lovelace " + "Lovelace " * 20_000
    names = {"Ada Lovelace": [(101, 1.0)], text.strip(): [(1, 1.0)]}
    block, before = mentions_of([text], names)
    assert len(step()(block, before)) == 2


def test_a_profile_says_who_is_a_person(tmp_path):
    names = [Name(0, "Ada Lovelace"), Name(1, "Ada Street"), Name(0, "Ada", "anchor", 1)]
    kb = small_names.write(
        tmp_path / "kb", names, entities=5,
        types=[{"eid": 0, "type": 2}, {"eid": 1, "type": 4}],  # 0 is a writer, which is a person
        classes=[
            {"type": 2, "ancestor": 2, "depth": 0}, {"type": 2, "ancestor": 3, "depth": 1},
            {"type": 4, "ancestor": 4, "depth": 0},
        ],
    )  # fmt: skip
    api.build_alias([kb], tmp_path / "alias")
    alias = Alias(tmp_path / "alias")
    linkers.build_index(kb, tmp_path / "profile", kind="profile")
    knowledge = Knowledge(alias, profile=Profile(tmp_path / "profile").bound_to(alias.kbs))
    block, before = mentions_of(
        ["Ada Lovelace left Ada Street. Lovelace, Street."],
        {"Ada Lovelace": [(0, 1.0)], "Ada Street": [(1, 1.0)]},
    )
    after = persons.make(knowledge, persons.Settings(classes=("E3",)))(block, before)
    assert [found[2] for found in shown(block, after)] == ["Ada Lovelace", "Ada Street", "Lovelace"]
    with pytest.raises(ConfigError, match="no class Q5 here"):
        persons.make(knowledge, persons.Settings())
    with pytest.raises(ConfigError, match="asks what is known of entities"):
        persons.make(Knowledge(alias), persons.Settings())


def test_settings_are_checked():
    with pytest.raises(ConfigError, match="least is 2"):
        persons.Settings(least=2)
