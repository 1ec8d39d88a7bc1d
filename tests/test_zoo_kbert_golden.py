"""K-BERT's own program and weights: the same states, scores, loss and gradients, read by the key map."""

from __future__ import annotations

import json
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402

from kbtools.errors import ArtefactError, ConfigError  # noqa: E402
from kbtools.models.base import KnowledgeModel  # noqa: E402
from kbtools.models.objectives.base import Here  # noqa: E402
from kbtools.models.objectives.labels import OBJECTIVE as LABELS  # noqa: E402
from kbtools.models.parts.visibility import Visibility  # noqa: E402
from kbtools.models.recipe import Model  # noqa: E402
from tests.test_parts_encoder_golden import numbered  # noqa: E402

CONFIG = {
    "model_type": "bert", "vocab_size": 72, "hidden_size": 16, "num_hidden_layers": 2,
    "num_attention_heads": 4, "intermediate_size": 32, "max_position_embeddings": 512,
    "type_vocab_size": 2, "pad_token_id": 0,
    "hidden_act": "gelu", "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
}  # fmt: skip
SEGMENTS = "body.text.model.embeddings.token_type_embeddings.weight"


@pytest.fixture(scope="module")
def told(golden):
    return load_file(golden / "02_kbert_forward" / "kbert_cls.safetensors")


def written(folder, told, **more):
    """Lay its weights down as a checkpoint; None: a weight that is missing."""
    folder.mkdir()
    state = {name.removeprefix("w."): value for name, value in told.items() if name.startswith("w.")}
    state = {name: value for name, value in (state | more).items() if value is not None}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def checkpoint(told, tmp_path_factory):
    return written(tmp_path_factory.mktemp("kbert") / "there", told)


@pytest.fixture(scope="module")
def batch(told):
    """What its program read; soft positions of padding are 0 with us, segments 0."""
    valid = told["in.mask"] > 0
    numbers = [numbered(*row) for row in zip(told["in.visible_matrix"] > 0, valid, strict=True)]
    return {
        "input_ids": told["in.token_ids"], "attention_mask": valid,
        "segment": torch.zeros_like(told["in.mask"], dtype=torch.int8),
        "soft": told["in.soft_positions"].masked_fill(~valid, 0),
        "branch": torch.stack([branch for branch, _ in numbers]),
        "word": torch.stack([word for _, word in numbers]),
        "label": told["in.label"], "batch.rows": torch.arange(3),
    }  # fmt: skip


def close(found, wanted, atol=1e-5):
    torch.testing.assert_close(found, wanted, atol=atol, rtol=1e-4)


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_the_same_states(checkpoint, batch, told, attention):
    model = KnowledgeModel.from_pretrained(checkpoint, model="kbert", attn_implementation=attention)
    assert (model.loaded.new, model.loaded.left) == ((), ())
    valid = batch["attention_mask"]
    found = model(batch, layers=True)
    names = ("out.embedding", "out.hidden_layer1", "out.hidden_layer2")
    for name, states in zip(names, found.hidden_states, strict=True):
        close(states[valid], told[name][valid])
    itself = torch.diag_embed(~valid)
    assert torch.equal(Visibility.of_batch(batch).pairs(), (told["in.visible_matrix"] > 0) | itself)
    blind = KnowledgeModel.from_pretrained(checkpoint, model="kbert", settings={"visibility": False})
    close(blind(batch).hidden[valid], told["out.hidden_layer2_no_vm"][valid])


def test_the_same_scores_loss_and_gradients(checkpoint, batch, told):
    model = KnowledgeModel.from_pretrained(checkpoint, model="kbert")
    assert {*model.heads} == {"pooler", "labels"}
    assert model.heads["labels"].classes == ("0", "1", "2")
    labels: Any = LABELS(LABELS.settings(count=3), Here(72, {"pad": 0}))
    given = dict(batch)
    assert labels.corrupt(given, None) == 3
    output = model(given)
    close(model.heads["labels"](model.heads["pooler"](output.hidden[:, 0])), told["out.logits_first"])
    loss = labels.loss(model, output, given).total / 3
    close(loss, told["out.loss_first"])
    loss.backward()
    layers = "body.text.model.encoder.layer"
    for theirs, ours in {
        "embedding.word_embedding": "body.text.model.embeddings.word_embeddings",
        "encoder.transformer.0.self_attn.linear_layers.0": f"{layers}.0.attention.self.query",
        "encoder.transformer.1.self_attn.final_linear": f"{layers}.1.attention.output.dense",
        "output_layer_2": "heads.labels.out",
    }.items():
        close(model.get_parameter(f"{ours}.weight").grad, told[f"grad.{theirs}.weight"])


@pytest.mark.parametrize(("kind", "pool"), [
    ("mean", lambda states: states.mean(1)), ("max", lambda states: states.amax(1)),
    ("last", lambda states: states[:, -1]),
])  # fmt: skip
def test_its_classifier_on_its_other_poolings(checkpoint, told, kind, pool):
    """They take padding in, which has other states there: so of its states."""
    model = KnowledgeModel.from_pretrained(checkpoint, model="kbert")
    found = model.heads["labels"](model.heads["pooler"](pool(told["out.hidden_layer2"])))
    close(found, told[f"out.logits_{kind}"])


@pytest.mark.parametrize(("pooling", "pool"), [("mean", torch.mean), ("max", torch.amax)])
def test_pooled_trunks(checkpoint, batch, pooling, pool):
    """Neither padding nor branches have a part in the state of an example."""
    model = KnowledgeModel.from_pretrained(checkpoint, model="kbert")
    labels: Any = LABELS(LABELS.settings(count=3, pooling=pooling), Here(72, {"pad": 0}))
    given = {**batch, "label": torch.tensor([2, -1, 1])}
    assert labels.corrupt(given, None) == 2
    output = model(given)
    trunk = batch["attention_mask"] & (batch["branch"] == 0)
    states = torch.stack([pool(output.hidden[row, trunk[row]], 0) for row in (0, 2)])
    scores = model.heads["labels"](model.heads["pooler"](states))
    wanted = torch.nn.functional.cross_entropy(scores, torch.tensor([2, 1]), reduction="sum")
    close(labels.loss(model, output, given).total, wanted)


def test_what_goes_with_the_weights(checkpoint, batch, tmp_path):
    model = KnowledgeModel.from_pretrained(checkpoint, model="kbert")
    assert model.config.settings == {"layer_norm": "uer", "segments": "uer"}
    assert model.state_dict()[SEGMENTS].shape == (3, 16)
    model.save_pretrained(tmp_path / "saved")
    again = KnowledgeModel.from_pretrained(tmp_path / "saved")
    assert again.config.settings == model.config.settings
    assert torch.equal(again(batch).hidden, model(batch).hidden)

    for start in (checkpoint, tmp_path / "saved"):  # a run goes on with them, and may add its own
        told = Model(name="kbert", start=str(start), settings={"visibility": False})
        heads = {name: again.config.heads[name] for name in ("pooler", "labels")}
        made = KnowledgeModel.make(told, heads=heads, vocabulary={"size": 72, "pad": 0}, seed=0)
        assert made.config.settings == {"layer_norm": "uer", "segments": "uer", "visibility": False}
        assert made.loaded.new == ()
        assert not torch.equal(made.eval()(batch).hidden, model(batch).hidden)
    with pytest.raises(
        ConfigError, match="trained with layer_norm = 'uer', which the body bert does not have"
    ):
        KnowledgeModel.make(
            Model(name="bert", start=str(tmp_path / "saved")),
            heads={},
            vocabulary={"size": 72, "pad": 0},
            seed=0,
        )


def test_unless_one_says_otherwise(checkpoint, told):
    there = told["w.embedding.segment_embedding.weight"]
    for settings, rows in (({"layer_norm": "bert"}, there), ({"segments": "bert"}, there[1:])):
        model = KnowledgeModel.from_pretrained(checkpoint, model="kbert", settings=settings)
        assert model.config.settings == {"layer_norm": "uer", "segments": "uer"} | settings
        assert torch.equal(model.state_dict()[SEGMENTS], rows)
    plain = KnowledgeModel.from_pretrained(checkpoint)
    assert plain.config.settings == {}
    assert torch.equal(plain.state_dict()[SEGMENTS], there[1:])


def test_missing_and_further_weights_are_listed(told, tmp_path):
    lacking = {"output_layer_2.weight": None, "output_layer_2.bias": None, "crf.transitions": torch.zeros(2)}
    heads = KnowledgeModel.from_pretrained(written(tmp_path / "whole", told), model="kbert").config.heads
    found = KnowledgeModel.from_pretrained(
        written(tmp_path / "other", told, **lacking), model="kbert", heads=heads
    )
    assert found.loaded.new == ("heads.labels.out.weight", "heads.labels.out.bias")
    assert found.loaded.left == ("crf.transitions",)
    broken = {"encoder.transformer.1.feed_forward.linear_1.bias": None}
    with pytest.raises(
        ArtefactError, match=r"1 weights of the text encoder are not there \(body\.text\.model"
    ):
        KnowledgeModel.from_pretrained(written(tmp_path / "broken", told, **broken), model="kbert")


def test_classes_with_other_names_begin_anew(checkpoint):
    head = {"kind": "classes", "classes": ["no", "perhaps", "yes"], "dropout": 0.0}
    heads = {"pooler": {"kind": "pooler"}, "labels": head}
    made = KnowledgeModel.from_pretrained(checkpoint, model="kbert", heads=heads)
    assert made.loaded.new == ("heads.labels.out.weight", "heads.labels.out.bias")
