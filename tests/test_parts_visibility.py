"""Who sees whom: by hand, against the trees' own rule, and as each kind of attention reads it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.attention.flex_attention import create_mask

from kbtools.models.parts.visibility import Near, Visibility
from kbtools.trees import visibility as trees

BRANCH = [
    0,
    0,
    0,
    1,
    1,
    0,
    0,
    0,
    2,
    2,
    3,
    3,
    0,
]  # [CLS] Tim Cook CEO Apple is visiting Beijing capital China ...
WORD = [0, 1, 2, 2, 2, 3, 4, 5, 5, 5, 5, 5, 6]
GOLDEN = [
    "1110011100001",
    "1110011100001",
    "1111111100001",
    "0011100000000",
    "0011100000000",
    "1110011100001",
    "1110011100001",
    "1110011111111",
    "0000000111000",
    "0000000111000",
    "0000000100110",
    "0000000100110",
    "1110011100001",
]


def rows(seen):
    return ["".join(map(str, row)) for row in seen.int().tolist()]


def pairs(visibility, near=None):
    found = visibility.pairs(near)
    assert found is not None
    return found


def tree(branch=BRANCH, word=WORD, **more):
    return Visibility(branch=torch.tensor([branch]), word=torch.tensor([word]), **more)


def test_tim_cook_is_visiting_beijing_now():
    (seen,) = pairs(tree())
    assert rows(seen) == GOLDEN
    assert int(seen.sum()) == 73
    assert torch.equal(seen, seen.T)


def test_a_branch_sees_itself_and_its_head():
    (seen,) = pairs(tree())
    branch = torch.tensor(BRANCH)
    for at in torch.nonzero(branch).flatten():
        heads = sum(w == WORD[at] and b == 0 for w, b in zip(WORD, BRANCH, strict=True))
        assert int(seen[at].sum()) == int((branch == branch[at]).sum()) + heads


def test_examples_of_a_row_and_padding():
    sequence = torch.tensor([[1, 1, 2, 0, 0]])
    (seen,) = pairs(Visibility(valid=sequence > 0, sequence=sequence))
    assert rows(seen) == ["11000", "11000", "00100", "00010", "00001"]
    (seen,) = pairs(Visibility(valid=torch.tensor([[True, True, False]])))
    assert rows(seen) == ["110", "110", "001"]


def test_a_window_is_over_positions():
    (seen,) = pairs(Visibility(), Near(torch.arange(5)[None], 1))
    assert rows(seen) == ["11000", "11100", "01110", "00111", "00011"]
    soft = torch.tensor([[0, 1, 2, 3, 2]])  # a branch of two tokens, then the trunk goes on
    (seen,) = pairs(Visibility(), Near(soft, 1))
    assert rows(seen) == ["11000", "11101", "01111", "00111", "01111"]


@st.composite
def worlds(draw):
    """Rows of any numbers, as no tree has them; the rule is asked of them all the same."""
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 8)))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    return [rng.integers(0, top, shape) for top in (3, 4, 2, 3)]


@settings(max_examples=60, deadline=None)
@given(worlds())
def test_it_is_the_rule_of_trees_within_each_example(world):
    branch, word, valid, sequence = world
    expected = trees.visible_batch(branch, word, valid > 0)
    parts = [torch.from_numpy(part) for part in (valid > 0, branch, word)]
    alone = Visibility(parts[0], None, *parts[1:])
    assert np.array_equal(pairs(alone).numpy(), expected)
    together = sequence[:, :, None] == sequence[:, None, :]
    packed = Visibility(parts[0], torch.from_numpy(sequence), *parts[1:])
    assert np.array_equal(pairs(packed).numpy(), expected & together)


@settings(max_examples=20, deadline=None)
@given(worlds(), st.booleans())
def test_flex_attention_asks_the_same_rule(world, windowed):
    branch, word, valid, sequence = map(torch.from_numpy, world)
    near = Near(word, 1) if windowed else None
    seen = Visibility(valid > 0, sequence, branch, word)
    size = branch.shape[1]
    asked = create_mask(seen.rule(near), len(branch), 1, size, size, device="cpu")
    assert torch.equal(asked[:, 0], pairs(seen, near))


def test_blocks_that_nobody_sees_are_left_out():
    sequence = torch.arange(1, 4).repeat_interleave(128)[None]
    blocks = Visibility(sequence=sequence).blocks((1, 384), "cpu")
    assert blocks is not None
    assert blocks.to_dense()[0, 0].int().tolist() == torch.eye(3, dtype=torch.int).tolist()
    assert Visibility().blocks((1, 384), "cpu") is None
    near = Near(torch.arange(384)[None], 127)
    blocks = Visibility().blocks((1, 384), "cpu", near)
    assert blocks is not None
    assert blocks.to_dense()[0, 0].sum() == 7


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_what_is_added_to_scores_is_finite_and_begins_at_multiples_of_eight(dtype):
    mask = tree().additive(dtype)
    assert mask is not None
    assert (mask.shape, mask.dtype) == ((1, 1, 13, 13), dtype)
    assert mask.isfinite().all()
    assert torch.equal(mask[0, 0] == 0, pairs(tree())[0])
    assert mask.stride()[-2] % 8 == 0
    assert mask.stride()[-1] == 1


def test_padding_alone_takes_one_row():
    valid = torch.tensor([[True, False], [True, True]])
    mask = Visibility(valid=valid).additive(torch.float32)
    assert mask is not None
    assert mask.shape == (2, 1, 1, 2)


def batch(**more):
    return {"attention_mask": torch.ones(2, 3, dtype=torch.bool), **more}


def test_where_nothing_is_hidden_there_is_no_mask():
    seen = Visibility.of_batch(batch())
    assert seen.whole
    assert seen.pairs() is None
    assert seen.additive(torch.float32) is None
    assert Visibility.of_batch({}).whole
    assert not Visibility.of_batch(batch(sequence=torch.ones(2, 3))).whole


def test_whoever_made_the_batch_may_say_whether_it_has_padding():
    assert not Visibility.of_batch(batch(**{"batch.padded": True})).whole
    blank = {"attention_mask": torch.zeros(2, 3, dtype=torch.bool)}
    assert not Visibility.of_batch(blank).whole
    assert Visibility.of_batch({**blank, "batch.padded": False}).whole


def test_branches_may_be_made_to_see_everyone():
    ids = torch.zeros(2, 3, dtype=torch.long)
    told = batch(branch=ids, word=ids, sequence=ids)
    assert Visibility.of_batch(told).branch is ids
    everyone = Visibility.of_batch(told, trees=False)
    assert everyone.branch is None
    assert everyone.sequence is ids
