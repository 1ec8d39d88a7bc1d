"""What the fuzzy index finds, beside a scan of all names."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.linkers.index import fuzzy
from tests.oracle_fuzzy import Oracle, kb_of

WORDS = [
    "barack",
    "obama",
    "michelle",
    "angela",
    "merkel",
    "maria",
    "anna",
    "smith",
    "smyth",
    "johnson",
    "bern",
]
CHINESE = [
    "王小明",
    "王晓明",
    "王大明",
    "李小龙",
    "李小璐",
    "北京",
    "南京",
    "北京大学",
    "北京大学医院",
    "中华人民共和国",
    "长城",
]
NAMES = ["Steve Jobs", "jobs", "Bill Gates", "gates", "Steve", "Maria Q. Smith"]
SHORT = ["m/s", "IL-2", "IL-6", "US", "UK", "U", "EU", "C", "C++", "!!!", "王", "DNA", "RNA", "TNF"]


def made(folder: Path, names: list[str], **changes: object) -> Path:
    out = folder / "index"
    kb = kb_of(folder / "kb", [(name, eid) for eid, name in enumerate(names)])
    fuzzy.build(kb, out, settings=fuzzy.Settings(**changes))  # type: ignore[arg-type]
    return out


def typo(chance: random.Random, name: str) -> str:
    at, letter = chance.randrange(len(name) + 1), chance.choice("aeinrst ")
    kind = chance.randrange(4)
    if kind == 0:
        return name[:at] + letter + name[at:]
    if kind == 1:
        return name[:at] + name[at + 1 :]
    if kind == 2:
        return name[:at] + letter + name[at + 1 :]
    return name[:at] + name[at + 1 : at + 2] + name[at : at + 1] + name[at + 2 :]


def found(index: fuzzy.FuzzyIndex, query: str, k: int = 10) -> list[str]:
    return index.search_names([query], k)[0].names


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Three thousand names of two or three words, some Chinese, some short."""
    chance = random.Random(3)
    names = {" ".join(chance.choice(WORDS) for _ in range(chance.randrange(1, 4))) for _ in range(1_500)}
    syllables = ["ba", "ro", "ki", "men", "st", "la", "un", "ter", "o"]
    names |= {"".join(chance.choice(syllables) for _ in range(chance.randrange(1, 7))) for _ in range(1_800)}
    ordered = sorted(names) + CHINESE + SHORT
    return made(tmp_path_factory.mktemp("many"), ordered), ordered


@pytest.mark.parametrize("mode", ["exact", "fast"])
def test_search_equals_a_scan_of_all_names(many, mode):
    path, names = many
    index, oracle, chance = fuzzy.FuzzyIndex(path, mode=mode), Oracle(names), random.Random(4)
    queries = [chance.choice(names) for _ in range(150)]
    queries += [typo(chance, typo(chance, chance.choice(names))) for _ in range(250)]
    queries += [typo(chance, name) for name in CHINESE + SHORT] + ["", " ", "\x00", "zzzzzz", "小明", "é"]
    for query, (texts, scores) in zip(queries, index.search_names(queries, 7), strict=True):
        expected = oracle.search(query, 7, mode)
        assert texts == [name for name, _ in expected], query
        assert scores == [float(np.float32(score)) for _, score in expected]


LETTERS = st.text("ab 王京é-", max_size=9)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text("ab c王京é", min_size=1, max_size=20), min_size=1, max_size=25),
    st.lists(st.text("ab c王京é", max_size=20), min_size=1, max_size=12),
    st.integers(0, 4),
    st.integers(0, 4),
    st.sampled_from(["exact", "fast"]),
)
def test_property_search_equals_a_scan(names, queries, edits, pool, mode):
    if not any(name.strip() for name in names):
        names = ["a"]
    with tempfile.TemporaryDirectory() as folder:
        index = fuzzy.FuzzyIndex(made(Path(folder), names, edits=edits, pool=pool, least=0.3), mode=mode)
        oracle = Oracle(names, edits=edits, pool=pool, least=0.3)
        for query, answer in zip(queries, index.search_names(queries, 50), strict=True):
            assert answer.names == [name for name, _ in oracle.search(query, 50, mode)]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("m/s", "m s"), ("IL-2", "il 2"), ("IL2", "il 2"), ("US", "us"), ("U.S.", "us"), ("!!!", "!!!"),
        ("C++", "c++"), ("王", "王"), ("王小名", "王小明"), ("北京大学医陵", "北京大学医院"),
        ("李晓龙", "李小龙"), ("中华人民共合国", "中华人民共和国"), ("長城", "长城"),
        ("Barrack Obamma", "barack obama"), ("Angela Merkle", "angela merkel"), ("Micheel", "michelle"),
        ("Obama, Barack", "barack obama"), ("merkel, angelo", "angela merkel"),
        ("Jobs, Steev", "steve jobs"), ("Gates, Bil", "bill gates"), ("Smithh Q Maria", "maria q smith"),
    ],
)  # fmt: skip
def test_names_that_others_miss(tmp_path, query, name):
    index = fuzzy.FuzzyIndex(
        made(tmp_path, [*WORDS, *CHINESE, *SHORT, "Barack Obama", "Angela Merkel", *NAMES])
    )
    assert found(index, query)[0] == name


@pytest.mark.parametrize("mode", ["exact", "fast"])
def test_words_in_another_order_with_a_letter_wrong(tmp_path, mode):
    people = [f"{given} {family}" for given in WORDS for family in WORDS if given < family]
    index = fuzzy.FuzzyIndex(made(tmp_path, people), mode=mode)
    for name in people:
        given, family = name.split(" ")
        for query in (
            f"{family}, {given}n",
            f"{family[:-1]}, {given}",
            f"{family}, {given[:-1]}x{given[-1]}",
        ):
            assert name in found(index, query, 5), query


def test_two_swaps_at_the_borders_of_all_three_segments(tmp_path):
    index = fuzzy.FuzzyIndex(made(tmp_path, ["abcdefghi"], pool=0))
    assert found(index, "abdcegfhi") == ["abcdefghi"]  # abc|def|ghi: no segment stands as it was


def test_entities_are_ordered_by_score_prior_kb_and_eid(tmp_path):
    named = [("Paris", 0), ("Paris", 1), ("Paris", 2), ("Pariss", 1), ("Berlin", 3)]
    fuzzy.build(kb_of(tmp_path / "kb", named, e2=99), tmp_path / "index")
    hits = fuzzy.FuzzyIndex(tmp_path / "index").search(["paris", "pariss", "nothing alike", "berlim"], 3)
    assert hits.offsets.tolist() == [0, 3, 6, 6, 7]
    assert hits.eid.tolist() == [2, 0, 1, 1, 2, 0, 3]
    assert hits.score.tolist() == pytest.approx([1, 1, 1, 1, 1 - 1 / 6, 1 - 1 / 6, 1 - 1 / 6])
    assert hits.kb.tolist() == [0] * 7
    assert fuzzy.FuzzyIndex(tmp_path / "index").search(["paris"], 1).eid.tolist() == [2]


def test_the_answer_does_not_depend_on_the_other_queries(many):
    path, names = many
    index = fuzzy.FuzzyIndex(path)
    queries = [name[1:] for name in names[:600]]
    together = index.search(queries, 5)
    for place in (0, 255, 256, 599):
        alone = index.search([queries[place]], 5)
        rows = slice(together.offsets[place], together.offsets[place + 1])
        assert alone.eid.tolist() == together.eid[rows].tolist()
        assert alone.score.tolist() == together.score[rows].tolist()


def test_an_unrelated_name_changes_no_name_within_the_edits(tmp_path):
    for place, more in enumerate(([], ["zzz yyy xxx"])):
        (tmp_path / str(place)).mkdir()
        index = fuzzy.FuzzyIndex(made(tmp_path / str(place), [*WORDS, *more], pool=0))
        assert found(index, "smith") == ["smith", "smyth"]


def test_strange_queries(many):
    index = fuzzy.FuzzyIndex(many[0])
    queries = ["a" * 10_000, "王" * 10_000, "\ud800", "\u200b", "\x00\x01", "a b " * 2_500, "🙂"]
    assert all(isinstance(answer.names, list) for answer in index.search_names(queries))
    assert len(index.search(queries).offsets) == len(queries) + 1
    assert index.search([]).offsets.tolist() == [0]
    assert index.search_names([]) == []
