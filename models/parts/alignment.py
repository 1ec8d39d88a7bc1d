"""Which entity stands beside which token: columns of mentions [B, M] become rows as long as tokens [B, T].

A mention means what an objective has put there (`entities.KB.entity`), else what the corpus told (`gold`,
unless `entity_masking` has hidden who is meant), else what a linker decided (`best`). Of mentions that begin
at one token the first that means something holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from kbtools.errors import ConfigError
from kbtools.models.batch import Columns
from kbtools.models.masking.mentions import KEPT
from kbtools.shards.base import NONE

MENTIONS, SPANS, ENTITY = "entities.", ".spans", ".entity"


class Beside(NamedTuple):
    """What stands beside tokens."""

    mention: Tensor  # [B, T] which of the row's mentions; where there is none, 0
    there: Tensor  # [B, T] bool


def bases(batch: Mapping[str, Any]) -> list[str]:
    """Name the knowledge bases of which a batch has mentions."""
    found = [name for name in batch if name.startswith(MENTIONS) and name.endswith(SPANS)]
    return sorted(name.removeprefix(MENTIONS).removesuffix(SPANS) for name in found)


def meant(batch: Columns, kb: str) -> Tensor:
    """Return the entity of each mention, [B, M]; below 0: none."""
    name, there = f"{MENTIONS}{kb}", batch[f"{MENTIONS}{kb}{SPANS}.mask"].bool()
    told: Tensor | None = batch.get(f"{name}{ENTITY}")
    if told is None:
        gold, best = batch.get(f"{name}.gold"), batch.get(f"{name}.best")
        fate = batch.get(f"entity_masking.{kb}.fate")
        if gold is not None and fate is not None:  # its words are masked: gold would tell them
            gold = gold.masked_fill(fate > KEPT, NONE)
        told = best if gold is None else gold if best is None else torch.where(gold == NONE, best, gold)
    if told is None:
        raise ConfigError(
            f"{name}: nothing says which entity a mention means; make shards with `gold` or `best` "
            "(entities.columns)"
        )
    return torch.where(there, told.long(), NONE)


def beside(batch: Columns, kb: str, entities: Tensor, *, pieces: bool = False) -> Beside:
    """Say which mention with an entity stands at each token: at its first one, or (`pieces`) at all of it."""
    spans = batch[f"{MENTIONS}{kb}{SPANS}"].long()
    length = batch["input_ids"].shape[1]
    _check(spans, length, f"{MENTIONS}{kb}{SPANS}")
    first, stop = spans[:, None, :, 0], spans[:, None, :, 1]  # [B, 1, M]
    places = torch.arange(length, device=spans.device)[:, None]  # [T, 1]
    stands = (first <= places) & (places < stop) if pieces else first == places
    stands = stands & (entities >= 0)[:, None]  # [B, T, M]
    if not stands.shape[-1]:  # no mention in the batch
        nobody = stands.any(-1)
        return Beside(nobody.long(), nobody)
    there, mention = stands.max(-1)  # of several, the first
    return Beside(mention, there)


def _check(spans: Tensor, length: int, name: str) -> None:
    """Refuse places that are no tokens; on a GPU, a look would wait for it."""
    if (
        spans.device.type == "cpu"
        and spans.numel()
        and not 0 <= int(spans.min()) <= int(spans.max()) <= length
    ):
        raise ConfigError(
            f"{name}: from {int(spans.min())} to {int(spans.max())}, in rows of {length} tokens"
        )
