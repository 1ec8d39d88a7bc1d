"""What would go wrong on the way, seen before training begins: in stages, and in lengths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kbtools.errors import ConfigError
from kbtools.models.recipe import Recipe, Stage
from kbtools.models.training.groups import freeze, groups
from kbtools.models.training.planning import Planned
from kbtools.shards.reader import Shards


def check_stages(model: Any, recipe: Recipe, plan: Iterable[Planned]) -> None:
    """Refuse a stage that trains nothing, patterns that are in no name, and what the body cannot do."""
    for planned in plan:
        freeze(model, planned.stage)
        groups(model, recipe.optimiser)
        _check_once(model, recipe, planned.stage)


def _check_once(model: Any, recipe: Recipe, stage: Stage) -> None:
    known = tuple(getattr(model.body, "ONCE", ()))
    for name in stage.once:
        if name not in known:
            there = f"there are {', '.join(known)}" if known else "it can do nothing"
            raise ConfigError(f"stage {stage.name}: once: {recipe.model.name} has no {name!r}; {there}")
    if stage.once and recipe.run.sharded:
        raise ConfigError(f"stage {stage.name}: `once` changes whole weights; run.sharded shares them out")


def check_lengths(model: Any, shards: Mapping[str, Shards]) -> None:
    """Refuse examples that are longer than the encoder has positions for."""
    for one in dict.fromkeys(shards.values()):
        for split in one.splits:
            _check_length(one, split, model.body.text.room)


def _check_length(shards: Shards, split: str, room: int | None) -> None:
    longest = shards.longest(split)
    if room is None or not shards.rows(split) or (longest is not None and longest <= room):
        return
    if (found := int(shards.lengths(split).max())) > room:  # the manifest may tell of more than there is
        raise ConfigError(
            f"{shards.path}: an example has {found:,} tokens, the encoder {room:,} positions "
            f"(max_position_embeddings); make shards with max_length={room}"
        )
