"""The layer norm of UER: by hand, beside torch's, and where numbers are all the same."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from kbtools.models.parts.norms import UerNorm, as_uer  # noqa: E402


def test_by_hand():
    norm = UerNorm(3)
    assert norm.bias is not None
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([1.0, 2.0, 3.0]))
        norm.bias.copy_(torch.tensor([0.0, 0.0, 5.0]))
    # mean 2, deviation of 2 numbers 1
    torch.testing.assert_close(norm(torch.tensor([[1.0, 2.0, 3.0]])), torch.tensor([[-1.0, 0.0, 8.0]]))


def test_it_is_torchs_but_for_one_number():
    states = torch.randn(4, 7, 50)
    wanted = nn.functional.layer_norm(states, (50,), eps=0.0) * (49 / 50) ** 0.5
    torch.testing.assert_close(UerNorm(50)(states), wanted, atol=1e-5, rtol=1e-5)


def test_numbers_that_are_all_the_same_have_gradients():
    states = torch.ones(2, 4, requires_grad=True)
    found = UerNorm(4)(states)
    found.sum().backward()
    assert not found.any()
    assert states.grad.isfinite().all()


def test_half_precision():
    states = torch.randn(3, 16)
    norm = UerNorm(16)
    half = norm.to(torch.bfloat16)(states.bfloat16())
    assert half.dtype == torch.bfloat16
    with torch.autocast("cpu", torch.bfloat16):
        assert norm.float()(states.bfloat16()).dtype == torch.float32  # as torch's layer norm
    torch.testing.assert_close(half.float(), norm(states), atol=0.05, rtol=0.05)


def test_it_takes_the_place_of_torchs_with_their_weights():
    inner = nn.ModuleDict({"inner": nn.LayerNorm(4)})
    model = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), inner)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    as_uer(model)
    assert isinstance(model[1], UerNorm)
    assert isinstance(inner["inner"], UerNorm)
    after = model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
