"""Models made, saved and loaded: the same bits come back, by every way there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoTokenizer

from kbtools.errors import ArtefactError, ConfigError
from kbtools.models.base import KnowledgeModel
from kbtools.models.configuration import KnowledgeConfig, plain_encoder
from kbtools.models.parts.heads import classes, lm, pooler
from kbtools.models.recipe import Model
from tests import tiny_encoders, tiny_tokenizer

HEADS = {
    "lm": lm.Settings(),
    "pooler": pooler.Settings(),
    "nsp": classes.Settings(classes=("next", "random")),
}
WORDS = {"content": "c0ffee", "size": tiny_encoders.WORDS, "pad": 0, "unk": 1, "cls": 2, "sep": 3, "mask": 4}


def recipe(name: str = "bert", **changes: Any) -> Model:
    text = plain_encoder(tiny_encoders.config(name))
    text = {key: value for key, value in text.items() if not key.endswith("_token_id")}
    text = {**text, "max_position_embeddings": 80}
    known = {"bert": {"type_vocab_size": 2}}.get(name, {})
    return Model(text={**text, **known, **changes})


def made(name: str = "bert", seed: int = 0, **changes: Any) -> KnowledgeModel:
    return KnowledgeModel.make(recipe(name, **changes), heads=HEADS, vocabulary=WORDS, seed=seed)


def batch() -> dict[str, Tensor]:
    ids = torch.arange(5, 23).reshape(2, 9)
    mask = torch.ones(2, 9, dtype=torch.bool)
    mask[1, 6:] = False
    return {"input_ids": ids.masked_fill(~mask, 0), "attention_mask": mask}


def same(one: nn.Module, other: nn.Module) -> bool:
    mine, theirs = one.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(
        torch.equal(value, theirs[key]) for key, value in mine.items()
    )


def run(model: KnowledgeModel) -> Tensor:
    with torch.no_grad():
        found: Tensor = model.eval()(batch()).hidden
    return found


@pytest.mark.parametrize("name", tiny_encoders.NAMES)
def test_what_is_saved_comes_back_bit_by_bit(name, tmp_path):
    model = made(name)
    model.save_pretrained(tmp_path / "model")
    again = KnowledgeModel.from_pretrained(tmp_path / "model")
    assert same(model, again)
    assert torch.equal(run(model), run(again))
    assert again.heads["nsp"].classes == ("next", "random")
    assert not again.training
    assert again.loaded.new == again.loaded.left == ()


@pytest.mark.parametrize("name", tiny_encoders.NAMES)
def test_transformers_loads_it_too(name, tmp_path):
    model = made(name)
    model.save_pretrained(tmp_path)
    again = AutoModel.from_pretrained(tmp_path)
    assert type(again) is KnowledgeModel
    assert same(model, again)
    assert torch.equal(run(model), run(again))


@pytest.mark.parametrize("name", tiny_encoders.NAMES)
def test_half_precision_comes_back(name, tmp_path):
    model = made(name)
    model.save_pretrained(tmp_path / "whole")
    half = KnowledgeModel.from_pretrained(tmp_path / "whole", dtype=torch.bfloat16)
    assert half.dtype == torch.bfloat16
    assert run(half).isfinite().all()
    torch.testing.assert_close(run(half).float(), run(model), atol=0.2, rtol=0.1)
    half.save_pretrained(tmp_path / "half")
    again = KnowledgeModel.from_pretrained(tmp_path / "half")
    assert again.dtype == torch.bfloat16
    assert torch.equal(run(half), run(again))


def test_large_models_are_saved_in_several_files(tmp_path):
    model = made()
    model.save_pretrained(tmp_path, max_shard_size="8KB")
    assert len([*tmp_path.glob("model-*.safetensors")]) > 1
    assert same(model, KnowledgeModel.from_pretrained(tmp_path))
    assert same(model, AutoModel.from_pretrained(tmp_path))


def test_a_device_may_be_named(tmp_path):
    model = made()
    model.save_pretrained(tmp_path)
    assert same(model, KnowledgeModel.from_pretrained(tmp_path, device_map="cpu"))


def test_weights_depend_on_the_seed_alone():
    torch.manual_seed(1)
    one = made(seed=7)
    torch.manual_seed(2)
    torch.rand(3)
    before = torch.get_rng_state()
    other = made(seed=7)
    assert same(one, other)
    assert torch.equal(before, torch.get_rng_state())
    assert not same(one, made(seed=8))


def test_a_head_more_changes_no_other_weight():
    few = KnowledgeModel.make(recipe(), heads={"lm": HEADS["lm"]}, vocabulary=WORDS, seed=0)
    many = made().state_dict()
    assert all(torch.equal(value, many[name]) for name, value in few.state_dict().items())


def test_first_weights_are_as_berts():
    state = made(hidden_size=64, num_attention_heads=4).state_dict()
    assert state["heads.lm.dense.weight"].std().item() == pytest.approx(0.02, rel=0.1)
    assert not state["heads.nsp.out.bias"].any()
    assert (state["heads.lm.norm.weight"] == 1).all()


def test_the_vocabulary_decides_over_rows_and_padding():
    model = KnowledgeModel.make(
        Model(text={"model_type": "roberta", "hidden_size": 16, "num_hidden_layers": 1,
                    "num_attention_heads": 2}),
        heads={}, vocabulary={**WORDS, "size": 50, "pad": 3}, seed=0,
    )  # fmt: skip
    assert model.words.shape == (50, 16)
    assert model.body.text.config.pad_token_id == 3
    assert (model.config.vocabulary or {})["special"]["mask"] == 4
    with pytest.raises(ConfigError, match="vocab_size is 60, the tokenizer's is 90"):
        made(vocab_size=60)
    with pytest.raises(ConfigError, match="pad_token_id is 5"):
        made(pad_token_id=5)


def test_settings_that_an_encoder_does_not_have_are_refused():
    with pytest.raises(ConfigError, match="did you mean 'hidden_act'"):
        made(hiden_act="relu")
    with pytest.raises(ConfigError, match="model_type"):
        KnowledgeModel.make(Model(), heads={}, vocabulary=WORDS, seed=0)
    with pytest.raises(ConfigError, match="transformers has no encoder"):
        made(model_type="birt")
    with pytest.raises(ConfigError, match="hidden_size is -16"):
        made(hidden_size=-16)
    with pytest.raises(ConfigError, match="not a multiple"):
        made(num_attention_heads=3)
    with pytest.raises(ConfigError, match="did you mean 'bert'"):
        KnowledgeModel.make(Model(name="brt", text=recipe().text), heads={}, vocabulary=WORDS, seed=0)


def test_columns_may_be_named_as_transformers_does():
    model, given = made(), batch()
    output = model.eval()(
        input_ids=given["input_ids"], attention_mask=given["attention_mask"].long(),
        token_type_ids=torch.zeros(2, 9, dtype=torch.long), output_hidden_states=True, return_dict=True,
    )  # fmt: skip
    torch.testing.assert_close(output.last_hidden_state, run(model))
    assert len(output.hidden_states) == 3
    assert model(batch(), layers=True).hidden_states is not None
    assert model(batch()).hidden_states is None


def test_words_are_the_embeddings():
    model = made()
    assert model.words is model.get_input_embeddings().weight
    assert model.words.shape == (tiny_encoders.WORDS, 16)


def test_activations_may_be_computed_twice():
    model = made(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0).train()
    model(batch()).hidden.sum().backward()
    wanted = {name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None}
    model.zero_grad()
    model.activation_checkpointing_enable({"use_reentrant": False})
    assert model.is_activation_checkpointing
    model(batch()).hidden.sum().backward()
    for name, value in model.named_parameters():
        if name in wanted:
            torch.testing.assert_close(value.grad, wanted[name])


def test_a_configuration_comes_back(tmp_path):
    config = KnowledgeConfig(
        body="bert", settings={"a": 1}, text={"model_type": "bert", "hidden_size": 16},
        heads={"x": {"kind": "lm"}},
        tables={"w": {"path": "p"}}, vocabulary={"size": 3}, lineage={"inputs": [{"content": "ü"}]},
    )  # fmt: skip
    config.save_pretrained(tmp_path)
    again = AutoConfig.from_pretrained(tmp_path)
    assert type(again) is KnowledgeConfig
    for name in ("body", "settings", "text", "heads", "tables", "vocabulary", "lineage"):
        assert getattr(again, name) == getattr(config, name)
    assert KnowledgeConfig().heads == {}


def test_tokenizer_and_recipe_go_along(tmp_path):
    tokenizer = tiny_tokenizer.path()
    model = made()
    model.save_pretrained(tmp_path / "one", tokenizer=tokenizer, recipe="[run]\nsteps = 3\n")
    again = KnowledgeModel.from_pretrained(tmp_path / "one")
    again.save_pretrained(tmp_path / "two")
    for folder in (tmp_path / "one", tmp_path / "two"):
        assert (folder / "recipe.toml").read_text() == "[run]\nsteps = 3\n"
        found = AutoTokenizer.from_pretrained(folder)
        assert found("an eagle").input_ids == AutoTokenizer.from_pretrained(tokenizer)("an eagle").input_ids
        assert json.loads((folder / "config.json").read_text())["lineage"]["recipe"]
        assert "steps = 3" in (folder / "README.md").read_text()
    with pytest.raises(ArtefactError, match="no tokenizer"):
        model.save_pretrained(tmp_path / "three", tokenizer=tmp_path)
    assert not [path for path in tmp_path.iterdir() if "three" in path.name]


def test_a_folder_that_is_there_is_written_into(tmp_path):
    (tmp_path / "model").mkdir()
    made().save_pretrained(tmp_path / "model", card=False)
    assert {path.name for path in (tmp_path / "model").iterdir()} == {"config.json", "model.safetensors"}
    (tmp_path / "file").write_text("x")
    with pytest.raises(ArtefactError, match="a file"):
        made().save_pretrained(tmp_path / "file")


def test_runs_and_checkpoints_are_models(tmp_path):
    model = made()
    model.save_pretrained(tmp_path / "run" / "model")
    model.save_pretrained(tmp_path / "run" / "checkpoints" / "step-5", card=False)
    for folder in (tmp_path / "run", tmp_path / "run" / "checkpoints" / "step-5"):
        assert same(model, KnowledgeModel.from_pretrained(folder))
        assert same(
            model, KnowledgeModel.make(Model(start=str(folder)), heads=HEADS, vocabulary=WORDS, seed=3)
        )
    (tmp_path / "run" / "model").rename(tmp_path / "gone")
    with pytest.raises(ArtefactError, match="step-5"):
        KnowledgeModel.from_pretrained(tmp_path / "run")
    with pytest.raises(ArtefactError, match="no model"):
        KnowledgeModel.from_pretrained(Path(tmp_path))


def test_a_head_whose_classes_are_in_another_order_begins_anew(tmp_path):
    """Same number, same shape: only their names tell that the weights mean something else."""
    text = {"model_type": "bert", "vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 1,
            "num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 16}  # fmt: skip
    vocabulary = {"content": "c", "size": 50, "pad": 0}

    def made(*names, start=None):
        model = Model(text={} if start else text, start=start)
        heads = {"nsp": {"kind": "classes", "classes": list(names)}}
        return KnowledgeModel.make(model, heads=heads, vocabulary=vocabulary, seed=0)

    made("next", "random").save_pretrained(tmp_path / "m")
    assert not made("next", "random", start=str(tmp_path / "m")).loaded.new
    turned = made("random", "next", start=str(tmp_path / "m"))
    assert set(turned.loaded.new) == {"heads.nsp.out.weight", "heads.nsp.out.bias"}
