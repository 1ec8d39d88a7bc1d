"""How much memory training takes, estimated before it starts.

Weights, gradients, the optimiser's two means and a running mean of weights are exact. Of activations, what
a layer of width H, inner width I and N attention heads keeps for the way back is added up (as Korthikanti et
al. 2022 do), for each of its tokens in texts of length T, in numbers:

    input, queries, keys, values, what attention gives      5 · H
    before and behind the first norm, before the second     3 · H
    inner states, before and behind their function          2 · I   (with a gate: 4 · I)
    attention as a table (eager; sdpa on a CPU with dropout)   up to 3 · N · T
    what dropout left out                                   2 · H   (bytes on a GPU)

With checkpointing H is kept of each layer, and all of one. Programs, kernels and what the allocator holds
beside are not in it: the estimate is meant to be right to a half.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import nn

from kbtools.models.parts.heads.lm import Words

FP32, MEANS = 4, 2  # bytes; running means of AdamW and LAMB
TARGETS = 0.15  # of the tokens, for a language model
WIDTHS = ("intermediate_size", "ffn_dim", "hidden_dim")


class Memory(NamedTuple):
    """Bytes on one device."""

    weights: int
    gradients: int
    optimiser: int
    averages: int
    activations: int
    words: int  # scores of the vocabulary at masked places
    mask: int  # who sees whom

    @property
    def total(self) -> int:
        """All of it."""
        return sum(self)


class Setup(NamedTuple):
    """How a step is made, as far as memory goes."""

    rows: int  # at once
    length: int  # of a row, with padding
    precision: str = "fp32"
    attention: str = "sdpa"
    checkpointing: bool = False
    averaged: bool = False
    masked: bool = False  # rows hold several texts, or trees: who sees whom is a table of a row
    cuda: bool = False
    processes: int = 1  # among which weights are shared out

    @property
    def tokens(self) -> int:
        """Tokens at once."""
        return self.rows * self.length

    @property
    def width(self) -> int:
        """Bytes of a number that matrices work with."""
        return FP32 if self.precision == "fp32" else 2


class Shape(NamedTuple):
    """What an encoder looks like, from its configuration."""

    width: int
    inner: int
    gated: bool
    heads: int
    depth: int
    dropout: float
    attention_dropout: float


def memory(model: Any, setup: Setup) -> Memory:
    """Estimate what training a model as it is, with what is frozen now, takes."""
    weights = list(model.parameters())
    held = sum(weight.numel() * weight.element_size() for weight in weights)
    held += sum(one.numel() * one.element_size() for one in model.buffers())
    resident = (one for one in getattr(model, "tables", {}).values() if one.mode == "resident")
    held += sum(one.rows * one.dim * FP32 for one in resident)  # others are mapped, or are weights
    trained = sum(weight.numel() for weight in weights if weight.requires_grad)
    copies = 0
    if setup.width < FP32:  # autocast keeps what it made of matrices until the way back is done
        copies = setup.width * sum(
            one.weight.numel() for one in model.modules() if isinstance(one, nn.Linear)
        )
    words = model.words.shape[0] if any(isinstance(head, Words) for head in model.heads.values()) else 0
    share = setup.processes
    seen = setup.rows * setup.length**2 * setup.width if setup.masked else 0
    return Memory(
        weights=held // share,
        gradients=FP32 * trained // share,
        optimiser=FP32 * MEANS * trained // share,
        averages=FP32 * trained // share if setup.averaged else 0,
        activations=activations(shape(model.body.text.config), setup) + copies,
        words=int(TARGETS * setup.tokens) * words * (FP32 + FP32 + setup.width),
        mask=0 if setup.attention == "flex" else seen,
    )


def shape(config: Any) -> Shape:
    """Read what matters from a configuration of transformers."""
    inner = next((found for name in WIDTHS if (found := getattr(config, name, None))), 4 * config.hidden_size)
    dropout = getattr(config, "hidden_dropout_prob", getattr(config, "mlp_dropout", 0.0)) or 0.0
    attention = getattr(config, "attention_probs_dropout_prob", getattr(config, "attention_dropout", 0.0))
    return Shape(
        width=config.hidden_size,
        inner=inner,
        gated=config.model_type in {"modernbert", "eurobert"},
        heads=config.num_attention_heads,
        depth=config.num_hidden_layers,
        dropout=dropout,
        attention_dropout=attention or 0.0,
    )


def activations(of: Shape, setup: Setup) -> int:
    """Add up what is kept for the way back, and what is needed beside it on the way."""
    token = _layer(of, setup)
    kept = of.depth * of.width * FP32 + token if setup.checkpointing else of.depth * token
    embedded = of.width * (FP32 + _dropped(setup)) if of.dropout else of.width * FP32
    tables = 2 * of.heads * setup.length if _unfused(of, setup) else 0
    passing = (4 * of.width + 2 * of.inner + tables) * setup.width  # gradients, while a layer is gone back
    return setup.tokens * (kept + embedded + passing)


def _layer(of: Shape, setup: Setup) -> int:
    """Count the bytes that a layer keeps of a token."""
    narrow, dropped = setup.width, _dropped(setup)
    cast = narrow if narrow < FP32 else 0  # norms work in fp32, and what follows in the other
    states = 5 * of.width * narrow + 2 * of.width * FP32 + (of.width * FP32 if not cast else of.width * cast)
    inner = (4 if of.gated else 2) * of.inner * narrow
    found = states + inner + (2 * of.width * dropped if of.dropout else 0)
    if _unfused(of, setup):
        table = narrow + (narrow + dropped if of.attention_dropout else 0)
        found += of.heads * setup.length * table
        found += 2 * of.width * narrow if setup.attention != "eager" else 0  # queries and keys, scaled
    return found


def _unfused(of: Shape, setup: Setup) -> bool:
    """Tell whether attention is laid out as a table: on a CPU no kernel does without if there is dropout."""
    return setup.attention == "eager" or (of.attention_dropout > 0 and not setup.cuda)


def _dropped(setup: Setup) -> int:
    """Return the bytes for a number that dropout may have left out; on a CPU it keeps factors."""
    return 1 if setup.cuda else setup.width
