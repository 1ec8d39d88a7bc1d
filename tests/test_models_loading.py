"""Checkpoints of other people: what they say is what we say, and what is new is told."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import (
    AutoModel,
    BertForMaskedLM,
    BertForPreTraining,
    BertModel,
    DebertaV2ForMaskedLM,
    ModernBertForMaskedLM,
    PreTrainedModel,
    RobertaForMaskedLM,
    XLMRobertaForMaskedLM,
)

from kbtools.errors import ArtefactError, ConfigError
from kbtools.models.base import KnowledgeModel
from kbtools.models.parts.heads import classes, lm, pooler
from kbtools.models.recipe import Model
from tests import tiny_encoders

MASKED: dict[str, Any] = {
    "bert": BertForMaskedLM,
    "roberta": RobertaForMaskedLM,
    "xlm-roberta": XLMRobertaForMaskedLM,
    "deberta-v2": DebertaV2ForMaskedLM,
    "modernbert": ModernBertForMaskedLM,
}
WORDS = {"size": tiny_encoders.WORDS, "pad": 0}
NSP = {"pooler": pooler.Settings(), "nsp": classes.Settings(classes=("next", "random"), dropout=0.0)}


def batch(pad: int = 0) -> dict[str, Tensor]:
    ids = torch.arange(5, 23).reshape(2, 9)
    mask = torch.ones(2, 9, dtype=torch.long)
    mask[1, 6:] = 0
    return {"input_ids": torch.where(mask > 0, ids, pad), "attention_mask": mask}


def random(kind: Any, name: str, **changes: Any) -> PreTrainedModel:
    """Make a model of transformers in which no weight is 0 or 1 by custom."""
    torch.manual_seed(3)
    model: PreTrainedModel = kind(tiny_encoders.config(name, **changes))
    for value in model.parameters():
        value.data.normal_(std=0.2)
    model.eval()
    return model


def bert(folder: Any, **changes: Any) -> PreTrainedModel:
    model = random(BertForPreTraining, "bert", **changes)
    model.save_pretrained(folder)
    return model


def close(mine: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_bert_says_what_it_said(tmp_path):
    theirs: Any = bert(tmp_path)(**batch())
    model = KnowledgeModel.from_pretrained(tmp_path)
    hidden = model(**batch()).hidden
    close(model.heads["lm"](hidden.flatten(0, 1), model.words).view(2, 9, -1), theirs.prediction_logits)
    close(model.heads["nsp"](model.heads["pooler"](hidden[:, 0])), theirs.seq_relationship_logits)
    assert [*model.heads] == ["pooler", "lm", "nsp"] or {*model.heads} == {"pooler", "lm", "nsp"}
    assert not model.loaded.new
    assert not model.loaded.left
    assert not model.training


@torch.no_grad()
@pytest.mark.parametrize("name", tiny_encoders.NAMES)
def test_masked_words_are_what_they_were(name, tmp_path):
    theirs: Any = random(MASKED[name], name)
    theirs.save_pretrained(tmp_path)
    pad = theirs.config.pad_token_id
    model = KnowledgeModel.from_pretrained(tmp_path)
    hidden = model(**batch(pad)).hidden
    seen = batch()["attention_mask"].bool()
    scores = model.heads["lm"](hidden[seen], model.words)
    close(scores, theirs(**batch(pad)).logits[seen])
    assert [*model.heads] == ["lm"]
    assert not model.loaded.new


def test_what_is_new_and_what_is_left_is_told(tmp_path, caplog):
    random(BertForMaskedLM, "bert").save_pretrained(tmp_path)
    with caplog.at_level(logging.INFO, logger="kbtools.models"):
        model = KnowledgeModel.from_pretrained(tmp_path, heads=NSP)
    new = {f"heads.{name}.{part}" for name in ("pooler.dense", "nsp.out") for part in ("weight", "bias")}
    assert {*model.loaded.new} == new
    assert all(name.startswith("heads.lm.") for name in model.loaded.left)
    assert len(model.loaded.left) == 5
    (line,) = [record.getMessage() for record in caplog.records if record.name == "kbtools.models"]
    assert "new: nsp, pooler" in line
    assert "left: lm" in line


@pytest.mark.parametrize("name", ["bert_config.json", "ernie_config.json"])
def test_configurations_of_the_first_releases(name, tmp_path):
    """They do not say that they are BERT's; ERNIE's has kinds of layers that transformers does not know."""
    theirs: Any = bert(tmp_path / "there")
    path = tmp_path / "there" / "config.json"
    told = json.loads(path.read_text())
    del told["model_type"]
    (tmp_path / "there" / name).write_text(json.dumps(told | {"layer_types": ["sim", "mix", "norm"]}))
    path.unlink()
    found = KnowledgeModel.from_pretrained(tmp_path / "there").eval()
    valid = batch()["attention_mask"] > 0
    with torch.no_grad():
        close(found(batch()).hidden[valid], theirs.bert(**batch()).last_hidden_state[valid])


def test_new_weights_are_new_by_the_seed(tmp_path):
    random(BertModel, "bert").save_pretrained(tmp_path)
    start = Model(start=str(tmp_path))
    made = [
        KnowledgeModel.make(start, heads={"lm": lm.Settings()}, vocabulary=WORDS, seed=seed)
        for seed in (1, 1, 2)
    ]
    weights = [model.state_dict()["heads.lm.dense.weight"] for model in made]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert made[0].training
    assert "heads.lm.dense.weight" in made[0].loaded.new
    assert "heads.pooler" in str(made[0].loaded.left) or "pooler.dense.weight" in str(made[0].loaded.left)


def test_rows_may_be_added(tmp_path):
    theirs = bert(tmp_path, type_vocab_size=2).state_dict()
    start = Model(start=str(tmp_path), text={"type_vocab_size": 3, "vocab_size": 96})
    model = KnowledgeModel.make(start, heads={"lm": lm.Settings()}, vocabulary={"size": 96, "pad": 0}, seed=0)
    state = model.state_dict()
    segments = state["body.text.model.embeddings.token_type_embeddings.weight"]
    assert torch.equal(segments[:2], theirs["bert.embeddings.token_type_embeddings.weight"])
    assert segments.shape == (3, 16)
    assert 0 < segments[2].std() < 0.05
    assert torch.equal(model.words[:90], theirs["bert.embeddings.word_embeddings.weight"])
    assert 0.01 < model.words[90:].std() < 0.03
    assert torch.equal(state["heads.lm.bias"][:90], theirs["cls.predictions.bias"])
    assert not state["heads.lm.bias"][90:].any()
    assert model.loaded.grown["body.text.model.embeddings.word_embeddings.weight"] == (90, 96)
    assert "96 rows, 90 of them there" in str(model.loaded)


def test_settings_that_are_no_shapes_may_change(tmp_path):
    bert(tmp_path)
    start = Model(start=str(tmp_path), text={"hidden_dropout_prob": 0.3, "hidden_act": "relu"})
    model = KnowledgeModel.make(start, heads={}, vocabulary=WORDS, seed=0)
    assert model.body.text.config.hidden_dropout_prob == 0.3
    for changes in (
        {"num_hidden_layers": 3},
        {"hidden_size": 32},
        {"type_vocab_size": 1},
        {"model_type": "roberta"},
    ):
        with pytest.raises(ConfigError, match=next(iter(changes))):
            KnowledgeModel.make(Model(start=str(tmp_path), text=changes), heads={}, vocabulary=WORDS, seed=0)


def test_a_foreign_tokenizer_is_refused(tmp_path):
    bert(tmp_path)
    start = Model(start=str(tmp_path))
    for vocabulary, said in [
        ({"size": 91, "pad": 0}, "embeddings of 90 words, the tokenizer has 91"),
        ({"size": 90, "pad": 7}, "another tokenizer"),
    ]:
        with pytest.raises(ConfigError, match=said):
            KnowledgeModel.make(start, heads={}, vocabulary=vocabulary, seed=0)
    model = KnowledgeModel.make(start, heads={}, vocabulary={"size": 85, "pad": 0, "content": "a"}, seed=0)
    model.save_pretrained(tmp_path / "ours")
    with pytest.raises(ConfigError, match="another tokenizer"):
        KnowledgeModel.make(
            Model(start=str(tmp_path / "ours")),
            heads={},
            vocabulary={"size": 85, "pad": 0, "content": "b"},
            seed=0,
        )


def test_heads_of_other_classes_begin_anew(tmp_path):
    bert(tmp_path)
    KnowledgeModel.from_pretrained(tmp_path).save_pretrained(tmp_path / "ours")
    three = {**NSP, "nsp": classes.Settings(classes=("next", "previous", "random"))}
    model = KnowledgeModel.make(Model(start=str(tmp_path / "ours")), heads=three, vocabulary=WORDS, seed=0)
    assert {*model.loaded.new} == {"heads.nsp.out.weight", "heads.nsp.out.bias"}
    assert "heads.nsp.out.weight" in model.loaded.left


def test_another_body_may_be_begun_with_it(tmp_path):
    bert(tmp_path)
    model = KnowledgeModel.from_pretrained(tmp_path, model="ernie_baidu", settings={"dialogues": "role"})
    assert model.config.body == "ernie_baidu"
    with pytest.raises(ConfigError, match="dialogues"):
        KnowledgeModel.from_pretrained(tmp_path, model="ernie_baidu", settings={"dialogues": "turns"})


@torch.no_grad()
@pytest.mark.parametrize("name", tiny_encoders.NAMES)
def test_people_without_kbtools_can_use_it(name, tmp_path):
    random(BertForPreTraining if name == "bert" else MASKED[name], name).save_pretrained(tmp_path / "theirs")
    model = KnowledgeModel.from_pretrained(tmp_path / "theirs")
    assert model.export_text(tmp_path / "back") == []
    pad = model.body.text.config.pad_token_id
    kind = BertForPreTraining if name == "bert" else MASKED[name]
    before, after = kind.from_pretrained(tmp_path / "theirs"), kind.from_pretrained(tmp_path / "back")
    for one, other in zip(before(**batch(pad)).values(), after(**batch(pad)).values(), strict=True):
        assert torch.equal(one, other)
    encoder = AutoModel.from_pretrained(tmp_path / "back").eval()
    seen = batch()["attention_mask"].bool()
    close(encoder(**batch(pad)).last_hidden_state[seen], model(**batch(pad)).hidden[seen])


def test_an_encoder_alone_is_written_as_one(tmp_path):
    bert(tmp_path / "theirs")
    model = KnowledgeModel.from_pretrained(tmp_path / "theirs", heads={"nsp": NSP["nsp"]})
    assert {*model.export_text(tmp_path / "back")} == {"heads.nsp.out.weight", "heads.nsp.out.bias"}
    names = load_file(tmp_path / "back" / "model.safetensors")
    assert "embeddings.word_embeddings.weight" in names
    assert not [name for name in names if "pooler" in name]


def test_numbers_of_less_precision_are_read(tmp_path):
    theirs = bert(tmp_path)
    theirs.half().save_pretrained(tmp_path)
    model = KnowledgeModel.from_pretrained(tmp_path)
    assert model.dtype == torch.float32
    assert KnowledgeModel.from_pretrained(tmp_path, dtype=torch.bfloat16).dtype == torch.bfloat16
    with pytest.raises(ConfigError, match="no type of torch"):
        KnowledgeModel.from_pretrained(tmp_path, dtype="float31")
    with pytest.raises(ConfigError, match="knows no 'colour'"):
        KnowledgeModel.from_pretrained(tmp_path, colour="blue")


def test_weights_of_something_else_are_refused(tmp_path):
    bert(tmp_path)
    state = load_file(tmp_path / "model.safetensors")
    save_file({f"odd.{name}": value for name, value in state.items()}, tmp_path / "model.safetensors")
    with pytest.raises(ArtefactError, match="no kind that is known"):
        KnowledgeModel.from_pretrained(tmp_path)
    gone = {name: value for name, value in state.items() if "layer.1" not in name}
    save_file(gone, tmp_path / "model.safetensors")
    with pytest.raises(ArtefactError, match=r"16 weights of the text encoder are not there"):
        KnowledgeModel.from_pretrained(tmp_path)
