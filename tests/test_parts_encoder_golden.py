"""K-BERT's published transformer with a visible matrix, from its own weights: the same states to 1e-5.

Its layer norm is not that of BERT.
"""

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from transformers import BertConfig

from kbtools.models.parts.encoder import TextEncoder
from kbtools.models.parts.norms import as_uer
from kbtools.models.parts.visibility import Visibility

NAMES = {  # in its weights, in ours
    "self_attn.linear_layers.0": "attention.self.query",
    "self_attn.linear_layers.1": "attention.self.key",
    "self_attn.linear_layers.2": "attention.self.value",
    "self_attn.final_linear": "attention.output.dense",
    "layer_norm_1": "attention.output.LayerNorm",
    "feed_forward.linear_1": "intermediate.dense",
    "feed_forward.linear_2": "output.dense",
    "layer_norm_2": "output.LayerNorm",
    "embedding.word_embedding": "embeddings.word_embeddings",
    "embedding.position_embedding": "embeddings.position_embeddings",
    "embedding.segment_embedding": "embeddings.token_type_embeddings",
    "embedding.layer_norm": "embeddings.LayerNorm",
    "encoder.transformer.": "encoder.layer.",
    ".gamma": ".weight",
    ".beta": ".bias",
}


def encoder(told, attention):
    config = BertConfig(
        vocab_size=72,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=32,
        type_vocab_size=3,
    )
    made = TextEncoder(config, attention=attention).eval()
    as_uer(made)
    weights = {}
    for key, value in told.items():
        name = key.removeprefix("w.")
        for theirs, ours in NAMES.items():
            name = name.replace(theirs, ours)
        if key.startswith(("w.embedding", "w.encoder")):
            weights[name] = value
    made.model.load_state_dict(weights, strict=True)
    return made


def numbered(seen, valid):
    """Find branch and word numbers that say what a visible matrix says, [T, T] → [T], [T]."""
    trunk = seen[0]
    size = len(seen)
    branch, word = torch.zeros(size, dtype=torch.long), -torch.arange(1, size + 1)
    for at in torch.nonzero(valid & ~trunk).flatten().tolist():
        branch[at] = int(torch.nonzero(seen[at] & ~trunk)[0]) + 1
        head = seen[at] & trunk
        first = int(torch.nonzero(head)[0]) + 1
        word[at], word[head] = first, first
    return branch, word


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_k_bert(golden, attention):
    told = load_file(golden / "02_kbert_forward" / "kbert_cls.safetensors")
    valid = told["in.mask"] > 0
    numbers = [numbered(*row) for row in zip(told["in.visible_matrix"] > 0, valid, strict=True)]
    batch = {
        "input_ids": told["in.token_ids"],
        "attention_mask": valid,
        "segment": told["in.mask"],
        "positions": told["in.soft_positions"],
        "branch": torch.stack([branch for branch, _ in numbers]),
        "word": torch.stack([word for _, word in numbers]),
    }
    visible = Visibility.of_batch(batch)
    itself = torch.diag_embed(~valid)
    seen = visible.pairs()
    assert seen is not None
    assert torch.equal(seen, (told["in.visible_matrix"] > 0) | itself)

    text = encoder(told, attention)
    found = text(batch, visible=visible, layers=True)
    names = ("out.embedding", "out.hidden_layer1", "out.hidden_layer2")
    for name, states in zip(names, found.hidden_states, strict=True):
        torch.testing.assert_close(states[valid], told[name][valid], atol=1e-5, rtol=1e-5)
    everyone = text(batch).hidden
    torch.testing.assert_close(everyone[valid], told["out.hidden_layer2_no_vm"][valid], atol=1e-5, rtol=1e-5)

    pooled = torch.tanh(
        nn.functional.linear(
            found.hidden[:, 0], told["w.output_layer_1.weight"], told["w.output_layer_1.bias"]
        )
    )
    logits = nn.functional.linear(pooled, told["w.output_layer_2.weight"], told["w.output_layer_2.bias"])
    torch.testing.assert_close(logits, told["out.logits_first"], atol=1e-5, rtol=1e-5)
    nn.functional.cross_entropy(logits, told["in.label"]).backward()
    gradients = {name: one.grad for name, one in text.model.named_parameters()}
    for theirs, ours in (
        ("embedding.word_embedding.weight", "embeddings.word_embeddings.weight"),
        (
            "encoder.transformer.0.self_attn.linear_layers.0.weight",
            "encoder.layer.0.attention.self.query.weight",
        ),
        (
            "encoder.transformer.1.self_attn.final_linear.weight",
            "encoder.layer.1.attention.output.dense.weight",
        ),
    ):
        torch.testing.assert_close(gradients[ours], told[f"grad.{theirs}"], atol=1e-5, rtol=1e-4)
