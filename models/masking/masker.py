"""From units to a corrupted batch: choose, replace, write down what was there."""

from __future__ import annotations

import numpy as np
import torch

from kbtools.errors import ConfigError
from kbtools.models.batch import Batch
from kbtools.models.draws import Draws
from kbtools.models.masking.choosing import budgets, exact
from kbtools.models.masking.settings import Masking
from kbtools.models.masking.tokens import F64, I64, Bools, Tokens
from kbtools.models.masking.units import Units
from kbtools.models.objectives.base import Here


class Masker:
    """What objectives that mask have in common; `name` is the objective's."""

    def __init__(self, name: str, settings: Masking, here: Here) -> None:
        self.name, self.settings, self.special = name, settings, here.special
        self.mask = here.special.get("mask", -1)
        if self.mask < 0:
            raise ConfigError(
                f"{name}: the tokenizer has no token for what is masked; take another tokenizer"
            )
        never = here.special.values() if settings.random_excludes_special else ()
        ids = np.arange(settings.random_from, here.size)
        self.random = ids[~np.isin(ids, list(never))]
        if not len(self.random):
            raise ConfigError(f"{name}.random_from leaves no token of {here.size:,}")

    def corrupt(
        self,
        batch: Batch,
        draws: Draws,
        tokens: Tokens,
        units: Units,
        *,
        later: Bools | None = None,
        reuse: bool = False,
    ) -> int:
        """Choose units, replace their tokens, write `NAME.places` and `NAME.targets` [M]; return M.

        With how = exact, units that are `later` [U] have their turn behind all others. With `reuse` and
        how = bernoulli, the number that chose a unit also says what becomes of its first token.
        """
        u = draws.tokens(f"{self.name} choose").numpy().reshape(-1)[units.first]
        if self.settings.how == "bernoulli":
            chosen = u < self.settings.rate
        else:
            budget = budgets(tokens.lengths, self.settings.rate, self.settings.max_predictions)
            chosen = exact(units, budget, u if later is None else u + later)
        units, u = units.where(chosen), u[chosen]
        places = units.places()
        fate = self._fate(draws, units, places, u if reuse and self.settings.how == "bernoulli" else None)
        self._write(batch, draws, tokens, places, fate)
        return len(places)

    def _fate(self, draws: Draws, units: Units, places: I64, u: F64 | None) -> F64:
        """Draw what becomes of tokens, [M]: low numbers are masked, high ones kept."""
        fate: F64 = draws.at(f"{self.name} fate", torch.from_numpy(places)).numpy()
        begin = np.cumsum(units.size) - units.size
        if u is not None:  # below the rate: a number from 0 to 1 again, as in the code of ERNIE
            fate[begin] = 1 - u / self.settings.rate
        return np.repeat(fate[begin], units.size) if self.settings.alike else fate

    def _write(self, batch: Batch, draws: Draws, tokens: Tokens, places: I64, fate: F64) -> None:
        masked, random, _ = self.settings.shares
        ids, shape = tokens.ids.copy(), batch["input_ids"].shape
        ids[places[fate < masked]] = self.mask
        replaced = places[(fate >= masked) & (fate < masked + random)]
        if len(replaced):
            u = draws.at(f"{self.name} random", torch.from_numpy(replaced)).numpy()
            ids[replaced] = self.random[(u * len(self.random)).astype(np.int64)]
        if "corrupted" not in batch:
            batch["corrupted"] = torch.zeros(shape, dtype=torch.bool)
        at = torch.from_numpy(places)
        batch["corrupted"].view(-1)[at] = True
        batch[f"{self.name}.places"] = at
        batch[f"{self.name}.targets"] = torch.from_numpy(tokens.ids[places])
        batch["input_ids"] = torch.from_numpy(ids).view(shape)
