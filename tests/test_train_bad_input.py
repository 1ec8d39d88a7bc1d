"""What cannot be trained on is said in one line before training begins, and is in nobody's way."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
import torch
from safetensors.torch import load_file, save_file

from kbtools import api
from tests import tiny_tokenizer, training
from tests.running import ROOT, disk, linux_root
from tests.started import refused, run

STEPS = "run.steps=4"


def line(out, *settings, recipe="bert.tiny", shards=None, options=()):
    """Return the command of a tiny run."""
    told = [part for one in (*training.TINY, STEPS, *settings) for part in ("-o", one)]
    given = (
        [] if shards == [] else [part for one in shards or [training.shards()] for part in ("--shards", one)]
    )
    return ["train", recipe, *given, "--out", out, "--quiet", *told, *options]


def turned_down(what, out, *settings, **options):
    """See one line, and nothing left behind."""
    refused(what, *line(out, *settings, **options))
    left = out.with_name(f"{out.name}.partial")
    assert not left.exists(), [*left.rglob("*")]
    assert not out.exists()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return training.train(tmp_path_factory.mktemp("trained") / "run", "run.steps=4")


@pytest.fixture(scope="module")
def another_tokenizer(tmp_path_factory):
    """Shards that were made with another tokenizer, of the same size."""
    folder = tmp_path_factory.mktemp("other")
    tokenizer = folder / "tok"
    shutil.copytree(tiny_tokenizer.path(size=1000), tokenizer)
    text = (tokenizer / "tokenizer.json").read_text()
    vocab = json.loads(text)["model"]["vocab"]
    one, other = sorted(word for word in vocab if word.isalpha())[-2:]
    told = json.loads(text)
    told["model"]["vocab"][one], told["model"]["vocab"][other] = vocab[other], vocab[one]
    (tokenizer / "tokenizer.json").write_text(json.dumps(told))
    return shards(folder / "shards", tokenizer)


def shards(out, tokenizer=None, *settings, model="bert", corpus=training.CORPUS / "en.jsonl"):
    api.shard(
        corpus, out, model=model, tokenizer=tokenizer or tiny_tokenizer.path(size=1000),
        overrides=settings or ("max_length=32",), workers=1, quiet=True,
    )  # fmt: skip
    return out


SETTINGS = {
    "lr 0": (["optimiser.lr=0"], "optimiser.lr is 0"),
    "lr nan": (["optimiser.lr=nan"], "optimiser.lr is nan"),
    "lr negative": (["optimiser.lr=-1"], "optimiser.lr is -1"),
    "lr of a stage": (['stages=[{lr=0}]'], "lr is 0"),
    "lr of a part": (["optimiser.parts={body=0}"], "parts.body is 0"),
    "part of nothing": (["optimiser.parts={bdy=1e-3}"], "did you mean body"),
    "no decay of nothing": (['optimiser.no_decay=["lm.bais"]'], "no_decay"),
    "a stage that freezes everything": (['stages=[{freeze=["body", "heads"]}]'], "freezes everything"),
    "a later stage that freezes everything": (
        ['stages=[{steps=2}, {name="b", freeze=["body", "heads"]}]'], "stage b freezes everything",
    ),
    "freezing nothing": (['stages=[{freeze=["boby"]}]'], "did you mean body"),
    "freezing nothing later": (['stages=[{steps=2}, {name="b", train=["boby"]}]'], "did you mean body"),
    "an objective that is none": (["objectives.mln={}"], "did you mean 'mlm'"),
    "an objective of a stage that is none": (['stages=[{objectives=["mln"]}]'], "mln"),
    "a task that is none": (['stages=[{tasks={shrt=1}}]'], "did you mean 'short'"),
    "a model that is none": (["model.name=brt"], "did you mean 'bert'"),
    "a setting that is none": (["run.stps=4"], "did you mean 'steps'"),
    "a setting of the encoder that is none": (["model.text.hiden_size=4"], "hidden_size"),
    "a start that is nowhere": (["model.start=/nowhere/at/all"], "/nowhere/at/all"),
    "longer than there are positions": (["model.text.max_position_embeddings=16"], "16 positions"),
    "another number of words": (["model.text.vocab_size=77"], "77"),
    "no room for an example": (["run.tokens=8"], "tokens is 8"),
    "nothing to do": (["run.steps=0", "run.epochs=0"], "nothing to do"),
    "heads that do not share out": (["model.text.num_attention_heads=3"], "heads"),
}  # fmt: skip


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_that_cannot_be(tmp_path, name):
    settings, what = SETTINGS[name]
    turned_down(what, tmp_path / "run", *settings)


def test_a_recipe_that_is_no_toml(tmp_path):
    (tmp_path / "my.toml").write_text("[model\nname = ")
    turned_down("my.toml", tmp_path / "run", recipe=tmp_path / "my.toml")


def test_a_recipe_that_is_nowhere(tmp_path):
    turned_down("did you mean 'bert.tiny'", tmp_path / "run", recipe="bert.tny")


def test_shards_that_are_none(tmp_path):
    turned_down("nowhere", tmp_path / "run", shards=[tmp_path / "nowhere"])
    turned_down("missing", tmp_path / "run", shards=[])
    turned_down("not an artefact", tmp_path / "run", shards=[tmp_path])


def test_shards_of_no_task(tmp_path):
    turned_down("no task 'shrt'", tmp_path / "run", shards=[f"shrt={training.shards()}"])
    turned_down("--shards long=PATH", tmp_path / "run", shards=[f"short={training.shards()}"])


def test_shards_that_lack_a_column(tmp_path):
    turned_down(
        "kbtools shard --for bert", tmp_path / "run", shards=[training.shards("roberta", "max_length=32")]
    )


def test_two_tasks_of_different_tokenizers(tmp_path, another_tokenizer):
    given = [f"short={training.shards()}", f"long={another_tokenizer}"]
    turned_down("different tokenizers", tmp_path / "run", shards=given)


def test_a_start_that_was_trained_with_another_tokenizer(tmp_path, trained, another_tokenizer):
    turned_down(
        "trained with another tokenizer", tmp_path / "run", f"model.start={trained}", "model.text={}",
        shards=[another_tokenizer],
    )  # fmt: skip


def test_a_truncated_start(tmp_path, trained):
    shutil.copytree(trained, tmp_path / "start")
    weights = tmp_path / "start" / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    turned_down("model.safetensors", tmp_path / "run", *START, f"model.start={tmp_path / 'start'}")


def test_a_start_that_is_another_model(tmp_path, trained):
    """Weights that do not belong to the configuration beside them."""
    shutil.copytree(trained, tmp_path / "start")
    weights = tmp_path / "start" / "model" / "model.safetensors"
    found = load_file(weights)
    save_file(
        {name: value for name, value in found.items() if "layer.1" not in name and "layers.1" not in name},
        weights,
    )
    turned_down("not there", tmp_path / "run", *START, f"model.start={tmp_path / 'start'}")
    save_file({"weight": torch.zeros(3)}, weights)
    turned_down("start", tmp_path / "run", *START, f"model.start={tmp_path / 'start'}")


def test_a_start_that_is_a_pickle(tmp_path, trained):
    (tmp_path / "start").mkdir()
    config = {"model_type": "bert", "vocab_size": 1000, "hidden_size": 16, "num_hidden_layers": 1,
              "num_attention_heads": 2, "intermediate_size": 32}  # fmt: skip
    (tmp_path / "start" / "config.json").write_text(json.dumps(config))
    torch.save({"weight": torch.zeros(3)}, tmp_path / "start" / "pytorch_model.bin")
    turned_down("safetensors", tmp_path / "run", *START, f"model.start={tmp_path / 'start'}")


def test_an_empty_data_set(tmp_path):
    (tmp_path / "none.jsonl").write_text(json.dumps({"id": "1", "text": " "}) + "\n")
    empty = shards(tmp_path / "shards", corpus=tmp_path / "none.jsonl")
    turned_down("no examples to train on", tmp_path / "run", shards=[empty])


def test_no_dev_split_is_said_once_and_trained_without(tmp_path):
    out = training.train(
        tmp_path / "run",
        STEPS,
        "run.evaluate=1",
        shards=[shards(tmp_path / "s", None, "max_length=32", "dev=0")],
    )
    assert len(training.losses(out)) == 4


def test_a_run_that_exists(tmp_path, trained):
    refused("--overwrite", *line(trained))
    out = tmp_path / "run"
    shutil.copytree(trained, out)
    done = run(*line(out, "run.seed=1", options=["--overwrite"]))
    assert done.exit_code == 0, done.output
    assert training.losses(out) != training.losses(trained)


def test_a_folder_that_is_no_run_is_not_overwritten(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "letter.txt").write_text("dear")
    refused("not an artefact", *line(tmp_path / "run", options=["--overwrite"]))
    assert (tmp_path / "run" / "letter.txt").exists()


@pytest.mark.skipif(ROOT, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    refused("cannot be written", *line(tmp_path / "locked" / "run"))


def test_a_folder_below_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    refused("file", *line(tmp_path / "file" / "run"))


START = ("model.text={}",)


@linux_root
def test_a_full_disk(tmp_path):
    out = tmp_path / "small" / "run"
    settings = ("run.save=2", "model.text.hidden_size=64", "model.text.intermediate_size=256")
    with disk(tmp_path / "small", "size=600k"):
        refused("no space left on device", *line(out, *settings))
        assert not out.exists()
        subprocess.run(["mount", "-o", "remount,size=64m", tmp_path / "small"], check=True)
        done = run(*line(out, *settings))
        assert done.exit_code == 0, done.output
        assert len(training.losses(out)) == 4
