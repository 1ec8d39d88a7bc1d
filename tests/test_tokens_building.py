"""Tokenizers that are learnt: each sort beside a slow oracle, the same bytes always, read by transformers."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools import api, artefact
from kbtools.corpus import Report
from kbtools.errors import ArtefactError, ConfigError
from kbtools.progress import Progress
from kbtools.tokens import merging, unigram
from kbtools.tokens.counting import Counted
from kbtools.tokens.tokenizer import Tokenizer
from tests import tiny_tokenizer

KINDS = ["wordpiece", "char", "bpe", "unigram"]
COUNTED = st.dictionaries(st.text("abc", min_size=1, max_size=9), st.integers(1, 6), min_size=1, max_size=9)


def merged_slowly(
    words: dict[str, int], pieces: str, size: int, least: int
) -> tuple[list[str], list[tuple[str, str]]]:
    found: list[str] = list(pieces)
    merges: list[tuple[str, str]] = []
    chains = {word: [found.index(char) for char in word] for word in words}
    while len(found) < size:
        pairs: Counter[tuple[int, int]] = Counter()
        for word, chain in chains.items():
            for pair in pairwise(chain):
                pairs[pair] += words[word]
        pairs = Counter({pair: count for pair, count in pairs.items() if count >= least})
        if not pairs:
            break
        one, two = min(pairs, key=lambda pair: (-pairs[pair], pair))
        joined = found[one] + found[two]
        if joined not in found:
            found.append(joined)
        merges.append((found[one], found[two]))
        for word, chain in chains.items():
            new, at = [], 0
            while at < len(chain):
                both = chain[at : at + 2] == [one, two]
                new.append(found.index(joined) if both else chain[at])
                at += 1 + both
            chains[word] = new
    return found, merges


@given(words=COUNTED, least=st.integers(1, 3))
@settings(max_examples=60)
def test_merges_are_those_of_the_plain_way(words, least):
    assert merging.learn(words, "abc", 14, least=least) == merged_slowly(words, "abc", 14, least)


def test_pieces_that_go_on_with_a_word():
    pieces, merges = merging.learn({"abab": 3, "ab": 2, "zab": 9}, ["a", "##a", "##b"], 6, prefix="##")
    assert pieces == ["a", "##a", "##b", "##ab", "ab", "abab"]  # z is no piece, and parts words
    assert merges == [("##a", "##b"), ("a", "##b"), ("ab", "##ab")]


def divisions(word: str, pieces: set[str]) -> list[list[str]]:
    if not word:
        return [[]]
    return [
        [word[:end], *rest]
        for end in range(1, len(word) + 1)
        if word[:end] in pieces
        for rest in divisions(word[end:], pieces)
    ]


@given(
    words=COUNTED, more=st.sets(st.text("abc", min_size=2, max_size=4), max_size=6), seed=st.integers(0, 99)
)
@settings(max_examples=60)
def test_expected_counts_are_sums_over_all_divisions(words, more, seed):
    pieces = ["a", "b", "c", *sorted(more)]
    odds = np.random.default_rng(seed).uniform(0.05, 1, len(pieces))
    expected = np.zeros(len(pieces))
    for word, count in words.items():
        found = divisions(word, set(pieces))
        weights = [math.prod(odds[pieces.index(piece)] for piece in division) for division in found]
        for division, weight in zip(found, weights, strict=True):
            for piece in division:
                expected[pieces.index(piece)] += count * weight / sum(weights)
    lattice = unigram._Lattice(unigram._Chains([*words]), pieces)
    assert lattice.expected(np.log(odds), np.array([*words.values()], float)) == pytest.approx(expected)


def test_frequent_words_become_pieces():
    words = {"▁the": 50, "▁then": 20, "▁other": 10, "▁hen": 5}
    learnt = unigram.learn(words, sorted(set("".join(words))), 12)
    assert len(learnt) == 12
    assert {"▁the", *"▁thenor"} <= {piece for piece, _ in learnt}
    assert [score for _, score in learnt] == sorted((score for _, score in learnt), reverse=True)
    assert sum(math.exp(score) for _, score in learnt) == pytest.approx(1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_bytes_in_every_process(kind, tmp_path):
    call = "import sys; from pathlib import Path; from tests.tiny_tokenizer import build; "
    call += "build(Path(sys.argv[1]), sys.argv[2])"
    root = Path(__file__).parent.parent
    subprocess.run(
        [sys.executable, "-c", call, str(tmp_path), kind],
        env={**os.environ, "PYTHONHASHSEED": "77", "TOKENIZERS_PARALLELISM": "true", "PYTHONPATH": str(root)},
        check=True,
    )
    here, there = tiny_tokenizer.path(kind), tmp_path / f"{kind}-2000"
    assert artefact.read(here).content == artefact.read(there).content


@pytest.mark.parametrize("kind", KINDS)
def test_transformers_gives_the_same_numbers(kind, monkeypatch):
    transformers = pytest.importorskip("transformers")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    theirs = transformers.AutoTokenizer.from_pretrained(tiny_tokenizer.path(kind))
    ours = tiny_tokenizer.loaded(kind)
    texts = [
        "He lives in Geneva, doesn't he?",
        "孙日新是一位医生。Café\n ok",
        "[MASK] <mask> x  y",
        " a",
        "ﬁ ㍿ ½",
    ]
    stream = ours.encode(texts)
    told = theirs(texts, add_special_tokens=False)["input_ids"]
    assert stream.ids.tolist() == [one for ids in told for one in ids]
    special = [getattr(theirs, f"{role}_token_id") for role in ours.special._fields]
    assert special == list(ours.special)
    pair = theirs("in", "of")["input_ids"]
    first, second = (ours.encode([text]).ids.tolist() for text in ("in", "of"))
    sep = ours.special.sep
    assert pair == [ours.special.cls, *first, *ours.between, *second, sep]


def corpus(folder: Path, *lines: str, called: str = "text.jsonl") -> Path:
    (folder / called).write_text("".join(f'{{"text": "{line}"}}\n' for line in lines), encoding="utf-8")
    return folder / called


def test_several_corpora_count_together(tmp_path):
    one, two = corpus(tmp_path, "ab ab", called="1.jsonl"), corpus(tmp_path, "ab Ab 中文", called="2.jsonl")
    made = api.build_vocab([one, two], tmp_path / "t", size=20, least=2)
    told = {"documents": 2, "characters": 13, "words": 6, "different words": 3, "size": 8}
    assert {name: made.counts[name] for name in told} == told
    assert Tokenizer.load(tmp_path / "t").strings.to_pylist()[5:] == ["##b", "a", "ab"]
    assert made.notes == {"tokens": 6, "tokens per word": 1.0, "unknown": round(2 / 6, 6)}


def test_case_and_accents_are_kept_if_asked(tmp_path):
    text = corpus(tmp_path, "Éa Éa ea ea")
    for kind in ("wordpiece", "unigram"):
        api.build_vocab([text], tmp_path / kind, kind=kind, size=30)
        api.build_vocab([text], tmp_path / f"{kind}-cased", kind=kind, size=30, cased=True)
        plain, cased = (Tokenizer.load(tmp_path / name).encode(["Éa ea"]) for name in (kind, f"{kind}-cased"))
        assert plain.ids[0] == plain.ids[1] != cased.ids[0]
        assert cased.end.tolist()[-1] == plain.end.tolist()[-1] == 5


def test_chinese_apart_or_together(tmp_path):
    text = corpus(tmp_path, *["北京 北京"] * 5)
    for kind, sizes in {"bpe": (270, [2, 1]), "unigram": (10, [3, 1])}.items():
        size, tokens = sizes
        for chinese, count in zip(("apart", "together"), tokens, strict=True):
            out = tmp_path / f"{kind}-{chinese}"
            api.build_vocab([text], out, kind=kind, size=size, chinese=chinese)
            assert len(Tokenizer.load(out).encode(["北京"]).ids) == count


def test_added_tokens_and_a_small_alphabet(tmp_path):
    text = corpus(tmp_path, "aa bb cc aa bb aa")
    api.build_vocab([text], tmp_path / "t", kind="char", size=20, added=("[ENT]",), alphabet=2)
    tokenizer = Tokenizer.load(tmp_path / "t")
    assert tokenizer.strings.to_pylist()[5:] == ["[ENT]", "##a", "a"]
    assert tokenizer.encode(["a [ENT] a"]).ids.tolist() == [7, 5, 7]


def test_a_sample_is_the_same_each_time(tmp_path):
    text = corpus(tmp_path, *(f"word{at} word{at}" for at in range(400)))
    made = [api.build_vocab([text], tmp_path / f"{at}", size=99, sample=0.25) for at in range(2)]
    assert made[0].content == made[1].content
    assert 60 < made[0].counts["documents"] < 140


def test_rare_words_are_forgotten_when_there_are_too_many(tmp_path):
    text = corpus(tmp_path, *(f"often w{at} often" for at in range(300)))
    counted = Counted(apart=True, most=100, sample=1.0)
    counted.read([str(text)], [], Report(), Progress("count", None, "documents", quiet=True))
    assert len(counted.found) <= 100
    assert counted.found[" often"] + counted.found["often"] == 600
    assert counted.forgotten > 150


@pytest.mark.parametrize(
    ("asked", "match"),
    [
        ({"size": 5}, "at least 6"),
        ({"kind": "bpe", "size": 260}, "at least 261"),
        ({"kind": "bpx"}, "did you mean 'bpe'"),
        ({"chinese": "together"}, "take bpe or unigram"),
        ({"added": ("[CLS]",)}, "there already"),
        ({"sample": 0.0}, "sample"),
        ({"sise": 3}, "did you mean 'size'"),
    ],
)
def test_what_cannot_be_built(asked, match, tmp_path):
    with pytest.raises(ConfigError, match=match):
        api.build_vocab([corpus(tmp_path, "a a")], tmp_path / "t", **asked)
    assert [path.name for path in tmp_path.iterdir()] == ["text.jsonl"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_corpus_without_words(kind, tmp_path):
    with pytest.raises(ConfigError, match="no word to learn from"):
        api.build_vocab([corpus(tmp_path, " ", "")], tmp_path / "t", kind=kind)
    assert not (tmp_path / "t.partial").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_corpus_of_one_word(kind, tmp_path):
    made = api.build_vocab([corpus(tmp_path, "a")], tmp_path / "t", kind=kind, least=1, size=300)
    assert made.counts["words"] >= 1
    assert len(Tokenizer.load(tmp_path / "t").encode(["a"]).ids) >= 1


def test_what_is_there_is_not_replaced(tmp_path):
    text = corpus(tmp_path, "a a")
    api.build_vocab([text], tmp_path / "t")
    with pytest.raises(ArtefactError, match="--overwrite"):
        api.build_vocab([text], tmp_path / "t")
    api.build_vocab([text], tmp_path / "t", kind="char", overwrite=True)
    assert Tokenizer.load(tmp_path / "t").kind == "char"
