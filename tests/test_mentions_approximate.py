"""Names that are written almost as they are known, and mentions of some classes alone."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from kbtools import api, linkers
from kbtools.alias import Alias
from kbtools.errors import ConfigError
from kbtools.linkers.base import Block, no_mentions
from kbtools.linkers.candidates import surfaces_of
from kbtools.linkers.index.profile import Profile
from kbtools.linkers.knowledge import Knowledge
from kbtools.linkers.mentions import approximate, dictionary, typed
from tests import tiny_kb, tiny_linking
from tests.named_mentions import mentions_of, shown
from tests.tiny_alias import name

IDS = ["C1", "C2", "C3", "C4", "C5"]
NAMES = [
    name(0, "granulosa cell tumor"), name(1, "diabetes mellitus type 1"), name(2, "diabetes mellitus type 2"),
    name(3, "B-cell lymphoma"), name(4, "fever"), name(3, "carcinoma of the lung"),
    name(4, "carcinoma of the lung", "anchor", 1),
]  # fmt: skip


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzzy")
    api.build_alias([tiny_linking.kb(folder / "kb", IDS, NAMES, "diseases")], folder / "alias")
    linkers.build_index(folder / "alias", folder / "index", kind="fuzzy")
    return Knowledge(Alias(folder / "alias"), (linkers.open_index(folder / "index"),))


def found(knowledge: Knowledge, *texts: str, **settings: Any) -> list[tuple[str, list[int]]]:
    block = Block(texts)
    names = dictionary.make(knowledge, dictionary.Settings(capital=False, spelt=False))
    step = approximate.make(knowledge, approximate.Settings(**settings))
    return [row[2:] for row in shown(block, step(block, names(block, no_mentions())))]


@pytest.mark.parametrize(
    ("text", "words", "eids"),
    [
        ("A granulosa cell tumour was found.", "granulosa cell tumour", [0]),
        ("with diabetis melitus type 2, and", "diabetis melitus type 2", [2]),
        ("Carcinomas of the lung", "Carcinomas of the lung", [3, 4]),
    ],
)
def test_almost_the_name(knowledge, text, words, eids):
    assert found(knowledge, text) == [(words, eids)]


@pytest.mark.parametrize(
    "text",
    [
        "diabetes mellitus type 3",  # another type
        "a T-cell lymphoma",
        "granulosa, cell tumour",  # punctuation
        "granulosa has cell tumour",
        "fewer",  # too unlike for so short a word
        "is the of a",
        "12345 67890",
        "糖尿病糖尿病",
        "",
    ],
)
def test_not_the_name(knowledge, text):
    assert found(knowledge, text) == []


def test_what_names_cover_is_not_asked(knowledge):
    assert found(knowledge, "granulosa cell tumor") == [("granulosa cell tumor", [0])]


def test_likeness_is_told(knowledge):
    block = Block(["granulosa cell tumours", "granulosa cell tumour"])
    after = approximate.make(knowledge, approximate.Settings())(block, no_mentions())
    assert after.text.tolist() == [0, 1]
    assert after.string[1] == pytest.approx(1 - 1 / 21)
    assert after.string[0] == pytest.approx(1 - 2 / 22)
    assert after.prior.tolist() == [1, 1]


def runs(*texts: str, **settings: Any) -> list[str]:
    block = Block(texts)
    return surfaces_of(block, approximate.runs(block, approximate.Settings(**settings)))


def test_runs_by_hand():
    assert runs("the quick fox of Rome is, not 25 years", least=3, most_words=3) == [
        "quick", "quick fox", "fox", "fox of Rome", "Rome", "25 years", "years",
    ]  # fmt: skip
    assert runs("well-known", "red", most_words=2) == ["well-known", "known"]


def test_runs_as_a_slow_reader_finds_them():
    stop = {"the", "is", "of", "and"}
    joining = {"of", "the", "and"}
    rng = np.random.default_rng(4)
    vocabulary = ["the", "is", "of", "and", "alpha", "beta", "gamma", "42"]
    text = "".join(rng.choice(vocabulary) + rng.choice([" ", " ", " ", "-", ", "]) for _ in range(400))
    pieces = [(word.start(), word.end()) for word in re.finditer(r"\w+", text)]
    expected = []
    for i, (start, _) in enumerate(pieces):
        for j in range(i, min(i + 4, len(pieces))):
            some = [text[slice(*piece)] for piece in pieces[i : j + 1]]
            gaps = [
                text[one[1] : two[0]] for one, two in zip(pieces[i:j], pieces[i + 1 : j + 1], strict=True)
            ]
            good = some[0] not in stop and some[-1] not in stop and all(gap in " -" for gap in gaps)
            good &= all(word not in stop or word in joining for word in some)
            good &= any(not word.isdigit() for word in some) and pieces[j][1] - start >= 5
            if good:
                expected.append(text[start : pieces[j][1]])
    assert runs(text, most_words=4) == expected


def test_a_fuzzy_index_is_asked_for(knowledge):
    with pytest.raises(ConfigError, match="--kind fuzzy"):
        approximate.make(Knowledge(knowledge.alias), approximate.Settings())
    with pytest.raises(ConfigError, match="similar"):
        approximate.Settings(similar=0)


def test_classes(tmp_path):
    ids = ["C1", "C2", "T047", "T121", "T000"]
    rows: dict[str, Any] = {
        "entities": [tiny_kb.entity(eid, one, one) for eid, one in enumerate(ids)],
        "surfaces": [name(0, "cold"), name(1, "cold")],
        "types": [{"eid": 0, "type": 2}, {"eid": 1, "type": 3}],
        "classes": [{"type": 2, "ancestor": 2, "depth": 0}, {"type": 2, "ancestor": 4, "depth": 1},
                    {"type": 3, "ancestor": 3, "depth": 0}],
    }  # fmt: skip
    kb = tiny_kb.write(tmp_path / "kb", rows, name="meta")
    api.build_alias([kb], tmp_path / "alias")
    linkers.build_index([kb], tmp_path / "profile", kind="profile")
    alias = Alias(tmp_path / "alias")
    known = Knowledge(alias, (), Profile(tmp_path / "profile").bound_to(alias.kbs))
    block, before = mentions_of(["a cold, x"], {"cold": [(0, 0.5), (1, 0.5)], "x": []})

    def kept(*classes: str) -> list[list[int]]:
        step = typed.make(known, typed.Settings(classes=classes))
        return [row[3] for row in shown(block, step(block, before))]

    assert kept("T047") == [[0], []]
    assert kept("T000", "T121") == [[0, 1], []]
    with pytest.raises(ConfigError, match="mentions/typed: no class T999"):
        kept("T999")
    with pytest.raises(ConfigError, match="no class is named"):
        typed.Settings()
