"""Vectors of spans and of examples: by hand, and against a loop."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.errors import ConfigError
from kbtools.models.parts.pooling import SENTENCES, SPANS, SentencePooling, SpanPooling, firsts

KINDS = pytest.mark.parametrize("kind", SPANS)
HIDDEN = torch.tensor([[[1.0, 8.0], [3.0, 2.0], [5.0, -4.0], [7.0, 0.0]]])


def pooled(kind, spans, hidden=HIDDEN, mask=None):
    found = SpanPooling(kind, hidden.shape[-1])
    told = torch.tensor([spans])
    return found(hidden, told, torch.ones(told.shape[:2], dtype=torch.bool) if mask is None else mask)[0]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("mean", [[3.0, 2.0], [7.0, 0.0]]),
        ("max", [[5.0, 8.0], [7.0, 0.0]]),
        ("first", [[1.0, 8.0], [7.0, 0.0]]),
        ("last", [[5.0, -4.0], [7.0, 0.0]]),
        ("ends", [[1.0, 8.0, 5.0, -4.0], [7.0, 0.0, 7.0, 0.0]]),
    ],
)
def test_two_spans_by_hand(kind, expected):
    assert torch.equal(pooled(kind, [[0, 3], [3, 4]]), torch.tensor(expected))
    assert SpanPooling(kind, 2).width == len(expected[0])


def test_attention_to_a_span_by_hand():
    """Scores ln 1, ln 3 of two tokens: weights 1/4 and 3/4."""
    pooling = SpanPooling("attentive", 2)
    assert pooling.score is not None
    with torch.no_grad():
        pooling.score.weight.copy_(torch.tensor([[1.0, 0.0]]))
        pooling.score.bias.fill_(5.0)
    hidden = torch.tensor([[[9.0, 9.0], [0.0, 4.0], [torch.log(torch.tensor(3.0)), 8.0]]])
    found = pooling(hidden, torch.tensor([[[1, 3]]]), torch.ones(1, 1))
    torch.testing.assert_close(found[0, 0, 1], torch.tensor(7.0))


def slow(pooling, hidden, start, end):
    """One span at a time."""
    inside = hidden[start:end]
    if len(inside) == 0:
        return torch.zeros(pooling.width)
    if pooling.kind == "attentive":
        return pooling.score(inside).softmax(0).T @ inside
    return {
        "mean": lambda: inside.mean(0),
        "max": lambda: inside.max(0).values,
        "first": lambda: inside[0],
        "last": lambda: inside[-1],
        "ends": lambda: torch.cat([inside[0], inside[-1]]),
    }[pooling.kind]()


@KINDS
@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 19),
    st.lists(st.tuples(st.integers(0, 18), st.integers(0, 19)), max_size=5),
    st.integers(0, 99),
)
def test_it_is_what_a_loop_over_spans_gives(kind, length, spans, seed):
    torch.manual_seed(seed)
    hidden, pooling = torch.randn(2, length, 3, dtype=torch.float64), SpanPooling(kind, 3).double()
    told = torch.tensor([[min(ends), min(max(ends), length)] for ends in spans], dtype=torch.long).reshape(
        -1, 2
    )
    found = pooling(hidden, told.expand(2, -1, -1), torch.ones(2, len(told), dtype=torch.bool))
    assert found.shape == (2, len(told), pooling.width)
    for row in range(2):
        for at, (start, end) in enumerate(told.tolist()):
            expected = slow(pooling, hidden[row], start, end).to(hidden.dtype).reshape(-1)
            torch.testing.assert_close(found[row, at], expected)


@KINDS
def test_padding_gives_zeros_and_sound_gradients(kind):
    hidden, pooling = torch.randn(2, 6, 4, requires_grad=True), SpanPooling(kind, 4)
    spans = torch.tensor([[[0, 0], [2, 5], [0, 6]], [[-1, -1], [0, 0], [3, 3]]])
    mask = torch.tensor([[True, True, False], [True, False, True]])
    found = pooling(hidden, spans, mask)
    assert (found.abs().sum(-1) > 0).tolist() == [[False, True, False], [False, False, False]]
    found.sum().backward()
    gradient = hidden.grad
    assert gradient is not None
    assert gradient.isfinite().all()
    outside = torch.ones(2, 6, dtype=torch.bool)
    outside[0, 2:5] = False
    assert gradient[outside].abs().max() == 0
    assert gradient[0, 2:5].abs().sum() > 0
    assert all(one.grad is not None and one.grad.isfinite().all() for one in pooling.parameters())


@KINDS
def test_no_spans_at_all(kind):
    pooling = SpanPooling(kind, 4)
    found = pooling(torch.randn(2, 6, 4), torch.zeros(2, 0, 2, dtype=torch.long), torch.zeros(2, 0))
    assert found.shape == (2, 0, pooling.width)


@KINDS
def test_a_maximum_has_one_gradient(kind):
    hidden = torch.randn(1, 7, 3, dtype=torch.float64, requires_grad=True)
    pooling = SpanPooling(kind, 3).double()
    spans, mask = torch.tensor([[[0, 7], [2, 5], [1, 4]]]), torch.ones(1, 3)
    assert torch.autograd.gradcheck(lambda x: pooling(x, spans, mask), (hidden,))


def packed():
    sequence = torch.tensor([[1, 1, 2, 2, 2, 0], [1, 1, 1, 1, 0, 0]])
    return {
        "attention_mask": sequence > 0,
        "sequence": sequence,
        "sequence.start": torch.tensor([[0, 2], [0, -1]]),
        "batch.rows": torch.tensor([[4, 9], [2, -1]]),
    }


def test_sentences_of_packed_rows():
    hidden = torch.randn(2, 6, 3)
    assert torch.equal(SentencePooling("cls")(hidden, packed()), hidden[[0, 0, 1], [0, 2, 0]])
    expected = [hidden[0, :2].mean(0), hidden[0, 2:5].mean(0), hidden[1, :4].mean(0)]
    torch.testing.assert_close(SentencePooling("mean")(hidden, packed()), torch.stack(expected))
    most = torch.stack([hidden[0, :2].amax(0), hidden[0, 2:5].amax(0), hidden[1, :4].amax(0)])
    assert torch.equal(SentencePooling("max")(hidden, packed()), most)


@pytest.mark.parametrize("numbered", [True, False], ids=["numbered", "bare"])
def test_sentences_of_plain_rows(numbered):
    hidden = torch.randn(2, 6, 3)
    batch = {"attention_mask": packed()["attention_mask"]}
    batch |= {"batch.rows": torch.tensor([4, 9])} if numbered else {}
    assert torch.equal(firsts(hidden, batch), hidden[:, 0])
    expected = torch.stack([hidden[0, :5].mean(0), hidden[1, :4].mean(0)])
    torch.testing.assert_close(SentencePooling("mean")(hidden, batch), expected)
    trunk = torch.tensor([[True, False, True, True, True, True], [False] * 6])
    some = SentencePooling("mean")(hidden, batch, trunk)
    torch.testing.assert_close(some[0], hidden[0, [0, 2, 3, 4]].mean(0))
    assert some[1].tolist() == [0.0, 0.0, 0.0]
    most = SentencePooling("max")(hidden, batch, trunk)
    assert torch.equal(most[0], hidden[0, [0, 2, 3, 4]].amax(0))
    assert most[1].tolist() == [0.0, 0.0, 0.0]
    everything = SentencePooling("mean")(hidden, {})
    torch.testing.assert_close(everything, hidden.mean(1))


def test_kinds_that_are_not_there_are_refused():
    with pytest.raises(ConfigError, match=f"no pooling of spans 'sum'; there are {', '.join(SPANS)}"):
        SpanPooling("sum", 4)
    with pytest.raises(ConfigError, match=f"no pooling of sentences 'sum'; there are {', '.join(SENTENCES)}"):
        SentencePooling("sum")
