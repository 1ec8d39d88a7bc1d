"""What holds for every recipe and every scorer by being there."""

from __future__ import annotations

import dataclasses
import re

import pytest
import torch

from kbtools import api, plugins
from kbtools.models import embed
from kbtools.models.kge import comparing, recipes
from kbtools.models.kge.trained import Trained
from tests import kge_worlds

NAMES = recipes.PRESETS.names()
SCORERS = plugins.names(recipes.SCORERS)
CITED = re.compile(r"\(.*\w+.* (19|20)\d\d\b.*\)")


@pytest.fixture(scope="module")
def kb(tmp_path_factory):
    return kge_worlds.ingested(tmp_path_factory.mktemp("ring"), **kge_worlds.ring(12))


def small(name):
    """Return what makes a recipe small, and leaves its kind as it is."""
    recipe = recipes.load(name)
    told = [
        "dim=4", "epochs=2", "batch=8", f"negatives.number={min(recipe.negatives.number, 6)}",
        "negatives.share=4", "triples.least=1", "judge.every=1", "judge.triples=4",
    ]  # fmt: skip
    fields = {
        field.name
        for field in dataclasses.fields(plugins.load(recipes.SCORERS, recipe.model).SCORER.Settings)
    }
    return [*told, *(["scorer.relation_dim=3"] if "relation_dim" in fields else [])]


def made(kb, out, name, seed=0):
    return embed(kb, out, model=name, overrides=small(name), seed=seed, quiet=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_says_what_it_is_and_whose(name):
    recipe = recipes.load(name)
    assert CITED.search(recipe.about)
    assert len(recipe.about) <= 180
    assert recipe.about.endswith(".")
    assert recipe.model == re.split(r"[.-]", name)[0]
    assert recipes.scorer(recipe).width >= recipe.dim


@pytest.mark.parametrize("name", SCORERS)
def test_a_scorer_has_a_recipe_of_its_name(name):
    assert recipes.load(name).model == name


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_makes_vectors_that_score(kb, tmp_path, name):
    manifest = made(kb, tmp_path / "vectors", name)
    assert not api.verify(tmp_path / "vectors", deep=True).problems
    trained = Trained.open(tmp_path / "vectors")
    assert trained.recipe.model == recipes.load(name).model
    assert manifest.counts["epochs"] == 2
    head, tail = (trained.entities.gather(torch.tensor([row])) for row in (0, 1))
    score = comparing.one(trained.scorer.compare, trained.scorer.query(head, trained.relations[:1]), tail)
    assert torch.isfinite(score).all()


@pytest.mark.parametrize("name", SCORERS)
def test_what_is_learned_depends_on_the_seed_alone(kb, tmp_path, name):
    found = [made(kb, tmp_path / f"{at}", name, seed).content for at, seed in enumerate((1, 1, 2))]
    assert found[0] == found[1] != found[2]
