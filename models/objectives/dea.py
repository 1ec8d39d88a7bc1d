"""Denoising entity auto-encoder: which entity stood at a token (Zhang et al. 2019, ERNIE).

Of the tokens that an entity stands at, 5 % get another one, 15 % lose it, the others keep it; of all of them
the right one is asked for, among the entities of the batch or of the example:

    p(e_j | w_i) = exp(T(w_i) · e_j) / Σ_k exp(T(w_i) · e_k)     T: dense, gelu, LayerNorm; e: frozen vectors

Candidates and targets are what was there before anything was changed. Which tokens lose their entity or get
another follows from the example alone; the other one is drawn from the candidates, so a batch decides who.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.models import draws as drawing
from kbtools.models.batch import Batch, Columns, Output
from kbtools.models.draws import Draws
from kbtools.models.masking.tokens import F64, I64, Tokens
from kbtools.models.objectives._classes import scored, shown, there
from kbtools.models.objectives.base import Here, Loss, Model
from kbtools.models.parts.alignment import ENTITY, MENTIONS, SPANS, bases, meant
from kbtools.models.parts.heads import base, entity
from kbtools.shards.base import NONE

NAME = "dea"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Who is asked for, among whom, and what is done to the input."""

    kb: str = setting("The knowledge base, where the shards have mentions of several.", "")
    width: int = setting("Numbers of an entity's vector.", 100)
    corrupt: tuple[float, float, float] = setting(
        "Of the tokens with an entity: share that gets another one, none, keeps its own.", (0.05, 0.15, 0.8)
    )
    candidates: Literal["batch", "sequence", "batch+random"] = setting(
        "The entities of the batch, of the example (the paper's formula), or of the batch and some others.",
        "batch",
    )
    random: int = setting("Others that are drawn for a batch, with candidates = batch+random.", 0)
    exact_reference: bool = setting(
        "As in the authors' code: a vector of zeros, which is no entity, is a candidate, too.", False
    )

    def __post_init__(self) -> None:
        if min(self.corrupt) < 0 or abs(sum(self.corrupt) - 1) > 1e-6:
            raise ConfigError(f"{NAME}.corrupt is {list(self.corrupt)}; shares are 0 at least and 1 in sum")
        if self.random < 0 or (self.random > 0) != (self.candidates == "batch+random"):
            raise ConfigError(f"{NAME}.random is {self.random}; it is above 0 with batch+random, else 0")


class Dea:
    """Tokens with an entity say which one it was."""

    settings: ClassVar[type] = Settings

    def __init__(self, settings: Settings, here: Here) -> None:
        self.told, self.special = settings, here.special
        found = bases(dict.fromkeys(here.columns))
        if settings.kb:
            there(f"{MENTIONS}{settings.kb}{SPANS}", here, f"{NAME}.kb")
        elif here.columns and len(found) != 1:
            many = f"mentions of {shown(found)}; say which with {NAME}.kb" if found else "no mentions"
            raise ConfigError(f"{NAME}: the shards have {many}")
        self.kb = settings.kb or (found[0] if found else "")

    @property
    def columns(self) -> Sequence[str]:
        """Name the columns of mentions."""
        return (f"{MENTIONS}{self.kb or '*'}.*",) if self.kb else (f"{MENTIONS}*",)

    @property
    def heads(self) -> Mapping[str, Any]:
        """Name the head it needs."""
        return {NAME: base.plain(entity.Settings(width=self.told.width))}

    def corrupt(self, batch: Batch, draws: Draws) -> int:
        """Find tokens with an entity and who that is; put in others, take some out."""
        found = self._aligned(batch)
        pool = _pool(found, self.told.candidates == "sequence")
        batch[f"{NAME}.places"] = torch.from_numpy(found.place)
        batch[f"{NAME}.targets"] = torch.from_numpy(found.eid)
        batch[f"{NAME}.right"] = torch.from_numpy(pool.right)
        batch[f"{NAME}.candidates"] = torch.from_numpy(pool.eids)
        if self.told.candidates == "sequence":
            batch[f"{NAME}.apart"] = torch.from_numpy(found.example[:, None] != pool.example)
        if self.told.random:
            most = float(draws.examples(f"{NAME} random").max())  # the same in whatever order they stand
            numbers = drawing.of_numbers(drawing.key(most), np.arange(self.told.random))
            batch[f"{NAME}.random"] = torch.from_numpy(numbers)
        batch[f"{MENTIONS}{self.kb}{ENTITY}"] = self._changed(batch, found, pool, draws)
        return len(found.eid)

    def _aligned(self, batch: Columns) -> Aligned:
        """List the tokens that an entity stands at; of two mentions that begin at one, the first has it."""
        eids, spans = meant(batch, self.kb).numpy(), batch[f"{MENTIONS}{self.kb}{SPANS}"].numpy()
        row, mention = np.nonzero(eids >= 0)
        place = row * batch["input_ids"].shape[1] + spans[row, mention, 0].astype(np.int64)
        place, first = np.unique(place, return_index=True)
        row, mention = row[first], mention[first]
        example = Tokens.of(batch, self.special).example[place]
        return Aligned(place, eids[row, mention], example, row * eids.shape[1] + mention)

    def _changed(self, batch: Columns, found: Aligned, pool: Pool, draws: Draws) -> Tensor:
        """Return the entity of each mention as the model shall see it, [B, M]."""
        places = torch.from_numpy(found.place)
        fate: F64 = draws.at(f"{NAME} fate", places).numpy()
        other: F64 = draws.at(f"{NAME} other", places).numpy()
        swapped, removed = fate < self.told.corrupt[0], fate < sum(self.told.corrupt[:2])
        at = pool.begin + (other * pool.size).astype(np.int64)
        seen = np.where(removed, NONE, found.eid)
        seen[swapped] = pool.eids[at[swapped]]
        entities = torch.full(batch[f"{MENTIONS}{self.kb}{SPANS}"].shape[:2], NONE)
        entities.view(-1)[torch.from_numpy(found.at)] = torch.from_numpy(seen)
        return entities

    def loss(self, model: Model, output: Output, batch: Columns) -> Loss:
        """Sum over tokens with an entity, what was done to them or not."""
        asked = scored(model, output, batch, NAME, (NAME,))  # [A, E]
        table = _table(model, self.kb)
        if table.dim != asked.shape[1]:
            raise ConfigError(
                f"{NAME}.width is {asked.shape[1]}, vectors of {self.kb} have {table.dim} numbers"
            )
        if not len(batch[f"{NAME}.targets"]):
            return Loss(asked.sum(), {"right": asked.new_zeros((), dtype=torch.long)})
        eids, right = batch[f"{NAME}.candidates"], batch[f"{NAME}.right"]
        if self.told.random:
            eids = torch.cat([eids, _drawn(table, batch[f"{NAME}.random"], eids)])
        vectors = table(eids).detach().to(asked.dtype)  # [C, E]
        never = ~vectors.ne(0).any(-1)  # nobody, or without a vector
        lost = never[right]
        if self.told.candidates == "sequence":
            never = never | batch[f"{NAME}.apart"]  # [A, C]
        scores = (asked @ vectors.T).float().masked_fill(never, torch.finfo(torch.float32).min)
        if self.told.exact_reference:
            scores = functional.pad(scores, (0, 1))
        costs = functional.cross_entropy(scores, right, reduction="none").masked_fill(lost, 0)
        hits = (scores.detach().argmax(-1) == right) & ~lost
        return Loss(costs.sum(), {"right": hits.sum()})


OBJECTIVE = Dea


class Aligned(NamedTuple):
    """A tokens that an entity stands at, in order."""

    place: I64  # [A] in the flattened batch
    eid: I64  # [A]
    example: I64  # [A]
    at: I64  # [A] the mention's place in its flattened column


class Pool(NamedTuple):
    """C candidates, those of an example end to end."""

    eids: I64  # [C]
    example: I64  # [C] 0 where those of a batch are one
    begin: I64  # [A] where the candidates of a token begin
    size: I64  # [A] how many there are
    right: I64  # [A] which is the one


def _pool(found: Aligned, apart: bool) -> Pool:
    """Gather the entities of a batch, or those of each example, each once."""
    example = found.example if apart else np.zeros_like(found.example)
    each, number = np.unique(found.eid, return_inverse=True)
    many = max(len(each), 1)
    pairs, right = np.unique(example * many + number, return_inverse=True)
    of = pairs // many
    begin = np.searchsorted(of, example)
    size = np.searchsorted(of, example, side="right") - begin
    return Pool(each[pairs % many], of, begin, size, right.astype(np.int64))


def _drawn(table: Any, numbers: Tensor, taken: Tensor) -> Tensor:
    """Draw entities that have a vector by numbers from [0, 1), each once; −1 for those that are taken."""
    known = table.eids if table.eids is not None else table.source and table.source.eids()
    if known is None or not len(known):
        return taken[:0]
    found = torch.unique(known[(numbers * len(known)).long().to(known.device)]).to(taken)
    return torch.where(torch.isin(found, taken), NONE, found)


def _table(model: Model, kb: str) -> Any:
    tables: Mapping[str, Any] = getattr(model, "tables", {})
    if kb not in tables:
        others = f"; it has those of {shown([*tables])}" if tables else ""
        raise ConfigError(f"{NAME}: the model has no vectors of {kb}{others}: give --vectors")
    return tables[kb]
