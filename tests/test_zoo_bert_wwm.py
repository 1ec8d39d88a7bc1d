"""BERT-wwm: all pieces of a chosen word are predicted, Chinese words too; the body is BERT's."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("jieba")

from tests.tiny_models import tiny  # noqa: E402


def words(batch):
    """Number the words of a batch, [B, T]; special tokens are words of their own."""
    return batch["word_start"].long().cumsum(1)


@pytest.fixture(scope="module")
def batch():
    return tiny("bert_wwm").batch("long", rows=64)[0]


def test_words_are_predicted_whole(batch):
    chosen, number, real = batch["corrupted"], words(batch), batch["attention_mask"]
    many, some = 0, 0
    for row in range(len(chosen)):
        for word in number[row][real[row]].unique():
            pieces = chosen[row][real[row] & (number[row] == word)]
            assert pieces.all() or not pieces.any()
            many += len(pieces) > 1
            some += len(pieces) > 1 and bool(pieces.all())
    assert many > 200
    assert 0.05 < some / many < 0.3


def test_pieces_of_a_word_are_replaced_each_by_itself(batch):
    mask = tiny("bert_wwm").data.vocabulary["mask"]
    number = words(batch)
    chosen = batch["corrupted"]
    mixed = 0
    for row in range(len(chosen)):
        for word in number[row][chosen[row]].unique():
            seen = batch["input_ids"][row][number[row] == word] == mask
            mixed += bool(seen.any() and not seen.all())
    assert mixed > 5


def test_the_body_is_that_of_bert():
    one, other = tiny("bert_wwm").model(seed=1), tiny("bert").model(seed=1)
    assert {name: value.shape for name, value in one.state_dict().items()} == {
        name: value.shape for name, value in other.state_dict().items()
    }
    assert type(one.body) is type(other.body)
