"""Windows through the model, those of like length together; a score for each candidate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kbtools.arrays import ranges
from kbtools.models.batch import Batch
from kbtools.models.features.running import batches, padded
from kbtools.models.features.windows import I64
from kbtools.models.linking.laying import F32, Laid
from kbtools.models.parts.kar import NOBODY, Linked
from kbtools.models.zoo.knowbert import NAME

SURE = (
    100.0  # log-odds of the best candidate where one always is meant: no number in single precision is left
)


@torch.inference_mode()
def scores(model: Any, kbs: Sequence[str], laid: Laid, tokens: int) -> F32:
    """Return the log-odds of all candidates, NOBODY of those that are not known or not reached."""
    found = np.full(laid.total, NOBODY, np.float32)
    used, begins = np.unique(laid.window, return_index=True)
    many = np.diff(np.append(begins, len(laid.window)))
    with _one_thread():
        for rows in batches(laid.windows.stop[used] - laid.windows.start[used], tokens):
            at = ranges(begins[rows], many[rows])
            row = np.repeat(np.arange(len(rows)), many[rows])
            _run(model, kbs, laid, used[rows], at, row, found)
    return found


def _run(  # noqa: PLR0917 - each of them is needed once
    model: Any, kbs: Sequence[str], laid: Laid, windows: I64, at: I64, row: I64, found: F32
) -> None:
    """Run windows; `at` are their places, `row` of which of them each is."""
    texts = laid.texts
    ids, mask = padded(texts.special, texts.stream, laid.windows, windows)
    batch: Batch = {"input_ids": ids, "attention_mask": mask.astype(np.bool_)}
    mine: dict[str, tuple[I64, I64, I64]] = {}
    first = int(texts.special.cls >= 0) - laid.windows.start[windows]
    for place, name in enumerate(kbs):
        some = np.flatnonzero(laid.asked.kb[laid.mention[at]] == place)
        mine[name] = at[some], row[some], _nth(row[some], len(windows))
        batch |= _columns(f"entities.{name}", laid, mine[name], first)
    there = {name: torch.from_numpy(value).to(model.device) for name, value in batch.items()}
    linked: dict[str, Linked] = model(there).parts[NAME]
    for name, (places, rows, nth) in mine.items():
        if name in linked and len(places):
            told = model.body.kars[name].told
            threshold = told.threshold if told.mode == "threshold" else None
            _put(found, laid, places, linked[name].scores.float().cpu().numpy()[rows, nth], threshold)


def _nth(row: I64, rows: int) -> I64:
    """Count the places of each row from 0."""
    many = np.bincount(row, minlength=rows)
    return ranges(np.zeros_like(many), many)


def _columns(name: str, laid: Laid, mine: tuple[I64, I64, I64], first: I64) -> dict[str, NDArray[np.generic]]:
    """Return the columns of a knowledge base's mentions, as shards have them."""
    places, row, nth = mine
    mention, asked = laid.mention[places], laid.asked
    many = np.diff(asked.offsets)[mention]
    shape = len(first), int(nth.max(initial=-1)) + 1, int(many.max(initial=0))
    spans, there = np.zeros((*shape[:2], 2), np.int64), np.zeros(shape[:2], np.bool_)
    spans[row, nth] = laid.spans[places] + first[row][:, None]
    there[row, nth] = True
    eids, priors = np.full(shape, -1, np.int64), np.zeros(shape, np.float32)
    candidate = ranges(asked.offsets[mention], many)
    where = np.repeat(row, many), np.repeat(nth, many), _nth(np.repeat(np.arange(len(many)), many), len(many))
    eids[where], priors[where] = asked.eid[candidate], asked.prior[candidate]
    columns = {"spans": spans, "spans.mask": there, "eids": eids, "eids.mask": eids >= 0, "priors": priors}
    return {f"{name}.{column}": value for column, value in columns.items()}


def _put(found: F32, laid: Laid, places: I64, scored: F32, threshold: float | None) -> None:
    """Write down the scores [N, K] of mentions that are scored here, against the threshold or the best."""
    own = laid.own[places]
    mention, scored = laid.mention[places[own]], scored[own]
    many = np.diff(laid.asked.offsets)[mention]
    known = np.arange(scored.shape[1]) < many[:, None]
    known &= scored > NOBODY / 2
    top = np.where(known, scored, -np.inf).max(axis=1, keepdims=True)
    against = threshold if threshold is not None else np.where(np.isfinite(top), top, 0) - SURE
    odds = np.where(known, scored - against, NOBODY).astype(np.float32)
    inside = np.arange(scored.shape[1]) < many[:, None]
    found[laid.back[ranges(laid.asked.offsets[mention], many)]] = odds[inside]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch compute in one thread: sums then do not depend on how many there are; workers are several."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
