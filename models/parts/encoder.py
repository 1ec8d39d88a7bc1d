"""A text encoder of transformers, run layer by layer, so that others may step in between.

`model` is transformers' own, weights and names as it has them. Only its `forward` is not used: here masks
come from visibility.py, and states may be changed after any layer.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from transformers import AutoModel, PreTrainedConfig

from kbtools.errors import ConfigError
from kbtools.models.batch import Columns, Output
from kbtools.models.parts import families
from kbtools.models.parts.families.base import Inputs
from kbtools.models.parts.visibility import Visibility

Between = Callable[[int, Tensor], Tensor]
Instead = Callable[[int, nn.Module], Callable[..., Any]]


class TextEncoder(nn.Module):
    """Tokens to states [B, T, H]; with new weights."""

    def __init__(self, config: PreTrainedConfig, *, attention: str = "sdpa") -> None:
        super().__init__()
        family = families.of(config)
        if attention not in family.ATTENTION:
            raise ConfigError(
                f"{config.model_type} has no attention {attention!r}; it has {', '.join(family.ATTENTION)}"
            )
        config = copy.deepcopy(config)
        config.dtype = None  # as torch is told, not as a checkpoint was once saved
        make: Any = AutoModel.from_config
        self.model = make(config, attn_implementation=family.ATTENTION[attention])
        if getattr(self.model, "pooler", None) is not None:
            self.model.pooler = None  # a pooler is a head, and heads are not the encoder's
        self.attention = attention
        self._begin, self._layers = family.begin, family.layers

    @property
    def config(self) -> PreTrainedConfig:
        """Return transformers' config of the encoder."""
        found: PreTrainedConfig = self.model.config
        return found

    @property
    def width(self) -> int:
        """Return H."""
        return int(self.config.hidden_size)

    @property
    def depth(self) -> int:
        """Return how many layers there are."""
        return len(self.layers)

    @property
    def room(self) -> int | None:
        """Return how many places a text may have; None: positions are none of the embeddings."""
        found = getattr(getattr(self.model, "embeddings", None), "position_embeddings", None)
        if not isinstance(found, nn.Embedding):
            return None
        return found.num_embeddings - (0 if found.padding_idx is None else found.padding_idx + 1)

    @property
    def layers(self) -> nn.ModuleList:
        """Return the layers."""
        return self._layers(self.model)

    @property
    def words(self) -> Tensor:
        """Return the embeddings of the vocabulary, [V, E]."""
        found: Tensor = self.model.get_input_embeddings().weight
        return found

    def checkpoint(self, on: bool = True) -> None:
        """Keep only what goes into each layer, and run layers again on the way back: slower, smaller."""
        if on:
            self.model.activation_checkpointing_enable({"use_reentrant": False})
        else:
            self.model.activation_checkpointing_disable()

    def forward(
        self,
        batch: Columns,
        *,
        embeds: Tensor | None = None,
        visible: Visibility | None = None,
        between: Between | None = None,
        instead: Instead | None = None,
        layers: bool = False,
    ) -> Output:
        """Run all layers.

        `embeds` [B, T, E] stand in for the embeddings of `input_ids`. `visible` says who sees whom; unless it
        is given, only padding and other examples of a packed row are hidden. `between(i, states)` returns the
        states to go on with after layer i. `instead(i, layer)` returns what is called as layer i is, in its
        place. With `layers`, the states of the embeddings and after each layer
        are returned too; the last are those of the output, as transformers has it.
        """
        steps = self._begin(self.model, self._inputs(batch, embeds, visible))
        hidden = steps.embeddings
        seen = [hidden]
        for number, layer in enumerate(self.layers):
            called: Any = layer if instead is None else instead(number, layer)
            hidden = steps.layer(number, called, hidden)
            if between is not None:
                hidden = between(number, hidden)
            if layers:
                seen.append(hidden)
        hidden = steps.end(hidden)
        return Output(hidden, (*seen[:-1], hidden) if layers else None)

    def _inputs(self, batch: Columns, embeds: Tensor | None, visible: Visibility | None) -> Inputs:
        ids, positions = batch.get("input_ids"), batch.get("positions")
        given = ids if embeds is None else embeds
        if given is None:
            raise ConfigError("a batch has neither input_ids nor embeddings in their place")
        if self.attention == "flex":
            self._check_flex(given)
        valid, segment = batch.get("attention_mask"), batch.get("segment")
        return Inputs(
            ids,
            embeds,
            None if segment is None else segment.long(),
            None if positions is None else positions.long(),
            None if valid is None else valid.bool(),
            Visibility.of_batch(batch, trees=False) if visible is None else visible,
            self.attention,
            soft="sequence" not in batch or "branch" in batch,
            size=(given.shape[0], given.shape[1]),
        )

    def _check_flex(self, given: Tensor) -> None:
        if not given.is_cuda:
            raise ConfigError('attention "flex" runs on a GPU only: choose "sdpa"')
        dropout = max(
            getattr(self.config, name, 0) for name in ("attention_probs_dropout_prob", "attention_dropout")
        )
        if self.training and dropout > 0:
            raise ConfigError(
                'attention "flex" has no dropout: choose "sdpa", or set the config\'s attention dropout to 0'
            )
