"""Vectors of descriptions by a trained KEPLER: as in training, and of entities that it has never seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from kbtools import artefact
from kbtools.cli.main import main
from kbtools.errors import ArtefactError, ConfigError
from kbtools.models.base import KnowledgeModel
from kbtools.models.draws import Draws
from kbtools.models.embedding import kepler
from kbtools.models.embeddings import embed
from kbtools.models.kge.evaluation import Evaluation
from kbtools.models.kge.trained import Trained
from kbtools.models.objectives import _described
from kbtools.models.training.stage import train
from kbtools.runs import metrics
from kbtools.tasks.linkprediction import Settings
from kbtools.vectors import Vectors
from tests import tiny_kb, tiny_triples
from tests.test_objectives_kepler import objective

QUIET: dict[str, Any] = {"plots": False, "map": 0, "resamples": 10}
STEPS = 40
TOLD = (
    "run.batch=16", "run.evaluate=0", "run.log=10", "optimiser.lr=8e-3",
    "model.text.hidden_size=32", "model.text.intermediate_size=64", "model.text.num_hidden_layers=1",
    "model.text.initializer_range=0.2", "objectives.kepler.gamma=2",
    "objectives.kepler.negatives=0", "objectives.kepler.at_once=512",
)  # fmt: skip


def trained(out, *overrides, steps=4):
    given = [f"text={tiny_triples.texts()}", f"triples={tiny_triples.triples()}"]
    told = [*TOLD, f"run.steps={steps}", *overrides]
    train("kepler.tiny", shards=given, out=out, overrides=told, quiet=True)
    return out


def ranked(path, kb, **settings):
    told = Settings(**QUIET, **settings)
    found = Evaluation(path, kb, settings=told).run().measures
    return {(one.system, one.metric): one.value for one in found if not one.by}


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return tmp_path_factory.mktemp("kepler")


@pytest.fixture(scope="module")
def run(room):
    return trained(room / "run", steps=STEPS)


@pytest.fixture(scope="module")
def learned(room, run):
    embed(tiny_triples.seen(), room / "seen", model=f"kepler:{run}", quiet=True)
    return room / "seen"


@pytest.fixture(scope="module")
def unseen(room, run):
    embed(tiny_triples.unseen(), room / "unseen", model=f"kepler:{run}", quiet=True)
    return room / "unseen"


def test_links_of_unseen_entities_are_found(unseen, run):
    found = ranked(unseen, tiny_triples.unseen())
    chance = 3 / Vectors(unseen).count
    assert found["filtered, realistic", "Hits@3"] > 3 * chance
    assert found["filtered, realistic", "MRR"] >= found["raw, realistic", "MRR"]
    lines = [one["mlm.loss"] for one in metrics.read(run / metrics.NAME) if "mlm.loss" in one]
    assert lines[-1] < lines[0]


def test_vectors_are_those_of_training(learned, run):
    one = objective()
    model = KnowledgeModel.from_pretrained(run).eval()
    triple = torch.tensor([[0, 3, 7], [0, 1, 0], [5, 8, 110]])
    batch = dict(zip(("head", "relation", "tail"), triple, strict=True)) | {"batch.rows": torch.arange(3)}
    one.corrupt(batch, Draws(batch, 0))
    with torch.no_grad():
        states = model({name: batch[f"kepler.{name}"] for name in ("input_ids", "attention_mask")}).hidden[
            :, 0
        ]
    given = Vectors(learned)
    row = {eid: number for number, eid in enumerate(given.eids().tolist())}
    for name in ("head", "tail"):
        rows = [row[eid] for eid in batch[name].tolist()]
        torch.testing.assert_close(
            torch.from_numpy(given.array[rows].copy()), states[batch[f"kepler.{name}"]], atol=1e-5, rtol=1e-4
        )


def test_relations_are_those_of_their_ids(learned, unseen, run):
    weight = KnowledgeModel.from_pretrained(run).heads["relations"].weight.detach()
    one, other = (Trained.open(path).relations for path in (learned, unseen))
    assert torch.equal(one, weight)
    assert torch.equal(other, weight.flip(0))  # that knowledge base has them the other way round


def test_what_is_told_of_them(learned):
    made = artefact.read(learned)
    assert made.settings["model"] == "transe"
    assert made.settings["scorer"] == {"gamma": 2.0, "norm": 2}
    assert [one.kind for one in made.inputs] == ["kb", "run"]
    assert made.counts == {"entities": 120}


def test_gamma_changes_no_rank(room, run, unseen):
    embed(tiny_triples.unseen(), room / "other", model=f"kepler:{run}", overrides=["gamma=9"], quiet=True)
    assert ranked(room / "other", tiny_triples.unseen()) == ranked(unseen, tiny_triples.unseen())


def test_the_same_text_is_the_same_vector(tmp_path, run):
    twins = tiny_triples.kb(
        tmp_path / "twins", [*tiny_triples.SEEN[:2], tiny_triples.SEEN[0]][::2], name="twins"
    )
    embed(twins, tmp_path / "vectors", model=f"kepler:{run}", quiet=True)
    found = Vectors(tmp_path / "vectors").array
    np.testing.assert_allclose(found[:5], found[5:], atol=1e-6)


def test_described_relations_are_encoded(tmp_path, run):
    told = ["relations=descriptions"]
    embed(tiny_triples.unseen(), tmp_path / "vectors", model=f"kepler:{run}", overrides=told, quiet=True)
    found = Trained.open(tmp_path / "vectors").relations
    assert found.shape == (5, 32)
    assert not torch.equal(found, Trained.open(tmp_path / "vectors").relations.flip(0))


def test_queries_of_a_conditioned_run_are_read_with_the_relation(tmp_path):
    made = trained(tmp_path / "run", "objectives.kepler.conditioned=true")
    embed(tiny_triples.unseen(), tmp_path / "vectors", model=f"kepler:{made}", quiet=True)
    one = Trained.open(tmp_path / "vectors")
    triples = tiny_triples.tables(tiny_triples.UNSEEN)["triples"]
    pairs = {(each[end], each["relation"]) for each in triples for end in ("head", "tail")}
    assert one.read is not None
    assert len(one.read.vectors) == len(pairs)
    found = ranked(tmp_path / "vectors", tiny_triples.unseen())
    plain = tmp_path / "plain"
    embed(tiny_triples.unseen(), plain, model=f"kepler:{made}", overrides=["conditioned=false"], quiet=True)
    assert found != ranked(plain, tiny_triples.unseen())
    with pytest.raises(ArtefactError, match="have not been read with their relation"):
        one.read(torch.tensor([0]), torch.tensor([36]))

    embed(
        tiny_triples.seen(), tmp_path / "seen", model=f"kepler:{made}", overrides=["queries=all"], quiet=True
    )
    one, model = Trained.open(tmp_path / "seen"), KnowledgeModel.from_pretrained(made).eval()
    eid, rid = np.array([1, 6]), np.array([0, 0])  # cities, which lie in lands
    texts = _described.columns(objective(conditioned=True).described.texts(eid, rid), 0)
    with torch.no_grad():
        states = model(texts).hidden[:, 0]
    assert one.read is not None
    read = one.read(one.row_of(torch.from_numpy(eid)), torch.from_numpy(rid))
    torch.testing.assert_close(read, states, atol=1e-5, rtol=1e-4)


def test_a_stopped_build_goes_on(tmp_path, run, unseen, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    out = tmp_path / "vectors"
    with monkeypatch.context() as patch:
        patch.setattr(kepler, "fill", stop)
        with pytest.raises(KeyboardInterrupt):
            embed(tiny_triples.unseen(), out, model=f"kepler:{run}", quiet=True)
    embed(tiny_triples.unseen(), out, model=f"kepler:{run}", quiet=True)
    assert artefact.read(out).content == artefact.read(unseen).content


def test_what_cannot_be_made_is_told(tmp_path, run):
    others = tiny_triples.kb(tmp_path / "others")
    out = tmp_path / "vectors"
    for model, overrides, why in (
        ("kepler", [], "it is told of which"),
        ("description:x", [], "takes no path"),
        (f"kepler:{tmp_path}", [], "no model"),
        (f"kepler:{run}", ["texts.nothing=1"], "texts.nothing"),
        (f"kepler:{run}", ["device=cuda:99"], "not there"),
    ):
        with pytest.raises((ConfigError, ArtefactError), match=why):
            embed(others, out, model=model, overrides=overrides, quiet=True)
    assert not out.exists()


def test_relations_that_the_run_does_not_know(tmp_path, run):
    tables = tiny_triples.tables(tiny_triples.UNSEEN, split="test")
    tables["relations"][0]["id"] = "P-new"
    some = tiny_kb.write(tmp_path / "some", tables, name="some")
    made = embed(some, tmp_path / "vectors", model=f"kepler:{run}", quiet=True)
    assert made.counts["relations unknown to the run"] == 1
    results = Evaluation(tmp_path / "vectors", some, settings=Settings(**QUIET)).run()
    assert results.counts["triples ranked"] == 48
    for one in tables["relations"]:
        one["id"] = f"new-{one['rid']}"
    none = tiny_kb.write(tmp_path / "none", tables, name="none")
    with pytest.raises(ConfigError, match="none of its relations"):
        embed(none, tmp_path / "no", model=f"kepler:{run}", quiet=True)


def test_the_command_says_it(tmp_path, run):
    out = tmp_path / "vectors"
    given = ["embed", str(tiny_triples.unseen()), "--model", f"kepler:{run}", "--out", str(out), "--quiet"]
    done = CliRunner().invoke(main, given)
    assert done.exit_code == 0, done.output
    assert "60 entities vectors of 32 numbers" in done.output
    told = CliRunner().invoke(main, ["embed", "x", "--model", "kepler:RUN", "--help"])
    assert "ke_norm" in told.output
    assert CliRunner().invoke(main, ["verify", str(out), "--deep"]).exit_code == 0
