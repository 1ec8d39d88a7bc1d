"""Objectives on triples that also show their targets as others do: where, and what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from kbtools.models.batch import examples
from kbtools.models.objectives.base import Here
from kbtools.models.objectives.descriptions import Descriptions
from kbtools.models.objectives.kepler import Kepler, Settings
from tests import tiny_triples


def here(others: Here) -> Here:
    """Say that there are shards of triples, too."""
    return replace(others, shards=(tiny_triples.opened(),))


class ShownKepler(Kepler):
    """At the first token of each example: the texts of what was drawn."""

    def corrupt(self, batch, draws):
        found = super().corrupt(batch, draws)
        one = examples(batch)
        batch["kepler.places"] = one.row * batch["input_ids"].shape[1] + one.first
        ids = batch["kepler.input_ids"] * batch["kepler.attention_mask"]
        drawn = torch.cat([batch["kepler.heads"], batch["kepler.tails"]], 1)  # [N, 2n]
        batch["kepler.targets"] = torch.nn.functional.pad(ids, (0, 16 - ids.shape[1]))[drawn].flatten(1)
        return found


class ShownDescriptions(Descriptions):
    """At the token of the example that is where the hidden one is in the description."""

    def corrupt(self, batch, draws):
        found = super().corrupt(batch, draws)
        one, width = examples(batch), batch["descriptions.texts.input_ids"].shape[1]
        own = batch["descriptions.own"] = batch["descriptions.places"]
        row, at = own // width, own % width
        batch["descriptions.places"] = one.row[row] * batch["input_ids"].shape[1] + one.first[row] + at
        return found

    def loss(self, model, output, batch):
        return super().loss(model, output, {**batch, "descriptions.places": batch["descriptions.own"]})


def kepler(others: Here) -> Any:
    """Make the one objective."""
    return ShownKepler(Settings(negatives=2, at_once=5), here(others))


def descriptions(others: Here) -> Any:
    """Make the other."""
    return ShownDescriptions(Descriptions.settings(), here(others))
