"""Phrases and names that are hidden whole: the levels of ERNIE."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from kbtools import config
from kbtools.errors import ConfigError
from kbtools.models.draws import Draws
from kbtools.models.objectives.knowledge import Knowledge, Settings
from tests import tiny_objectives
from tests.masked_batches import SPECIAL, chosen, here, large, words_of

LEVELS = ("phrase", "entity")


def units(epoch=0):
    """Return the same batch each time."""
    return {name: value.clone() for name, value in made().items()} | {"batch.epoch": epoch}


@cache
def made(rows=400):
    """A large batch with spans of two to four words, phrases every 9 words, entities every 13."""
    some = large(rows)
    del some["batch.epoch"]
    words: list[list[Any]] = [[] for _ in range(rows)]
    for word in words_of(some):
        words[word[0][0]].append(word)
    for level, step in zip(LEVELS, (9, 13), strict=True):
        told = [
            [
                (mine[at][0][1], mine[at + at % 3 + 1][-1][1] + 1)
                for at in range(2, len(mine) - 3, step)
                if mine[at + at % 3 + 1][-1][1] - mine[at][0][1] < 12
            ]
            for mine in words
        ]
        most = max(map(len, told))
        some[f"units.{level}"] = torch.tensor([[*spans, *[(-1, -1)] * (most - len(spans))] for spans in told])
        some[f"units.{level}.mask"] = some[f"units.{level}"][..., 0] >= 0
    return some


def whole(some, level):
    """Return the places of spans without a special token in them."""
    found = []
    told = (some[name].tolist() for name in (f"units.{level}", "input_ids"))
    for row, (spans, ids) in enumerate(zip(*told, strict=True)):
        for first, stop in spans:
            if first >= 0 and SPECIAL["sep"] not in ids[first:stop]:
                found.append((row, slice(first, stop)))
    return found


def corrupt(some, seed=0, **settings):
    one = Knowledge(Settings(**settings), here())
    assert one.corrupt(some, Draws(some, seed)) == len(some["knowledge.places"])
    return chosen(some, "knowledge")


@pytest.mark.parametrize("how", ["bernoulli", "exact"])
@pytest.mark.parametrize("level", LEVELS)
def test_units_of_the_level_are_whole(level, how):
    before = units()
    flags = corrupt(units(), level=level, how=how)
    kinds = {tuple(flags[at].unique().tolist()) for at in whole(before, level)}
    assert kinds == {(True,), (False,)}


@pytest.mark.parametrize("how", ["bernoulli", "exact"])
def test_at_the_basic_level_words_are_whole_and_names_are_not(how):
    before = units()
    flags = corrupt(units(), level="basic", how=how)
    assert any(len(flags[at].unique()) == 2 for at in whole(before, "entity"))
    assert all(len({bool(flags[at]) for at in word}) == 1 for word in words_of(before))


@pytest.mark.parametrize("level", ["basic", "phrase", "entity", "mixed"])
def test_the_share_of_tokens(level):
    many, all_of_them = 0, 0
    for epoch in range(3):
        some = units(epoch=epoch)
        never = torch.isin(some["input_ids"], torch.tensor([0, 2, 3]))
        flags = corrupt(some, level=level)
        assert not (flags & never).any()
        many, all_of_them = many + int(flags.sum()), all_of_them + int((~never).sum())
    assert all_of_them > 50_000
    assert abs(many / all_of_them - 0.15) < 0.01


def test_exact_fills_up_with_words():
    some = units()
    lengths = some["attention_mask"].sum(1)
    counts = corrupt(some, level="phrase", how="exact").sum(1)
    budget = torch.tensor([max(1, round(length * 0.15)) for length in lengths.tolist()])
    assert (counts <= budget).all()
    assert (counts == budget).float().mean() > 0.95
    flags = corrupt(units(), level="phrase", how="exact")
    inside = torch.zeros_like(flags)
    for at in whole(units(), "phrase"):
        inside[at] = True
    assert flags[inside].float().mean() > 0.3  # they come first
    assert flags[~inside].any()


def test_what_stands_in_their_place():
    first, others = [], []
    for epoch in range(6):
        before, some = units(), units(epoch=epoch)
        flags = corrupt(some, level="phrase").tolist()
        kinds = kind(some["input_ids"], before["input_ids"])
        for row, at in whole(before, "phrase"):
            if flags[row][at.start]:
                first.append(kinds[row][at.start])
                others += kinds[row][at][1:]
        seen = some["input_ids"].flatten()[some["knowledge.places"]]
        assert seen.min() > 0  # padding is no random token
    for found in (first, others):
        shares = np.bincount(found, minlength=3) / len(found)
        np.testing.assert_allclose(shares, [0.8, 0.1, 0.1], atol=0.04 if found is first else 0.025)


def kind(seen, before):
    """Tell masked, replaced and kept tokens apart."""
    found = torch.where(seen == before, 2, 1)
    return torch.where(seen == SPECIAL["mask"], 0, found).tolist()


def test_the_first_token_is_told_by_the_number_that_chose_it():
    some = units()
    u = Draws(some, 0).tokens("knowledge choose")
    before = some["input_ids"].clone()
    flags = corrupt(some, level="basic")
    for word in words_of(units()):
        at = word[0]
        if flags[at]:
            number = float(u[at])
            assert number < 0.15
            expected = 2 if number <= 0.015 else 1 if number <= 0.03 else 0
            told = kind(some["input_ids"][at], before[at])
            assert told == expected or (expected, told) == (1, 2)  # by chance the same token


def test_mixed_levels_are_those_of_examples():
    before = units()
    one = Knowledge(Settings(level="mixed", weights=(0.0, 3.0, 1.0)), here())
    some = units()
    one.corrupt(some, Draws(some, 0))
    flags = chosen(some, "knowledge")
    parted: dict[str, set[int]] = {level: set() for level in LEVELS}
    for level in LEVELS:
        parted[level] = {row for row, at in whole(before, level) if len(flags[row, at].unique()) == 2}
    assert not parted["phrase"] & parted["entity"]  # in each row, the units of one level are whole
    assert len(parted["entity"]) > 1.5 * len(parted["phrase"])  # that of phrases more often


def test_columns_follow_the_level():
    def columns(**settings):
        return Knowledge(Settings(**settings), here()).columns

    assert columns() == ("word_start",)
    assert columns(level="entity") == ("word_start", "units.entity")
    assert columns(level="mixed") == ("word_start", "units.phrase", "units.entity")
    assert columns(level="mixed", weights=(1, 1, 0)) == ("word_start", "units.phrase")


def test_heads_are_the_same_at_all_levels():
    told = [
        Knowledge(Settings(level=level), here()).heads for level in ("basic", "phrase", "entity", "mixed")
    ]
    assert all(one == told[0] for one in told)
    models = [tiny_objectives.Tiny(one).state_dict() for one in told]
    assert all(one.keys() == models[0].keys() for one in models)


@pytest.mark.parametrize("how", ["bernoulli", "exact"])
@pytest.mark.parametrize("level", ["basic", "phrase", "entity", "mixed"])
def test_the_same_masks_however_examples_are_batched(level, how):
    numbers = tuple(range(20))
    one = Knowledge(Settings(level=level, how=how), tiny_objectives.HERE)

    def seen(some):
        one.corrupt(some, Draws(some, 1))
        ids = some["input_ids"].flatten()[some["knowledge.places"]]
        return tiny_objectives.by_example({**some, "knowledge.targets": ids}, "knowledge")

    together = seen(tiny_objectives.batch(numbers))
    assert together == seen(tiny_objectives.packed([numbers[:7], numbers[7:8], numbers[8:]]))
    alone: dict[tuple[int, ...], Any] = {}
    for number in numbers:
        alone |= seen(tiny_objectives.batch([number]))
    assert alone == together


def test_what_it_cannot_do():
    with pytest.raises(ConfigError, match=r"no column units\.phrase"):
        Knowledge(Settings(level="phrase"), here("input_ids", "word_start"))
    with pytest.raises(ConfigError, match="not all 0"):
        Settings(level="mixed", weights=(0, 0, 0))
    with pytest.raises(ConfigError, match="basic"):
        config.build(Settings, {"level": "word"}, where="knowledge")
