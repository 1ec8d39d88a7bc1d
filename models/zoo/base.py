"""What it takes to be a model of the zoo.

A module has `Settings` (a frozen dataclass: what it can be told), and `build(settings, given)`, which returns
a `Body`: an `nn.Module` put together from `parts/`. All else (loading, saving, heads, the vocabulary) is
`models/base.py`'s, once for all. `NAME.toml` is a recipe with the published settings, `NAME.tiny.toml` one
for a CPU; a `.toml` without a `.py` is a recipe for another model's body.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import nn
from transformers import PreTrainedConfig

from kbtools.models.batch import Columns, Output


@dataclass(frozen=True)
class Given:
    """What a body is built from beside its settings."""

    text: PreTrainedConfig  # of the text encoder
    tables: Mapping[str, nn.Module] = field(default_factory=dict)  # entity tables by knowledge base
    attention: str = "sdpa"  # how it is computed: sdpa, eager, flex


class Body(Protocol):
    """All of a model but its heads.

    `ONCE` may name methods without arguments that change its weights as a stage begins (`once` in recipes).
    """

    text: Any  # parts.encoder.TextEncoder

    def __call__(self, batch: Columns, *, layers: bool = False) -> Output:
        """Run; with `layers`, return the states of all layers."""
        ...


class Zoo(Protocol):
    """A module of the zoo.

    It may have `COLUMNS`: those that the body reads where shards have them, whatever objectives need; `*` is
    any part of a name.
    """

    Settings: type

    @staticmethod
    def build(settings: Any, given: Given) -> nn.Module:
        """Put the body together, with new weights."""
        ...
