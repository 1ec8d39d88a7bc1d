"""BERT and what is built like it: embeddings with positions, then layers that read states and a mask."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from kbtools.errors import ConfigError
from kbtools.models.parts.families import base
from kbtools.models.parts.families.base import Inputs, Steps

MODELS = (
    "bert",
    "camembert",
    "data2vec-text",
    "electra",
    "ernie",
    "roberta",
    "roberta-prelayernorm",
    "xlm-roberta",
    "xlm-roberta-xl",
)
ATTENTION = {"sdpa": "sdpa", "eager": "eager", "flex": "flex_attention"}


def layers(model: Any) -> nn.ModuleList:
    """Return its layers."""
    found: nn.ModuleList = model.encoder.layer
    return found


def begin(model: Any, inputs: Inputs) -> Steps:
    """Embed; make the mask."""
    hidden = model.embeddings(
        input_ids=inputs.ids if inputs.embeds is None else None,
        inputs_embeds=inputs.embeds,
        token_type_ids=inputs.segment if model.config.type_vocab_size > 1 else None,
        position_ids=_positions(model, inputs),
    )
    if hasattr(model, "embeddings_project"):
        hidden = model.embeddings_project(hidden)
    mask = base.mask(inputs, hidden)

    def layer(_: int, module: nn.Module, states: Tensor) -> Tensor:
        found: Tensor = module(states, mask)
        return found

    return Steps(hidden, layer, _end(model))


def _positions(model: Any, inputs: Inputs) -> Tensor | None:
    """Return positions as the embeddings count them.

    RoBERTa and its kin begin after the number of [PAD], which padding itself has. Transformers finds padding
    by that word; a word that an objective has put in by chance may be [PAD] too, so here the mask says it.
    """
    pad: int | None = getattr(model.embeddings, "padding_idx", None)
    room: int = model.config.max_position_embeddings - (0 if pad is None else pad + 1)
    rows, length = inputs.size
    if inputs.positions is None and length > room:
        raise ConfigError(
            f"rows of {length} tokens, but this encoder has {room} positions: cut examples shorter"
        )
    if pad is None:
        return inputs.positions
    places = inputs.positions
    if inputs.valid is None:
        if places is None:
            places = torch.arange(length, device=model.device).expand(rows, length)
        return places + pad + 1
    if places is None:
        places = inputs.valid.long().cumsum(1) - 1
    return (places + pad + 1).masked_fill(~inputs.valid, pad)


def _end(model: Any) -> Any:
    """Return the norm after the last layer of those that norm first; of others, nothing."""
    for owner in (model, model.encoder):
        if hasattr(owner, "LayerNorm"):
            return owner.LayerNorm
    return _same


def _same(states: Tensor) -> Tensor:
    return states
