"""The head of words gives what transformers' own head gives, for each kind of encoder."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers

from kbtools.models.parts.heads import base, lm

SMALL: dict[str, Any] = {
    "vocab_size": 23,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 8,
}
BERT = {"dense": "transform.dense", "norm": "transform.LayerNorm", "": "bias"}
NEW = {"dense": "lm_head.dense", "norm": "lm_head.LayerNorm", "": "lm_head.bias"}
ROBERTA = {"dense": "dense", "norm": "layer_norm", "": "bias"}
MODERN = {"dense": "head.dense", "norm": "head.norm", "": "decoder.bias"}
CASES: dict[str, Any] = {  # name → model type, what differs, where the head lies, its names there
    "bert": ("bert", {}, "cls.predictions.", BERT),
    "bert with relu": ("bert", {"hidden_act": "relu", "layer_norm_eps": 0.1}, "cls.predictions.", BERT),
    "roberta": ("roberta", {"hidden_act": "relu"}, "lm_head.", ROBERTA),
    "xlm-roberta": ("xlm-roberta", {}, "lm_head.", ROBERTA),
    "deberta-v2": ("deberta-v2", {}, "cls.predictions.", BERT),
    "deberta-v2, narrow words": ("deberta-v2", {"embedding_size": 4}, "cls.predictions.", BERT),
    "deberta-v2, new": ("deberta-v2", {"legacy": False}, "lm_predictions.", NEW),
    "modernbert": ("modernbert", {"pad_token_id": 0}, "", MODERN),
    "modernbert with biases": (
        "modernbert",
        {"pad_token_id": 0, "classifier_bias": True, "norm_bias": True, "norm_eps": 0.1},
        "",
        MODERN,
    ),
    "modernbert without one": ("modernbert", {"pad_token_id": 0, "decoder_bias": False}, "", MODERN),
    "albert": (
        "albert",
        {"embedding_size": 4},
        "predictions.",
        {"dense": "dense", "norm": "LayerNorm", "": "bias"},
    ),
    "electra": (
        "electra",
        {"embedding_size": 4, "hidden_act": "relu"},
        "generator_",
        {"dense": "predictions.dense", "norm": "predictions.LayerNorm", "": "lm_head.bias"},
    ),
    "distilbert": (
        "distilbert",
        {"activation": "relu"},
        "vocab_",
        {"dense": "transform", "norm": "layer_norm", "": "projector.bias"},
    ),
}


def theirs(name):
    kind, other, prefix, names = CASES[name]
    config = transformers.AutoConfig.for_model(kind, **SMALL | {"bos_token_id": 1, "eos_token_id": 2} | other)
    torch.manual_seed(0)
    model = transformers.AutoModelForMaskedLM.from_config(config).eval()
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    return config, model, prefix, names


@pytest.mark.parametrize("name", CASES)
def test_it_scores_as_transformers_does(name):
    config, model, prefix, names = theirs(name)
    weights = model.state_dict()
    head = base.build(base.plain(lm.Settings()), config).eval()
    mapped = {}
    for key in head.state_dict():
        part, _, last = key.rpartition(".")
        where = names[part] if part == "" else f"{names[part]}.{last}"
        mapped[key] = weights[prefix + where]
    head.load_state_dict(mapped)
    ids = torch.tensor([[3, 4, 5, 6, 7]])
    found = model(input_ids=ids, output_hidden_states=True)
    words = model.get_input_embeddings().weight
    scores = head(found.hidden_states[-1][0, 1:3], words)
    torch.testing.assert_close(scores, found.logits[0, 1:3], rtol=1e-4, atol=1e-5)


def test_no_place_is_no_score():
    config = theirs("bert")[0]
    head = base.build({"kind": "lm"}, config)
    scores = head(torch.zeros(0, 8), torch.zeros(23, 8))
    assert scores.shape == (0, 23)
    scores.sum().backward()
    assert all(weight.grad is not None for weight in head.parameters())


def test_it_has_no_matrix_of_words():
    config = theirs("bert")[0]
    assert [tuple(w.shape) for w in lm.Words(config).parameters()] == [(23,), (8, 8), (8,), (8,), (8,)]
