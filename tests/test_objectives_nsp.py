"""Which pair of texts: classes by kind, cross entropy on the pooled first token."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from kbtools.errors import ConfigError
from kbtools.models.batch import Output
from tests.tiny_objectives import HERE, Tiny, batch, corrupted, objective, packed


def here(*kinds):
    return dataclasses.replace(HERE, classes={"pair.kind": kinds})


def test_really_next_is_0():
    one, some = objective("nsp"), batch([2, 3, 4])  # next, random, next
    assert corrupted(one, some) == 3
    assert some["nsp.targets"].tolist() == [0, 1, 0]
    assert some["nsp.places"].tolist() == [0, some["input_ids"].shape[1], 2 * some["input_ids"].shape[1]]
    assert one.heads["nsp"]["classes"] == ["next", "random"]


def test_the_order_of_words_in_shards_does_not_matter():
    one, some = objective("nsp", here("random", "next")), batch([2, 3, 4])  # 0 is random there
    corrupted(one, some)
    assert some["nsp.targets"].tolist() == [1, 0, 1]


def test_three_kinds_are_three_classes():
    one = objective("nsp", here("next", "previous", "random"))
    assert one.heads["nsp"]["classes"] == ["next", "previous", "random"]
    some = batch([0, 1, 2])
    some["pair.kind"] = torch.tensor([2, 0, 1])
    corrupted(one, some)
    assert some["nsp.targets"].tolist() == [2, 0, 1]


def test_kinds_in_an_order_of_ones_own():
    one = objective("nsp", here("next", "previous", "random"), classes=("random", "next", "previous"))
    some = batch([0, 1, 2])
    some["pair.kind"] = torch.tensor([0, 1, 2])
    corrupted(one, some)
    assert some["nsp.targets"].tolist() == [1, 2, 0]


def test_packed_rows_have_a_pair_for_each_example():
    one, some = objective("nsp"), packed([[2, 3], [5]])
    assert corrupted(one, some) == 3
    width = some["input_ids"].shape[1]
    assert some["nsp.targets"].tolist() == [0, 1, 1]
    assert some["nsp.places"].tolist() == [0, int(some["sequence.start"][0, 1]), width]


def test_a_pair_without_a_kind_is_no_target():
    one, some = objective("nsp"), batch([2, 3, 4])
    some["pair.kind"][1] = -1
    assert corrupted(one, some) == 2
    assert some["nsp.targets"].tolist() == [0, 0]


def test_loss_by_hand():
    one = objective("nsp")
    model = Tiny(one.heads)
    pooler, head = model.heads["pooler"], model.heads["nsp"]
    with torch.no_grad():
        for weight in (*pooler.parameters(), *head.parameters()):
            weight.zero_()
        pooler.dense.bias[0] = math.atanh(0.5)  # every pooled state is .5, 0, 0, ...
        head.out.weight[0, 0], head.out.weight[1, 0] = 4.0, 2.0  # scores 2 and 1
    some = batch([2, 3, 4])
    corrupted(one, some)
    found = one.loss(model, model(some), some)
    right, wrong = math.log(1 + math.exp(-1)), math.log(1 + math.exp(1))  # of next, of random
    assert found.total.item() == pytest.approx(2 * right + wrong, rel=1e-6)
    assert found.measures["right"] == 2


def test_only_first_tokens_are_looked_at():
    one, some = objective("nsp"), packed([[2, 3], [5]])
    model = Tiny(one.heads)
    corrupted(one, some)
    states = model(some).hidden.detach().requires_grad_()
    one.loss(model, Output(last_hidden_state=states), some).total.backward()
    assert states.grad.abs().sum(-1).flatten().nonzero().flatten().tolist() == some["nsp.places"].tolist()


@pytest.mark.parametrize(
    ("told", "settings", "said"),
    [
        (dataclasses.replace(HERE, columns=("input_ids",)), {}, "nsp: the shards have no column pair.kind"),
        (here("random"), {}, "has one class, random: nothing to learn"),
        (here(), {}, "column pair.kind has no classes"),
        (here("next", "previous"), {"classes": ("next", "random")}, "has previous, which the head does not"),
        (here("next", "random"), {"classes": ("next", "next")}, "name each once"),
    ],
)
def test_what_cannot_be_learned(told, settings, said):
    with pytest.raises(ConfigError) as refused:
        objective("nsp", told, **settings)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_head_of_other_classes_is_refused():
    one = objective("nsp")
    model = Tiny(objective("nsp", here("next", "previous", "random")).heads)
    some = batch([2, 3])
    corrupted(one, some)
    with pytest.raises(ConfigError, match="head has classes next, previous, random, the data next, random"):
        one.loss(model, model(some), some)
