"""Stages share the steps out; tasks are drawn, take turns or go together."""

from __future__ import annotations

from collections import Counter

import pytest

from kbtools import config
from kbtools.errors import ConfigError
from kbtools.models.recipe import Recipe, Stage
from kbtools.models.training import planning
from kbtools.models.training.planning import Turns
from kbtools.models.training.setup import load_recipe, settings_of


def recipe(**table):
    told = {"objectives": {"mlm": {}, "nsp": {}}, **table}
    return config.build(Recipe, told, where="test")


def two(mix="sample", **weights):
    tasks = {name: {"weight": weight} for name, weight in weights.items()}
    return recipe(tasks=tasks, run={"mix": mix})


def test_stages_take_shares_numbers_and_what_is_left():
    told = recipe(stages=[{"name": "a", "steps": 0.25}, {"name": "b"}, {"name": "c", "steps": 10}])
    found = planning.stages(told, 100)
    assert [(one.stage.name, one.first, one.stop) for one in found] == [
        ("a", 0, 25),
        ("b", 25, 90),
        ("c", 90, 100),
    ]


def test_a_recipe_without_stages_has_one():
    (found,) = planning.stages(recipe(), 7)
    assert (found.first, found.stop, found.steps) == (0, 7, 7)


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        ([{"steps": 0.5}], "take 50 of 100 steps"),
        ([{"steps": 80}, {"steps": 30}], "take 110 of 100"),
        ([{"name": "a"}, {"name": "b"}], "a, b: one at most"),
        ([{"steps": 100}, {"name": "b"}], "stage b has no steps"),
    ],
)
def test_steps_that_do_not_come_out_are_refused(stages, words):
    with pytest.raises(ConfigError, match=words):
        planning.stages(recipe(stages=stages), 100)


def test_tasks_are_drawn_by_weight_and_by_seed():
    turns = Turns(two(a=8, b=2), Stage(), {"a": 1, "b": 1}, steps=20_000, seed=0)
    found = Counter(turns.of(step)[0] for step in range(20_000))
    assert found["a"] / 20_000 == pytest.approx(0.8, abs=0.01)
    again = Turns(two(a=8, b=2), Stage(), {"a": 1, "b": 1}, steps=20_000, seed=0)
    other = Turns(two(a=8, b=2), Stage(), {"a": 1, "b": 1}, steps=20_000, seed=1)
    drawn = [turns.of(step) for step in range(50)]
    assert drawn == [again.of(step) for step in range(50)]
    assert drawn != [other.of(step) for step in range(50)]


def test_sampling_by_size_is_annealed():
    told = recipe(
        tasks={"big": {"by_size": 1.0, "by_size_end": 0.2}, "small": {"by_size": 1.0, "by_size_end": 0.2}}
    )
    turns = Turns(told, Stage(), {"big": 10_000, "small": 100}, steps=101, seed=0)
    assert turns.shares(0)["big"] == pytest.approx(10_000 / 10_100)
    assert turns.shares(100)["big"] == pytest.approx(10_000**0.2 / (10_000**0.2 + 100**0.2))
    assert turns.shares(50)["small"] == pytest.approx(100**0.6 / (10_000**0.6 + 100**0.6))


def test_tasks_take_turns():
    turns = Turns(two("alternate", a=2, b=1), Stage(), {"a": 1, "b": 1}, steps=9, seed=0)
    assert [turns.of(step)[0] for step in range(7)] == ["a", "a", "b", "a", "a", "b", "a"]
    with pytest.raises(ConfigError, match="whole numbers"):
        Turns(two("alternate", a=0.5, b=1), Stage(), {"a": 1, "b": 1}, steps=9, seed=0)


def test_tasks_go_together():
    turns = Turns(two("together", a=1, b=1), Stage(), {"a": 1, "b": 1}, steps=9, seed=0)
    assert turns.of(3) == ["a", "b"]


def test_a_stage_has_the_tasks_it_names():
    turns = Turns(two(a=1, b=1), Stage(tasks={"b": 3.0}), {"a": 1, "b": 1}, steps=9, seed=0)
    assert {turns.of(step)[0] for step in range(9)} == {"b"}


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"objectives": {}}, "nothing to learn"),
        ({"tasks": {"a": {"objectives": ["mln"]}}}, "task a: no objective 'mln'; there are mlm, nsp"),
        ({"stages": [{"name": "x", "objectives": ["mln"]}]}, "stage x: no objective 'mln'"),
        ({"stages": [{"tasks": {"b": 1.0}}]}, "stage 1: no task 'b'; there are data"),
        ({"stages": [{"settings": {"mln": {}}}]}, "stage 1: no objective 'mln'"),
        (
            {"tasks": {"a": {"objectives": ["mlm"]}}, "stages": [{"objectives": ["nsp"]}]},
            "stage 1: task a has no objective left",
        ),
    ],
)
def test_names_that_mean_nothing_are_refused(table, words):
    with pytest.raises(ConfigError, match=words):
        planning.check(recipe(**table))


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"optimiser": {"lr": 0.0}}, "lr is 0.0: nothing would be learned"),
        ({"optimiser": {"lr": float("nan")}}, "lr is nan: nothing would be learned"),
        ({"optimiser": {"parts": {"heads": -1.0}}}, "parts.heads is -1.0"),
        ({"optimiser": {"betas": [0.9, 1.0]}}, "betas"),
        ({"stages": [{"name": "x", "lr": 0.0}]}, "stage x: lr is 0.0"),
        ({"run": {"batch": 0}}, "batch is 0"),
        ({"run": {"epochs": 0.0}}, "nothing to do"),
        ({"run": {"ema": 1.0}}, "ema is 1.0"),
        ({"run": {"stpes": 1}}, "did you mean 'steps'"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(table, words):
    with pytest.raises(ConfigError, match=words):
        recipe(**table)


@pytest.mark.parametrize(
    ("told", "ngrams"), [("1", (1.0,)), ("1,0.5", (1.0, 0.5)), ("[1,0.5]", (1.0, 0.5)), (".5", (0.5,))]
)
def test_lists_of_an_objective_are_typed_as_others(told, ngrams):
    recipe = load_recipe("bert.tiny", [f"objectives.mlm.ngrams={told}"])
    assert settings_of(recipe, Stage(), "mlm")[0].ngrams == ngrams
