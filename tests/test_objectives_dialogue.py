"""Real dialogues and fake ones: a head of its own, a pooler that is shared."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch.nn import functional

from kbtools.errors import ConfigError
from tests.tiny_objectives import HERE, Tiny, batch, corrupted, objective, packed


def test_real_is_1():
    one, some = objective("dialogue"), batch([2, 3, 6, 7])
    assert corrupted(one, some) == 4
    assert some["dialogue.targets"].tolist() == [0, 1, 1, 0]
    assert one.heads["dialogue"]["classes"] == ["fake", "real"]


def test_packed_dialogues():
    one, some = objective("dialogue"), packed([[2, 3], [6]])
    assert corrupted(one, some) == 3
    assert some["dialogue.targets"].tolist() == [0, 1, 1]
    assert some["sequence"].flatten()[some["dialogue.places"]].tolist() == [1, 2, 1]
    assert some["positions"].flatten()[some["dialogue.places"]].tolist() == [0, 0, 0]


def test_it_shares_the_pooler_of_pairs_and_has_its_own_classes():
    pairs, dialogues = objective("nsp").heads, objective("dialogue").heads
    assert pairs["pooler"] == dialogues["pooler"]
    assert {*pairs} & {*dialogues} == {"pooler"}
    model = Tiny(pairs | dialogues)
    one, some = objective("dialogue"), batch([2, 3, 6])
    corrupted(one, some)
    one.loss(model, model(some), some).total.backward()
    assert model.heads["pooler"].dense.weight.grad.abs().sum() > 0
    assert all(weight.grad is None for weight in model.heads["nsp"].parameters())


def test_loss_by_hand():
    one, some = objective("dialogue"), batch([2, 3, 6, 7])
    model = Tiny(one.heads)
    corrupted(one, some)
    found = one.loss(model, model(some), some)
    first = model.words[some["input_ids"][:, 0]]  # the state of a token is its embedding
    pooler, out = model.heads["pooler"].dense, model.heads["dialogue"].out
    scores = torch.tanh(first @ pooler.weight.T + pooler.bias) @ out.weight.T + out.bias
    chances = functional.softmax(scores, -1)
    expected = -sum(chances[at, real].log() for at, real in enumerate([0, 1, 1, 0]))
    torch.testing.assert_close(found.total, expected)
    assert found.measures["right"] == 2  # all first tokens are alike, and so are the answers


def test_shards_without_dialogues_are_refused():
    with pytest.raises(ConfigError, match=r"the shards have no column dialogue\.real; they have input_ids"):
        objective("dialogue", dataclasses.replace(HERE, columns=("input_ids",)))
