"""Heads: what they compute, how they are written down, what they refuse."""

from __future__ import annotations

import dataclasses
import importlib
import json
from typing import Any

import pytest
import torch
from transformers import BertConfig

from kbtools import config, plugins
from kbtools.errors import ConfigError
from kbtools.models.parts.heads import base, classes, markers, pair, pointer, pooler, span, tokens

TEXT = BertConfig(vocab_size=11, hidden_size=4, num_attention_heads=2, hidden_dropout_prob=0.3)
NAMED = {"classes", "tokens", "pair", "markers"}  # these must be told their classes
KINDS = plugins.names(base.PACKAGE)


def built(settings: Any, text: BertConfig = TEXT) -> Any:
    torch.manual_seed(0)
    head = base.build(base.plain(settings), text).eval()
    for weight in head.parameters():
        torch.nn.init.normal_(weight)
    return head


@pytest.mark.parametrize("kind", KINDS)
def test_written_down_and_built_again(kind):
    made = plugins.load(base.PACKAGE, kind).Settings
    settings = made(classes=("no", "yes")) if kind in NAMED else made()
    table = json.loads(json.dumps(base.plain(settings)))
    assert table["kind"] == kind
    assert base.plain(config.build(made, {k: v for k, v in table.items() if k != "kind"}, where="x")) == table
    torch.manual_seed(1)
    one = base.build(table, TEXT)
    torch.manual_seed(1)
    two = base.build(table, TEXT)
    assert [*one.state_dict()] == [*two.state_dict()]
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_settings_are_frozen_and_described(kind):
    made = importlib.import_module(f"{base.PACKAGE}.{kind}").Settings
    assert made.__dataclass_params__.frozen
    assert all(one.help for one in config.describe(made))
    assert dataclasses.is_dataclass(made)


def test_new_weights_are_as_berts():
    text = BertConfig(vocab_size=11, hidden_size=256, num_attention_heads=2, initializer_range=0.05)
    torch.manual_seed(0)
    head: Any = base.build({"kind": "lm"}, text)
    assert head.dense.weight.std().item() == pytest.approx(0.05, rel=0.05)
    assert head.dense.bias.abs().max() == head.bias.abs().max() == head.norm.bias.abs().max() == 0
    assert (head.norm.weight == 1).all()


def test_pooler_is_berts():
    head = built(pooler.Settings())
    hidden = torch.randn(3, 4)
    expected = torch.tanh(hidden @ head.dense.weight.T + head.dense.bias)
    torch.testing.assert_close(head(hidden), expected)


def test_classes_are_one_matrix():
    head = built(classes.Settings(classes=("a", "b", "c")))
    hidden = torch.randn(2, 4)
    torch.testing.assert_close(head(hidden), hidden @ head.out.weight.T + head.out.bias)
    assert head.classes == ("a", "b", "c")
    assert head.dropout.p == 0.3


def test_dropout_is_the_settings_first_and_then_the_encoders():
    assert built(classes.Settings(classes=("a", "b"), dropout=0.0)).dropout.p == 0
    text = BertConfig(hidden_size=4, num_attention_heads=2, classifier_dropout=0.7)
    assert built(tokens.Settings(classes=("a", "b")), text).dropout.p == 0.7


def test_tokens_are_classified_each():
    head = built(tokens.Settings(classes=("B", "I", "O")))
    hidden = torch.randn(2, 5, 4)
    scores = head(hidden)
    assert scores.shape == (2, 5, 3)
    torch.testing.assert_close(scores[1, 3], head(hidden[1, 3]))


def test_spans_begin_and_end_at_valid_places():
    head = built(span.Settings())
    hidden = torch.randn(2, 3, 4, requires_grad=True)
    valid = torch.tensor([[True, False, True], [False, False, False]])
    start, end = head(hidden, valid)
    expected = hidden @ head.out.weight.T + head.out.bias
    torch.testing.assert_close(start[0, [0, 2]], expected[0, [0, 2], 0])
    torch.testing.assert_close(end[0, [0, 2]], expected[0, [0, 2], 1])
    chances = start.softmax(-1)
    assert chances[0, 1] == 0
    torch.testing.assert_close(chances[1], torch.full((3,), 1 / 3))  # a row without any: no NaN
    start.log_softmax(-1)[0].sum().backward()
    assert hidden.grad is not None
    assert hidden.grad.isfinite().all()
    assert (hidden.grad[1] == 0).all()


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_places_that_are_not_valid_are_finite_in_half_precision(kind):
    scores = pointer.allowed(torch.zeros(1, 2, dtype=kind), torch.tensor([[True, False]]))
    assert scores.softmax(-1).tolist() == [[1, 0]]


@pytest.mark.parametrize(
    "features", [("concat",), ("product",), ("difference",), ("concat", "product", "difference")]
)
def test_pairs_look_at_what_they_are_told(features):
    head = built(pair.Settings(classes=("a", "b"), features=features))
    one, two = torch.tensor([[1.0, 2, 3, 4]]), torch.tensor([[4.0, 2, -1, 0]])
    made = {
        "concat": [1, 2, 3, 4, 4, 2, -1, 0],
        "product": [4, 4, -3, 0],
        "difference": [3, 0, 4, 4],
    }
    seen = torch.tensor([[float(number) for name in features for number in made[name]]])
    out = head.classifier.out
    torch.testing.assert_close(head(one, two), seen @ out.weight.T + out.bias)


def test_markers_stand_side_by_side():
    head = built(markers.Settings(classes=("a", "b", "c"), markers=2, between="linear"))
    hidden = torch.randn(2, 3, 4)
    places = torch.tensor([[0, 2], [4, -1]])  # in the flattened states
    seen = torch.stack([torch.cat([hidden[0, 0], hidden[0, 2]]), torch.cat([hidden[1, 1], torch.zeros(4)])])
    inner = head.classifier.dense(seen)  # nothing follows the layer
    torch.testing.assert_close(head(hidden, places), head.classifier.out(inner))
    assert head(hidden, torch.zeros(0, 2, dtype=torch.long)).shape == (0, 3)


def test_pointers_are_biaffine():
    head = built(pointer.Settings(width=2))
    hidden = torch.randn(1, 3, 4)
    scores = head(hidden, torch.ones(1, 3, dtype=torch.bool))
    for i in range(3):
        for j in range(3):
            query = head.query.weight @ hidden[0, i] + head.query.bias
            key = head.key.weight @ hidden[0, j]
            torch.testing.assert_close(scores[0, i, j], query @ key / 2**0.5)


def test_pointers_stay_where_they_may():
    head = built(pointer.Settings())
    hidden = torch.randn(2, 3, 4)
    row = torch.tensor([[True, True, False], [True, True, True]])
    assert (head(hidden, row).softmax(-1)[0, :, 2] == 0).all()
    own = torch.eye(3, dtype=torch.bool).expand(2, 3, 3)  # each token its own example
    torch.testing.assert_close(head(hidden, own).softmax(-1), torch.eye(3).expand(2, 3, 3))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "a head has no kind; there are classes, "),
        ({"kind": "word"}, "'word' is not in kbtools.models.parts.heads"),
        ({"kind": "pooler", "activaton": "tanh"}, "did you mean 'activation'?"),
        ({"kind": "classes"}, "there are none"),
        ({"kind": "tokens", "classes": ["O", "O"]}, "one is named twice"),
        ({"kind": "markers", "classes": ["a", "b"], "markers": 0}, "an example has 1 at least"),
        ({"kind": "pair", "classes": ["a", "b"], "features": []}, "name one at least"),
        ({"kind": "pair", "classes": ["a", "b"], "features": ["sum"]}, "does not fit"),
    ],
)
def test_what_makes_no_head(table, said):
    with pytest.raises(ConfigError) as refused:
        base.build(table, TEXT)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_another_number_of_markers_is_refused():
    head = built(markers.Settings(classes=("a", "b"), markers=2))
    with pytest.raises(ConfigError, match="examples have 1 markers, the head is for 2"):
        head(torch.zeros(1, 2, 4), torch.zeros(1, 1, dtype=torch.long))
