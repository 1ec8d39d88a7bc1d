"""Windows through the model, those of like length together; a vector for each place, in their order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kbtools.arrays import ranges
from kbtools.models.features import layers
from kbtools.models.features.opening import Opened, columns
from kbtools.models.features.windows import I64, Places, Windows
from kbtools.tokens.loading import Special
from kbtools.tokens.stream import Stream

F32 = NDArray[np.float32]


class Laid(NamedTuple):
    """Tokens, the windows over them, and the places in these that are wanted."""

    stream: Stream
    windows: Windows
    places: Places


@torch.inference_mode()
def run(here: Opened, laid: Laid) -> F32:
    """Return the vectors of places, [P, D]; windows without a place are not run."""
    windows, places = laid.windows, laid.places
    order = np.argsort(places.window, kind="stable")
    used, begins = np.unique(places.window[order], return_index=True)
    many = np.diff(np.append(begins, len(order)))
    found = np.empty((len(order), _width(here)), np.float32)
    for rows in batches(windows.stop[used] - windows.start[used] + here.around, here.settings.batch):
        at = order[ranges(begins[rows], many[rows])]
        found[at] = _vectors(here, laid, used[rows], at, many[rows])
    return found


def _width(here: Opened) -> int:
    return here.pooling.width * (len(here.layers) if here.settings.join == "concat" else 1)


def batches(lengths: I64, tokens: int) -> Iterator[I64]:
    """Divide rows into batches of at most so many tokens, padding too; long rows first."""
    order = np.argsort(-lengths, kind="stable")
    at = 0
    while at < len(order):
        rows = max(1, tokens // int(lengths[order[at]]))
        yield order[at : at + rows]
        at += rows


def _vectors(here: Opened, laid: Laid, rows: I64, at: I64, many: I64) -> F32:
    """Run windows `rows`; return the vectors of the places `at`, `many` of each row."""
    ids, mask = padded(here.tokenizer.special, laid.stream, laid.windows, rows)
    batch = columns(_there(ids, here), _there(mask, here))
    out = here.model(batch, layers=here.layers != (here.depth,))
    states = [out.hidden if one == here.depth else out.hidden_states[one] for one in here.layers]
    where, which = (_there(one, here) for one in _spans(here, laid, rows, at, many))
    pooled = [here.pooling(one, where, which)[which] for one in layers.joined(states, here.settings)]
    made: F32 = torch.cat(pooled, dim=-1).cpu().numpy()
    return made


def _spans(here: Opened, laid: Laid, rows: I64, at: I64, many: I64) -> tuple[I64, NDArray[np.bool_]]:
    """Say where the places stand in their rows, [B, M, 2], and which there are, [B, M]."""
    row = np.repeat(np.arange(len(rows)), many)
    nth = ranges(np.zeros_like(many), many)
    spans = np.zeros((len(rows), int(many.max()), 2), np.int64)
    if here.pool == "cls":
        spans[row, nth] = (0, 1)
    else:
        base = laid.windows.start[rows[row]] - int(here.tokenizer.special.cls >= 0)
        spans[row, nth] = np.stack([laid.places.start[at] - base, laid.places.stop[at] - base], axis=1)
    there = np.zeros(spans.shape[:2], np.bool_)
    there[row, nth] = True
    return spans, there


def padded(special: Special, stream: Stream, windows: Windows, rows: I64) -> tuple[I64, I64]:
    """Lay windows out as rows, special tokens around them: [B, T] tokens, and where there are any."""
    first = int(special.cls >= 0)
    many = windows.stop[rows] - windows.start[rows]
    size = many + first + int(special.sep >= 0)
    ids = np.full((len(rows), int(size.max())), max(special.pad, 0), np.int64)
    row = np.repeat(np.arange(len(rows)), many)
    ids[row, ranges(np.full_like(many, first), many)] = stream.ids[ranges(windows.start[rows], many)]
    if first:
        ids[:, 0] = special.cls
    if special.sep >= 0:
        ids[np.arange(len(rows)), first + many] = special.sep
    return ids, (np.arange(ids.shape[1]) < size[:, None]).astype(np.int64)


def _there(array: NDArray[np.generic], here: Opened) -> Tensor:
    return torch.from_numpy(array).to(here.device, non_blocking=True)


@torch.inference_mode()
def of_units(here: Opened, places: Places, vectors: F32, units: int) -> F32:
    """Make one vector of those that a unit has from several windows: by tokens, or the greatest."""
    if len(places.unit) > units:
        begins = np.diff(places.unit, prepend=-1) > 0
        firsts = np.flatnonzero(begins)
        if here.pool == "max":
            vectors = np.maximum.reduceat(vectors, firsts)
        else:
            many = (places.stop - places.start).astype(np.float64)
            share = many / np.add.reduceat(many, firsts)[np.cumsum(begins) - 1]
            vectors = np.add.reduceat(vectors * share.astype(np.float32)[:, None], firsts)
    if here.after:
        made = torch.from_numpy(vectors).to(here.device)
        for one in here.after:
            made = one(made)
        vectors = made.float().cpu().numpy()
    return vectors
