"""What every objective keeps to, by being in the folder."""

from __future__ import annotations

import dataclasses
from fnmatch import fnmatch
from typing import Any

import pytest
import torch

from kbtools import config, plugins
from kbtools.models.draws import Draws
from kbtools.models.objectives.distillation import Distillation, Taught
from kbtools.models.parts.heads import base
from tests import shown_triples
from tests.tiny_objectives import (
    HERE,
    SIZE,
    TEXT,
    WIDTH,
    Tiny,
    batch,
    by_example,
    corrupted,
    objective,
    packed,
    without_targets,
)

PACKAGE = "kbtools.models.objectives"
NUMBERS = (3, 8, 5, 11, 7, 2, 4, 9)
TABLE = torch.randn(SIZE, SIZE, generator=torch.Generator().manual_seed(1))
WITHOUT_HEADS = {"linking"}  # what they need is a part of the body


def teach(some, places):
    """Teach by a table: what is at a place decides."""
    scores = TABLE[some["input_ids"].flatten()[places]]
    return Taught(scores.__getitem__, scores[:, :WIDTH])


class AfterMlm(Distillation):
    """Distillation has the places of another objective, which goes first."""

    def corrupt(self, some, draws):
        objective("mlm").corrupt(some, draws)
        return super().corrupt(some, draws)


MADE = {
    "descriptions": lambda: shown_triples.descriptions(HERE),
    "kepler": lambda: shown_triples.kepler(HERE),
    "distillation": lambda: AfterMlm(Distillation.settings(teacher="a function"), HERE, teach),
    "dea": lambda: objective("dea", candidates="sequence"),  # those of a batch make it cost what it does
}


@pytest.fixture(params=plugins.names(PACKAGE))
def name(request):
    return request.param


@pytest.fixture
def one(name):
    return MADE.get(name, lambda: objective(name))()


def lost(one, model, some):
    return one.loss(model, model(some), some)


def test_settings_are_frozen_and_described(one):
    kind = type(one).settings
    assert kind.__dataclass_params__.frozen
    assert all(setting.help for setting in config.describe(kind))
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.build(kind, {"teacher": "x"} if kind is Distillation.settings else {}, where="x").anything = 1


def test_what_it_needs_is_told(one, name):
    assert all(isinstance(column, str) for column in one.columns)
    assert one.heads or name in WITHOUT_HEADS
    for table in one.heads.values():
        assert base.build(table, TEXT) is not None
        assert config.plain(Plain(table=table)) == {"table": table}  # TOML and JSON can hold it


@dataclasses.dataclass(frozen=True)
class Plain:
    table: dict[str, Any]


@pytest.mark.parametrize(
    "others",
    [
        lambda epoch: [batch([number], epoch) for number in NUMBERS],
        lambda epoch: [batch(NUMBERS[::-1], epoch)],
        lambda epoch: [packed([NUMBERS[:3], NUMBERS[3:7], NUMBERS[7:]], epoch)],
    ],
    ids=["alone", "turned", "packed"],
)
@pytest.mark.parametrize("epoch", [0, 3])
def test_targets_belong_to_examples(one, name, others, epoch):
    together = batch(NUMBERS, epoch)
    many = corrupted(one, together)
    found = by_example(together, name)
    assert len(found) == many > 0
    apart: dict[tuple[int, int], Any] = {}
    for other in others(epoch):
        corrupted(one, other)
        apart |= by_example(other, name)
    assert apart == found


def test_inputs_change_where_it_says_so(one):
    some, before = batch(NUMBERS), batch(NUMBERS)
    corrupted(one, some)
    changed = some["input_ids"] != before["input_ids"]
    assert not (changed & ~some.get("corrupted", torch.zeros_like(changed))).any()
    for column in before.keys() - {"input_ids"}:
        if not any(fnmatch(column, needed) for needed in one.columns):
            assert torch.equal(torch.as_tensor(some[column]), torch.as_tensor(before[column])), column


def test_masks_are_new_with_epoch_and_seed(one, name):
    def chosen(epoch=0, seed=0):
        some = batch(NUMBERS, epoch)
        corrupted(one, some, seed)
        return by_example(some, name), some

    first, some = chosen()
    assert chosen()[0] == first
    if "corrupted" in some:
        assert chosen(epoch=1)[0] != first
        assert chosen(seed=1)[0] != first


def test_what_others_have_chosen_is_left_alone(one):
    some = batch(NUMBERS)
    some["corrupted"] = some["attention_mask"].clone()
    before = some["input_ids"].clone()
    one.corrupt(some, Draws(some, 0))
    assert torch.equal(some["input_ids"], before)


def test_loss_is_a_sum(one):
    model = Tiny(one.heads)
    parts = [batch(NUMBERS[:3]), batch(NUMBERS[3:]), batch(NUMBERS)]
    counts = [corrupted(one, some) for some in parts]
    assert counts[0] + counts[1] == counts[2] > 0
    first, second, whole = (lost(one, model, some) for some in parts)
    assert whole.total.ndim == 0
    assert whole.total.isfinite()
    torch.testing.assert_close(first.total + second.total, whole.total, rtol=1e-5, atol=1e-5)
    for measure in whole.measures:
        added = first.measures[measure] + second.measures[measure]
        torch.testing.assert_close(added, whole.measures[measure], rtol=1e-5, atol=1e-5)


def test_packing_costs_the_same(one):
    model = Tiny(one.heads)
    losses = []
    for some in (batch(NUMBERS), packed([NUMBERS[:3], NUMBERS[3:7], NUMBERS[7:]])):
        corrupted(one, some)
        losses.append(lost(one, model, some).total)
    torch.testing.assert_close(*losses, rtol=1e-5, atol=1e-5)


def test_every_weight_of_its_heads_learns(one):
    model = Tiny(one.heads)
    some = batch(NUMBERS)
    corrupted(one, some)
    lost(one, model, some).total.backward()
    for name, weight in model.heads.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
        assert weight.grad.abs().sum() > 0, name


def test_without_targets_it_costs_nothing(one, name):
    model = Tiny(one.heads)
    some = batch(NUMBERS)
    many = corrupted(one, some)
    loss = lost(one, model, without_targets(some, name, many))
    assert loss.total == 0
    assert all(measure == 0 for measure in loss.measures.values())
    loss.total.backward()
    for weight_name, weight in model.heads.named_parameters():
        assert weight.grad is not None, weight_name
        assert (weight.grad == 0).all(), weight_name


def test_answers_are_one_for_each_target(one):
    if not hasattr(one, "answers"):
        pytest.skip("it tells loss and measures alone")
    model, some = Tiny(one.heads), batch(NUMBERS)
    many = corrupted(one, some)
    for told in one.answers(model, model(some), some):
        assert told.kind in plugins.names("kbtools.models.tasks.shards.kinds")
        assert len(told.places) == many or told.of
        assert some["attention_mask"].flatten()[told.places].all()
        assert {len(values) for values in told.columns.values()} == {len(told.places)}


def test_again_is_the_same(one):
    model = Tiny(one.heads)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    some = batch(NUMBERS)
    corrupted(one, some)
    first, second = lost(one, model, some), lost(one, model, some)
    assert first.total == second.total
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
