"""Senses beside gold: every number by hand, and what is known of real sets."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from kbtools import linkers
from kbtools.cli.main import main
from kbtools.errors import ArtefactError, ConfigError
from kbtools.tasks.wsd import Settings
from kbtools.tasks.wsd.evaluation import Evaluation
from kbtools.tasks.wsd.senses import Word, most_frequent, word_of
from tests import tiny_kb, tiny_linked, tiny_wordnet
from tests.tiny_linked import document, mention
from tests.tiny_wordnet import key

TEXT = "The bank lends money , he took off from the bank ; men were long there ."
# instance, the word, which of that word, keys; lemma and part of speech
GOLD = [
    ("t0", "bank", 0, [key("bank", "n", 0)], "bank", "NOUN"),
    ("t1", "took off", 0, [key("take off", "v", 6)], "take_off", "VERB"),
    ("t2", "bank", 1, [key("bank", "n", 1), key("river bank", "n", 1)], "bank", "NOUN"),
    ("t3", "men", 0, [key("Man", "n", 15)], "man", "NOUN"),
    ("t4", "long", 0, ["long%3:99:00::"], "long", "ADJ"),
]


def place(word, nth):
    start = -1
    for _ in range(nth + 1):
        start = TEXT.index(word, start + 1)
    return start, start + len(word)


def raganato(folder):
    """Write the text as Raganato's framework has it."""
    inside = {place(word, nth)[0]: (name, word, lemma, pos) for name, word, nth, _, lemma, pos in GOLD}
    tokens, at = [], 0
    while at < len(TEXT):
        name, word, lemma, pos = inside.get(at, (None, TEXT[at:].split(" ", maxsplit=1)[0], "x", "X"))
        tag = f'instance id="{name}"' if name else "wf"
        tokens.append(f'<{tag} lemma="{lemma}" pos="{pos}">{word}</{tag.split(maxsplit=1)[0]}>')
        at += len(word) + 1
    sentence = "".join(tokens)
    (folder / "x.data.xml").write_text(
        '<corpus lang="en" source="x"><text id="d0"><sentence id="d0.s0">'
        f"{sentence}</sentence></text></corpus>"
    )
    (folder / "x.gold.key.txt").write_text("".join(f"{one[0]} {' '.join(one[3])}\n" for one in GOLD))
    return f"raganato:{folder}/x.data.xml"


def at(word: str, nth: int, eid: int | None, **more: float):
    start, end = place(word, nth)
    return mention(start, end, eid, **more)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    tiny_wordnet.alias(folder)
    raganato(folder)
    answers = [("bank", 0, 0), ("took off", 0, 5), ("bank", 1, 1), ("men", 0, None)]
    said = [at(word, nth, eid) for word, nth, eid in answers]
    said.append(at("bank", 0, 1, p=0.2))  # another reading, less sure
    tiny_linked.write(folder / "said", [folder / "kb"], [document("x.d0", TEXT, said)])
    return folder


def evaluate(world, *names, **settings):
    return Evaluation(
        [world / name for name in names], f"raganato:{world}/x.data.xml", kbs=[world / "kb"],
        settings=Settings(resamples=50, **settings),
    ).run()  # fmt: skip


def values(results, system, group=""):
    return {
        one.metric: round(one.value, 3)
        for one in results.measures
        if one.system == system and one.group == group
    }


def test_numbers_by_hand(world):
    results = evaluate(world, "said")
    # two of three answers right, of five; the key of `long` is unknown, so nobody can be right there
    assert values(results, "said") == {"precision": 0.667, "recall": 0.4, "F1": 0.5}
    assert values(results, "said", "NOUN") == {"precision": 1.0, "recall": 0.667, "F1": 0.8}
    assert values(results, "said", "VERB") == {"precision": 0.0, "recall": 0.0, "F1": 0.0}
    # bank#n#1 right, take off right, bank wrong, man#n#1 wrong
    assert values(results, "first sense") == {"precision": 0.4, "recall": 0.4, "F1": 0.4}
    (compared,) = results.comparisons
    assert (compared.system, compared.other) == ("said", "first sense")
    assert compared.difference == pytest.approx(0.1)
    assert results.notes == [
        "1 instances have senses that the knowledge base does not know.",
        "said: 2 instances without an answer.",
    ]
    assert results.counts["instances"] == 5


def test_every_instance_is_told(world):
    rows = [row for row in evaluate(world, "said").predictions.to_pylist() if row["system"] == "said"]
    assert [(row["text"], row["gold"], row["answer"], row["credit"]) for row in rows] == [
        ("bank", "00000000-n", "00000000-n", 1.0), ("took off", "00000006-v", "00000005-v", 0.0),
        ("bank", "00000001-n", "00000001-n", 1.0), ("men", "00000015-n", None, 0.0),
        ("long", None, None, 0.0),
    ]  # fmt: skip


def test_the_most_frequent_sense_of_a_corpus(world):
    train = f"raganato:{world}/x.data.xml"
    results = evaluate(world, train=train)
    # bank: both senses once, the first sense counts; what was not seen: the first sense
    assert values(results, "most frequent sense")["F1"] == 0.6
    words = [Word("a", "n"), Word("b", "n"), None, Word("c", "v")]
    seen = [
        (words[0], 7),
        (words[0], 8),
        (words[0], 8),
        (words[1], 5),
        (words[1], 4),
        (None, 3),
        (words[3], -1),
    ]
    found = most_frequent(seen, words, np.array([7, 4, -1, 2]))
    assert found.tolist() == [8, 4, -1, 2]


def test_gold_as_system_is_all_right(world, tmp_path):
    said = [at(word, nth, eid) for (_, word, nth, *_), eid in zip(GOLD, (0, 6, 1, 15, 12), strict=True)]
    tiny_linked.write(tmp_path / "gold", [world / "kb"], [document("x.d0", TEXT, said)])
    results = Evaluation(
        [tmp_path / "gold"], f"raganato:{world}/x.data.xml", settings=Settings(resamples=10)
    ).run()  # fmt: skip
    assert values(results, "gold") == {"precision": 0.8, "recall": 0.8, "F1": 0.8}  # but the unknown key
    assert values(results, "gold", "NOUN")["F1"] == 1.0


def test_linkers_disambiguate(world, tmp_path):
    linkers.build_index([world / "kb"], tmp_path / "profile", kind="profile")
    for preset, indexes in (("wsd", [tmp_path / "profile"]), ("knowbert-wordnet", [])):
        linkers.link(
            f"raganato:{world}/x.data.xml", tmp_path / preset, alias=world / "alias", indexes=indexes,
            linker=preset,
        )  # fmt: skip
    results = Evaluation(
        [tmp_path / "wsd", tmp_path / "knowbert-wordnet"], f"raganato:{world}/x.data.xml",
        settings=Settings(resamples=10),
    ).run()  # fmt: skip
    assert values(results, "wsd") == {"precision": 0.4, "recall": 0.4, "F1": 0.4}
    assert [(one.system, one.other) for one in results.comparisons] == [
        ("wsd", "first sense"), ("knowbert-wordnet", "first sense"), ("knowbert-wordnet", "wsd")
    ]  # fmt: skip


def test_what_cannot_be_scored(world, tmp_path):
    with pytest.raises(ConfigError, match="nothing to score"):
        Evaluation([], "x", settings=Settings())
    with pytest.raises(ConfigError, match="no knowledge base 'x'"):
        evaluate(world, of="x")
    tiny_kb.write(tmp_path / "other", tiny_kb.world(), name="other")
    data = f"raganato:{world}/x.data.xml"
    with pytest.raises(ArtefactError, match="no gold link is to an entity of other"):
        Evaluation([], data, kbs=[tmp_path / "other"], settings=Settings()).run()
    tiny_wordnet.kb(tmp_path / "bare", numbers=False)
    results = Evaluation([], data, kbs=[tmp_path / "bare"], settings=Settings(train=data, resamples=10)).run()
    assert {one.system for one in results.measures} == {"most frequent sense"}
    assert "there is no first sense" in results.notes[1]
    for wrong in ({"level": 1.0}, {"resamples": 0}):
        with pytest.raises(ConfigError):
            Settings(**wrong)


def test_keys_of_satellites_and_other_ids():
    assert word_of("long%5:00:00:big:01") == Word("long", "a")
    assert word_of("Long_Beach%1:15:00::") == Word("long_beach", "n")
    assert [word_of(one) for one in (None, "", "02084071-n", "a%9:00:00::")] == [None] * 4


def test_the_command(world, tmp_path):
    told = ["eval", "wsd", "--data", f"raganato:{world}/x.data.xml", "--kb", world / "kb", "--linked"]
    told += [world / "said", "--out", tmp_path / "report", "--resamples", 20, "--no-plots", "--quiet"]
    done = CliRunner().invoke(main, [str(one) for one in told])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0] == "Senses in x.data.xml"
    found = json.loads((tmp_path / "report" / "report.json").read_text())
    assert found["task"] == "wsd"
    assert (tmp_path / "report" / "predictions.parquet").exists()


@pytest.fixture(scope="module")
def princeton(realdata, tmp_path_factory):
    from kbtools import api  # noqa: PLC0415

    out = tmp_path_factory.mktemp("wordnet") / "kb"
    api.ingest("wordnet", [realdata / "wordnet/princeton-3.0"], out)
    return out


@pytest.mark.parametrize(("name", "accuracy"), [("senseval2", 66.8), ("semeval2007", 55.2)])
def test_first_senses_of_real_sets(princeton, realdata, name, accuracy):
    data = f"raganato:{realdata}/wsd/raganato/{name}/{name}.data.xml"
    results = Evaluation([], data, kbs=[princeton], settings=Settings(resamples=10)).run()
    assert round(100 * next(one.value for one in results.measures if one.metric == "F1"), 1) == accuracy
