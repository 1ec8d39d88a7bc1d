"""ERNIE of Tsinghua: vectors of entities are fused into the upper layers of BERT (Zhang et al. 2019).

Layers of three kinds (parts/fusion.py): tokens alone, where raw vectors of entities enter, and where entities
see each other, too. The vectors are frozen; those of a batch are read when it comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.models.batch import Columns, Output
from kbtools.models.parts.alignment import bases, beside, meant
from kbtools.models.parts.encoder import TextEncoder
from kbtools.models.parts.fusion import Block, Entities, Fused
from kbtools.models.zoo.base import Given

COLUMNS = ("entities.*",)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where entities enter, and how wide they are."""

    layers: tuple[Block, ...] = setting(
        "Kinds of layers, from the first on: sim, mix, norm; those that are not named are sim.",
        ("sim",) * 5 + ("mix",) + ("norm",) * 6,
    )
    width: int = setting("Numbers of an entity's vector.", 100)
    heads: int = setting("Heads of attention among entities.", 4)
    kb: str = setting("The knowledge base of the entities, where there are vectors of several.", "")
    alignment: Literal["first", "pieces"] = setting(
        "An entity stands at the first token of its mention, or at each.", "first"
    )
    cls_entity: bool = setting("The first token has an entity, too, of zeros; false: it has none.", True)


class ErnieThu(nn.Module):
    """A text encoder with entities beside its tokens."""

    def __init__(self, text: TextEncoder, fusion: Fused, table: Any, settings: Settings) -> None:
        super().__init__()
        self.text, self.fusion, self.entities = text, fusion, table
        self.told = settings

    def forward(self, batch: Columns, *, layers: bool = False) -> Output:
        """Return the states of all tokens."""
        stream = self._stream(batch)
        out: Output = self.text(batch, instead=self.fusion.run(stream), layers=layers)
        return out

    def _stream(self, batch: Columns) -> Entities:
        """Put the vectors of entities beside the tokens."""
        shape, like = batch["input_ids"].shape, self.text.words
        kb = self._kb(batch)
        if kb is None:
            states = like.new_zeros((*shape, self.told.width))
            there = torch.zeros(shape, dtype=torch.bool, device=batch["input_ids"].device)
        else:
            eids = meant(batch, kb)  # [B, M]
            vectors = self.entities(eids)  # [B, M, E]
            known = vectors.ne(0).any(-1)  # an entity without a vector is none
            mention, there = beside(
                batch, kb, torch.where(known, eids, -1), pieces=self.told.alignment == "pieces"
            )
            states = _taken(vectors, mention).masked_fill(~there[..., None], 0)
        return Entities.of(batch, states, there | _firsts(batch) if self.told.cls_entity else there)

    def _kb(self, batch: Columns) -> str | None:
        """Say of which knowledge base the mentions are read; none: there are none."""
        there = bases(batch)
        if not there:
            return None
        if self.entities is None:
            raise ConfigError(
                f"the batch has entities of {', '.join(there)}, the model no vectors of them: give --vectors"
            )
        kb: str = self.entities.kb
        if kb not in there:
            raise ConfigError(
                f"the batch has entities of {', '.join(there)}, but the model's vectors are of {kb}: "
                "link the text with that, or give other vectors"
            )
        return kb


def build(settings: Settings, given: Given) -> nn.Module:
    """Put it together, with new weights."""
    table = _table(settings, given)
    if table is not None and table.dim != settings.width:
        raise ConfigError(
            f"vectors of {table.kb} have {table.dim} numbers, model.settings.width says {settings.width}: "
            f"set it to {table.dim}"
        )
    text = TextEncoder(given.text, attention=given.attention)
    fusion = Fused(
        given.text, settings.layers, width=settings.width, heads=settings.heads, attention=given.attention
    )
    return ErnieThu(text, fusion, table, settings)


def _table(settings: Settings, given: Given) -> Any:
    """Choose the vectors; without any, no text may have entities."""
    there = ", ".join(given.tables)
    if settings.kb and given.tables and settings.kb not in given.tables:
        raise ConfigError(f"model.settings.kb is {settings.kb}, but there are vectors of {there}")
    if not settings.kb and len(given.tables) > 1:
        raise ConfigError(f"vectors of {there}: say with model.settings.kb which are meant")
    return given.tables.get(settings.kb) if settings.kb else next(iter(given.tables.values()), None)


def _taken(vectors: Tensor, mention: Tensor) -> Tensor:
    """Take the vector [B, M, E] of each token's mention [B, T]; where there are none, anything."""
    if not vectors.shape[1]:
        return vectors.new_zeros((*mention.shape, vectors.shape[2]))
    return vectors.gather(1, mention[..., None].expand(-1, -1, vectors.shape[2]))


def _firsts(batch: Columns) -> Tensor:
    """Mark the first token of each example, [B, T]."""
    ids = batch["input_ids"]
    if "sequence" in batch:  # packed
        found: Tensor = (batch["positions"] == 0) & batch["attention_mask"].bool()
        return found
    return (torch.arange(ids.shape[1], device=ids.device) == 0).expand(ids.shape)
