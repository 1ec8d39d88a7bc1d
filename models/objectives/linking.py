"""Links of mentions: of its candidates the right one scores highest, or above a threshold (KnowBert).

    margin    Σ max(0, γ − ψ) of right candidates, max(0, γ + ψ) of the others; over all candidates
    softmax   −log softmax(ψ) of the right one; over mentions that have it among their candidates

(Peters et al. 2019, eq. 4 and 5.) ψ comes from the body. By the margin, mentions that mean nobody push all
their candidates below −γ; by the softmax they say nothing. A mention whose candidates were hidden or changed
(`entity_masking`, which goes before this) is no target.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.models.batch import Batch, Columns, Output
from kbtools.models.draws import Draws
from kbtools.models.masking.mentions import KEPT
from kbtools.models.objectives.base import Answers, Here, Loss, MissingColumnError, Model
from kbtools.models.parts.kar import Linked
from kbtools.shards.base import NIL, NONE

NAME, BODY = "linking", "knowbert"
NEEDED = ("spans", "eids", "priors", "gold")
Kind = Literal["margin", "softmax"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which knowledge bases, and what a score should be."""

    kbs: tuple[str, ...] = setting("Knowledge bases, by name; none named: all of the shards.", ())
    loss: Kind = setting("How candidates are told apart.", "margin")
    losses: dict[str, Kind] = field(
        default_factory=dict, metadata={"help": "The same, of a knowledge base by name."}
    )
    margin: float = setting("γ.", 0.2)
    unlabelled: Literal["null", "ignored"] = setting(
        "In texts with a mention of which something is said, the others mean nobody, or are no targets.",
        "null",
    )

    def __post_init__(self) -> None:
        if not self.margin >= 0:
            raise ConfigError(f"{NAME}.margin is {self.margin}; it is 0 at least")


class Linking:
    """Learns who is meant by mentions."""

    settings: ClassVar[type] = Settings
    heads: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, settings: Settings, here: Here) -> None:
        self.told = settings
        for kb in (*settings.kbs, *settings.losses) if here.columns else ():
            if f"entities.{kb}.gold" not in here.columns:
                raise MissingColumnError(f"{NAME}: the shards have no links of {kb!r}")

    @property
    def columns(self) -> Sequence[str]:
        """Name the columns it needs."""
        return tuple(f"entities.{kb}.{name}" for kb in self.told.kbs or ("*",) for name in NEEDED)

    def corrupt(self, batch: Batch, draws: Draws) -> int:
        """Say who is meant; the targets are candidates or, by the softmax, mentions."""
        many = 0
        for kb in [*self._bases(batch)]:
            meant = self._meant(batch, kb)
            batch[f"{NAME}.{kb}.gold"] = meant
            eids, there = batch[f"entities.{kb}.eids"], batch[f"entities.{kb}.eids.mask"].bool()
            there = there & (meant != NONE)[..., None]
            there &= (eids == meant[..., None]) if self._kind(kb) == "softmax" else (eids != NONE)
            many += int(there.sum())
        return many

    def _bases(self, batch: Columns) -> Iterator[str]:
        for name in sorted(batch):
            kb = name.removeprefix("entities.").removesuffix(".gold")
            if name == f"entities.{kb}.gold" and (kb in self.told.kbs or not self.told.kbs):
                yield kb

    def _kind(self, kb: str) -> Kind:
        return self.told.losses.get(kb, self.told.loss)

    def _meant(self, batch: Columns, kb: str) -> Tensor:
        """Return who is meant, [B, M]: NIL: nobody; NONE: no target."""
        gold, there = batch[f"entities.{kb}.gold"].long(), batch[f"entities.{kb}.spans.mask"].bool()
        gold = gold.masked_fill(~there, NONE)
        if self.told.unlabelled == "null":
            others = there & (gold == NONE) & _told_of(batch, kb, gold != NONE)
            gold = gold.masked_fill(others, NIL)
        return _untouched(gold, batch, kb)

    def loss(self, model: Model, output: Output, batch: Columns) -> Loss:
        """Sum over candidates, or mentions."""
        found: Mapping[str, Linked] = output.parts.get(BODY, {})
        total: Tensor | None = None
        measures: dict[str, Tensor] = {}
        for kb in (name.split(".", 1)[1].removesuffix(".gold") for name in sorted(batch) if _is_gold(name)):
            if kb not in found:
                there = ", ".join(found) or "none"
                raise ConfigError(
                    f"{NAME}: no part of the model links {kb!r} (there are: {there}); "
                    f"set objectives.{NAME}.kbs"
                )
            meant = _untouched(batch[f"{NAME}.{kb}.gold"], batch, kb)
            cost = self._cost(found[kb], meant, self._kind(kb))
            total = cost if total is None else total + cost
            for name, value in _measured(found[kb], meant, batch[f"entities.{kb}.priors"]).items():
                measures[name] = measures[name] + value if name in measures else value
        if total is None:
            raise ConfigError(f"{NAME}: the batch has no links")
        return Loss(total, measures)

    def _cost(self, linked: Linked, meant: Tensor, kind: Kind) -> Tensor:
        real, right = _told(linked, meant)
        scores = linked.scores.float()
        if kind == "margin":
            away = torch.where(right, -scores, scores) + self.told.margin
            return torch.where(real, away, 0.0).clamp(min=0).sum()
        costs = -functional.log_softmax(scores, -1)
        return torch.where(right, costs, 0.0).sum()

    def answers(self, model: Model, output: Output, batch: Columns) -> Sequence[Answers]:
        """Say who is meant: the best candidate; nobody, if it is not above the model's threshold."""
        found: Mapping[str, Linked] = output.parts.get(BODY, {})
        told = []
        for kb, linked in sorted(found.items()):
            if f"{NAME}.{kb}.gold" not in batch:
                continue
            meant = _untouched(batch[f"{NAME}.{kb}.gold"], batch, kb)
            length = batch["input_ids"].shape[1]
            first = linked.spans[..., 0] + torch.arange(len(meant), device=meant.device)[:, None] * length
            columns = _answered(linked, meant, batch[f"entities.{kb}.priors"], _threshold(model, kb))
            asked = meant != NONE
            some = {name: value[asked] for name, value in columns.items()}
            told.append(Answers("entities", first[asked], some, of=kb))
        return told


OBJECTIVE = Linking


def _is_gold(name: str) -> bool:
    return name.startswith(f"{NAME}.") and name.endswith(".gold")


def _told_of(batch: Columns, kb: str, said: Tensor) -> Tensor:
    """Tell which mentions are in an example of which something is said: [B, M], or [B, 1]."""
    sequence = batch.get("sequence")
    if sequence is None:
        return said.any(1, keepdim=True)
    of = sequence.long().gather(1, batch[f"entities.{kb}.spans"][..., 0].long())  # [B, M]
    many = torch.zeros(len(of), sequence.shape[1] + 1, dtype=torch.long).scatter_add_(1, of, said.long())
    return many.gather(1, of) > 0


def _untouched(meant: Tensor, batch: Columns, kb: str) -> Tensor:
    """Leave out mentions whose candidates are not those that were found for them."""
    fate = batch.get(f"entity_masking.{kb}.fate")
    return meant if fate is None else meant.masked_fill(fate > KEPT, NONE)


def _told(linked: Linked, meant: Tensor) -> tuple[Tensor, Tensor]:
    """Return which candidates are of a target, and which of them are right: [B, M, K] bool."""
    real = (linked.eids != NONE) & (meant != NONE)[..., None]
    return real, real & (linked.eids == meant[..., None])


@torch.no_grad()
def _measured(linked: Linked, meant: Tensor, priors: Tensor) -> dict[str, Tensor]:
    """Count, over mentions with the right one among their candidates, how often it comes first.

    `prior`: the same by the prior alone. `lost`: mentions of somebody who is not among the candidates.
    """
    real, right = _told(linked, meant)
    known, said = right.any(-1), meant >= 0
    priors = priors.masked_fill(~real, -1)

    def first(scores: Tensor) -> Tensor:
        if not scores.shape[-1]:
            return known.sum()
        best = scores.argmax(-1, keepdim=True)
        return (right.gather(-1, best).squeeze(-1) & known).sum()

    return {
        "right/mentions": first(linked.scores),
        "prior/mentions": first(priors),
        "mentions": known.sum(),
        "lost/said": (said & ~known).sum(),
        "said": said.sum(),
    }


def _threshold(model: Any, kb: str) -> float | None:
    """Return what a candidate of this model has to be above; None: the best is always meant."""
    kars = getattr(getattr(model, "body", None), "kars", {})
    told = kars[kb].told if kb in kars else None
    return told.threshold if told is not None and told.mode == "threshold" else None


def _answered(linked: Linked, meant: Tensor, priors: Tensor, threshold: float | None) -> dict[str, Tensor]:
    """Return who is right, who is said, who is said by the prior alone, [B, M] each."""
    if not linked.eids.shape[-1]:
        nobody, none = torch.full_like(meant, NIL), torch.zeros_like(meant)
        zero = none.float()
        return {
            "gold": meant,
            "answer": nobody,
            "score": zero,
            "prior": nobody,
            "among": none > 0,
            "rank": zero,
        }
    real = linked.eids != NONE
    right = real & (linked.eids == meant[..., None])
    scores = linked.scores.float().masked_fill(~real, -torch.inf)
    best = scores.max(-1)
    said = best.values > (-torch.inf if threshold is None else threshold)
    answer = linked.eids.gather(-1, best.indices[..., None]).squeeze(-1)
    likeliest = priors.masked_fill(~real, -1).argmax(-1, keepdim=True)
    prior = linked.eids.gather(-1, likeliest).squeeze(-1)
    among, own = right.any(-1), scores.masked_fill(~right, -torch.inf).amax(-1, keepdim=True)
    beside = (scores == own).sum(-1) - 1  # as good: before it and behind it by halves
    return {
        "gold": meant,
        "answer": answer.masked_fill(~said, NIL),
        "score": best.values.masked_fill(~real.any(-1), 0.0),
        "prior": prior.masked_fill(~real.any(-1), NIL),
        "among": among,
        "rank": torch.where(among, 1 + (scores > own).sum(-1) + beside / 2, 0),
    }
