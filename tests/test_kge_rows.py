"""Optimisers of some rows, beside those of torch."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from kbtools.models.kge import recipe, rows  # noqa: E402

KINDS = ["adagrad", "adagrad-rows", "adam", "sgd"]
ROWS, WIDTH = 7, 3
INDEXES = st.lists(st.lists(st.integers(0, ROWS - 1), unique=True, max_size=ROWS), min_size=1, max_size=6)


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def steps(kind, indexes, lr=0.1, **more):
    """Change rows as `indexes` say; return the table, what was gathered, and dense gradients of each step."""
    how, table = rows.make(kind), drawn(ROWS, WIDTH)
    state, dense = how.state(ROWS, WIDTH), []
    for number, index in enumerate(indexes, 1):
        gradient = drawn(len(index), WIDTH, seed=number)
        dense.append(torch.zeros(ROWS, WIDTH).index_copy_(0, torch.tensor(index, dtype=torch.long), gradient))
        how.update(table, state, torch.tensor(index, dtype=torch.long), gradient, lr, number, **more)
    return table, state, dense


def trained(make, gradients):
    """Let an optimiser of torch change the same table by the same gradients."""
    weights = torch.nn.Parameter(drawn(ROWS, WIDTH))
    theirs = make([weights])
    for gradient in gradients:
        weights.grad = gradient
        theirs.step()
    return weights.data


def sparse(gradient, index):
    index = torch.tensor(index, dtype=torch.long)
    return torch.sparse_coo_tensor(
        index[None], gradient[index], gradient.shape, check_invariants=True
    ).coalesce()


@given(INDEXES)
def test_sgd_is_that_of_torch(indexes):
    found, _, dense = steps("sgd", indexes)
    torch.testing.assert_close(found, trained(lambda some: torch.optim.SGD(some, 0.1), dense))


@given(INDEXES)
def test_adagrad_is_that_of_torch(indexes):
    found, state, dense = steps("adagrad", indexes)
    torch.testing.assert_close(found, trained(lambda some: torch.optim.Adagrad(some, 0.1), dense))
    torch.testing.assert_close(state["sum"], sum(one**2 for one in dense))


@given(INDEXES)
def test_adam_is_sparse_adam_of_torch(indexes):
    found, _, dense = steps("adam", indexes)
    some = [sparse(one, index) for one, index in zip(dense, indexes, strict=True)]
    want = trained(lambda weights: torch.optim.SparseAdam(weights, 0.1), some)
    torch.testing.assert_close(found, want)


@given(INDEXES)
def test_adagrad_of_rows_is_its_formula(indexes):
    found, state, dense = steps("adagrad-rows", indexes)
    want, sums = drawn(ROWS, WIDTH), [0.0] * ROWS
    for gradient, index in zip(dense, indexes, strict=True):
        for row in index:
            sums[row] += float((gradient[row] ** 2).mean())
            want[row] -= 0.1 * gradient[row] / (sums[row] ** 0.5 + 1e-10)
    torch.testing.assert_close(found, want)
    torch.testing.assert_close(state["sum"], torch.tensor(sums))


def test_a_step_of_adagrad_of_rows_by_hand():
    """Gradient (3, 4) from nothing: 12.5 is gathered; where each number has its own, the step is the rate."""
    gradient, index = torch.tensor([[3.0, 4.0]]), torch.tensor([1])
    kinds: list[rows.Kind] = ["adagrad-rows", "adagrad"]
    for kind, want in zip(kinds, ([-0.084853, -0.113137], [-0.1, -0.1]), strict=True):
        how, table = rows.make(kind), torch.zeros(3, 2)
        state = how.state(3, 2)
        how.update(table, state, index, gradient, 0.1, 1)
        torch.testing.assert_close(table, torch.tensor([[0, 0], want, [0, 0]]), atol=1e-6, rtol=0)
        if kind == "adagrad-rows":
            assert state["sum"].tolist() == [0, 12.5, 0]


@pytest.mark.parametrize("kind", KINDS)
@given(index=INDEXES.map(lambda some: some[0]))
def test_other_rows_stay_as_they_are(kind, index):
    how, table = rows.make(kind), drawn(ROWS, WIDTH)
    state = {name: one.add_(2) for name, one in how.state(ROWS, WIDTH).items()}
    before = {name: one.clone() for name, one in {"table": table, **state}.items()}
    how.update(table, state, torch.tensor(index, dtype=torch.long), drawn(len(index), WIDTH), 0.1, 5)
    others = [row for row in range(ROWS) if row not in index]
    for name, one in {"table": table, **state}.items():
        assert torch.equal(one[others], before[name][others])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("portion", [1, 2 * WIDTH, 1 << 20])
def test_all_rows_are_an_index_of_all(kind, portion, monkeypatch):
    everything = [list(range(ROWS))] * 3
    want, gathered, dense = steps(kind, everything)
    monkeypatch.setattr(rows, "PORTION", portion)
    how, table = rows.make(kind), drawn(ROWS, WIDTH)
    state = how.state(ROWS, WIDTH)
    for number, gradient in enumerate(dense, 1):
        how.update(table, state, None, gradient, 0.1, number)
    assert torch.equal(table, want)
    assert all(torch.equal(state[name], gathered[name]) for name in gathered)


@settings(max_examples=20)
@given(kind=st.sampled_from(KINDS), indexes=INDEXES, portion=st.integers(1, 30))
def test_portions_change_nothing(kind, indexes, portion):
    want = steps(kind, indexes)[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "PORTION", portion)
        assert torch.equal(steps(kind, indexes)[0], want)
        assert torch.equal(steps(kind, indexes, bound=lambda some: some)[0], want)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_were_read_need_not_be_read_again(kind):
    index, gradient = torch.tensor([5, 0, 2]), drawn(3, WIDTH, seed=1)
    how, table = rows.make(kind), drawn(ROWS, WIDTH)
    held = table[index].requires_grad_()
    how.update(table, how.state(ROWS, WIDTH), index, gradient, 0.1, 1, held=held)
    want, _, _ = steps(kind, [[5, 0, 2]])
    assert torch.equal(table, want)


@pytest.mark.parametrize("index", [None, torch.tensor([3, 1])])
def test_new_rows_may_be_bounded(index):
    how, table = rows.make("sgd"), drawn(ROWS, WIDTH)
    before, changed = table.clone(), list(range(ROWS)) if index is None else index.tolist()
    gradient = torch.zeros(len(changed), WIDTH)
    how.update(table, {}, index, gradient, 0.1, 1, bound=lambda some: some / some.norm(dim=1, keepdim=True))
    torch.testing.assert_close(table[changed].norm(dim=1), torch.ones(len(changed)))
    others = [row for row in range(ROWS) if row not in changed]
    assert torch.equal(table[others], before[others])


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_at_all_is_changed_by_nothing(kind):
    found, _, _ = steps(kind, [[]])
    assert torch.equal(found, drawn(ROWS, WIDTH))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_tables_of_other_numbers(kind, dtype):
    how, table = rows.make(kind), torch.ones(4, 2, dtype=dtype)
    state = {name: one.to(dtype) for name, one in how.state(4, 2).items()}
    how.update(table, state, torch.tensor([2]), torch.ones(1, 2, dtype=dtype), 0.25, 1)
    torch.testing.assert_close(table, torch.tensor([[1, 1], [1, 1], [0.75, 0.75], [1, 1]], dtype=dtype))


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_of_a_row_are_those_of_its_state(kind):
    how = rows.make(kind)
    assert how.bytes(6) * 5 == sum(one.nbytes for one in how.state(5, 6).values())


def test_rates_drop_and_decay():
    told = recipe.Optimiser(drop=(0.5, 0.75), decay=0.5)
    found = [rows.rate(told, epoch, 4) for epoch in range(4)]
    assert found == pytest.approx([1, 0.5, 0.25 / 10, 0.125 / 100])
    assert rows.rate(recipe.Optimiser(), 7, 10) == 1


@pytest.mark.parametrize(
    ("share", "epochs", "first"), [(0.7, 10, 7), (0.5, 5, 3), (0.1, 100, 10), (1.0, 5, 5)]
)
def test_a_rate_drops_in_the_first_epoch_behind_its_share(share, epochs, first):
    told = recipe.Optimiser(drop=(share,))
    assert [rows.rate(told, epoch, epochs) < 1 for epoch in range(epochs)] == [
        epoch >= first for epoch in range(epochs)
    ]


def test_adam_begins_anew_where_its_rate_drops():
    told = recipe.Optimiser(kind="adam", drop=(0.0, 0.5))
    assert [rows.resets(told, epoch, 4) for epoch in range(4)] == [False, False, True, False]
    others = recipe.Optimiser(kind="adagrad", drop=(0.5,))
    assert not any(rows.resets(others, epoch, 4) for epoch in range(4))
