"""A corpus as numbers: words, lines, mentions, and the words around those."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest

pytest.importorskip("torch")

from kbtools import corpus
from kbtools.models.embedding.sgns import Settings, blocks, neighbours, reading, vocabulary
from kbtools.text import segment
from tests import tiny_kb, tiny_linked


def lines(folder, texts):
    path = folder / "texts.jsonl"
    path.write_text("".join(json.dumps({"id": str(i), "text": t}) + "\n" for i, t in enumerate(texts)))
    return path


def piece(tmp_path, linked, **how):
    (one,) = corpus.plan(str(linked), tmp_path)
    how = {"kb": "tiny", "form": "case", "zh": "characters", "symbols": False, **how}
    reading.read_piece(tmp_path, piece=msgspec.to_builtins(one), **how)
    words, arrays = reading.load(tmp_path, 0)
    names = words.to_pylist()
    return [names[i] for i in arrays["word"]], arrays


@pytest.fixture
def linked(tmp_path):
    """Two documents; one has a mention of two words, one of nothing but a sign."""
    tiny_kb.write(tmp_path / "kb", tiny_kb.world())
    text = "In Great  Britain, tea!\nThe İSTANBUL of 柏林 — yes"
    start, city = text.index("Great"), text.index("柏林")
    documents = [
        tiny_linked.document(
            "a", text, [tiny_linked.mention(start, start + 14, 4), tiny_linked.mention(city, city + 2, 3)]
        ),
        tiny_linked.document("b", "Tea", [tiny_linked.mention(0, 3, None)]),
        tiny_linked.document("c", "", []),
    ]  # fmt: skip
    return tiny_linked.write(tmp_path / "linked", [tmp_path / "kb"], documents)


def test_words_lines_and_mentions_are_read(tmp_path, linked):
    words, arrays = piece(tmp_path, linked)
    assert words == ["in", "great", "britain", "tea", "the", "i̇stanbul", "of", "柏", "林", "yes", "tea"]
    assert arrays["line"].tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2]
    assert arrays["mention"].tolist() == [[4, 1, 3, 0], [3, 7, 9, 1]]
    words, _ = piece(tmp_path, linked, form="exact", symbols=True)
    assert words[:5] == ["In", "Great", "Britain", ",", "tea"]


@pytest.mark.parametrize("together", [1, 30, 1 << 19])
def test_documents_together_are_cut_as_each_alone(tmp_path, monkeypatch, together):
    texts = ["O'Neil's a@b.org", "www.x.org. U.S. 1,000", "", "don’t", "x\n\ny ☃ z"]
    monkeypatch.setattr(reading, "TOGETHER", together)
    words, arrays = piece(tmp_path, f"jsonl:{lines(tmp_path, texts)}", form="exact", symbols=True, kb=None)
    alone = [text[start:end] for text in texts for start, end in segment.words(text).tolist()]
    assert words == alone
    assert len(arrays["mention"]) == 0


def test_a_mention_has_the_words_around_it_in_its_line():
    line = np.array([0, 0, 0, 0, 1])
    mention = np.array([[9, 1, 2, 0], [9, 4, 4, 1], [9, 2, 4, 0]])  # the second has lost its own words
    found = blocks._around(mention, line, 2)
    assert found.tolist() == [[0, -1, 2, 3], [-1, -1, 4, -1], [1, 0, -1, -1]]


def test_batches_hold_every_word_once_and_the_same_from_any_place(tmp_path):
    drawn = np.random.default_rng(5)
    texts = [" ".join(map(str, drawn.integers(0, 40, 700))) for _ in range(3)]
    settings = Settings(dim=4, least=1, subsample=0, batch=512, epochs=2)
    piece(tmp_path, f"jsonl:{lines(tmp_path, texts)}", kb=None)
    words = vocabulary.count(tmp_path, [0], settings)
    none = np.zeros(0, np.int64)
    epochs = blocks.Epochs(tmp_path, [0], words, neighbours.gather(none, none, None, 1), settings)
    every = list(epochs.coming(blocks.Place()))
    names = words.texts.to_pylist()
    first = every[: len(every) // 2]
    seen = [names[row] for one in first for row in one.batch.word[one.batch.line >= 0]]
    assert seen == " ".join(texts).split()
    assert sum(one.words for one in first) == words.total == 2100
    assert [one.share for one in every] == sorted(one.share for one in every)
    for at in (1, 4, 7):
        again = list(epochs.coming(every[at - 1].then))
        assert len(again) == len(every) - at
        for one, other in zip(again, every[at:], strict=True):
            assert one[1:] == other[1:]
            assert all(map(np.array_equal, one.batch, other.batch))


def test_frequent_words_are_left_out_at_times(tmp_path):
    texts = ["a " * 1000, "b " * 10]
    piece(tmp_path, f"jsonl:{lines(tmp_path, texts)}", kb=None)
    words = vocabulary.count(tmp_path, [0], Settings(least=5))
    share = 0.1 * 1010 / np.array([1000, 10])
    np.testing.assert_allclose(words.kept(0.1), np.minimum(1, np.sqrt(share) + share))
    assert words.texts.to_pylist() == ["a", "b"]
    assert len(vocabulary.count(tmp_path, [0], Settings(least=11))) == 1
