"""Batches with enough tokens to count what masking does, and a look at what was chosen."""

from __future__ import annotations

import numpy as np
import torch

from kbtools.models.batch import Batch
from kbtools.models.objectives.base import Here

SPECIAL = {"pad": 0, "unk": 1, "cls": 2, "sep": 3, "mask": 4}
SIZE = 1000


def here(*columns: str, size: int = SIZE, **special: int) -> Here:
    """What an objective is told."""
    return Here(size=size, special=SPECIAL | special, columns=columns)


def large(rows: int = 400, length: int = 128, seed: int = 0, epoch: int = 0, words: float = 0.6) -> Batch:
    """Pairs of texts of unequal lengths, [CLS] a [SEP] b [SEP] and padding."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(5, SIZE, (rows, length))
    ids[rng.random(ids.shape) < 0.02] = SPECIAL["unk"]
    lengths = rng.integers(length // 4, length + 1, rows)
    column, last = np.arange(length), lengths[:, None] - 1
    ids[:, 0] = SPECIAL["cls"]
    ids[(column == last) | (column == last // 2)] = SPECIAL["sep"]
    ids[column > last] = SPECIAL["pad"]
    start = (rng.random(ids.shape) < words) | np.isin(ids, [0, 2, 3])
    start[column > last] = False
    return {
        "input_ids": torch.from_numpy(ids),
        "attention_mask": torch.from_numpy(column <= last),
        "word_start": torch.from_numpy(start),
        "batch.rows": torch.arange(rows) + 17,
        "batch.epoch": epoch,
    }


def chosen(batch: Batch, name: str) -> torch.Tensor:
    """Say which tokens are to be predicted, [B, T]."""
    flags = torch.zeros(batch["input_ids"].numel(), dtype=torch.bool)
    flags[batch[f"{name}.places"]] = True
    return flags.view_as(batch["input_ids"])


def words_of(batch: Batch) -> list[list[tuple[int, int]]]:
    """List the words of each row as (row, place), one by one: the slow way."""
    found: list[list[tuple[int, int]]] = []
    never = {SPECIAL[name] for name in ("pad", "cls", "sep", "mask")}
    told = (batch[name].tolist() for name in ("input_ids", "attention_mask", "word_start"))
    for row, columns in enumerate(zip(*told, strict=True)):
        open_word = False
        for at, (token, there, begins) in enumerate(zip(*columns, strict=True)):
            if token in never or not there:
                open_word = False
            elif begins or not open_word:
                found.append([(row, at)])
                open_word = True
            else:
                found[-1].append((row, at))
    return found
