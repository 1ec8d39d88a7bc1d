"""KEPLER: the text encoder is also the table of entities of a graph (Wang et al., TACL 2021).

    triples ──▶ descriptions of ends, corrupted ones too ──encoder──▶ state at token 0 ──▶ TransE's cost

An entity is what its description is encoded as; nothing is kept for it, so entities that training has not
seen have a vector, too. A relation is a row of a table (Wiki), or its description encoded (Rel). Conditioned,
an end is read together with the relation (Cond, eq. 5): `<s> entity </s> relation`; of a corrupted triple
that is the end that stays.

The cost of a triple is a mean over its false ones, and a sum over triples, which the loop divides by their
number: own negatives are the same however triples go together; those `in_batch` are not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.models.batch import Batch, Columns, Output, of_examples
from kbtools.models.draws import Draws
from kbtools.models.objectives import _described, _negatives, _translating
from kbtools.models.objectives._described import MASK, NONE, Described
from kbtools.models.objectives._negatives import COLUMNS, Asked
from kbtools.models.objectives._translating import Triples, Wrong
from kbtools.models.objectives.base import Here, Loss, MissingColumnError, Model
from kbtools.models.parts.heads import base, relations
from kbtools.shards.reader import IDS

NAME = "kepler"
HEAD = "relations"
ENDS = ("head", "tail", "head_read", "tail_read")

I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a relation is, how far is measured, and with what a triple is compared."""

    relations: Literal["table", "descriptions"] = setting(
        "A relation is a row of a table, or its description encoded.", "table"
    )
    conditioned: bool = setting("The end that stays is read together with the relation.", False)
    ke_norm: Literal[1, 2] = setting("Distances: 1, the sum of absolutes (paper); 2, Euclidean (code).", 1)
    gamma: float = setting("The distance at which a triple is as likely true as not.", 4.0)
    form: Literal["paper", "reference"] = setting(
        "The sum of what true and false triples cost, or half of that (code).", "paper"
    )
    negatives: int = setting("Heads drawn for a triple, and as many tails.", 1)
    in_batch: bool = setting("The heads and tails of the others in a batch, too.", False)
    at_once: int = setting("Texts that are encoded at once; of more, each is run twice.", 64)

    def __post_init__(self) -> None:
        if not 0 < self.gamma < float("inf"):
            raise ConfigError(f"{NAME}.gamma is {self.gamma}; it is a number above 0")
        if self.at_once < 1 or self.negatives < 0:
            raise ConfigError(f"{NAME}: at_once is 1 at least, negatives are 0 at least")
        if not self.negatives and not self.in_batch:
            raise ConfigError(
                f"{NAME}.negatives is 0: a triple needs something false; or say in_batch = true"
            )


class Kepler:
    """Triples are true where head and relation lead to the tail."""

    settings: ClassVar[type] = Settings
    encodes = True

    def __init__(self, settings: Settings, here: Here) -> None:
        self.told, self.special = settings, here.special
        self.described = Described.of(here, NAME)
        self._known: Any = None
        if self.described is not None:
            self._check(self.described)

    def _check(self, described: Described) -> None:
        needs = self.told.relations == "descriptions" or self.told.conditioned
        lengths = described.relations.lengths(np.arange(len(described.relations)))
        if needs and not lengths.all():
            name = described.ids[int(np.flatnonzero(lengths == 0)[0])]
            raise MissingColumnError(f"{described.shards.path}: no text for relation {name!r}")
        len(described.pool)  # says what is wrong if nobody has a text

    def __getstate__(self) -> dict[str, Any]:
        """Leave what is known at home: a process that makes batches gathers it itself."""
        return {**self.__dict__, "_known": None}

    @property
    def columns(self) -> Sequence[str]:
        """Triples."""
        return COLUMNS

    @property
    def heads(self) -> Mapping[str, Any]:
        """A table of relations, unless they are described."""
        if self.told.relations == "descriptions":
            return {}
        ids = self.described.ids if self.described is not None else ()
        return {HEAD: base.plain(relations.Settings(ids=ids, gamma=self.told.gamma))}

    def corrupt(self, batch: Batch, draws: Draws) -> int:
        """Draw what is false, and read all texts, each once; return how many triples have them."""
        described = self._described()
        triples: list[I64] = [of_examples(batch, name).numpy().astype(np.int64) for name in COLUMNS]
        some = described.told[triples[0]] & described.told[triples[2]]
        head, relation, tail = (one[some] for one in triples)
        keys = (draws.examples(f"{NAME} negatives").numpy()[some] * 2.0**53).astype(np.int64)
        eids = {"head": head, "tail": tail, **self._own(head, relation, tail, keys, batch)}
        if self.told.in_batch:
            eids |= self._shared(head, relation, tail, batch)
        self._texts(eids, relation, batch)
        return len(head)

    def _described(self) -> Described:
        if self.described is None:
            raise MissingColumnError(f"{NAME} reads descriptions beside triples; no shards are known")
        return self.described

    @property
    def known(self) -> Any:
        """What is known to be true, gathered when it is first asked for."""
        if self._known is None:
            one = self._described()
            self._known = _negatives.known(one.shards, len(one.entities), len(one.relations))
        return self._known

    def _own(self, head: I64, relation: I64, tail: I64, keys: I64, batch: Batch) -> dict[str, I64]:
        """Draw `negatives` heads and as many tails for each triple, [N, n] each."""
        many = self.told.negatives
        heads = np.tile(np.arange(2 * many) < many, (len(head), 1))  # [N, 2n]
        anchor = np.where(heads, tail[:, None], head[:, None])
        asked = Asked(anchor.ravel(), np.repeat(relation, 2 * many), heads.ravel())
        each = (keys[:, None] * (2 * many) + np.arange(2 * many)).ravel()
        found, there = _negatives.drawn(asked, each, self._described().pool, self.known)
        batch[f"{NAME}.false"] = torch.from_numpy(there.reshape(heads.shape))
        found = found.reshape(heads.shape)
        return {"heads": found[:, :many], "tails": found[:, many:]}

    def _shared(self, head: I64, relation: I64, tail: I64, batch: Batch) -> dict[str, I64]:
        """Compare each triple with the heads and tails of all, [C] each, where that makes nothing true."""
        found = {"all_heads": np.unique(head), "all_tails": np.unique(tail)}
        false = []
        for who, anchor, right in (("all_heads", tail, head), ("all_tails", head, tail)):
            others = np.tile(found[who], (len(head), 1))
            asked = Asked(anchor, relation, np.full(len(head), who == "all_heads"))
            known = _negatives.is_known(asked, others, self.known)
            false.append(~known & (others != right[:, None]))
        batch[f"{NAME}.all_false"] = torch.from_numpy(np.concatenate(false, 1))
        return found

    def _texts(self, eids: dict[str, I64], relation: I64, batch: Batch) -> None:
        """Read each text once; say for all that are asked for which one theirs is."""
        described, told = self._described(), self.told
        step = len(described.relations) + 1
        codes = {name: (one + 1) * step for name, one in eids.items()}  # 0 behind: without a relation
        for name in ENDS[:2]:
            codes[f"{name}_read"] = codes[name] + (relation + 1) * told.conditioned
        codes["relation"] = relation + 1  # 0 before: of no entity
        asked = [one.ravel() for name, one in codes.items() if name != "relation" or self._reads]
        distinct, place = np.unique(np.concatenate(asked), return_inverse=True)
        if not len(distinct):  # the encoder is to have a part all the same
            distinct = np.array([(described.pool[0] + 1) * step])
        texts = described.texts(distinct // step + NONE, distinct % step + NONE)
        order = np.argsort(-texts.lengths, kind="stable")
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        made = _described.columns(_described.Texts(texts.ids[order], texts.lengths[order]), self.pad)
        batch[f"{NAME}.{IDS}"], batch[f"{NAME}.{MASK}"] = made[IDS], made[MASK]
        batch[f"{NAME}.widths"] = texts.lengths[order][:: told.at_once].tolist()
        ends = np.split(rank[place], np.cumsum([len(one) for one in asked])[:-1])
        names = [name for name in codes if name != "relation" or self._reads]
        for name, one in zip(names, ends, strict=True):
            batch[f"{NAME}.{name}"] = torch.from_numpy(one.reshape(codes[name].shape))
        if not self._reads:
            batch[f"{NAME}.relation"] = torch.from_numpy(relation)

    @property
    def _reads(self) -> bool:
        """Whether relations are read, too."""
        return self.told.relations == "descriptions"

    @property
    def pad(self) -> int:
        """The number of padding."""
        return max(self.special.get("pad", 0), 0)

    def loss(self, model: Model, output: Output, batch: Columns) -> Loss:
        """Sum over triples; `right` are those that are nearer than all that is false."""
        texts = {name: batch[f"{NAME}.{name}"] for name in (IDS, MASK)}
        found = _described.first_states(model, texts, batch[f"{NAME}.widths"], self.told.at_once)
        told = batch[f"{NAME}.relation"]
        if not len(told):
            nothing = found.sum() * 0
            if not self._reads:
                nothing = nothing + model.heads[HEAD](told).float().sum() * 0
            return Loss(nothing, {"right": nothing.detach()})
        relation = found[told] if self._reads else model.heads[HEAD](told).float()
        head, tail, *read = (found[batch[f"{NAME}.{name}"]] for name in ENDS)
        some = Triples(head, relation, tail, *(read if self.told.conditioned else (head, tail)))
        near, wrong = _translating.true(some, self.told.ke_norm), self._wrong(some, found, batch)
        total = _translating.cost(near, wrong, self.told.gamma, half=self.told.form == "reference")
        nearest = wrong.distance.detach().masked_fill(~wrong.counts, torch.inf).amin(1)
        return Loss(total, {"right": (near.detach() < nearest).sum()})

    def _wrong(self, some: Triples, found: Tensor, batch: Columns) -> Wrong:
        """Measure all that is false: what was drawn, and what others have."""
        p, parts = self.told.ke_norm, list[Wrong]()
        if self.told.negatives:
            heads, tails = (found[batch[f"{NAME}.{name}"]] for name in ("heads", "tails"))
            parts.append(Wrong(_translating.replaced(some, heads, tails, p), batch[f"{NAME}.false"]))
        if self.told.in_batch:
            heads, tails = (found[batch[f"{NAME}.{name}"]] for name in ("all_heads", "all_tails"))
            parts.append(Wrong(_translating.compared(some, heads, tails, p), batch[f"{NAME}.all_false"]))
        return Wrong(*(torch.cat(columns, 1) for columns in zip(*parts, strict=True)))


OBJECTIVE = Kepler
