"""What entities and relations are said to be, as tokens: read from tables of the shards, few at a time.

    entities [E]    eid = row: the tokens of a description, or of a name; nothing for who is in no triple
    relations [R]   rid = row: its id, the tokens of a description, or of a name

Tables are mapped: of millions of descriptions, those of a batch are read, and 8 bytes are kept of each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from kbtools.errors import ConfigError
from kbtools.models.batch import Columns
from kbtools.models.objectives.base import Here
from kbtools.shards.reader import IDS, Shards
from kbtools.shards.reading.rows import Rows

ENTITIES, RELATIONS = "entities", "relations"
MASK = "attention_mask"
NONE = -1

I64 = NDArray[np.int64]


class Texts(NamedTuple):
    """Some texts as tokens, padded."""

    ids: I64  # [U, W]
    lengths: I64  # [U]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Tell what is no padding, [U, W]."""
        found: NDArray[np.bool_] = np.arange(self.ids.shape[1]) < self.lengths[:, None]
        return found


class Described:
    """The texts of a knowledge base, as its triples' shards have them."""

    def __init__(self, shards: Shards, special: Mapping[str, int]) -> None:
        self.shards, self.special = shards, special
        self.entities = Rows(shards, ENTITIES, columns=(IDS,))
        self.relations = Rows(shards, RELATIONS, columns=(IDS,))

    @classmethod
    def of(cls, here: Here, who: str) -> Described | None:
        """Find the shards that have texts; none, if no shards are known."""
        found = here.having(ENTITIES, who)
        return None if found is None else cls(found, here.special)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The ids of the relations, by rid."""
        return tuple(self.shards.table(RELATIONS, ["id"])["id"].to_pylist())

    @cached_property
    def told(self) -> NDArray[np.bool_]:
        """Of each entity, whether there is a text."""
        found: NDArray[np.bool_] = self.entities.lengths(np.arange(len(self.entities))) > 0
        return found

    @cached_property
    def pool(self) -> I64:
        """The entities that have a text."""
        found = np.flatnonzero(self.told)
        if len(found) < 2:
            raise ConfigError(
                f"{self.shards.path}: {len(found)} of {len(self.told):,} entities have a text: there is "
                "nothing to tell apart; make shards of a knowledge base with descriptions or labels"
            )
        return found

    def __getstate__(self) -> dict[str, Any]:
        """Leave at home what another process finds out for itself."""
        return {name: getattr(self, name) for name in ("shards", "special", "entities", "relations")}

    def texts(self, eid: I64, rid: I64) -> Texts:
        """Read the texts of entities [U], of relations (eid −1), or of both, one behind the other."""
        of_relation = _read(self.relations, rid)
        first = _where(eid < 0, of_relation, _read(self.entities, eid))
        second = of_relation._replace(lengths=np.where(eid < 0, 0, of_relation.lengths))
        return conditioned(first, second, self.special, self.shards.max_length)


def conditioned(entity: Texts, relation: Texts, special: Mapping[str, int], room: int | None) -> Texts:
    """Read entities together with relations: `<s> entity </s> relation` (Wang et al. 2021, eq. 5).

    A relation of which nothing is said adds nothing.
    """
    return joined(entity, _bare(relation, special), room)


def _bare(texts: Texts, special: Mapping[str, int]) -> Texts:
    """Take off the special tokens at both ends."""
    cls, sep = special.get("cls", NONE), special.get("sep", NONE)
    some = texts.lengths > 0
    last = np.take_along_axis(texts.ids, np.maximum(texts.lengths - 1, 0)[:, None], 1)[:, 0]
    opens = some & (cls >= 0) & (texts.ids[:, 0] == cls)
    closes = some & (sep >= 0) & (last == sep)
    at = np.minimum(np.arange(texts.ids.shape[1]) + opens[:, None], texts.ids.shape[1] - 1)
    lengths = np.maximum(texts.lengths - opens - closes, 0)
    return Texts(np.take_along_axis(texts.ids, at, 1), lengths)


def joined(first: Texts, second: Texts, room: int | None) -> Texts:
    """Put texts behind others; where both are too long, the first one's middle goes, its last token stays."""
    if not second.lengths.any():
        return first
    if room is not None:
        second = second._replace(lengths=np.minimum(second.lengths, room // 2))
    kept = first.lengths if room is None else np.minimum(first.lengths, room - second.lengths)
    lengths = kept + second.lengths
    at = np.arange(int(lengths.max(initial=1)))[None]
    source = np.where(at == kept[:, None] - 1, first.lengths[:, None] - 1, at)  # the last one, if it is cut
    ids = np.take_along_axis(first.ids, np.clip(source, 0, first.ids.shape[1] - 1), 1)
    behind = np.clip(at - kept[:, None], 0, second.ids.shape[1] - 1)
    ids = np.where(at < kept[:, None], ids, np.take_along_axis(second.ids, behind, 1))
    return Texts(np.where(at < lengths[:, None], ids, 0), lengths)


def columns(texts: Texts, pad: int) -> dict[str, Tensor]:
    """Make the columns of a batch of texts."""
    mask = texts.mask
    ids = np.where(mask, texts.ids, pad)
    return {IDS: torch.from_numpy(ids), MASK: torch.from_numpy(mask)}


def padded(batch: Columns) -> dict[str, Any]:
    """Make texts a batch for the model; some are padding, as far as is known."""
    return {**batch, "batch.padded": True}


def _read(rows: Rows, numbers: I64) -> Texts:
    found = rows.look_up(numbers)
    return Texts(found[IDS].astype(np.int64), found[MASK].sum(1).astype(np.int64))


def _where(one: NDArray[np.bool_], yes: Texts, no: Texts) -> Texts:
    """Take some texts from here, others from there."""
    width = max(yes.ids.shape[1], no.ids.shape[1])
    wide = [np.pad(each.ids, ((0, 0), (0, width - each.ids.shape[1]))) for each in (yes, no)]
    return Texts(np.where(one[:, None], *wide), np.where(one, yes.lengths, no.lengths))


def first_states(model: Any, texts: Columns, widths: Sequence[int], at_once: int) -> Tensor:
    """Return the state of the first token of each text, [U, H] in fp32: no pooler.

    More than `at_once` texts are run in parts, and run again for the gradient: so what is kept is that of
    one part. `widths` are those of the parts, which come longest first.
    """

    def run(ids: Tensor, mask: Tensor) -> Tensor:
        hidden: Tensor = model(padded({IDS: ids, MASK: mask})).hidden
        return hidden[:, 0].float()

    ids, mask = texts[IDS], texts[MASK]
    parts = [
        (ids[at : at + at_once, :width], mask[at : at + at_once, :width])
        for at, width in zip(range(0, len(ids), at_once), widths, strict=True)
    ]
    if len(parts) == 1 or not torch.is_grad_enabled():
        return torch.cat([run(*part) for part in parts])
    return torch.cat([checkpoint(run, *part, use_reentrant=False) for part in parts])
