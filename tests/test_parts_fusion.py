"""Entities fused into layers: what each kind of block may change, and what it may not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.functional import gelu
from transformers import BertConfig, DebertaV2Config, ElectraConfig, ModernBertConfig, RobertaConfig

from kbtools.errors import ConfigError
from kbtools.models.parts.encoder import TextEncoder
from kbtools.models.parts.fusion import Entities, Fused

B, T, WIDTH = 2, 9, 6
SIZES: dict[str, Any] = {
    "vocab_size": 50, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 24,
    "max_position_embeddings": 32, "pad_token_id": 0,
}  # fmt: skip
HEARD = [(0, 2), (0, 5), (1, 3)]  # tokens with an entity


class Made:
    """An encoder with entities in its layers; the bias of the entity side is 0 unless `bias`."""

    def __init__(self, blocks, attention="sdpa", bias=False, config=BertConfig):
        torch.manual_seed(0)
        told = config(**SIZES, num_hidden_layers=len(blocks))
        self.text = TextEncoder(told, attention=attention).eval()
        self.fused = Fused(told, blocks, width=WIDTH, heads=2, attention=attention).eval()
        for name, weight in [*self.text.named_parameters(), *self.fused.named_parameters()]:
            if weight.dim() > 1 or (bias and name.endswith("bias")):
                torch.nn.init.normal_(weight, std=0.3)
        self.batch = {"input_ids": torch.randint(1, 50, (B, T)), "attention_mask": torch.ones(B, T).bool()}
        self.batch["attention_mask"][1, 7:] = False

    def states(self, vectors, there):
        """Return the states after each block, [layers + 1, B, T, H]."""
        run = self.fused.run(Entities.of(self.batch, vectors, there))
        with torch.no_grad():
            return torch.stack(self.text(self.batch, instead=run, layers=True).hidden_states)

    def plain(self):
        with torch.no_grad():
            return torch.stack(self.text(self.batch, layers=True).hidden_states)


def entities(at=HEARD, seed=1):
    """Vectors at some tokens, and where they are."""
    there = torch.zeros(B, T, dtype=torch.bool)
    for row, column in at:
        there[row, column] = True
    vectors = torch.randn(B, T, WIDTH, generator=torch.Generator().manual_seed(seed))
    return vectors, there


def differs(one, other):
    """Say at which tokens states differ, [layers + 1, B, T]."""
    return (one != other).any(-1)


ATTENTION = pytest.mark.parametrize("attention", ["sdpa", "eager"])


@ATTENTION
@pytest.mark.parametrize(
    "blocks", [("sim", "mix", "norm", "norm"), ("norm", "norm"), ("mix", "sim")], ids="-".join
)
@pytest.mark.parametrize("config", [BertConfig, RobertaConfig, ElectraConfig], ids=lambda one: one.model_type)
def test_without_entities_it_is_the_encoder_to_the_bit(blocks, attention, config):
    made = Made(blocks, attention, config=config)
    vectors, nowhere = entities(at=[])
    assert torch.equal(made.states(vectors, nowhere), made.plain())


def test_a_first_token_of_zeros_changes_what_it_must_and_no_more():
    made = Made(("sim", "mix", "norm", "norm", "norm"))
    _, there = entities(at=[(0, 0), (1, 0)])
    changed = differs(made.states(torch.zeros(B, T, WIDTH), there), made.plain())
    assert not changed[:3].any()  # embeddings, sim, mix: what comes in is zero
    assert changed[3, :, 0].all()
    assert not changed[3, :, 1:].any()  # norm: only the first token has something by now
    assert changed[4][made.batch["attention_mask"]].all()


@ATTENTION
@pytest.mark.parametrize("first", ["mix", "norm"])
def test_a_vector_where_no_entity_is_changes_nothing(first, attention):
    made = Made(("sim", first, "norm", "norm"), attention, bias=True)
    vectors, there = entities()
    other = torch.where(there[..., None], vectors, 7 * vectors + 1)
    assert torch.equal(made.states(vectors, there), made.states(other, there))


def test_what_is_no_number_stays_where_no_entity_is():
    made = Made(("mix", "norm"))
    vectors, there = entities()
    assert made.states(vectors.masked_fill(~there[..., None], torch.inf), there).isfinite().all()


@pytest.mark.parametrize(("block", "seen"), [("norm", True), ("mix", False)])
def test_entities_see_each_other_in_norm_alone(block, seen):
    made = Made((block,), bias=True)
    vectors, there = entities()
    other = vectors.clone()
    other[0, 2] += 1
    changed = differs(made.states(vectors, there), made.states(other, there))[1]
    assert changed[0, 2]
    assert changed[0, 5] == seen
    assert changed.sum() == 1 + seen  # neither other tokens nor the other row


def test_without_an_entity_its_bias_is_still_added():
    made = Made(("norm", "norm"), bias=True)
    vectors, there = entities()
    seen = []
    layer: Any = made.text.layers[0]
    fusion: Any = made.fused["0"]
    layer.output.register_forward_hook(lambda _, given, __: seen.append(given))
    made.states(vectors, there)
    ((inner, words),) = seen
    dense = layer.intermediate.dense
    wanted = gelu(words @ dense.weight.T + dense.bias + fusion.inner.bias)
    torch.testing.assert_close(inner[~there], wanted[~there], atol=1e-6, rtol=1e-5)
    assert (inner[there] - wanted[there]).abs().max() > 1e-2


def test_the_last_block_makes_no_entities():
    made = Made(("sim", "mix", "norm", "sim"))
    assert [*made.fused] == ["1", "2"]
    assert made.fused["1"].outer is not None
    assert made.fused["2"].outer is None
    assert made.fused["1"].attention is None
    assert made.fused["2"].attention is not None


@ATTENTION
def test_eager_and_fused_attention_agree(attention):
    vectors, there = entities()
    one, other = (Made(("mix", "norm", "norm"), kind, bias=True) for kind in ("sdpa", attention))
    torch.testing.assert_close(one.states(vectors, there), other.states(vectors, there), atol=1e-5, rtol=1e-4)


def test_examples_of_a_packed_row_are_apart():
    made = Made(("norm", "norm"), bias=True)
    vectors, there = entities(at=[(0, 1), (0, 6)])
    made.batch["sequence"] = torch.tensor([[1] * 5 + [2] * 4] * 2)
    made.batch["positions"] = torch.tensor([[*range(5), *range(4)]] * 2)
    other = vectors.clone()
    other[0, 1] += 1
    changed = differs(made.states(vectors, there), made.states(other, there))
    assert changed[2, 0, :5].all()
    assert not changed[:, 0, 5:].any()


def test_gradients_are_the_same_with_checkpointing():
    vectors, there = entities()
    found = []
    for on in (False, True):
        made = Made(("mix", "norm", "norm"), bias=True)
        made.text.train()
        for part in made.text.modules():
            if isinstance(part, torch.nn.Dropout):
                part.p = 0.0
        made.text.checkpoint(on)
        run = made.fused.run(Entities.of(made.batch, vectors, there))
        made.text(made.batch, instead=run).hidden.square().sum().backward()
        found.append([one.grad for one in (*made.text.parameters(), *made.fused.parameters())])
    assert all(torch.equal(one, two) for one, two in zip(*found, strict=True) if one is not None)
    assert sum(one is not None for one in found[1]) == sum(one is not None for one in found[0]) > 30


@pytest.mark.parametrize("config", [DebertaV2Config, ModernBertConfig], ids=lambda one: one.model_type)
def test_layers_of_other_kinds_are_refused(config):
    with pytest.raises(ConfigError, match=f"cannot be fused into layers of {config.model_type}"):
        Fused(config(**SIZES, num_hidden_layers=2), ("norm",), width=4)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"blocks": ("norm",) * 3}, "3 blocks, but the text encoder has 2 layers"),
        ({"blocks": ("norm",), "width": 10}, "10 numbers cannot have 4 heads"),
        ({"blocks": ("norm",), "width": 0}, "0 numbers"),
        ({"blocks": ("norm",), "heads": 0}, "0 heads"),
    ],
)
def test_what_cannot_be_is_refused(told, said):
    with pytest.raises(ConfigError, match=said):
        Fused(BertConfig(**SIZES, num_hidden_layers=2), **{"width": 8, **told})
