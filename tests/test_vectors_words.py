"""Words beside entities: look-up of many at once, words never seen, phrases; what is wrong is said."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools import about, vectors
from kbtools.artefact import read
from kbtools.errors import ArtefactError, ConfigError
from kbtools.kb.overview import Overview
from kbtools.vectors.words import ANY, compose, subwords
from tests import tiny_vectors
from tests.foreign_vectors import words_of

TEXTS = ["dog", "Cat", "new", "York", "中文", "ice cream"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("words") / "v"
    words = vectors.Words(TEXTS, numbers(len(TEXTS)), counts=[5, 4, 3, 2, 1, 0])
    vectors.write(out, [], np.zeros((0, 3), np.float32), words=words)
    return out


def numbers(rows, seed=0):
    return tiny_vectors.numbers(rows, 3, seed)


def hashed(text):
    """FNV-1a as fastText has it: each byte keeps its sign."""
    value = 2166136261
    for byte in text.encode():
        signed = byte - 256 if byte > 127 else byte
        value = ((value ^ (signed & 0xFFFFFFFF)) * 16777619) & 0xFFFFFFFF
    return value


def oracle(word, min_n, max_n, buckets):
    marked = f"<{word}>"
    return sorted(
        hashed(marked[at : at + n]) % buckets
        for n in range(min_n, max_n + 1)
        for at in range(len(marked) - n + 1)
        if n > 1 or 0 < at < len(marked) - 1
    )


def test_a_folder_of_words_alone_is_read(folder):
    opened = vectors.Vectors(folder)
    assert (opened.count, opened.dim, list(opened.blocks()), opened.eids().tolist()) == (0, 3, [], [])
    assert words_of(folder).texts.to_pylist() == TEXTS
    assert words_of(folder).counts.tolist() == [5, 4, 3, 2, 1, 0]
    assert np.array_equal(np.concatenate(list(words_of(folder).blocks())), numbers(len(TEXTS)))
    manifest = read(folder)
    assert manifest.counts == {"entities": 0, "words": 6}
    assert list(manifest.tables) == ["vectors", "ids", "words", "word_vectors"]
    assert about.verify(folder, deep=True).sound
    told = about.describe(folder, rows=2)
    assert isinstance(told, Overview)
    shown = told.samples
    assert [sample.table for sample in shown] == ["vectors", "words"]
    assert [row[1:3] for row in shown[1].rows] == [["dog", 5], ["Cat", 4]]


def test_words_are_found_in_many_forms(folder):
    words = words_of(folder)
    assert words.rows(["dog", "DOG", "cat", "nothing", "中文", "dog"]).tolist() == [0, -1, -1, -1, 4, 0]
    assert words.rows(["dog", "DOG", "cat", "york"], ANY).tolist() == [0, 0, 1, 3]
    many = [f"w{at}" for at in range(100)] + ["dog"]  # more than there are words
    assert words.rows(many).tolist() == [-1] * 100 + [0]
    found = words.look(["new", "no"])
    assert found.found.tolist() == [True, False]
    assert found.array.tolist() == [numbers(6)[2].tolist(), [0, 0, 0]]
    assert words.look([]).array.shape == (0, 3)
    with pytest.raises(ConfigError, match="as it is, lower, capitalised"):
        words.rows(["x"], ["upper"])


def test_a_phrase_is_the_mean_of_its_words(folder):
    words = words_of(folder)
    array = numbers(6)
    found = words.phrases(["new york", "new_York", "ice cream", "new things", "no such", "", "cat"])
    assert found.found.tolist() == [True, True, True, True, False, False, True]
    wanted = [
        array[[2, 3]].mean(0),
        array[[2, 3]].mean(0),
        array[5],
        array[2],
        0 * array[0],
        0 * array[0],
        array[1],
    ]
    assert np.allclose(found.array, wanted)


def test_unknown_words_have_the_mean_of_their_n_grams(tmp_path):
    table = numbers(50, seed=1)
    words = vectors.Words(TEXTS, numbers(6), ngrams=vectors.Ngrams(table, 3, 4))
    vectors.write(tmp_path / "v", [], np.zeros((0, 3), np.float32), words=words)
    opened = words_of(tmp_path / "v")
    assert opened.ngrams is not None
    assert (opened.ngrams.min_n, opened.ngrams.max_n) == (3, 4)
    found = opened.look(["dogs", "dog", ""])
    assert found.found.tolist() == [True, True, False]  # "<>" has no run of three
    assert np.allclose(found.array[0], table[oracle("dogs", 3, 4, 50)].mean(0), atol=1e-6)
    assert np.array_equal(found.array[1], numbers(6)[0])
    assert opened.look(["dogs"], subwords=False).found.tolist() == [False]
    assert opened.phrases(["dogs bark"]).found.all()
    assert about.verify(tmp_path / "v", deep=True).sound


@given(
    st.lists(st.text(st.characters(codec="utf-8"), max_size=6), max_size=5),
    st.integers(1, 3), st.integers(0, 3), st.integers(1, 1000),
)  # fmt: skip
def test_subwords_are_those_of_the_formula(texts, min_n, more, buckets):
    owner, bucket = subwords(texts, min_n, min_n + more, buckets)
    assert (np.diff(owner) >= 0).all()
    for at, text in enumerate(texts):
        assert sorted(bucket[owner == at].tolist()) == oracle(text, min_n, min_n + more, buckets)


def test_the_hash_is_the_one_that_is_published():
    """FNV-1a of "a" is e40c292c; a byte above 127 counts with its sign."""
    most = (1 << 32) - 1
    assert subwords(["a"], 1, 1, most)[1].tolist() == [0xE40C292C]
    assert subwords(["é"], 1, 1, most)[1].tolist() == [hashed("é")]


def test_composing_many_is_composing_each():
    table = numbers(30, seed=2)
    texts = ["some", "words", "of", "a", "text", "中文字"] * 3
    ngrams = vectors.Ngrams(table, 2, 3)
    whole = compose(pa.array(texts), ngrams)
    each = [compose(pa.array([text]), ngrams) for text in texts]
    assert np.allclose(whole.array, np.concatenate([one.array for one in each]))
    assert whole.found.all()


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (vectors.Words(["a", "a"], numbers(2)), "the word 'a' has two vectors"),
        (vectors.Words(["a", None], numbers(2)), "a word without a text"),
        (vectors.Words(["a", "b"], numbers(2), counts=[1]), "1 counts of 2 words"),
        (vectors.Words(["a"], np.zeros((1, 4), np.float32)), "words of 4 numbers"),
        (
            vectors.Words(["a"], numbers(1), ngrams=vectors.Ngrams(np.zeros((2, 4), np.float32))),
            "ngrams of 4",
        ),
        (vectors.Words(["a", "b"], numbers(3)), "blocks of 36 bytes"),
        (vectors.Words(["a"], np.full((1, 3), np.nan, np.float32)), "row 0 of the words holds NaN"),
    ],
    ids=["twice", "null", "counts", "width", "ngrams", "rows", "nan"],
)
def test_words_that_are_wrong_are_refused(tmp_path, words, what):
    with pytest.raises((ConfigError, ArtefactError), match=what):
        vectors.write(tmp_path / "v", [], np.zeros((0, 3), np.float32), words=words)
    assert not list(tmp_path.iterdir())


def test_entities_without_words_are_what_they_were(tmp_path):
    """Their digest does not change by what words brought."""
    made = vectors.write(tmp_path / "v", [3, 1], np.arange(6, dtype=np.float32).reshape(2, 3),
                         relations={"relations": np.ones((2, 3), np.float32)})  # fmt: skip
    assert made.content == "817763b7a47d6c62350ab5895fe0e441"
    assert vectors.Vectors(tmp_path / "v").words is None
    assert made.counts == {"entities": 2}
