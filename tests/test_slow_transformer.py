"""The text encoder with trees, beside the slow version of it; and that beside K-BERT's published numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from safetensors.numpy import load_file  # noqa: E402
from transformers import BertConfig  # noqa: E402

from kbtools.models.parts.encoder import TextEncoder  # noqa: E402
from kbtools.models.parts.visibility import Visibility  # noqa: E402
from tests import slow_adapters as adapters  # noqa: E402
from tests import slow_transformer as slow  # noqa: E402

WORDS, HEADS, PLACES = 11, 2, 32
CONFIG = BertConfig(
    vocab_size=WORDS, hidden_size=8, num_hidden_layers=2, num_attention_heads=HEADS,
    intermediate_size=12, max_position_embeddings=PLACES, type_vocab_size=3,
    hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
)  # fmt: skip


@st.composite
def rows(draw):
    """Rows of trees: several in a row, each of words with branches, and padding behind."""
    made = []
    for _ in range(draw(st.integers(1, 2))):
        row: dict[str, list[int]] = {name: [] for name in ("soft", "branch", "word", "sequence")}
        for example in range(1, draw(st.integers(1, 2)) + 1):
            _grow(draw, row, example)
        made.append(row)
    length = max(len(row["word"]) for row in made) + draw(st.integers(0, 2))
    seed = draw(st.integers(0, 2**31))
    random = np.random.default_rng(seed)
    columns = {
        name: np.array([row[name] + [0] * (length - len(row[name])) for row in made]) for name in made[0]
    }
    columns["input_ids"] = random.integers(0, WORDS, columns["word"].shape)
    columns["segment"] = random.integers(0, 3, columns["word"].shape)
    return columns, seed


def _grow(draw, row, example):
    soft = branch = 0
    for word in range(draw(st.integers(1, 3))):
        tokens = draw(st.integers(1, 2))
        for _ in range(tokens):
            _add(row, soft, 0, word, example)
            soft += 1
        for size in draw(st.lists(st.integers(1, 2), max_size=2)):
            branch += 1
            for inside in range(size):
                _add(row, soft + inside, branch, word, example)


def _add(row, *values):
    for name, value in zip(row, values, strict=True):
        row[name].append(value)


def encoded(columns, seed, attention="sdpa"):
    """Return an encoder of float64, and the batch as it reads it."""
    encoder = adapters.stirred(TextEncoder(CONFIG, attention=attention), seed)
    batch = {name: torch.from_numpy(one) for name, one in columns.items()}
    return encoder, batch | {"attention_mask": batch["sequence"] > 0, "positions": batch["soft"]}


def slowly(columns, weights, row):
    """The states of a row after each layer."""
    one = {name: column[row].tolist() for name, column in columns.items()}
    sees = slow.tree(one["branch"], one["word"], [s > 0 for s in one["sequence"]], one["sequence"])
    return slow.bert(one["input_ids"], one["soft"], one["segment"], weights, heads=HEADS, sees=sees)


def test_who_sees_whom_in_the_example_of_the_paper():
    branch = [0, 0, 0, 1, 1, 0, 0, 0, 2, 2, 3, 3, 0]
    word = [0, 1, 2, 2, 2, 3, 4, 5, 5, 5, 5, 5, 6]
    sees = slow.tree(branch, word)
    assert sum(map(len, sees)) == 73
    assert sees[0] == [0, 1, 2, 5, 6, 7, 12]
    assert sees[2] == [0, 1, 2, 3, 4, 5, 6, 7, 12]
    assert sees[3] == sees[4] == [2, 3, 4]
    assert sees[8] == [7, 8, 9]
    assert sees[10] == [7, 10, 11]


def test_the_slow_version_gives_the_published_numbers(golden):
    told = load_file(golden / "02_kbert_forward" / "kbert_cls.safetensors")
    weights = adapters.of_uer({name[2:]: one for name, one in told.items() if name.startswith("w.")})
    for row, mask in enumerate(told["in.mask"]):
        size = int(mask.sum())
        sees = [[j for j in range(size) if told["in.visible_matrix"][row, i, j]] for i in range(size)]
        ids, soft = (told[name][row, :size] for name in ("in.token_ids", "in.soft_positions"))
        states = slow.bert(ids, soft, [1] * size, weights, heads=4, sees=sees, eps=1e-6, kind="uer")
        for found, name in zip(
            states, ("out.embedding", "out.hidden_layer1", "out.hidden_layer2"), strict=True
        ):
            np.testing.assert_allclose(found, told[name][row, :size], atol=1e-5)
        pooled = np.tanh(slow.linear(states[-1][0], weights, "output_layer_1"))
        logits = slow.linear(pooled, weights, "output_layer_2")
        np.testing.assert_allclose(logits, told["out.logits_first"][row], atol=1e-5)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@settings(max_examples=12, deadline=None)
@given(made=rows())
def test_states_of_trees_are_those_of_the_slow_version(made, attention):
    columns, seed = made
    encoder, batch = encoded(columns, seed, attention)
    found = encoder(batch, visible=Visibility.of_batch(batch), layers=True).hidden_states
    weights = adapters.of_bert(adapters.arrays(encoder.model))
    for row in range(len(columns["word"])):
        real = columns["sequence"][row] > 0
        for ours, theirs in zip(found, slowly(columns, weights, row), strict=True):
            np.testing.assert_allclose(ours[row].detach().numpy()[real], np.array(theirs)[real], atol=1e-10)


@settings(max_examples=1, deadline=None)
@given(rows())
def test_slopes_are_those_of_small_steps(made):
    columns, seed = made
    encoder, batch = encoded(columns, seed)
    weights = adapters.of_bert(adapters.arrays(encoder.model))
    real = columns["sequence"] > 0
    pull = np.random.default_rng(seed).normal(size=(*real.shape, 8)) * real[..., None]
    states = encoder(batch, visible=Visibility.of_batch(batch)).hidden
    (states * torch.from_numpy(pull)).sum().backward()

    def value():
        return sum(
            float((np.array(slowly(columns, weights, row)[-1]) * pull[row]).sum()) for row in range(len(pull))
        )

    grads = {name: one.grad.numpy() for name, one in encoder.model.named_parameters()}
    for name, grad in adapters.of_bert(grads).items():
        places = adapters.some_places(grad, seed, many=1)
        found = adapters.slopes(value, weights[name], places)
        np.testing.assert_allclose(found, [grad[place] for place in places], atol=1e-7, rtol=1e-6)
