"""What units are: words, n-grams, spans."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kbtools.models.draws import Draws
from kbtools.models.masking import units
from kbtools.models.masking.tokens import Tokens, flat
from tests.masked_batches import SPECIAL, large, words_of

PAD, UNK, CLS, SEP, MASK = SPECIAL.values()


def batch(ids, start, **more):
    some = {
        "input_ids": torch.tensor([ids]),
        "attention_mask": torch.tensor([ids]) != PAD,
        "word_start": torch.tensor([start]).bool(),
        "batch.rows": torch.tensor([0]),
        **more,
    }
    return some, Tokens.of(some, SPECIAL)


def stretches(found):
    return [list(range(first, first + size)) for first, size in zip(found.first, found.size, strict=True)]


def test_words_end_at_special_tokens_and_padding():
    some, tokens = batch([CLS, 10, 11, SEP, 12, 13, MASK, 14, SEP, PAD], [1, 1, 0, 1, 0, 0, 0, 0, 1, 0])
    assert stretches(units.words(tokens, some)) == [[1, 2], [4, 5], [7]]
    assert stretches(units.single(tokens)) == [[1], [2], [4], [5], [7]]


def test_unknown_words_are_words():
    some, tokens = batch([CLS, UNK, 11, SEP], [1, 1, 1, 1])
    assert stretches(units.words(tokens, some)) == [[1], [2]]


def test_words_of_which_a_part_is_taken_are_left_alone():
    taken = torch.tensor([[False, False, True, False, False, False]])
    some, tokens = batch([CLS, 10, 11, 12, 13, SEP], [1, 1, 0, 1, 0, 1], corrupted=taken)
    assert stretches(units.words(tokens, some)) == [[3, 4]]
    assert stretches(units.single(tokens)) == [[1], [3], [4]]


@pytest.mark.parametrize("now", [MASK, CLS, 55])
def test_a_token_that_is_taken_is_part_of_its_word_whatever_stands_there(now):
    taken = torch.tensor([[False, False, True, False, False, False]])
    some, tokens = batch([CLS, 10, now, 12, 13, SEP], [1, 1, 0, 0, 1, 1], corrupted=taken)
    assert stretches(units.words(tokens, some)) == [[4]]
    assert stretches(units.single(tokens)) == [[1], [3], [4]]


def test_examples_of_a_row_have_words_of_their_own():
    some = {
        "input_ids": torch.tensor([[10, 11, 12, 13, PAD]]),
        "attention_mask": torch.tensor([[True, True, True, True, False]]),
        "word_start": torch.tensor([[True, False, False, False, False]]),
        "sequence": torch.tensor([[1, 1, 2, 2, 0]]),
        "sequence.start": torch.tensor([[0, 2]]),
        "positions": torch.tensor([[0, 1, 0, 1, 0]]),
        "batch.rows": torch.tensor([[5, 9]]),
    }
    tokens = Tokens.of(some, SPECIAL)
    assert tokens.lengths.tolist() == [2, 2]
    assert stretches(units.words(tokens, some)) == [[0, 1], [2, 3]]
    assert units.words(tokens, some).example.tolist() == [0, 1]


def test_words_of_a_large_batch():
    some = large(rows=40)
    found = units.words(Tokens.of(some, SPECIAL), some)
    assert stretches(found) == [[row * 128 + at for row, at in word] for word in words_of(some)]


def ngrams(weights, rows=300):
    some = large(rows=rows)
    tokens = Tokens.of(some, SPECIAL)
    return units.words(tokens, some), units.ngrams(tokens, some, weights, Draws(some, 0), "n")


def test_ngrams_are_words_in_a_row():
    words, found = ngrams((1, 1 / 2, 1 / 3))
    begins = set(words.first.tolist())
    assert set(found.first.tolist()) <= begins
    assert found.places().tolist() == words.places().tolist()  # each word is in one, whole
    assert words.example[np.searchsorted(words.first, found.first)].tolist() == found.example.tolist()


def test_ngrams_are_as_long_as_their_weights_say():
    words, found = ngrams((1, 1 / 2, 1 / 3))
    many = np.diff(np.append(np.searchsorted(words.first, found.first), len(words.first)))
    shares = np.bincount(many)[1:] / len(many)
    assert len(shares) == 3
    np.testing.assert_allclose(shares, [6 / 11, 3 / 11, 2 / 11], atol=0.03)  # ends of texts cut some


def test_ngrams_of_one_length():
    words, found = ngrams((1.0,), rows=5)
    assert found.first.tolist() == words.first.tolist()
    words, found = ngrams((0, 0, 1.0), rows=5)
    lengths = np.diff(np.append(np.searchsorted(words.first, found.first), len(words.first)))
    assert lengths.max() == 3


def spans(*told):
    return {"x": torch.tensor([told]), "x.mask": torch.ones(1, len(told), dtype=torch.bool)}


def test_spans_with_special_tokens_and_empty_ones_are_no_units():
    some, tokens = batch(
        [CLS, 10, 11, SEP, 12, SEP], [1] * 6, **spans((0, 2), (1, 3), (2, 5), (4, 4), (4, 5))
    )
    found = units.spans_of(tokens, some, "x")
    assert (found.first.tolist(), found.stop.tolist(), found.at.tolist()) == ([1, 4], [3, 5], [1, 4])


def test_of_spans_that_overlap_the_first_stays():
    some, tokens = batch([CLS, 10, 11, 12, 13, SEP], [1] * 6, **spans((2, 4), (1, 3), (1, 2), (4, 5)))
    found = units.apart(units.spans_of(tokens, some, "x"))
    assert [*zip(found.first.tolist(), found.stop.tolist(), strict=True)] == [(1, 3), (4, 5)]


def test_between_spans_are_words():
    ids, start = [CLS, 10, 11, 12, 13, 14, 15, 16, SEP], [1, 1, 0, 1, 0, 1, 0, 0, 1]
    some, tokens = batch(ids, start, **spans((1, 4), (6, 7)))  # a span may end inside a word
    found, is_span = units.with_spans(tokens, flat(some["word_start"]), units.spans_of(tokens, some, "x"))
    assert stretches(found) == [[1, 2, 3], [4], [5], [6], [7]]
    assert is_span.tolist() == [True, False, False, True, False]


def test_a_span_at_the_very_end():
    some, tokens = batch([10, 11, 12], [1, 1, 1], **spans((1, 3)))
    found, is_span = units.with_spans(tokens, flat(some["word_start"]), units.spans_of(tokens, some, "x"))
    assert stretches(found) == [[0], [1, 2]]
    assert is_span.tolist() == [False, True]


@pytest.mark.parametrize("make", [units.words, lambda tokens, some: units.single(tokens)])
def test_nothing_but_padding(make):
    some, tokens = batch([PAD, PAD], [0, 0])
    assert len(make(tokens, some).first) == 0
