"""Candidates of mentions, of which some are hidden: else they would tell what is masked in the text.

For KnowBert (Peters et al. 2019). For each masked token and each mention that has it, a draw: the candidates
become one, `HIDDEN`, with a prior of 1 (.8), or up to five that other mentions of the example have, with
random priors (.1), or they stay (.1). Where several draws say different things, those others go before
`HIDDEN`, and that before what was there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

from kbtools.models.batch import Batch, Columns
from kbtools.models.draws import Draws
from kbtools.models.masking.tokens import F64, I64, Bools, Tokens
from kbtools.models.masking.units import Spans, many

HIDDEN = -3  # an eid: the model is not to know which entity this is
OTHERS = 5  # candidates in the place of those that were there, at most
UNTOUCHED, KEPT, HID, SWAPPED = range(4)  # what became of a mention

# Columns that would tell who is meant; what stands for nothing, what is said of one that is hidden.
LISTS = {"eids": (-1, HIDDEN), "priors": (0, 1), "ps": (0, 1)}  # [B, M, C]
SINGLE = {"best": HIDDEN, "p": 1}  # [B, M]
ABOUT = ("types", "parents", "relations")  # [B, M, C] of which nothing is said


class Swapped(NamedTuple):
    """Other candidates for R mentions."""

    eids: I64  # [R, OTHERS]
    priors: F64  # [R, OTHERS] sum up to 1
    there: Bools  # [R, OTHERS]

    def where(self, kept: Bools) -> Swapped:
        """Return those of some mentions."""
        return Swapped(self.eids[kept], self.priors[kept], self.there[kept])


def fates(chosen: Bools, spans: Spans, draws: Draws, purpose: str, shares: Sequence[float]) -> I64:
    """Say what becomes of mentions, [S]; `chosen` [P] are the tokens that are to be predicted.

    k draws are made one: all of them say "stay" with p_stay^k, none says "others" with (1 − p_others)^k.
    """
    _, others, kept = shares
    touched = many(chosen, spans.first, spans.stop)
    found = np.full(len(touched), UNTOUCHED, np.int64)
    some = np.flatnonzero(touched)
    u, k = _drawn(draws, purpose, spans.where(touched > 0), 1)[:, 0], touched[some]
    found[some] = np.where(u < 1 - (1 - others) ** k, SWAPPED, np.where(u < 1 - kept**k, HID, KEPT))
    return found


def _drawn(draws: Draws, purpose: str, spans: Spans, times: int) -> F64:
    """Draw for mentions, [S, times], by both of their ends: those that share one have their own numbers."""
    first, last = torch.from_numpy(spans.first), torch.from_numpy(spans.stop - 1)
    begin = draws.at(f"{purpose} from", first)
    found: F64 = torch.stack([begin + draws.at(f"{purpose} to {n}", last) for n in range(times)], 1).numpy()
    return found % 1


def swapped(
    tokens: Tokens, batch: Columns, name: str, spans: Spans, *, draws: Draws, purpose: str
) -> Swapped:
    """Draw other candidates for R mentions from all that their example has, be it none."""
    pool, begin, size = _pool(tokens, batch, name)
    of = tokens.example[spans.first]
    u = _drawn(draws, f"{purpose} others", spans, OTHERS + 1)
    there = (np.arange(OTHERS) <= (u[:, -1:] * OTHERS).astype(np.int64)) & (size[of] > 0)[:, None]
    scaled = u[:, :-1] * size[of][:, None]  # its whole part says who, what is behind the point how much
    found = np.full(there.shape, -1, np.int64)
    found[there] = pool[(begin[of][:, None] + scaled.astype(np.int64))[there]]
    weight = np.where(there, 1 - scaled % 1, 0)
    return Swapped(found, weight / np.maximum(weight.sum(1, keepdims=True), 1e-9), there)


def _pool(tokens: Tokens, batch: Columns, name: str) -> tuple[I64, I64, I64]:
    """Return the candidates of all examples end to end; where those of each begin, and how many they are."""
    if f"{name}.eids" in batch:
        eids, real = batch[f"{name}.eids"].numpy(), batch[f"{name}.eids.mask"].numpy()
    else:  # linked, not to be linked
        told = batch.get(f"{name}.best", torch.full_like(batch[f"{name}.spans.mask"], -1, dtype=torch.long))
        eids, real = told[..., None].numpy(), batch[f"{name}.spans.mask"][..., None].numpy()
    real = real & (eids >= 0)
    row, mention, _ = np.nonzero(real)
    at = row * batch["input_ids"].shape[1] + batch[f"{name}.spans"].numpy()[row, mention, 0]
    size = np.bincount(tokens.example[at], minlength=len(tokens.lengths))
    return eids[real], np.cumsum(size) - size, size


def hide(batch: Batch, name: str, at: I64, fate: I64, others: Swapped) -> None:
    """Write anew what a knowledge base's columns say of mentions; `at` [S] are theirs, flattened.

    `others` are for those that are swapped. `gold` stays: it is what linkers are to find.
    """
    hid, swap = torch.from_numpy(at[fate == HID]), torch.from_numpy(at[fate == SWAPPED])
    put = {"eids": torch.from_numpy(others.eids), "priors": torch.from_numpy(others.priors)}
    put["ps"] = put["priors"]
    for column, (nothing, told) in LISTS.items():
        if f"{name}.{column}" in batch:
            values, mask = (_wide(batch[f"{name}.{column}{part}"]) for part in ("", ".mask"))
            for some in (hid, swap):
                values[some], mask[some] = nothing, False
            values[hid, 0], mask[hid, 0] = told, True
            values[swap, :OTHERS] = put[column].to(values)
            mask[swap, :OTHERS] = torch.from_numpy(others.there)
            _set(batch, f"{name}.{column}", values)
            _set(batch, f"{name}.{column}.mask", mask)
    for column, told in SINGLE.items():
        if f"{name}.{column}" in batch:
            value = batch[f"{name}.{column}"].flatten().clone()
            value[hid] = told
            value[swap] = put["eids"][:, 0].to(value) if column == "best" else told
            _set(batch, f"{name}.{column}", value)
    for column in ABOUT:
        if f"{name}.{column}" in batch:
            mask = batch[f"{name}.{column}.mask"].flatten(0, 1).clone()
            mask[hid], mask[swap] = False, False
            _set(batch, f"{name}.{column}.mask", mask)


def _wide(values: torch.Tensor) -> torch.Tensor:
    """Lay mentions end to end, [B·M, C], with room for what may come."""
    values = values.flatten(0, 1)
    return functional.pad(values, (0, max(OTHERS - values.shape[1], 0))).clone()


def _set(batch: Batch, name: str, values: torch.Tensor) -> None:
    batch[name] = values.view(*batch[name].shape[:2], *values.shape[1:])
