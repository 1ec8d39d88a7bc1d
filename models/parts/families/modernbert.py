"""ModernBERT (Warner et al. 2024): rotary positions; most layers see a window only.

The window is over positions, not over places in the row: the soft positions of a tree keep its text as near
together as it was without branches.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from kbtools.models.parts.families import base
from kbtools.models.parts.families.base import Inputs, Steps

MODELS = ("modernbert",)
ATTENTION = {"sdpa": "sdpa", "eager": "eager", "flex": "flex_attention"}


def layers(model: Any) -> nn.ModuleList:
    """Return its layers."""
    found: nn.ModuleList = model.layers
    return found


def begin(model: Any, inputs: Inputs) -> Steps:
    """Embed; make a mask and rotary positions for each kind of layer."""
    hidden = model.embeddings(
        input_ids=inputs.ids if inputs.embeds is None else None, inputs_embeds=inputs.embeds
    )
    config = model.config
    places = inputs.positions
    if places is None:
        places = torch.arange(hidden.shape[1], device=hidden.device)[None]
    windows = {"full_attention": None, "sliding_attention": config.sliding_window}
    kinds = sorted(set(config.layer_types))
    masks = {kind: base.mask(inputs, hidden, windows[kind]) for kind in kinds}
    turned = {kind: model.rotary_emb(hidden, places, kind) for kind in kinds}

    def layer(number: int, module: nn.Module, states: Tensor) -> Tensor:
        kind = config.layer_types[number]
        found: Tensor = module(states, attention_mask=masks[kind], position_embeddings=turned[kind])
        return found

    return Steps(hidden, layer, model.final_norm)
