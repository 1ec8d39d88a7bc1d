"""What flows from shards to models to objectives: tensors by name, and how examples stand in them.

A batch is a dict. B rows of T tokens; a row is an example, or, packed, S of them end to end.

| name                     | shape             | what                                                        |
|--------------------------|-------------------|-------------------------------------------------------------|
| `input_ids`              | [B, T] int        | tokens; objectives change some                              |
| `attention_mask`         | [B, T] bool       | false at padding                                            |
| `segment`                | [B, T] int8       | which text of a pair; where there are no pairs, absent      |
| `word_start`             | [B, T] bool       | tokens that begin words                                     |
| `sequence`               | [B, T] int        | packed: which example of the row, from 1; 0 at padding      |
| `sequence.start`         | [B, S] int        | packed: its first token; −1: there is none                  |
| `positions`              | [B, T] int        | packed: counts from 0 in each example                       |
| `soft`, `branch`, `word` | [B, T] int        | trees: soft positions, branch (0: trunk), word              |
| `batch.rows`             | [B] or [B, S]     | the number of each example in its shards; −1: there is none |
| `batch.epoch`            | int               |                                                             |
| `batch.repeated`         | bool              | another rank has it too: it counts for nothing              |
| `batch.padded`           | bool              | some tokens are padding; absent: nobody has looked          |
| `OBJECTIVE.…`            |                   | what an objective's `corrupt` added: places, targets        |
| `corrupted`              | [B, T] bool       | tokens that some objective has chosen: no other one does    |

Columns of views keep their names (`entities.wikidata.spans`), with `NAME.mask` beside lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers.utils.generic import ModelOutput

Batch = dict[str, Any]
Columns = Mapping[str, Any]

IGNORED = -100  # a target that counts for nothing
OURS = {"token_type_ids": "segment", "position_ids": "positions"}  # names of transformers, and ours


@dataclass
class Output(ModelOutput):
    """What every model returns, whatever it is made of; the names are those of transformers."""

    last_hidden_state: Tensor | None = None  # [B, T, H]
    hidden_states: tuple[Tensor, ...] | None = None  # of the embeddings and of each layer, if asked for
    parts: dict[str, Any] = field(default_factory=dict)  # what a part has to tell its objective, by its name

    def __post_init__(self) -> None:
        """Be a mapping of what is there; that of transformers takes no default other than none."""
        for one in fields(self):
            value = getattr(self, one.name)
            if value is not None:
                self[one.name] = value

    @property
    def hidden(self) -> Tensor:
        """The last layer, [B, T, H]."""
        if self.last_hidden_state is None:
            raise ValueError("the model returned no states")
        return self.last_hidden_state


class Examples(NamedTuple):
    """The N examples of a batch, packed or not."""

    row: Tensor  # [N] the row it stands in
    first: Tensor  # [N] the place of its first token there
    number: Tensor  # [N] in its shards


def examples(batch: Columns) -> Examples:
    """Say where each example begins; packed rows have several."""
    rows: Tensor | None = batch.get("batch.rows")
    if rows is None:  # not of shards: a row is an example
        rows = torch.arange(len(batch["input_ids"]), device=batch["input_ids"].device)
    if rows.dim() == 1:
        return Examples(torch.arange(len(rows), device=rows.device), torch.zeros_like(rows), rows)
    row, at = torch.nonzero(rows >= 0, as_tuple=True)
    return Examples(row, batch["sequence.start"][row, at].long(), rows[row, at])


def of_examples(batch: Columns, name: str) -> Tensor:
    """Return a column with one value for each example, [N, ...], packed or not."""
    values: Tensor = batch[name]
    rows: Tensor = batch["batch.rows"]
    return values if rows.dim() == 1 else values[rows >= 0]


def renamed(columns: Columns) -> Batch:
    """Give columns that are named as transformers name them our names."""
    return {OURS.get(name, name): value for name, value in columns.items() if value is not None}


def moved(batch: Columns, device: torch.device) -> Batch:
    """Move what is a tensor to a device; from pinned memory without waiting."""
    return {
        name: value.to(device, non_blocking=True) if isinstance(value, Tensor) else value
        for name, value in batch.items()
    }
