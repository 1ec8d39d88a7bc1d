"""KnowBert, trained: the linker alone, then all, then a second knowledge base, then relations."""

from __future__ import annotations

import pytest
import torch

from kbtools import api, models
from kbtools.models.base import KnowledgeModel
from kbtools.models.draws import Draws
from kbtools.models.recipe import Model, Stage
from kbtools.models.training.groups import freeze
from kbtools.models.training.setup import Data, load_recipe
from kbtools.models.training.stage import train
from kbtools.models.zoo.knowbert import KnowBert
from kbtools.runs import metrics
from kbtools.shards.reader import Shards
from tests import small_kar as small
from tests import tiny_models, tiny_tokenizer
from tests.tiny_models import tiny

KB = "entities.wikidata"


@pytest.fixture(scope="module")
def given():
    told = tiny("knowbert")
    return {
        "shards": [f"{task}={told.data.shards[task].path}" for task in told.tasks],
        "vectors": told.vectors,
        "quiet": True,
    }


@pytest.fixture(scope="module")
def run(given, tmp_path_factory):
    """A run with one knowledge base, and how often W2 was made of W1."""
    out, calls = tmp_path_factory.mktemp("knowbert") / "run", []
    with pytest.MonkeyPatch.context() as patch:
        then = KnowBert.pseudo_inverse

        def counted(self):
            calls.append(1)
            then(self)

        patch.setattr(KnowBert, "pseudo_inverse", counted)
        train("knowbert.tiny", out, overrides=["run.steps=20", "run.log=1", "run.evaluate=10"], **given)
    return out, len(calls)


def test_it_tells_how_often_it_is_right_and_how_often_the_prior_is(run):
    out, calls = run
    lines = metrics.read(out / "metrics.jsonl")
    told = [line for line in lines if "linking.right" in line]
    assert told
    assert all(0 <= line[f"linking.{name}"] <= 1 for line in told for name in ("right", "prior", "lost"))
    assert not [name for line in lines for name in line if "/" in name]
    first = [line for line in lines if line["step"] <= 8 and "task" in line]
    assert {line["task"] for line in first} == {"links"}  # the linker's stage
    assert calls == 1


@pytest.mark.parametrize("name", ["knowbert", "knowbert.tiny", "knowbert_wordnet"])
def test_in_its_stage_the_linker_trains_alone(name):
    recipe = load_recipe(name)
    stage = recipe.stages[0]
    assert stage.name == "linker"
    model = tiny("knowbert").still()
    trains = freeze(model, stage)
    assert trains
    assert all(".linker." in one for one in trains)
    assert {one for one in dict(model.named_parameters()) if ".linker." in one} == {*trains}
    batch, targets = tiny("knowbert").batch("links")
    before = {one: value.clone() for one, value in model.state_dict().items()}
    tiny("knowbert").loss(model, "links", batch, targets).backward()
    reached = {one for one, weight in model.named_parameters() if weight.grad is not None}
    assert reached == {*trains}
    optimiser = torch.optim.SGD([one for one in model.parameters() if one.requires_grad], lr=0.1)
    optimiser.step()
    changed = {one for one, value in model.state_dict().items() if not torch.equal(value, before[one])}
    assert changed <= {*trains}
    assert changed


def test_hidden_entities_tell_nothing():
    told = tiny("knowbert")
    made, some = told.still(seed=2).eval(), told.raw("text", rows=8)
    small.widen(made.body.kars)
    with torch.no_grad():
        made.body.kars["wikidata"].linker.score[-1].bias.add_(50)  # nobody is nobody
    eids = some[f"{KB}.eids"].clone()
    real = some[f"{KB}.eids.mask"]
    pool = eids[real].unique()
    other = torch.where(real, pool[(torch.searchsorted(pool, eids.clamp(min=0)) + 1) % len(pool)], eids)
    masking = told.data.objectives(told.stage)["entity_masking"]
    hide = type(masking)(type(masking).settings(rate=1.0, candidates=(1, 0, 0)), told.data.here)
    found = []
    for now in (eids, other):
        batch = {**some, f"{KB}.eids": now.clone()}
        hide.corrupt(batch, Draws(batch, 0))
        found.append(made(batch).hidden)
    assert not torch.isclose(made({**some, f"{KB}.eids": other}).hidden, made(some).hidden).all()
    assert torch.equal(*found)


def test_a_second_knowledge_base_is_added_to_a_run(run):
    told, (out, _) = tiny("knowbert"), run
    first = KnowledgeModel.from_pretrained(out)
    kars = {
        "wikidata": {"layer": 1, "inner": 64, "scorer": 32},
        "words": {"layer": 2, "heads": 2, "inner": 8},
    }
    tables = told.tables() | {"words": small.table("words")}
    made = KnowledgeModel.make(
        Model(name="knowbert", start=str(out), settings={"kars": kars}),
        heads=told.heads(), vocabulary=told.data.vocabulary, seed=5, tables=tables,
    )  # fmt: skip
    then, now = first.state_dict(), made.state_dict()
    assert all(torch.equal(value, now[name]) for name, value in then.items())
    assert {*made.loaded.new} == {*now} - {*then}
    assert all(name.startswith("body.kars.words.") for name in made.loaded.new)
    assert not made.loaded.left


def test_knowledge_bases_come_with_a_run_unless_others_are_named(run):
    told, (out, _) = tiny("knowbert"), run
    made = KnowledgeModel.make(
        Model(name="knowbert", start=str(out)), heads={}, vocabulary=told.data.vocabulary, seed=5,
        tables=told.tables(),
    )  # fmt: skip
    assert made.config.settings == told.recipe.model.settings
    assert [*made.body.kars] == ["wikidata"]
    assert not made.loaded.new


def test_relations_are_told_at_markers(run, given, tmp_path):
    corpus = tiny_tokenizer.CORPUS / "en.jsonl"
    api.build_vocab([corpus], tmp_path / "tokenizer", size=1500, overrides=["added=<a>,</a>,<b>,</b>"])
    api.shard(
        corpus, tmp_path / "shards", model="knowbert_relations", tokenizer=tmp_path / "tokenizer",
        kbs=[tiny_models.base("wikidata")],
        overrides=["max_length=48", "dev=0.1", "facts.markers=<a>,</a>,<b>,</b>"],
    )  # fmt: skip
    out = tmp_path / "run"
    train(
        "knowbert_relations.tiny", out, shards=[tmp_path / "shards"], vectors=given["vectors"], quiet=True,
        overrides=["run.steps=40", "run.evaluate=20", "run.log=20", "run.best=labels.right"],
    )  # fmt: skip
    lines = [line for line in metrics.read(out / "metrics.jsonl") if "labels.loss" in line]
    assert lines[-1]["labels.loss"] < lines[0]["labels.loss"]
    made = KnowledgeModel.from_pretrained(out)
    assert made.heads["labels"].markers == 2
    data = Data(load_recipe("knowbert_relations.tiny"), {"data": Shards(tmp_path / "shards")})
    (source,) = data.sources(Stage(), data.objectives(Stage())).values()
    assert {f"{KB}.spans", f"{KB}.eids", f"{KB}.priors"} <= {*source.columns}  # though no objective asks


def test_both_tasks_of_a_run_are_evaluated_together(run, given):
    """Ranks of words come by halves: one table of answers holds those of both."""
    found = models.evaluate(run[0], given["shards"], "dev", overrides=["resamples=20", "tokens=512"])
    asked = {one["asked"] for one in found.predictions.to_pylist()}
    assert asked == {"text entity_masking", "links linking wikidata"}
    assert {"text entity_masking perplexity", "links linking wikidata accuracy"} <= {*found.numbers}
