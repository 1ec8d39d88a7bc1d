"""Vectors of a knowledge graph that were learned, with what scores triples by them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kbtools import config
from kbtools.errors import ArtefactError
from kbtools.models.kge import recipes
from kbtools.models.kge.recipe import Recipe
from kbtools.models.kge.scorers.base import Scorer
from kbtools.models.vectors import Vectors

PREFIX = "scorer."  # of the names that a scorer's own numbers have beside the relations


class Trained:
    """A `vectors` folder of `kbtools embed`; entities stay on disk."""

    def __init__(self, entities: Vectors, recipe: Recipe, scorer: Scorer, arrays: Mapping[str, Any]) -> None:
        self.entities, self.recipe, self.scorer = entities, recipe, scorer
        self.relations = _tensor(arrays["relations"])  # [R, relation_width]
        self.reciprocal = _tensor(arrays["reciprocal"]) if "reciprocal" in arrays else None  # the same

    @classmethod
    def open(cls, path: Path | str) -> Trained:
        """Open vectors; refuse those that no model of triples goes with."""
        entities = Vectors.open(path)
        told, arrays = entities.manifest.settings, entities.folder.relations()
        if "model" not in told or "relations" not in arrays:
            raise ArtefactError(
                f"{path}: vectors of entities alone; what scores triples, and relations, come from "
                "`kbtools embed KB --model transe` and others like it"
            )
        known = {field.name for field in dataclasses.fields(Recipe)}
        plain = {name: value for name, value in told.items() if name in known}
        recipe = config.build(Recipe, plain, where=f"{path}: settings")
        scorer = recipes.scorer(recipe)
        if "width" not in told and scorer.width != entities.dim:  # `dim` is what others call the width
            recipe = dataclasses.replace(recipe, dim=max(1, recipe.dim * entities.dim // scorer.width))
            scorer = recipes.scorer(recipe)
        _check(path, scorer, entities, arrays)
        own = {
            name.removeprefix(PREFIX): _tensor(one) for name, one in arrays.items() if name.startswith(PREFIX)
        }
        try:
            scorer.load_state_dict(own, strict=True)
        except RuntimeError as error:
            why = " ".join(str(error).split())
            raise ArtefactError(f"{path}: not what {recipe.model} has beside its vectors: {why}") from error
        return cls(entities, recipe, scorer.eval().requires_grad_(requires_grad=False), arrays)

    @property
    def eids(self) -> Tensor:
        """Whose each row is, [rows]."""
        return self.entities.eids()

    def row_of(self, eids: Tensor) -> Tensor:
        """Return the rows of entities; −1: it has none."""
        return self.entities.row_of(eids)


def _check(path: Path | str, scorer: Scorer, entities: Vectors, arrays: Mapping[str, Any]) -> None:
    """Refuse vectors that are not as wide as the scorer takes them."""
    if entities.dim != scorer.width:
        raise ArtefactError(f"{path}: vectors of {entities.dim} numbers, where its model has {scorer.width}")
    for name in ("relations", "reciprocal"):
        shape = arrays[name].shape if name in arrays else None
        if shape is not None and (len(shape) != 2 or shape[1] != scorer.relation_width):
            raise ArtefactError(
                f"{path}: {name} {list(shape)}, where its model has [, {scorer.relation_width}]"
            )


def _tensor(array: Any) -> Tensor:
    return torch.from_numpy(array.copy()).float()
