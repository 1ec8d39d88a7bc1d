"""KEPLER as a whole: RoBERTa's weights, trained on text and triples together, by its recipes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import RobertaModel

from kbtools import artefact
from kbtools.models.base import KnowledgeModel
from kbtools.models.training.setup import load_recipe
from kbtools.models.training.stage import train
from kbtools.runs import metrics
from tests import tiny_triples
from tests.crew import Crew

SMALL = (
    "model.text.hidden_size=16", "model.text.intermediate_size=32", "model.text.num_attention_heads=2",
    "run.log=1", "run.evaluate=0", "run.dev_batches=2",
)  # fmt: skip
OWN = ("objectives.kepler.in_batch=false",)  # those of a batch are others where a batch is shared out


def given():
    return [f"text={tiny_triples.texts()}", f"triples={tiny_triples.triples()}"]


def run(out, *overrides, recipe="kepler.tiny", shards=None):
    train(recipe, shards=shards or given(), out=out, overrides=[*SMALL, *overrides], quiet=True)
    return out


def weights(out):
    return load_file(out / "model" / "model.safetensors")


def losses(out, name):
    return [line[name] for line in metrics.read(out / metrics.NAME) if line.get(name) is not None]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return run(tmp_path_factory.mktemp("alone") / "run", "run.steps=6", *OWN)


def test_its_encoder_is_roberta(alone, tmp_path):
    made = KnowledgeModel.from_pretrained(alone)
    assert {*made.heads} == {"lm", "relations"}
    names = {name.removeprefix("body.text.model.") for name in made.state_dict() if name.startswith("body.")}
    theirs = RobertaModel(made.body.text.config, add_pooling_layer=False)
    assert names == {*theirs.state_dict()}
    left = made.export_text(tmp_path / "plain")
    assert [name for name in left if "relations" not in name] == []
    assert made.heads["relations"].ids == tuple(f"P-{name}" for name in tiny_triples.RELATIONS)


def test_without_triples_it_is_mlm_to_the_bit(tmp_path):
    bare = tmp_path / "bare.toml"
    recipe = load_recipe("kepler.tiny")
    told = "\n".join(f"{name} = {value!r}" for name, value in recipe.model.text.items())
    bare.write_text(
        f'about = "masked tokens"\nshards = "kepler"\n[model]\nname = "bert"\n[model.text]\n{told}\n'
        f"[run]\nbatch = 8\n[optimiser]\nlr = 3e-3\nwarmup = 20\n[objectives.mlm]\n[tasks.text]\n"
    )
    plain = run(tmp_path / "plain", "run.steps=5", recipe=str(bare), shards=[given()[0]])
    stage = 'stages=[{name="text",tasks={text=1},objectives=["mlm"]}]'
    both = run(tmp_path / "both", "run.steps=5", stage)
    assert losses(plain, "mlm.loss") == losses(both, "mlm.loss")
    one, other = weights(plain), weights(both)
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_what_stopped_goes_on_to_the_bit(tmp_path, alone):
    from kbtools.models.training.running import Interrupted, Training  # noqa: PLC0415

    real, out = Training._done, tmp_path / "run"

    def stopping(self, step, *rest):
        real(self, step._replace(stop=step.number == 3), *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Training, "_done", stopping)
        with pytest.raises(Interrupted):
            run(out, "run.steps=6", *OWN)
    run(out, "run.steps=6", *OWN)
    one, other = weights(alone), weights(out)
    assert all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.long
def test_two_processes_learn_what_one_does(tmp_path, alone):
    out = tmp_path / "run"
    told = [part for one in (*SMALL, "run.steps=6", *OWN) for part in ("-o", one)]
    shards = [part for one in given() for part in ("--shards", one)]
    ended = Crew(2, ["train", "kepler.tiny", *shards, "--out", str(out), *told, "--quiet"]).end()
    assert [code for code, _, _ in ended] == [0, 0], ended
    assert artefact.read(out).notes["processes"] == 2
    for name in ("kepler.loss", "mlm.loss"):
        assert losses(out, name) == pytest.approx(losses(alone, name), rel=1e-4)


@pytest.mark.parametrize("name", ["kepler", "kepler_rel", "kepler_cond", "kepler_only_desc"])
def test_recipes_are_variants_of_one(name):
    recipe, plain = load_recipe(name), load_recipe("kepler")
    assert recipe.optimiser == plain.optimiser
    assert recipe.run.steps == plain.run.steps
    told, base = recipe.objectives["kepler"], plain.objectives["kepler"]
    more: dict[str, dict[str, Any]] = {
        "kepler_rel": {"relations": "descriptions"},
        "kepler_cond": {"conditioned": True},
    }
    assert told == {**base, **more.get(name, {})}
    assert ("descriptions" in recipe.objectives) == (name == "kepler_only_desc")


def test_descriptions_in_place_of_text(tmp_path, alone):
    out = tmp_path / "run"
    told = [
        f"model.start={alone}",
        "run.steps=4",
        "run.batch=8",
        "run.micro=8",
        "run.precision=fp32",
        "run.log=1",
    ]
    train("kepler_only_desc", shards=[tiny_triples.triples()], out=out, overrides=told, quiet=True)
    assert len(losses(out, "descriptions.loss")) == len(losses(out, "kepler.loss")) == 4
