"""Turns of dialogues: roles, turns that are another dialogue's, room, bad input."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools import config, corpus
from kbtools.errors import ConfigError
from kbtools.shards.assembly import assemble
from kbtools.shards.base import Here
from kbtools.shards.layouts.dialogues import LAYOUT, Settings, fitted
from kbtools.shards.texts import tokenised
from tests.layout_tokens import read, tokenizer

WORDS = ["who", "knows", "a", "good", "book", "try", "this", "one", "thanks", "where", "is", "it", "here"]
CHAT = "A: who knows a good book?\nB: try this one\nA: thanks\nC: where is it?\nA: here\n"


@pytest.fixture
def tokens(tmp_path):
    return tokenizer(tmp_path, WORDS)


def examples(tokens, tmp_path, text, *, length=64, copy=0, suffix="txt", **settings):
    file = tmp_path / f"chat.{suffix}"
    file.write_text(text, encoding="utf-8")
    (batch,) = corpus.documents(f"dialogues:{file}")
    where = Here(tokens, length)
    told = tokenised(batch, where)
    cut = LAYOUT.cut(told, np.arange(len(told.stream)), Settings(**settings), where, copy)
    rows = assemble(told.stream, cut.segments)
    made = []
    for at in range(len(rows)):
        low, high = rows.offsets[at : at + 2]
        row = {name: column[at].as_py() for name, column in cut.columns.items()}
        ids = rows.ids[low:high]
        made.append(row | {"text": read(tokens, ids), "segment": rows.kind[low:high].tolist(),
                           "said": [read(tokens, ids[a:b]) for a, b in row["dialogue.turns"]]})  # fmt: skip
    return made, where.counts


def test_three_turns_and_their_roles(tokens, tmp_path):
    made, _ = examples(tokens, tmp_path, CHAT, fake=0.0, step=1)
    assert made[0]["text"] == ("[CLS] who knows a good book ? [SEP] try this one [SEP] thanks [SEP]")
    assert made[0]["said"] == ["who knows a good book ?", "try this one", "thanks"]
    assert made[0]["segment"] == [0] * 8 + [1] * 4 + [0] * 2
    assert [one["dialogue.roles"] for one in made] == [[0, 1, 0], [0, 1, 1], [0, 1, 0]]
    assert {one["dialogue.real"] for one in made} == {True}
    assert {one["dialogue.replaced"] for one in made} == {-1}
    made, _ = examples(tokens, tmp_path, CHAT, fake=0.0, ids="turn")
    assert made[0]["segment"] == [0] * 8 + [1] * 4 + [2] * 2
    assert len(made) == 2


def test_one_turn_of_some_is_of_another_dialogue(tokens, tmp_path):
    chats = [[f"{'AB'[turn % 2]}: {WORDS[chat]} {turn}" for turn in range(9)] for chat in range(10)]
    seen = Counter[int]()
    real = total = 0
    for copy in range(20):
        made, _ = examples(tokens, tmp_path, "\n\n".join(map("\n".join, chats)), copy=copy)
        for one in made:
            place = one["dialogue.replaced"]
            assert one["dialogue.real"] is (place == -1)
            chat = Counter(said.split()[0] for said in one["said"])
            assert sorted(chat.values()) == ([3] if place < 0 else [1, 2])
            if place >= 0:
                assert chat[one["said"][place].split()[0]] == 1
            assert one["dialogue.roles"] == [0, 1, 0]  # also of what is put in
            seen[place] += 1
            real, total = real + one["dialogue.real"], total + 1
    assert total == 20 * 10 * 4
    assert abs(real / total - 0.5) < 0.06
    assert max(seen[place] for place in range(3)) < 1.4 * min(seen[place] for place in range(3))


def test_what_is_no_example(tokens, tmp_path):
    made, counts = examples(tokens, tmp_path, "A: who\nA: knows\nA: it\n\nA: here\nB: here\n")
    assert made == []
    assert counts["dialogues without an example"] == 2
    made, counts = examples(tokens, tmp_path, CHAT, fake=1.0)
    assert {one["dialogue.real"] for one in made} == {True}  # alone it has nobody to take a turn from
    assert counts["examples without a partner"] == 2


def test_without_speakers_every_other_turn_is_an_answer(tokens, tmp_path):
    told = {"id": "x", "turns": [{"text": word} for word in ("who", "is it", "", "here", "thanks")]}
    made, counts = examples(tokens, tmp_path, json.dumps(told), suffix="json", fake=0.0, step=1)
    assert [one["said"] for one in made] == [["who", "is it", "here"], ["is it", "here", "thanks"]]
    assert [one["dialogue.roles"] for one in made] == [[0, 1, 1], [0, 0, 1]]
    assert counts["turns without tokens"] == 1


def test_long_turns_lose_their_ends(tokens, tmp_path):
    made, counts = examples(tokens, tmp_path, CHAT, length=10, fake=0.0)
    assert made[0]["text"] == "[CLS] who knows a [SEP] try this [SEP] thanks [SEP]"
    assert all(one["text"].count("[SEP]") == 3 for one in made)
    assert counts["dialogues shortened"] == 1
    with pytest.raises(ConfigError, match="no room for 3 turns"):
        examples(tokens, tmp_path, CHAT, length=6)


def test_a_corpus_that_holds_no_dialogues(tokens, tmp_path):
    for told in ('{"turns": "x"}', '{"turns": [[0, 9999999999999999999999, "A"], [-5, 2, null]]}', "{}"):
        (batch,) = corpus.documents(f"dialogues:{_written(tmp_path)}")
        batch = batch.set_column(3, "meta", pa.array([told]))
        where = Here(tokens, 32)
        text = tokenised(batch, where)
        assert len(LAYOUT.cut(text, np.arange(1), Settings(), where, 0).segments.example) == 0


def _written(tmp_path):
    (tmp_path / "some.txt").write_text("A: who\nB: is it?\n")
    return tmp_path / "some.txt"


def test_what_is_drawn_depends_on_the_seed_and_the_copy(tokens, tmp_path):
    text = "\n\n".join(CHAT for _ in range(12))
    one, two = (examples(tokens, tmp_path, text)[0] for _ in range(2))
    assert one == two
    assert examples(tokens, tmp_path, text, copy=1)[0] != one


def test_an_example_is_of_its_own_dialogue_whatever_is_put_in(tokens, tmp_path):
    text = "\n\n".join(CHAT for _ in range(12))
    (tmp_path / "c.txt").write_text(text)
    (batch,) = corpus.documents(f"dialogues:{tmp_path / 'c.txt'}")
    where = Here(tokens, 64)
    told = tokenised(batch, where)
    cut = LAYOUT.cut(told, np.arange(3, 12), Settings(fake=1.0), where, 0)
    assert cut.owner is not None
    assert cut.owner.tolist() == [at for at in range(3, 12) for _ in range(2)]


@given(st.lists(st.lists(st.integers(1, 40), min_size=3, max_size=3), min_size=1), st.integers(3, 60))
def test_the_longest_is_shortened_first(sizes, room):
    found = fitted(np.array(sizes, np.int64), room)
    for one, fitting in zip(sizes, found.tolist(), strict=True):
        slow = list(one)
        while sum(slow) > room:  # the last of the longest
            longest = max(slow)
            slow[max(at for at, size in enumerate(slow) if size == longest)] -= 1
        assert fitting == slow


@pytest.mark.parametrize("told", [{"turns": 1}, {"turns": 200}, {"step": 0}, {"fake": 2.0}, {"ids": "x"}])
def test_settings_that_make_no_sense(told):
    with pytest.raises(ConfigError):
        config.build(Settings, told, where="here")
