"""Small KARs with tables by hand, and mentions to link."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn
from transformers import BertConfig

from kbtools.models.batch import Batch
from kbtools.models.parts.kar import Kar, Settings
from kbtools.models.parts.tables import EntityTable
from kbtools.models.zoo import knowbert
from kbtools.models.zoo.base import Given
from tests import tiny_vectors

B, T, H, M, K, E = 2, 9, 16, 4, 5, 8
ENTITIES = 30
TEXT = BertConfig(
    vocab_size=50,
    hidden_size=H,
    num_hidden_layers=4,
    num_attention_heads=2,
    intermediate_size=24,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
)


def table(kb: str = "wiki", dim: int = E, entities: int = ENTITIES) -> EntityTable:
    """Return a frozen table; entities from `entities` on have no vector."""
    return EntityTable.open(vectors(kb, dim, entities))


@cache
def vectors(kb: str, dim: int, entities: int) -> Path:
    """Write vectors, once."""
    out = Path(_room().name) / f"{kb}-{dim}-{entities}"
    tiny_vectors.made(out, range(entities), dim, kb=kb)
    return out


def settings(**told: Any) -> Settings:
    """Return settings of a small one."""
    return Settings(**{"layer": 1, "heads": 2, "inner": 12, "scorer": 6, "dropout": 0.0} | told)


def kar(seed: int = 0, dim: int = E, **told: Any) -> Any:
    """Make one, with weights that are wide enough to see what they do."""
    torch.manual_seed(seed)
    made = Kar(table(dim=dim), H, settings(**told), 0.0)
    widen(made)
    return made.eval()


def widen(module: nn.Module) -> None:
    """Draw weights that are neither small nor the same in all dimensions."""
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(torch.randn_like(weight) * 0.4)


def body(kars: Mapping[str, Settings], dims: Mapping[str, int] | None = None, seed: int = 0) -> Any:
    """Make a KnowBert with a knowledge base for each of `kars`."""
    torch.manual_seed(seed)
    tables = {kb: table(kb, (dims or {}).get(kb, E)) for kb in kars}
    made: Any = knowbert.build(knowbert.Settings(kars=dict(kars)), Given(TEXT, tables))
    return made.eval()


def states(rows: int = B, seed: int = 1) -> Tensor:
    """Draw states."""
    return torch.randn(rows, T, H, generator=torch.Generator().manual_seed(seed))


def batch(*kbs: str, seed: int = 2) -> Batch:
    """Make up texts, the second with three mentions; some mentions have fewer candidates."""
    draw = torch.Generator().manual_seed(seed)
    ids = torch.randint(5, 50, (B, T), generator=draw)
    made: Batch = {"input_ids": ids, "attention_mask": torch.ones(B, T, dtype=torch.bool)}
    for kb in kbs or ("wiki",):
        start = torch.randint(0, T - 3, (B, M), generator=draw)
        spans = torch.stack([start, start + torch.randint(1, 4, (B, M), generator=draw)], -1)
        there = torch.tensor([[True] * 4, [True, True, True, False]])
        many = torch.tensor([[5, 3, 1, 2], [2, 5, 4, 0]])
        real = torch.arange(K) < many[..., None]
        eids = torch.rand(B, M, ENTITIES, generator=draw).argsort(-1)[..., :K]
        priors = torch.rand(B, M, K, generator=draw).masked_fill(~real, 0)
        made |= {
            f"entities.{kb}.spans": spans.masked_fill(~there[..., None], 0),
            f"entities.{kb}.spans.mask": there,
            f"entities.{kb}.eids": eids.masked_fill(~real, -1),
            f"entities.{kb}.eids.mask": real,
            f"entities.{kb}.priors": priors / priors.sum(-1, keepdim=True).clamp(min=1e-9),
            f"entities.{kb}.priors.mask": real,
            f"entities.{kb}.gold": torch.where(there, eids[..., 0], -1),
        }
    return made


@cache
def _room() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="kbtools-kar-", ignore_cleanup_errors=True)
