"""The running mean of weights."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from kbtools.errors import ArtefactError  # noqa: E402
from kbtools.models.training.averaging import Average  # noqa: E402


class Tabled(nn.Module):
    frozen_names = ("table",)

    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(2, 2)
        self.table = nn.Embedding(5, 2)
        self.register_buffer("count", torch.zeros(3))


def moved(model, by=1.0):
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(by)


def test_the_mean_by_hand():
    model = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(1.0)
    average = Average(model, 0.9)
    wanted = 1.0
    for value in (2.0, 4.0, -1.0):
        with torch.no_grad():
            model.weight.fill_(value)
        average.update()
        wanted = 0.9 * wanted + 0.1 * value
    assert average.means["weight"].item() == pytest.approx(wanted)


def test_means_in_the_model_and_back_to_the_bit():
    model = Tabled()
    average = Average(model, 0.5)
    start = model.dense.weight.detach().clone()
    moved(model)
    average.update()
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    with average.swapped():
        torch.testing.assert_close(model.dense.weight, start + 0.5)
        assert torch.equal(model.table.weight, weights["table.weight"])
        assert model.dense.weight.requires_grad
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


def test_weights_come_back_after_an_error():
    model = Tabled()
    average = Average(model, 0.5)
    moved(model)
    before = model.dense.weight.detach().clone()
    with pytest.raises(KeyError), average.swapped():
        raise KeyError
    assert torch.equal(model.dense.weight, before)
    average.update()


def test_nothing_is_taken_in_while_the_means_are_in_the_model():
    average = Average(Tabled(), 0.5)
    with average.swapped():
        with pytest.raises(RuntimeError, match="means just now"):
            average.update()
        with pytest.raises(RuntimeError, match="already"), average.swapped():
            pass


def test_what_never_trains_takes_no_part_and_what_is_frozen_for_now_does():
    model = Tabled()
    model.dense.bias.requires_grad_(False)
    average = Average(model, 0.5)
    assert set(average.state()) == {"dense.weight", "dense.bias"}
    before = model.dense.bias.detach().clone()
    for _ in range(5):
        average.update()
    assert torch.equal(average.means["dense.bias"], before)  # a mean of the same is the same, to the bit


@pytest.mark.parametrize("decay", [0.3, 0.9, 0.999])
def test_it_goes_on_from_its_state_as_if_it_had_not_stopped(decay):
    model = Tabled()
    average = Average(model, decay)
    for step in range(3):
        moved(model, 0.1 * step)
        average.update()
    first = {name: value.clone() for name, value in average.state().items()}
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    for step in range(3, 6):
        moved(model, 0.1 * step)
        average.update()
    straight = average.state()
    fresh = Tabled()
    fresh.load_state_dict(weights)
    again = Average(fresh, decay)
    again.load(first)
    for step in range(3, 6):
        moved(fresh, 0.1 * step)
        again.update()
    assert all(torch.equal(value, straight[name]) for name, value in again.state().items())


def test_it_keeps_to_the_weights_not_to_their_wrapping():
    model = Tabled()
    wrapped = Average(torch.compile(model, backend="eager"), 0.5)
    assert set(wrapped.state()) == set(Average(model, 0.5).state())


def test_the_state_of_another_model_is_refused():
    average = Average(Tabled(), 0.5)
    with pytest.raises(ArtefactError, match=r"no mean of dense\.bias and 1 other weights"):
        average.load({})
    wrong = {name: torch.zeros(7) for name in average.state()}
    with pytest.raises(ArtefactError, match="another model"):
        average.load(wrong)
