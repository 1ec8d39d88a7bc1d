"""Masked tokens: how many, which, and what stands in their place."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from kbtools import config
from kbtools.errors import ConfigError
from kbtools.models.draws import Draws
from kbtools.models.objectives.mlm import Mlm, Settings
from tests import tiny_objectives
from tests.masked_batches import SIZE, SPECIAL, chosen, here, large, words_of

ALL = [(unit, how) for unit in ("tokens", "words", "ngrams") for how in ("exact", "bernoulli")]


def corrupt(some, seed=0, **settings):
    many = Mlm(Settings(**settings), here()).corrupt(some, Draws(some, seed))
    assert many == len(some["mlm.places"]) == len(some["mlm.targets"])
    return some


@pytest.mark.parametrize(("unit", "how"), ALL)
def test_targets_are_what_was_there(unit, how):
    some, before = large(), large()["input_ids"]
    corrupt(some, unit=unit, how=how)
    flags = chosen(some, "mlm")
    assert torch.equal(some["mlm.targets"], before.flatten()[some["mlm.places"]])
    assert torch.equal(some["input_ids"][~flags], before[~flags])
    assert torch.equal(some["corrupted"], flags)
    never = torch.tensor([SPECIAL[name] for name in ("pad", "cls", "sep")])
    assert not (flags & torch.isin(before, never)).any()
    assert (flags & (before == SPECIAL["unk"])).any()  # a word like others
    assert some["mlm.places"].dtype == some["mlm.targets"].dtype == torch.long


@pytest.mark.parametrize(("unit", "how"), ALL)
def test_the_share_of_tokens(unit, how):
    some = corrupt(large(), unit=unit, how=how)
    ordinary = some["attention_mask"].sum() - 3 * len(some["input_ids"])
    all_of_them = ordinary if how == "bernoulli" else some["attention_mask"].sum()
    assert 0.14 < len(some["mlm.places"]) / all_of_them < 0.16


@pytest.mark.parametrize("unit", ["tokens", "words", "ngrams"])
def test_never_more_than_the_budget(unit):
    some = corrupt(large(), unit=unit, max_predictions=12)
    counts, lengths = chosen(some, "mlm").sum(1).tolist(), some["attention_mask"].sum(1).tolist()
    budget = [min(12, max(1, round(length * 0.15))) for length in lengths]
    assert all(count <= most for count, most in zip(counts, budget, strict=True))
    if unit == "tokens":
        assert counts == budget


@pytest.mark.parametrize("unit", ["words", "ngrams"])
@pytest.mark.parametrize("how", ["exact", "bernoulli"])
def test_words_are_predicted_whole(unit, how):
    before, some = large(), large()
    flags = chosen(corrupt(some, unit=unit, how=how), "mlm")
    for word in words_of(before):
        assert len({bool(flags[place]) for place in word}) == 1
    kinds = {
        tuple(bool(some["input_ids"][at] == SPECIAL["mask"]) for at in word) for word in words_of(before)
    }
    assert (True, False) in kinds  # but what becomes of each piece is drawn by itself


def test_single_tokens_part_words():
    before, some = large(), large()
    flags = chosen(corrupt(some), "mlm")
    assert any(len({bool(flags[place]) for place in word}) == 2 for word in words_of(before))


@pytest.mark.parametrize("how", ["exact", "bernoulli"])
def test_what_stands_in_their_place(how):
    some = corrupt(large(rows=2500), unit="words", how=how)
    seen, targets = some["input_ids"].flatten()[some["mlm.places"]], some["mlm.targets"]
    assert len(targets) >= 20_000
    masked, kept = seen == SPECIAL["mask"], seen == targets
    shares = torch.stack([masked, ~masked & ~kept, kept]).double().mean(1)
    torch.testing.assert_close(shares, torch.tensor([0.8, 0.1, 0.1]).double(), atol=0.01, rtol=0)
    random = seen[~masked & ~kept]
    assert random.min() == 0  # the whole vocabulary, padding too
    assert random.max() == SIZE - 1
    assert abs(random.double().mean() - SIZE / 2) < SIZE / 30


def test_random_tokens_that_are_not_special():
    some = corrupt(large(), shares=(0, 1, 0), random_excludes_special=True)
    seen = some["input_ids"].flatten()[some["mlm.places"]]
    assert seen.min() >= 5
    some = corrupt(large(), shares=(0, 1, 0), random_from=1)
    assert some["input_ids"].flatten()[some["mlm.places"]].min() == 1


def test_shares_and_units_alike():
    some = corrupt(large(), shares=(1, 0, 0))
    assert (some["input_ids"].flatten()[some["mlm.places"]] == SPECIAL["mask"]).all()
    before, some = large(), large()
    flags = chosen(corrupt(some, unit="words", alike=True, shares=(0.5, 0, 0.5)), "mlm")
    hidden = some["input_ids"] == SPECIAL["mask"]
    assert hidden.any()
    assert (flags & ~hidden).any()
    for word in words_of(before):
        assert len({bool(hidden[place]) for place in word}) == 1


def test_every_place_is_as_likely():
    counts = torch.zeros(64)
    for epoch in range(30):
        some = large(rows=300, length=64, epoch=epoch)
        some["attention_mask"] = torch.ones_like(some["attention_mask"])
        some["input_ids"] = torch.full_like(some["input_ids"], 7)
        counts += chosen(corrupt(some), "mlm").sum(0)
    shares = counts / 9000
    assert shares.min() > 0.13
    assert shares.max() < 0.18


@pytest.mark.parametrize(("unit", "how"), ALL)
def test_the_same_masks_however_examples_are_batched(unit, how):
    numbers = (3, 8, 5, 11, 7, 2, 4, 9)
    one = Mlm(Settings(unit=unit, how=how), tiny_objectives.HERE)

    def seen(some):
        one.corrupt(some, Draws(some, 1))
        ids = some["input_ids"].flatten()[some["mlm.places"]]
        return tiny_objectives.by_example({**some, "mlm.targets": ids}, "mlm")

    together = seen(tiny_objectives.batch(numbers))
    assert together == seen(tiny_objectives.packed([numbers[:3], numbers[3:4], numbers[4:]]))
    alone: dict[tuple[int, ...], Any] = {}
    for number in numbers:
        alone |= seen(tiny_objectives.batch([number]))
    assert alone == together
    assert seen(tiny_objectives.batch(numbers, epoch=1)) != together


def test_other_masks_in_another_epoch():
    flags = [chosen(corrupt(large(epoch=epoch)), "mlm") for epoch in (0, 1, 1)]
    assert torch.equal(flags[1], flags[2])
    both = (flags[0] & flags[1]).sum() / flags[0].sum()
    assert 0.1 < both < 0.2  # as chance would have it


def test_two_objectives_never_choose_the_same():
    some = large()
    taken = torch.rand(some["input_ids"].shape, generator=torch.Generator().manual_seed(0)) < 0.5
    some["corrupted"] = taken.clone()
    flags = chosen(corrupt(some), "mlm")
    assert flags.any()
    assert not (flags & taken).any()
    assert torch.equal(some["corrupted"], taken | flags)


def test_the_batch_that_was_given_is_not_written_into():
    some = large(rows=4)
    before, ids = some["input_ids"], some["input_ids"].clone()
    corrupt(some)
    assert torch.equal(before, ids)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rate": 0.0}, "rate"),
        ({"rate": 1.5}, "rate"),
        ({"max_predictions": 0}, "max_predictions"),
        ({"max_predictions": 5, "how": "bernoulli"}, "bernoulli has no limit"),
        ({"shares": [0.5, 0.1, 0.1]}, "1 in sum"),
        ({"ngrams": [0.0]}, "ngrams"),
        ({"random_from": -1}, "random_from"),
        ({"at_once": 0}, "at_once"),
        ({"unit": "word"}, "words"),
    ],
)
def test_settings_that_do_not_fit(settings, message):
    with pytest.raises(ConfigError, match=message):
        config.build(Settings, settings, where="mlm")


def test_what_it_cannot_do_without():
    with pytest.raises(ConfigError, match="no token for what is masked"):
        Mlm(Settings(), here(mask=-1))
    with pytest.raises(ConfigError, match="word_start"):
        Mlm(Settings(unit="words"), here("input_ids"))
    with pytest.raises(ConfigError, match="leaves no token"):
        Mlm(Settings(random_from=2000), here())
