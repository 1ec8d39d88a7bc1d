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
UNKNOWN = "unknown"  # [U] numbers of relations that have no vector
READ, PAIRS = "read", "read.pairs"  # [P, dim] entities that are read with a relation; [P, 2] eid and rid


class Trained:
    """A `vectors` folder of `kbtools embed`; entities stay on disk."""

    def __init__(self, entities: Vectors, recipe: Recipe, scorer: Scorer, arrays: Mapping[str, Any]) -> None:
        self.entities, self.recipe, self.scorer = entities, recipe, scorer
        self.relations = _tensor(arrays["relations"])  # [R, relation_width]
        self.reciprocal = _tensor(arrays["reciprocal"]) if "reciprocal" in arrays else None  # the same
        self.unknown = torch.from_numpy(arrays[UNKNOWN].copy()) if UNKNOWN in arrays else None  # rids
        self.read = Read.of(entities, arrays) if READ in arrays else None

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


class Read:
    """Entities whose vectors are others where something is asked of them: read together with the relation."""

    def __init__(self, entities: Vectors, vectors: Tensor, pairs: Tensor) -> None:
        """Take vectors [P, dim], and the row and the relation that each is of, [P, 2]."""
        self.where, self.vectors = entities.path, vectors
        self._step = int(pairs[:, 1].max()) + 1 if len(pairs) else 1
        self._keys, order = (pairs[:, 0] * self._step + pairs[:, 1]).sort()
        self.vectors = vectors[order]

    @classmethod
    def of(cls, entities: Vectors, arrays: Mapping[str, Any]) -> Read:
        """Take what lies beside the relations."""
        pairs = torch.from_numpy(arrays[PAIRS].copy()) if PAIRS in arrays else torch.zeros(0, 2)
        if pairs.dim() != 2 or pairs.shape[1] != 2 or arrays[READ].shape != (len(pairs), entities.dim):
            raise ArtefactError(f"{entities.path}: {READ} is not a vector for each of {PAIRS}; make it again")
        rows = entities.row_of(pairs[:, 0].long())
        return cls(entities, _tensor(arrays[READ]), torch.stack([rows, pairs[:, 1].long()], 1))

    def __call__(self, rows: Tensor, relations: Tensor) -> Tensor:
        """Return vectors of rows, [Q], read with relations, [Q]; [Q, dim]."""
        wanted = torch.where(relations < self._step, rows * self._step + relations, -1).cpu()
        at = torch.searchsorted(self._keys, wanted).clamp(max=max(len(self._keys) - 1, 0))
        lacking = (
            ~(self._keys[at] == wanted) if len(self._keys) else torch.ones_like(wanted, dtype=torch.bool)
        )
        if bool(lacking.any()):
            raise ArtefactError(
                f"{self.where}: {int(lacking.sum()):,} of {len(wanted):,} ends of triples have not been read "
                "with their relation; make it again with -o queries=all, of a base that has these triples"
            )
        return self.vectors[at]


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
