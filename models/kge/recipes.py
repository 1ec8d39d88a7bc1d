"""The recipes there are: files of `presets/`, with overrides; and the scorer that one asks for."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kbtools import config, plugins
from kbtools.errors import ConfigError
from kbtools.models.kge.recipe import Recipe
from kbtools.models.kge.scorers.base import Scorer
from kbtools.presets import Presets

SCORERS = "kbtools.models.kge.scorers"
PRESETS = Presets(Path(__file__).parent / "presets", "--model", "recipe", "or a recipe's .toml file")


def load(name: str, overrides: Iterable[str] = (), seed: int | None = None) -> Recipe:
    """Read a recipe by its name or path, and refuse what would not do what it says."""
    told = [*overrides, *([f"seed={seed}"] if seed is not None else [])]
    found = config.load(PRESETS.path(name), Recipe, told)
    _check(found)
    return found


def scorer(recipe: Recipe) -> Scorer:
    """Build the scorer of a recipe."""
    made: type[Scorer] = plugins.load(SCORERS, recipe.model).SCORER
    if "dim" in recipe.scorer:
        raise ConfigError("scorer.dim: say dim")
    told: dict[str, Any] = {"dim": recipe.dim, **recipe.scorer}
    return made(config.build(made.Settings, told, where=f"scorer ({recipe.model})"))


def partitioned(recipe: Recipe, number: int, processes: int = 1) -> None:
    """Refuse what does not go with so many partitions, or processes."""
    lanes = recipe.partitions.lanes
    if number > 1:
        for wrong, name in (
            (not recipe.negatives.number, "negatives.number is 0"),
            (recipe.regulariser.weight and recipe.regulariser.of == "tables", "regulariser.of is tables"),
        ):
            if wrong:
                asked = recipe.partitions.number
                cure = "-o partitions.number=1" if asked else "give more --memory"
                raise ConfigError(f"{name}: all entities are in one partition then, not in {number}; {cure}")
    if lanes > 1 and 2 * lanes > number:
        raise ConfigError(
            f"partitions.lanes={lanes}: so many buckets side by side take {2 * lanes} partitions, and there "
            f"are {number}: -o partitions.number={2 * lanes}, or fewer lanes"
        )
    if processes > lanes:
        raise ConfigError(
            f"{processes} processes, and partitions.lanes={lanes} is as many as find work: start {lanes}, or "
            f"train more side by side: -o partitions.lanes={processes} -o partitions.number={2 * processes}"
        )


def _check(recipe: Recipe) -> None:
    least = {
        "dim": recipe.dim, "epochs": recipe.epochs, "batch": recipe.batch,
        "negatives.share": recipe.negatives.share, "partitions.lanes": recipe.partitions.lanes,
    }  # fmt: skip
    for name, value in least.items():
        if value < 1:
            raise ConfigError(f"{name} is {value}; it is 1 at least")
    told, rate, loss, judge = recipe.regulariser, recipe.optimiser, recipe.loss, recipe.judge
    ranges: tuple[tuple[str, object, bool, str], ...] = (
        ("negatives.number", recipe.negatives.number, recipe.negatives.number >= 0, "0 or more"),
        ("optimiser.lr", rate.lr, 0 < rate.lr < math.inf, "more than 0"),
        ("optimiser.relation_lr", rate.relation_lr, 0 <= (rate.relation_lr or 0) < math.inf, "0 or more"),
        ("optimiser.decay", rate.decay, 0 < rate.decay < math.inf, "more than 0"),
        ("optimiser.drop", rate.drop, all(0 <= one <= 1 for one in rate.drop), "shares from 0 to 1"),
        ("regulariser.weight", told.weight, 0 <= told.weight < math.inf, "0 or more"),
        ("regulariser.power", told.power, told.power >= 1, "1 or more"),
        ("loss.margin", loss.margin, math.isfinite(loss.margin), "a number"),
        ("loss.temperature", loss.temperature, 0 <= loss.temperature < math.inf, "0 or more"),
        ("loss.smoothing", loss.smoothing, 0 <= loss.smoothing < 1, "from 0 to below 1"),
        ("partitions.number", recipe.partitions.number, recipe.partitions.number >= 0, "0 or more"),
        ("judge.every", judge.every, judge.every >= 0, "0 or more"),
        ("judge.triples", judge.triples, judge.triples >= 0, "0 or more"),
        ("judge.patience", judge.patience, judge.patience >= 0, "0 or more"),
    )
    for name, given, right, wanted in ranges:
        if not right:
            raise ConfigError(f"{name} is {given}; it is {wanted}")
    _idle(recipe)
    if recipe.loss.kind == "bce" and recipe.negatives.number:
        raise ConfigError("loss.kind is bce, which marks all answers among all entities: negatives.number=0")
    if recipe.judge.patience and not recipe.judge.every:
        raise ConfigError("judge.patience counts looks, and there is one at the end alone: say judge.every")
    if not scorer(recipe).inverts and not recipe.reciprocal:
        raise ConfigError(f"{recipe.model} asks for tails alone: it goes with reciprocal=true")


def _idle(recipe: Recipe) -> None:
    """Refuse settings that would do nothing."""
    told = recipe.negatives
    if told.inside and not told.number:
        raise ConfigError("negatives.inside does nothing where negatives.number is 0: all are compared with")
    if told.corrupt not in {"random", "both"} and (recipe.reciprocal or recipe.loss.kind == "bce"):
        why = "reciprocal" if recipe.reciprocal else "loss.kind=bce"
        raise ConfigError(f"negatives.corrupt={told.corrupt} does nothing with {why}: both sides are learned")
