"""What a step costs: arithmetic by hand, peaks of devices, memory beside what autograd really keeps."""

from __future__ import annotations

import doctest
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from transformers import BertConfig

from kbtools.models.parts.encoder import TextEncoder
from kbtools.models.parts.heads import lm, pooler
from kbtools.models.training import costs
from kbtools.models.training import memory as memories
from kbtools.models.training.memory import Setup, memory

H, INNER, LAYERS, VOCABULARY = 32, 64, 3, 100


class Body(nn.Module):
    """A text encoder, and nothing else."""

    def __init__(self, text: TextEncoder) -> None:
        super().__init__()
        self.text = text


class Model(nn.Module):
    """A text encoder with heads."""

    def __init__(self, dropout: float = 0.0, attention: str = "sdpa") -> None:
        super().__init__()
        config = BertConfig(
            vocab_size=VOCABULARY, hidden_size=H, intermediate_size=INNER, num_hidden_layers=LAYERS,
            num_attention_heads=2, hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout,
        )  # fmt: skip
        self.body = Body(TextEncoder(config, attention=attention))
        self.tables: dict[str, Any] = {}
        self.heads = nn.ModuleDict(
            {
                "lm": lm.build(lm.Settings(), config),
                "pooler": pooler.build(pooler.Settings(), config),
            }
        )

    @property
    def words(self):
        return self.body.text.words


def frozen(model, *names):
    for name, weight in model.named_parameters():
        if any(one in name for one in names):
            weight.requires_grad_(False)
    return model


def test_examples_in_docstrings():
    assert doctest.testmod(costs).failed == 0


def test_by_hand():
    layer = 4 * H * H + 2 * H * INNER
    found = costs.work(Model())
    assert found.token == 6 * LAYERS * layer
    assert found.pair == 12 * LAYERS * H
    assert found.target == 6 * (H * H + VOCABULARY * H)
    assert found.example == 6 * H * H
    tokens, length = 1000, 50
    assert found.flops(tokens, length, targets=150, examples=20) == (
        6 * LAYERS * layer * tokens
        + 12 * LAYERS * H * length * tokens
        + 6 * (H * H + VOCABULARY * H) * 150
        + 6 * H * H * 20
    )


def test_nothing_is_computed_for_what_is_frozen_below_all_that_trains():
    layer = 4 * H * H + 2 * H * INNER
    found = costs.work(frozen(Model(), "embeddings", "layer.0", "layer.1"))
    assert found.token == (2 + 2 + 6) * layer
    assert found.pair == (4 + 4 + 12) * H
    above = costs.work(frozen(Model(), "layer.1"))  # gradients pass it on their way to layer 0
    assert above.token == (6 + 4 + 6) * layer
    assert above.pair == 36 * H
    nothing = costs.work(frozen(Model(), "body"))
    assert nothing.token == 3 * 2 * layer
    assert nothing.target == 6 * H * H + 4 * VOCABULARY * H


@pytest.mark.parametrize(
    ("device", "precision", "figure"),
    [
        ("NVIDIA A100-SXM4-80GB", "bf16", 312),
        ("NVIDIA A100 80GB PCIe", "fp32", 19.5),
        ("NVIDIA H100 80GB HBM3", "bf16", 989.4),
        ("NVIDIA H100 PCIe", "fp16", 756),
        ("NVIDIA H100 NVL", "bf16", 835.5),
        ("NVIDIA H200", "bf16", 989.4),
        ("NVIDIA L40S", "bf16", 362),
        ("NVIDIA L4", "bf16", 121),
        ("NVIDIA GeForce RTX 4090", "bf16", 165.2),
        ("Tesla V100-SXM2-16GB", "fp16", 125),
        ("Tesla V100-PCIE-32GB", "fp16", 112),
        ("Tesla V100-SXM2-16GB", "bf16", None),
        ("Tesla T4", "fp16", 65),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "bf16", None),
        ("NVIDIA A100-SXM4-40GB MIG 3g.20gb", "bf16", None),
        ("NVIDIA A1000", "bf16", None),
        ("cpu", "fp32", None),
        ("", "bf16", None),
    ],
)
def test_peaks_by_name(device, precision, figure):
    found = costs.peak(device, precision)
    assert found == (None if figure is None else pytest.approx(figure * 1e12))


def test_fp32_is_faster_where_it_may_be_rounded():
    assert costs.peak("NVIDIA A100-SXM4-80GB", "fp32", tf32=True) == 156e12
    assert costs.peak("Tesla T4", "fp32", tf32=True) == 8.1e12


def test_mfu():
    assert costs.mfu(1e12, 2.0, 1e12) == 0.5
    assert costs.mfu(1e12, 2.0, 1e12, devices=2) == 0.25
    assert costs.mfu(1e12, 2.0, None) is None
    assert costs.mfu(1e12, 0.0, 1e12) is None


def kept(model, setup):
    """Run an encoder; add up the memory that autograd keeps, weights apart."""
    own = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    seen = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            seen[storage.data_ptr()] = storage  # held, so that no other takes its place
        return tensor

    batch = {
        "input_ids": torch.ones(setup.rows, setup.length, dtype=torch.long),
        "attention_mask": torch.ones(setup.rows, setup.length, dtype=torch.bool),
    }
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model.body.text(batch)
    return sum(one.nbytes() for one in seen.values())


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_activations_are_told_to_a_fifth(attention, dropout):
    model, setup = Model(dropout, attention).train(), Setup(4, 64, attention=attention)
    of = memories.shape(model.body.text.config)
    passing = setup.tokens * 4 * (4 * H + 2 * INNER)  # what is there on the way back only
    passing += setup.tokens * 4 * 2 * 2 * 64 if attention == "eager" or dropout else 0
    told = memories.activations(of, setup) - passing
    assert told == pytest.approx(kept(model, setup), rel=0.2)


def test_with_checkpointing_little_is_kept():
    model, setup = Model(0.1).train(), Setup(4, 64, checkpointing=True)
    model.body.text.checkpoint()
    of = memories.shape(model.body.text.config)
    inputs = setup.tokens * H * 4 * (LAYERS + 2)  # of layers, and what embeddings keep
    assert kept(model, setup) == pytest.approx(inputs, rel=0.2)
    assert (
        inputs
        < memories.activations(of, setup)
        < memories.activations(of, setup._replace(checkpointing=False))
    )


def test_weights_gradients_and_means():
    model = Model()
    weights = sum(weight.numel() for weight in model.parameters())
    found = memory(model, Setup(2, 16, averaged=True))
    buffers = sum(one.numel() * one.element_size() for one in model.buffers())
    assert found.weights == 4 * weights + buffers
    assert found.gradients == found.averages == 4 * weights
    assert found.optimiser == 8 * weights
    assert found.mask == 0
    assert found.total == sum(found)
    half = memory(frozen(model, "embeddings"), Setup(2, 16))
    assert half.gradients < found.gradients
    assert half.weights == found.weights
    shared = memory(model, Setup(2, 16, processes=2))
    assert shared.gradients == half.gradients // 2


def test_masks_tables_and_precision():
    model = Model()
    assert memory(model, Setup(2, 16, masked=True)).mask == 2 * 16 * 16 * 4
    assert memory(model, Setup(2, 16, masked=True, attention="flex", cuda=True)).mask == 0
    assert memory(model, Setup(64, 64, "bf16")).activations < memory(model, Setup(64, 64)).activations
    before = memory(model, Setup(2, 16)).weights
    table = SimpleNamespace(mode="resident", rows=1000, dim=10)
    model.tables = {"w": table, "x": SimpleNamespace(mode="frozen", rows=10**9, dim=10)}
    assert memory(model, Setup(2, 16)).weights == before + 4 * 1000 * 10
