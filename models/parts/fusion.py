"""Entities fused into layers of a text encoder (Zhang et al. 2019, ERNIE: the aggregator).

Beside the states w [B, T, H] of tokens runs a stream e [B, T, E] of entities: at the token where a mention
begins stands its entity's vector, elsewhere nothing.

    norm   w̃ = LN(w + MHA(w))   ẽ = LN(e + MHA(e))     where no entity is, ẽ = 0
    mix    w̃ = LN(w + MHA(w))   ẽ = e                  raw vectors enter: entities do not see each other yet
    both   h = σ(W w̃ + b + U ẽ + c)                     c is added where no entity is, too
           w' = LN(w̃ + W' h + b')    e' = LN(ẽ + U' h + c')
    sim    a layer of the encoder as it is; e goes past it

The token side is the encoder's own layer, weights and names; only what entities need is here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule
from transformers import BertConfig, PreTrainedConfig
from transformers.models.bert.modeling_bert import BertAttention

from kbtools.errors import ConfigError
from kbtools.models.batch import Columns
from kbtools.models.parts.families import base, bert
from kbtools.models.parts.heads.base import fresh
from kbtools.models.parts.visibility import Visibility

Block = Literal["sim", "mix", "norm"]
NORM_FIRST = {"roberta-prelayernorm", "xlm-roberta-xl"}  # their layers are put together in another order


class Entities(NamedTuple):
    """The stream beside the tokens."""

    states: Tensor  # [B, T, E]
    there: Tensor  # [B, T, 1] bool
    sees: Tensor | None  # what is added to the scores of attention among them

    @classmethod
    def of(cls, batch: Columns, states: Tensor, there: Tensor) -> Entities:
        """Say who sees whom: entities those that are there, of their own example; `there` is [B, T]."""
        seen = Visibility(there, batch.get("sequence"))
        return cls(states, there[..., None], seen.additive(base.computing(states)))


class Fusion(nn.Module):
    """What one layer needs beside its own weights."""

    def __init__(
        self, text: PreTrainedConfig, kind: Block, width: int, heads: int, attention: str, *, ends: bool
    ):
        """Make it for entities of `width` numbers; where the stream `ends`, none comes out."""
        super().__init__()
        wide, epsilon = text.intermediate_size, text.layer_norm_eps
        self.attention = _attention(text, width, heads, attention) if kind == "norm" else None
        self.inner = nn.Linear(width, wide)
        self.outer = None if ends else nn.Linear(wide, width)
        self.norm = None if ends else nn.LayerNorm(width, eps=epsilon)
        self.dropout = nn.Dropout(text.hidden_dropout_prob)
        fresh(self, text)

    def forward(self, layer: Any, states: Tensor, mask: Any, stream: Entities) -> tuple[Tensor, Tensor]:
        """Run a layer of the encoder with it; return the states of tokens and those of entities."""
        words = layer.attention(states, mask)[0]
        entities = stream.states
        if self.attention is not None:
            entities = self.attention(entities, stream.sees)[0]
        entities = entities.masked_fill(~stream.there, 0)  # not times 0: what stands there may be infinite
        part = layer.intermediate
        both = part.intermediate_act_fn(part.dense(words) + self.inner(entities))  # [B, T, F]
        if self.outer is not None and self.norm is not None:
            entities = self.norm(entities + self.dropout(self.outer(both)))
        return layer.output(both, words), entities


class Fused(nn.ModuleDict):
    """The layers of an encoder that entities are fused into, by number."""

    def __init__(
        self,
        text: PreTrainedConfig,
        blocks: Sequence[Block],
        *,
        width: int,
        heads: int = 4,
        attention: str = "sdpa",
    ) -> None:
        """Make what the blocks need; layers behind the last block are plain."""
        _check(text, blocks, width, heads)
        last = max((at for at, kind in enumerate(blocks) if kind != "sim"), default=-1)
        super().__init__(
            {
                str(at): Fusion(text, kind, width, heads, attention, ends=at == last)
                for at, kind in enumerate(blocks)
                if kind != "sim"
            }
        )

    def run(self, entities: Entities) -> Callable[[int, nn.Module], Any]:
        """Return what is called in place of the layers, for `TextEncoder`; once for each batch."""
        stream = [entities]

        def fused(fusion: nn.Module, layer: Any, states: Tensor, mask: Any = None) -> Tensor:
            if isinstance(layer, FSDPModule):
                raise ConfigError("layers with entities cannot be shared out: say run.sharded = false")
            call = partial(fusion, layer)
            if layer.training and getattr(layer, "gradient_checkpointing", False):
                states, found = layer._gradient_checkpointing_func(call, states, mask, stream[0])
            else:
                states, found = call(states, mask, stream[0])
            stream[0] = stream[0]._replace(states=found)
            return states

        def instead(number: int, layer: nn.Module) -> Any:
            name = str(number)
            return partial(fused, self[name], layer) if name in self else layer

        return instead


def _attention(text: PreTrainedConfig, width: int, heads: int, attention: str) -> nn.Module:
    """Make BERT's attention, for entities."""
    told = BertConfig(
        hidden_size=width,
        num_attention_heads=heads,
        hidden_dropout_prob=text.hidden_dropout_prob,
        attention_probs_dropout_prob=text.attention_probs_dropout_prob,
        layer_norm_eps=text.layer_norm_eps,
    )
    told._attn_implementation = "eager" if attention == "eager" else "sdpa"
    make: Any = BertAttention
    made: nn.Module = make(told)
    return made


def _check(text: PreTrainedConfig, blocks: Sequence[Block], width: int, heads: int) -> None:
    kind = text.model_type
    if kind not in bert.MODELS or kind in NORM_FIRST:
        known = ", ".join(name for name in bert.MODELS if name not in NORM_FIRST)
        raise ConfigError(f"entities cannot be fused into layers of {kind}; they can into those of {known}")
    if len(blocks) > text.num_hidden_layers:
        raise ConfigError(
            f"{len(blocks)} blocks, but the text encoder has {text.num_hidden_layers} layers: give no more"
        )
    if width < 1 or heads < 1 or width % heads:
        raise ConfigError(
            f"entities of {width} numbers cannot have {heads} heads: choose a number that divides"
        )
