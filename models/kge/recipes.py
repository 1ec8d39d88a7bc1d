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
    for name, wrong in (
        ("negatives.number", recipe.negatives.number < 0),
        ("optimiser.lr", not 0 < recipe.optimiser.lr < math.inf),
        ("optimiser.relation_lr", not 0 <= (recipe.optimiser.relation_lr or 0) < math.inf),
        ("optimiser.decay", not 0 < recipe.optimiser.decay < math.inf),
        ("optimiser.drop", not all(0 <= share <= 1 for share in recipe.optimiser.drop)),
        ("regulariser.weight", not 0 <= recipe.regulariser.weight < math.inf),
        ("regulariser.power", recipe.regulariser.power < 1),
        ("loss.margin", not math.isfinite(recipe.loss.margin)),
        ("loss.temperature", not 0 <= recipe.loss.temperature < math.inf),
        ("loss.smoothing", not 0 <= recipe.loss.smoothing < 1),
        ("partitions.number", recipe.partitions.number < 0),
        ("judge.every", recipe.judge.every < 0),
        ("judge.triples", recipe.judge.triples < 0),
        ("judge.patience", recipe.judge.patience < 0),
    ):
        if wrong:
            raise ConfigError(f"{name} is out of its range")
    if recipe.loss.kind == "bce" and recipe.negatives.number:
        raise ConfigError("loss.kind is bce, which marks all answers among all entities: negatives.number=0")
    if recipe.judge.patience and not recipe.judge.every:
        raise ConfigError("judge.patience counts looks, and there is one at the end alone: say judge.every")
    if not scorer(recipe).inverts and not recipe.reciprocal:
        raise ConfigError(f"{recipe.model} asks for tails alone: it goes with reciprocal=true")
