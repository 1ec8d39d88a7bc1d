"""Which weights decay, how fast parts learn, and what a stage freezes."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from kbtools.errors import ConfigError  # noqa: E402
from kbtools.models.recipe import Optimiser, Stage  # noqa: E402
from kbtools.models.training import groups as grouping  # noqa: E402
from kbtools.models.training.groups import aim, freeze, groups, is_in, named, pace  # noqa: E402


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(2, 2)
        self.LayerNorm = nn.LayerNorm(2)


class Small(nn.Module):
    def __init__(self, layers=2):
        super().__init__()
        self.words = nn.Embedding(3, 2)
        self.layers = nn.ModuleList(Layer() for _ in range(layers))
        self.heads = nn.ModuleDict({"lm": nn.Linear(2, 3)})


class Tabled(Small):
    frozen_names = ("words",)


def names(found):
    return {group["name"]: group["names"] for group in found}


def test_biases_and_norms_do_not_decay():
    found = groups(Small(layers=1), Optimiser(decay=0.1, lr=0.5))
    assert names(found) == {
        "rest": ["words.weight", "layers.0.dense.weight", "heads.lm.weight"],
        "rest, no decay": [
            "layers.0.dense.bias", "layers.0.LayerNorm.weight", "layers.0.LayerNorm.bias", "heads.lm.bias",
        ],
    }  # fmt: skip
    assert [(group["weight_decay"], group["lr"], group["top"]) for group in found] == [
        (0.1, 0.5, 0.5),
        (0, 0.5, 0.5),
    ]


def test_no_decay_by_name():
    found = groups(Small(layers=1), Optimiser(no_decay=("words",)))
    assert names(found)["rest, no decay"][0] == "words.weight"
    assert not found[0]["scaled"]


def test_the_longest_name_gives_the_rate():
    found = groups(
        Small(), Optimiser(lr=1, parts={"layers": 2, "layers.1": 3, "layers.1.dense.bias": 4, "*rm": 5})
    )
    rates = {name: group["lr"] for group in found for name in group["names"]}
    assert (rates["words.weight"], rates["heads.lm.bias"]) == (1, 1)
    assert (rates["layers.0.dense.weight"], rates["layers.0.LayerNorm.bias"]) == (2, 2)
    assert (rates["layers.1.dense.weight"], rates["layers.1.dense.bias"]) == (3, 4)


def test_layer_1_is_not_layer_10():
    rates = {
        name: group["lr"]
        for group in groups(Small(layers=11), Optimiser(lr=1, parts={"layers.1": 3}))
        for name in group["names"]
    }
    assert (rates["layers.1.dense.weight"], rates["layers.10.dense.weight"]) == (3, 1)
    assert is_in("layers.1*", "text.layers.10.bias")
    assert not is_in("layers.1*.dense.bias", "layers.10.bias")


def test_every_weight_that_trains_is_in_one_group():
    model = Small()
    freeze(model, Stage(freeze=("layers.0",)))
    found = groups(model, Optimiser(parts={"heads": 1e-3, "layers.0": 1e-5}))
    told = [name for group in found for name in group["names"]]
    assert sorted(told) == sorted(name for name, weight in model.named_parameters() if weight.requires_grad)
    assert sum(len(group["params"]) for group in found) == len(told)


@pytest.mark.parametrize(
    "settings", [{"parts": {"layer.1": 1e-3}}, {"no_decay": ("layer.1",)}]
)  # fmt: skip
def test_a_name_that_is_nowhere_is_refused_with_those_that_are_like_it(settings):
    with pytest.raises(
        ConfigError, match=r"optimiser\.\w+: 'layer\.1' is in the name of no weight; did you mean layers\.1"
    ) as told:
        groups(Small(), Optimiser(**settings))
    assert "\n" not in str(told.value)


def test_a_name_like_no_other_is_refused_with_some_that_there_are():
    with pytest.raises(ConfigError, match=r"weights are called words\.weight, layers"):
        groups(Small(), Optimiser(parts={"qqqq": 1}))


def test_rates_of_a_step_and_of_a_stage():
    optimiser = torch.optim.SGD(groups(Small(), Optimiser(lr=1, parts={"heads": 4})), lr=1)
    pace(optimiser, 0.5)
    assert {group["part"]: group["lr"] for group in optimiser.param_groups} == {"": 0.5, "heads": 2}
    aim(optimiser, Optimiser(lr=3, parts={"heads": 4}))
    pace(optimiser, 0.1)
    assert {group["part"]: group["lr"] for group in optimiser.param_groups} == pytest.approx(
        {"": 0.3, "heads": 0.4}
    )


def trains(model, **stage):
    return set(freeze(model, Stage(name="one", **stage)))


def test_what_a_stage_freezes():
    model = Small()
    everything = set(named(model))
    layers = {name for name in everything if name.startswith("layers.")}
    assert trains(model) == everything
    assert trains(model, freeze=("layers",)) == everything - layers
    assert trains(model, freeze=("layers",), train=("layers.1",)) == {
        name for name in everything if not name.startswith("layers.0.")
    }
    assert trains(model, train=("heads",)) == {"heads.lm.weight", "heads.lm.bias"}
    assert {name for name, weight in model.named_parameters() if weight.requires_grad} == {
        "heads.lm.weight", "heads.lm.bias",
    }  # fmt: skip
    assert trains(model) == everything  # whatever the stage before froze


def test_what_the_model_lists_never_trains():
    model = Tabled()
    assert trains(model) == set(named(model)) - {"words.weight"}
    assert not model.words.weight.requires_grad
    with pytest.raises(ConfigError, match="stage one freezes everything"):
        trains(model, train=("words",))


def test_gradients_of_frozen_weights_are_dropped():
    model = Small()
    for weight in model.parameters():
        weight.grad = torch.ones_like(weight)
    freeze(model, Stage(freeze=("layers",)))
    assert named(model)["layers.0.dense.weight"].grad is None
    assert model.words.weight.grad is not None


@pytest.mark.parametrize("which", ["freeze", "train"])
def test_a_stage_that_names_what_is_not_there(which):
    with pytest.raises(
        ConfigError, match=rf"stage one: {which}: 'head' is in the name of no weight; did you mean heads"
    ):
        trains(Small(), **{which: ("head",)})


def test_a_stage_that_freezes_everything():
    with pytest.raises(ConfigError, match="stage one freezes everything"):
        trains(Small(), freeze=("*",))


def test_what_a_model_is_wrapped_in_leaves_no_trace():
    model = Small()
    plain = list(named(model))
    compiled = torch.compile(model, backend="eager")
    assert list(named(compiled)) == plain
    assert grouping.unwrapped(compiled) is model
    tabled = torch.compile(Tabled(), backend="eager")
    assert "words.weight" not in freeze(tabled, Stage())
    model.layers[0] = torch.compile(model.layers[0], backend="eager")
    assert list(named(model)) == plain
