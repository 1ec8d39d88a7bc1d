"""DeBERTa v2 and v3 (He et al. 2021): content and relative positions apart; attention of its own kind.

It reads who sees whom as true or false. Relative positions are those of tokens in the row, which in each
example of a packed row are the right ones; of trees, soft positions stand in for them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers.models.deberta_v2.modeling_deberta_v2 import make_log_bucket_position

from kbtools.errors import ConfigError
from kbtools.models.parts.families.base import Inputs, Steps

MODELS = ("deberta-v2",)
ATTENTION = {"sdpa": "eager", "eager": "eager"}  # it has its own only


def layers(model: Any) -> nn.ModuleList:
    """Return its layers."""
    found: nn.ModuleList = model.encoder.layer
    return found


def begin(model: Any, inputs: Inputs) -> Steps:
    """Embed; make the mask and relative positions."""
    encoder = model.encoder
    conv = encoder.conv
    valid = None if inputs.valid is None else inputs.valid.long()
    if conv is not None and (inputs.visible.sequence is not None or inputs.visible.branch is not None):
        raise ConfigError(
            "this DeBERTa has a convolution, which sees from one example of a packed row, or branch of a "
            "tree, into the next: use one without (conv_kernel_size 0), or plain rows"
        )
    hidden = model.embeddings(
        input_ids=inputs.ids if inputs.embeds is None else None,
        inputs_embeds=inputs.embeds,
        token_type_ids=inputs.segment if model.config.type_vocab_size > 1 else None,
        position_ids=inputs.positions,
        mask=valid,
    )
    mask = _mask(inputs, hidden)
    relative = _relative(encoder, inputs, hidden, model.config.num_attention_heads)
    table = encoder.get_rel_embedding()

    def layer(number: int, module: nn.Module, states: Tensor) -> Tensor:
        found: Tensor = module(states, mask, relative_pos=relative, rel_embeddings=table)[0]
        if number == 0 and conv is not None:
            return _convolved(conv, hidden, found, valid)
        return found

    return Steps(hidden, layer, _same)


def _mask(inputs: Inputs, hidden: Tensor) -> Tensor:
    """Return who sees whom, [B, 1, T, T] or what spreads to it; padding alone is as transformers has it."""
    valid = inputs.visible.padding_alone
    if valid is not None:
        return valid[:, None, :, None] & valid[:, None, None, :]
    seen = inputs.visible.pairs()
    return hidden.new_ones((1, 1, 1, 1), dtype=torch.bool) if seen is None else seen[:, None]


def _relative(encoder: Any, inputs: Inputs, hidden: Tensor, heads: int) -> Tensor | None:
    """Return relative positions i − j in buckets: [1, T, T], or of soft positions [1, B · heads, T, T].

    The layers take those of a batch only in this shape, which they leave as it is.
    """
    if not inputs.soft or inputs.positions is None or not encoder.relative_attention:
        found: Tensor | None = encoder.get_rel_pos(hidden)
        return found
    places = inputs.positions.long()
    apart = places[:, :, None] - places[:, None, :]  # [B, T, T]
    if encoder.position_buckets > 0:
        apart = make_log_bucket_position(apart, encoder.position_buckets, encoder.max_relative_positions)
    return apart.long().repeat_interleave(heads, dim=0)[None]


def _convolved(conv: Any, embeddings: Tensor, states: Tensor, valid: Tensor | None) -> Tensor:
    if valid is None:
        valid = torch.ones(states.shape[:2], dtype=torch.long, device=states.device)
    found: Tensor = conv(embeddings, states, valid)
    return found


def _same(states: Tensor) -> Tensor:
    return states
