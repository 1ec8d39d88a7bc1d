"""Packed rows through encoders of all kinds: nothing goes from one example to another, nothing is lost."""

import pytest
import torch

from kbtools.errors import ConfigError
from kbtools.models.parts.encoder import TextEncoder
from kbtools.models.parts.visibility import Visibility
from tests import tiny_encoders

ALL = pytest.mark.parametrize("name", tiny_encoders.NAMES)
ATTENTION = pytest.mark.parametrize("attention", ["sdpa", "eager"])
LENGTHS = ((7, 9, 3), (12, 6))  # of the examples of two rows of 20


def made(name, **settings):
    torch.manual_seed(1)
    return TextEncoder(tiny_encoders.config(name), **settings).eval()


def packed(pad):
    """Two rows of 20 tokens, with some padding at their ends."""
    ids = torch.randint(5, tiny_encoders.WORDS, (2, 20), generator=torch.Generator().manual_seed(3))
    sequence, positions = torch.zeros(2, 20, dtype=torch.long), torch.zeros(2, 20, dtype=torch.long)
    for row, lengths in enumerate(LENGTHS):
        first = 0
        for number, length in enumerate(lengths, 1):
            sequence[row, first : first + length] = number
            positions[row, first : first + length] = torch.arange(length)
            first += length
    valid = sequence > 0
    ids = ids.masked_fill(~valid, pad)
    return {"input_ids": ids, "attention_mask": valid, "sequence": sequence, "positions": positions}


def alone(given):
    """The same examples, each in a row of its own."""
    for row, lengths in enumerate(LENGTHS):
        for number, _ in enumerate(lengths, 1):
            place = given["sequence"][row] == number
            yield row, place, {"input_ids": given["input_ids"][row, place][None]}


@ALL
@ATTENTION
def test_no_gradient_goes_to_another_example(name, attention):
    encoder = made(name, attention=attention)
    given = packed(encoder.config.pad_token_id)
    embeds = encoder.model.get_input_embeddings()(given["input_ids"]).detach().requires_grad_()
    hidden = encoder(given, embeds=embeds).hidden
    for row, place, _ in alone(given):
        (gradient,) = torch.autograd.grad(hidden[row, place].square().sum(), embeds, retain_graph=True)
        touched = gradient.abs().sum(-1) > 0  # [B, T]
        expected = torch.zeros_like(touched)
        expected[row] = place
        assert torch.equal(touched, expected)


@ALL
@ATTENTION
def test_states_are_those_of_each_example_alone(name, attention):
    encoder = made(name, attention=attention)
    given = packed(encoder.config.pad_token_id)
    hidden = encoder(given).hidden
    for row, place, single in alone(given):
        torch.testing.assert_close(hidden[row, place], encoder(single).hidden[0], atol=2e-6, rtol=1e-5)


def tree(given):
    """Put branches into all examples: of each six tokens, the last three are a branch of the third."""
    at = given["positions"]
    branch = torch.where(at % 6 > 2, at // 6 + 1, 0)
    word = torch.where(at % 6 > 2, at // 6 * 6 + 2, at)
    return {**given, "branch": branch, "word": word, "positions": at - at // 6 * 3}


@ALL
def test_trees_may_be_packed_too(name):
    encoder = made(name)
    given = tree(packed(encoder.config.pad_token_id))
    hidden = encoder(given, visible=Visibility.of_batch(given)).hidden
    for row, place, single in alone(given):
        single |= {key: given[key][row, place][None] for key in ("branch", "word", "positions")}
        expected = encoder(single, visible=Visibility.of_batch(single)).hidden[0]
        torch.testing.assert_close(hidden[row, place], expected, atol=2e-6, rtol=1e-5)
    hard = encoder(given).hidden
    valid = given["attention_mask"]
    assert (hidden[valid] - hard[valid]).abs().max() > 1e-5


def test_a_convolution_would_see_across_and_is_refused():
    encoder = TextEncoder(tiny_encoders.config("deberta-v2", conv_kernel_size=3, conv_act="gelu")).eval()
    given = packed(0)
    with pytest.raises(ConfigError, match=r"convolution.*conv_kernel_size 0"):
        encoder(given)
    plain = {key: given[key] for key in ("input_ids", "attention_mask")}
    valid = plain["attention_mask"]
    theirs = encoder.model(input_ids=plain["input_ids"], attention_mask=valid.long()).last_hidden_state
    assert torch.equal(encoder(plain).hidden[valid], theirs[valid])
    assert encoder({"input_ids": plain["input_ids"]}).hidden.isfinite().all()
