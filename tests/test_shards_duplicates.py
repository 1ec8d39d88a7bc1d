"""Near copies: what counts as one, which one stays, the same whoever looks for them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools import api, corpus
from kbtools.executors import pool
from kbtools.shards import duplicates
from kbtools.shards.duplicates import dropped, prepare, runs, signatures, together
from kbtools.text import BARE, normalise
from tests import tiny_tokenizer

RANDOM = np.random.default_rng(3)
WORDS = [f"w{number}" for number in range(2000)]


def text(words=200):
    return " ".join(RANDOM.choice(WORDS, words))


def changed(told, share):
    """Replace some words, at random places."""
    words = told.split()
    for at in RANDOM.choice(len(words), round(share * len(words)), replace=False):
        words[at] = "other"
    return " ".join(words)


def index(one, two, words):
    """The Jaccard index, the slow way."""
    a, b = ({tuple(told[at : at + words]) for at in range(max(len(told) - words + 1, 1))}
            for told in (normalise(text, BARE).split() for text in (one, two)))  # fmt: skip
    return len(a & b) / len(a | b)


def gone(tmp_path, files, how, workers=1, room="f"):
    """Write texts into files, find copies; return what goes by file."""
    folder, source = tmp_path / room, tmp_path / "source"
    folder.mkdir(exist_ok=True)
    source.mkdir(exist_ok=True)
    for number, texts in enumerate(files):
        lines = (json.dumps({"id": f"{number}-{at}", "text": one}) for at, one in enumerate(texts))
        (source / f"{number}.jsonl").write_text("".join(f"{line}\n" for line in lines))
    with pool(folder, workers=workers) as crew:
        told = prepare(crew, lambda room: corpus.plan(str(source), folder, room=room), folder, how)
    pieces = [piece.number for piece in corpus.plan(str(source), folder, room="again")]
    found = [np.flatnonzero(dropped(folder, piece)).tolist() for piece in pieces]
    assert told == {
        "documents compared": sum(map(len, files)),
        "near copies left out": sum(map(len, found)),
    }
    assert [len(dropped(folder, piece)) for piece in pieces] == list(map(len, files))
    return found


@pytest.mark.parametrize("how", ["exact", "minhash"])
def test_the_first_of_equals_stays(tmp_path, how):
    one, two, three = text(), text(), text(8)
    files = [[one, two, one.upper()], ["", "...", three], [f"  {two.replace(' ', ', ')}!", text(), three, ""]]
    assert gone(tmp_path, files, how) == [[2], [], [0, 2]]


@pytest.mark.parametrize("how", ["exact", "minhash"])
def test_what_is_nearly_the_same_goes(tmp_path, how):
    one = text(600)
    near, far = changed(one, 0.01), changed(one, 0.2)
    assert index(one, near, 5) > 0.85
    assert index(one, far, 5) < 0.5
    assert gone(tmp_path, [[one, near, far]], how) == [[1]]


def test_a_part_of_an_earlier_text_goes_by_its_runs_and_stays_by_its_index(tmp_path):
    one = text(400)
    part = " ".join(one.split()[100:200])
    assert gone(tmp_path, [[one, part, text()]], "exact") == [[1]]
    assert gone(tmp_path, [[part, one]], "exact", room="g") == [[]]  # the longer has much that is new
    assert gone(tmp_path, [[one, part]], "minhash", room="h") == [[]]


def test_chinese_characters_are_words(tmp_path):
    one = "".join(chr(0x4E00 + number) for number in RANDOM.integers(0, 3000, 300))
    near = one[:150] + "新" + one[150:]
    files = [[one, near, one[::-1], f"{one[:100]}，{one[100:]}。"]]
    assert gone(tmp_path, files, "minhash") == [[1, 3]]
    assert gone(tmp_path, files, "exact", room="g") == [[1, 3]]


@pytest.mark.parametrize("how", ["exact", "minhash"])
def test_it_is_the_same_with_more_workers_and_when_taken_up_again(tmp_path, how):
    texts = [text(60) for _ in range(30)]
    files = [[*texts[low : low + 10], changed(texts[0], 0.01), texts[low // 2]] for low in (0, 10, 20)]
    one = gone(tmp_path, files, how)
    assert sum(map(len, one)) >= 3
    two = gone(tmp_path, files, how, workers=3, room="g")
    assert two == one
    for path in (tmp_path / "g" / "done").rglob("*2*"):
        path.unlink()  # as if it had broken off
    assert gone(tmp_path, files, how, room="g") == one
    bytes_of = [
        sorted((path.name, path.read_bytes()) for path in (tmp_path / room / "work").rglob("*.*"))
        for room in ("f", "g")
    ]
    assert bytes_of[0] == bytes_of[1]


def test_signatures_estimate_the_index():
    one = text(1000)
    texts = [one, *(changed(one, share) for share in (0.01, 0.03, 0.06, 0.1, 0.3)), text(1000)]
    owner, hashes = runs(texts, 5)
    signs = signatures(owner, hashes, len(texts))
    for number in range(1, len(texts)):
        estimate = float((signs[0] == signs[number]).mean())
        assert abs(estimate - index(one, texts[number], 5)) < 0.15


def test_signatures_are_the_same_in_parts(monkeypatch):
    texts = [text(300) for _ in range(4)]
    whole = signatures(*runs(texts, 5), 4)
    monkeypatch.setattr(duplicates, "_CACHED", 100)
    assert (signatures(*runs(texts, 5), 4) == whole).all()


@given(st.lists(st.text(st.sampled_from("ab c.,é中文 \n\0"), max_size=30), max_size=6), st.integers(1, 4))
def test_runs_are_those_of_the_words(texts, words):
    owner, hashes = runs(texts, words)
    expected = []
    seen: dict[tuple[str, ...], int] = {}
    for number, one in enumerate(texts):
        told = normalise(one, BARE)
        parts = "".join(f" {char} " if char in "中文" else char for char in told).split()
        lists = [tuple(parts[at : at + words]) for at in range(max(len(parts) - words + 1, bool(parts)))]
        expected += [(number, one) for one in lists]
    assert owner.tolist() == [number for number, _ in expected]
    for (_, run), value in zip(expected, hashes.tolist(), strict=True):
        if not set("".join(run)) & set("中文"):  # spaces beside them are part of a run
            assert seen.setdefault(run, value) == value
    assert len(set(seen.values())) == len(seen)


def test_long_texts_are_looked_at_in_parts(monkeypatch):
    texts = ["a b c d e f", "g h", "", "i"]
    whole = runs(texts, 2)[1]
    monkeypatch.setattr(duplicates, "SIZE", 8)
    owner, hashes = runs(texts, 2)
    assert owner.tolist() == [0, 0, 0, 0, 1, 3]
    assert set(hashes.tolist()) <= {*whole.tolist()}
    assert runs([], 5)[0].tolist() == []


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=20))
def test_what_hangs_together(pairs):
    groups = {one: {one} for one in range(21)}
    for one, two in pairs:
        whole = groups[one] | groups[two]
        groups |= dict.fromkeys(whole, whole)
    expected = sorted(one for one, group in groups.items() if one != min(group))
    told = np.array([sorted(pair) for pair in pairs], np.uint64).reshape(-1, 2)
    assert sorted(together(told).tolist()) == expected


@pytest.mark.parametrize("how", ["exact", "minhash"])
def test_shards_without_near_copies(tmp_path, how):
    texts = ["The river runs through the old town.", "A lake.", "the river runs through the old town"]
    lines = (json.dumps({"id": f"d{at}", "text": one}) for at, one in enumerate(texts))
    (tmp_path / "c.jsonl").write_text("\n".join(lines))
    settings = [f"duplicates={how}", "dev=0"]
    api.shard(tmp_path / "c.jsonl", tmp_path / "s", model="roberta", tokenizer=tiny_tokenizer.path(),
              overrides=settings)  # fmt: skip
    (file,) = (tmp_path / "s").rglob("*.arrow")
    with pa.memory_map(str(file)) as source:
        found = pa.ipc.open_file(source).read_all()["documents"].to_pylist()
    assert {one["id"] for row in found for one in row} == {"d0", "d1"}


def test_a_folder_with_a_quote_in_its_name(tmp_path):
    (tmp_path / "it's").mkdir()
    assert gone(Path(tmp_path / "it's"), [["a b", "a b"]], "minhash") == [[1]]
