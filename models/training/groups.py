"""Which weights change, and how fast: groups for an optimiser, and what a stage freezes.

A weight is called by its name in the model, whatever the model is wrapped in. A pattern is part of a name,
of whole words between dots: `layers.1` is in `body.text.model.layers.1.output.bias` and not in that of layer
10; `*` stands for any letters within a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from kbtools.errors import ConfigError
from kbtools.models.recipe import Optimiser, Stage

Groups = list[dict[str, Any]]

WRAPPERS = re.compile(r"(?:^|(?<=\.))(_orig_mod|_checkpoint_wrapped_module)\.")


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the model itself, without DDP and torch.compile around it."""
    while True:
        inner = getattr(model, "_orig_mod", None)
        if isinstance(inner, nn.Module):
            model = inner
        elif isinstance(model, DistributedDataParallel):
            model = model.module
        else:
            return model


def named(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the weights by name; DDP, FSDP, torch.compile and activation checkpointing leave no trace."""
    return {WRAPPERS.sub("", name): weight for name, weight in unwrapped(model).named_parameters()}


def groups(model: nn.Module, settings: Optimiser) -> Groups:
    """Share the weights that train out among groups: one for each rate, with decay and without.

    Weights with one dimension (biases, norms) and those of `no_decay` do not decay. Of the patterns of
    `parts` that are in a name the longest gives the rate. A group has, beside what torch knows, `name`,
    `names` of its weights, `part`, `top` (its highest rate), and `scaled`: whether LAMB scales its steps.
    """
    weights = named(model)
    for what, patterns in (("parts", settings.parts), ("no_decay", settings.no_decay)):
        refuse_unknown(f"optimiser.{what}", patterns, weights)
    found: dict[tuple[str, bool], dict[str, Any]] = {}
    for name, weight in weights.items():
        if not weight.requires_grad:
            continue
        part = max((one for one in settings.parts if is_in(one, name)), key=len, default="")
        decays = weight.ndim > 1 and not any(is_in(one, name) for one in settings.no_decay)
        group = found.setdefault((part, decays), _group(part, decays, settings))
        group["params"].append(weight)
        group["names"].append(name)
    return list(found.values())


def _group(part: str, decays: bool, settings: Optimiser) -> dict[str, Any]:
    rate = settings.parts.get(part, settings.lr)
    return {
        "params": [], "names": [], "name": (part or "rest") + ("" if decays else ", no decay"), "part": part,
        "lr": rate, "top": rate, "weight_decay": settings.decay if decays else 0.0, "scaled": decays,
    }  # fmt: skip


def aim(optimiser: Optimizer, settings: Optimiser) -> None:
    """Give the groups the highest rates of these settings, as a stage with a rate of its own wants them."""
    for group in optimiser.param_groups:
        group["top"] = settings.parts.get(group["part"], settings.lr)


def pace(optimiser: Optimizer, factor: float) -> None:
    """Set each group's rate for the next step: its highest one times `factor`."""
    for group in optimiser.param_groups:
        group["lr"] = group["top"] * factor


def freeze(model: nn.Module, stage: Stage) -> tuple[str, ...]:
    """Let the weights train that a stage lets train, and no others; return their names.

    What a stage before this one froze trains again. Weights that the model itself lists in `frozen_names`
    never train. Gradients of frozen weights are dropped, so that no optimiser touches them.
    """
    weights, where = named(model), f"stage {stage.name}".rstrip()
    refuse_unknown(f"{where}: freeze", stage.freeze, weights)
    refuse_unknown(f"{where}: train", stage.train, weights)
    never = set(always_frozen(model, weights))
    trains = tuple(name for name in weights if name not in never and _trains(name, stage))
    if not trains:
        raise ConfigError(
            f"{where} freezes everything: nothing would be learned; name what trains in `train`"
        )
    kept = set(trains)
    for name, weight in weights.items():
        weight.requires_grad_(name in kept)
        if name not in kept:
            weight.grad = None
    return trains


def _trains(name: str, stage: Stage) -> bool:
    if any(is_in(one, name) for one in stage.train):
        return True
    if stage.freeze:
        return not any(is_in(one, name) for one in stage.freeze)
    return not stage.train


def always_frozen(model: nn.Module, names: Iterable[str]) -> list[str]:
    """Return the names of weights that the model itself says never train."""
    patterns = tuple(getattr(unwrapped(model), "frozen_names", ()))
    return [name for name in names if any(is_in(one, name) for one in patterns)]


def is_in(pattern: str, name: str) -> bool:
    """Tell whether a pattern is in a name, word for word.

    >>> is_in("layers.1", "text.layers.1.bias"), is_in("layers.1", "text.layers.10.bias")
    (True, False)
    >>> is_in("*Norm", "text.LayerNorm.weight")
    True
    """
    if "*" not in pattern:
        return f".{pattern}." in f".{name}."
    wanted, words = pattern.split("."), name.split(".")
    return any(all(map(fnmatchcase, words[first:], wanted)) for first in range(len(words) - len(wanted) + 1))


def refuse_unknown(where: str, patterns: Iterable[str], names: Iterable[str]) -> None:
    """Refuse a pattern that is in no name; say which ones are nearly like it."""
    known = list(names)
    for pattern in patterns:
        if not any(is_in(pattern, name) for name in known):
            near = get_close_matches(pattern, _parts(known, pattern.count(".") + 1), n=3)
            hint = (
                f"did you mean {' or '.join(near)}?"
                if near
                else f"weights are called {', '.join(known[:3])}, ..."
            )
            raise ConfigError(f"{where}: {pattern!r} is in the name of no weight; {hint}")


def _parts(names: Iterable[str], length: int) -> list[str]:
    """List all runs of so many words in these names."""
    found: dict[str, None] = {}
    for name in names:
        words = name.split(".")
        found |= {".".join(words[at : at + length]): None for at in range(len(words) - length + 1)}
    return list(found)
