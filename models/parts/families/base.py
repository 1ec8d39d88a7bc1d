"""What it takes to run an encoder of transformers by hand: its embeddings, each layer, what comes after."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from kbtools.models.parts.visibility import Near, Visibility


class Inputs(NamedTuple):
    """What an encoder reads; `ids` or `embeds` is there."""

    ids: Tensor | None  # [B, T]
    embeds: Tensor | None  # [B, T, E], in place of the embeddings of `ids`
    segment: Tensor | None  # [B, T]
    positions: Tensor | None  # [B, T], counted from 0; none: tokens stand one after the other
    valid: Tensor | None  # [B, T] bool; none: nothing is padded
    visible: Visibility
    attention: str  # sdpa, eager or flex
    soft: bool  # positions are more than the order of tokens in each example: those of a tree
    size: tuple[int, int]  # B and T


class Steps(NamedTuple):
    """An encoder taken apart, for one batch."""

    embeddings: Tensor  # [B, T, H], what the first layer reads
    layer: Callable[[int, nn.Module, Tensor], Tensor]  # number, layer and states → states
    end: Callable[[Tensor], Tensor]  # what comes after the last layer, such as a norm


class Family(Protocol):
    """A module of this folder."""

    MODELS: Sequence[str]  # `model_type` in their configs
    ATTENTION: Mapping[str, str]  # kinds of attention that they have, and what transformers calls them

    @staticmethod
    def layers(model: Any) -> nn.ModuleList:
        """Return its layers."""
        ...

    @staticmethod
    def begin(model: Any, inputs: Inputs) -> Steps:
        """Embed; make what all layers share, such as masks."""
        ...


def computing(hidden: Tensor) -> torch.dtype:
    """Return the dtype that attention is computed in: under autocast, not that of the states."""
    kind = hidden.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden.dtype


def mask(inputs: Inputs, hidden: Tensor, window: int | None = None) -> Any:
    """Make the mask that the attention of transformers reads, for layers with this window."""
    near = None if window is None else _near(inputs, hidden, window)
    if inputs.attention == "flex":
        return inputs.visible.blocks(inputs.size, hidden.device, near)
    return inputs.visible.additive(computing(hidden), near)


def _near(inputs: Inputs, hidden: Tensor, window: int) -> Near | None:
    if inputs.positions is not None:
        return Near(inputs.positions, window)
    rows, length = inputs.size
    places = torch.arange(length, device=hidden.device).expand(rows, length)
    return Near(places, window) if length - 1 > window else None
