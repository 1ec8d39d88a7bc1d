"""What learns from evidence: the loss, weights, trees."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.linkers.fitting.evidence import Evidence, Names
from kbtools.linkers.fitting.examples import Examples, Scores, loss, shares
from kbtools.linkers.fitting.models import gradient, logistic
from kbtools.linkers.fitting.settings import Settings

MODELS = [logistic, gradient]


def examples(seed=0, mentions=200, columns=3, rule=None):
    """Mentions with up to three candidates; `rule` says from evidence and owner which are right."""
    random = np.random.default_rng(seed)
    lengths = random.integers(0, 4, mentions)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    candidate = random.normal(size=(offsets[-1], columns))
    nil = np.column_stack([np.ones(mentions), random.integers(0, 2, mentions), random.normal(size=mentions)])
    right = random.random(offsets[-1]) < 0.4 if rule is None else rule(candidate)
    return Examples(Evidence(candidate, nil), offsets, right)


def names(columns=3):
    return Names(tuple(f"c{at}" for at in range(columns)), ("nil", "given", "other"))


def said(model, arrays, some):
    return shares(some, model.scores(arrays, some.evidence, some.owner))[0]


def chosen_right(model, arrays, some):
    """Whether what is likeliest is right, mention by mention."""
    p, nil = said(model, arrays, some)
    found = []
    for at, (low, high) in enumerate(zip(some.offsets[:-1], some.offsets[1:], strict=True)):
        best = low + int(np.argmax(p[low:high])) if high > low else -1
        none = best < 0 or nil[at] > p[best]
        found.append(bool(some.none[at]) if none else bool(some.right[best]))
    return np.array(found)


def test_shares_by_hand():
    """Two candidates and none with weights 1, 3 and 4; a mention without candidates is none."""
    some = Examples(
        Evidence(np.zeros((2, 1)), np.zeros((2, 1))), np.array([0, 2, 2]), np.array([True, False])
    )
    scores = Scores(np.log([1.0, 3.0]), np.array([np.log(4.0), -1.0]))
    found, whole = shares(some, scores)
    assert found.candidate.tolist() == pytest.approx([1 / 8, 3 / 8])
    assert found.nil.tolist() == pytest.approx([1 / 2, 1])
    assert whole.tolist() == pytest.approx([np.log(8), -1])
    lost, change = loss(some, scores)
    assert lost == pytest.approx(np.log(8))
    assert change.candidate.tolist() == pytest.approx([1 / 8 - 1, 3 / 8])
    assert change.nil.tolist() == pytest.approx([1 / 2, 0])


@given(st.integers(0, 10_000))
def test_the_slope_of_the_loss_is_what_a_small_step_changes(seed):
    some = examples(seed, mentions=6)
    random = np.random.default_rng(seed)
    scores = Scores(random.normal(size=len(some.right)), random.normal(size=6))
    slope = np.concatenate(loss(some, scores)[1])
    flat, count = np.concatenate(scores), len(some.right)
    for at in range(len(flat)):
        step = np.zeros(len(flat))
        step[at] = 1e-5
        low, high = (loss(some, Scores(*np.split(flat + sign * step, [count])))[0] for sign in (-1, 1))
        assert slope[at] == pytest.approx((high - low) / 2e-5, abs=1e-6)


def test_large_scores_do_no_harm():
    some = examples(mentions=5)
    lost, change = loss(some, Scores(np.full(len(some.right), 1e4), np.full(5, -1e4)))
    assert np.isfinite(lost)
    assert all(np.isfinite(part).all() for part in change)


def test_weights_are_the_minimum():
    """At a known optimum: half of the mentions mean their only candidate, nothing else is known."""
    count = 40
    some = Examples(
        Evidence(np.zeros((count, 1)), np.column_stack([np.ones(count), np.zeros((count, 2))])),
        np.arange(count + 1),
        np.arange(count) % 4 == 0,
    )
    arrays = logistic.fit(some, names(1), Settings(ridge=1e-6))
    found = said(logistic, arrays, some)
    assert found.candidate == pytest.approx(np.full(count, 0.25), abs=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_what_can_be_told_apart_is(model):
    some = examples(1, 400, rule=lambda x: x[:, 1] > 0.3)
    one_right = some.take(np.flatnonzero(np.bincount(some.owner[some.right], minlength=400) <= 1))
    arrays = model.fit(one_right, names(), Settings(ridge=0.01, trees=200))
    assert chosen_right(model, arrays, one_right).all()


def test_trees_see_what_weights_cannot():
    """Right are candidates whose two numbers are of the same sign."""
    some = examples(2, 600, rule=lambda x: (x[:, 0] > 0) == (x[:, 1] > 0))
    arrays = {model: model.fit(some, names(), Settings(trees=100)) for model in MODELS}
    share = {model: chosen_right(model, arrays[model], some).mean() for model in MODELS}
    assert share[gradient] > 0.95
    assert share[gradient] > share[logistic] + 0.1


@pytest.mark.parametrize("model", MODELS)
def test_a_strong_ridge_leaves_nothing_but_how_often_none_is_right(model):
    some = examples(3)
    arrays = model.fit(some, names(), Settings(ridge=1e9))
    p, nil = said(model, arrays, some)
    lengths = np.diff(some.offsets)
    for length in range(1, 4):
        of = lengths[some.owner] == length
        assert np.ptp(p[of]) < 1e-3
        assert np.ptp(nil[lengths == length]) < 1e-3


@pytest.mark.parametrize("model", MODELS)
def test_the_same_examples_give_the_same_numbers(model):
    first, again = (model.fit(examples(4), names(), Settings(trees=20)) for _ in range(2))
    assert first.keys() == again.keys()
    assert all(first[name].tobytes() == again[name].tobytes() for name in first)


@pytest.mark.parametrize("model", MODELS)
def test_scores_of_a_mention_do_not_depend_on_others(model):
    some = examples(5)
    arrays = model.fit(some, names(), Settings(trees=20))
    whole = said(model, arrays, some)
    rows = np.arange(0, 200, 7)
    few = said(model, arrays, some.take(rows))
    assert few.nil == pytest.approx(whole.nil[rows])
    assert few.candidate == pytest.approx(whole.candidate[np.isin(some.owner, rows)])


def test_a_tree_cuts_where_it_helps_most():
    """One tree with one question, beside all cuts tried one by one."""
    some = examples(6, 60)
    settings = Settings(trees=1, depth=1, rate=1.0, ridge=1.0)
    arrays = gradient.fit(some, names(), settings)
    codes = gradient._codes(some.evidence, some.owner, arrays["cuts"])
    start = Scores(np.zeros(len(some.right)), np.zeros(60))
    slope = np.concatenate(loss(some, start)[1])
    p = np.concatenate(shares(some, start)[0])
    bend = p * (1 - p)
    best = (-1.0, -1, -1)
    for column in range(codes.shape[1]):
        for cut in range(gradient.BINS - 1):
            left = codes[:, column] <= cut
            if min(bend[left].sum(), bend[~left].sum()) < gradient.LEAST:
                continue
            gain = sum(slope[side].sum() ** 2 / (bend[side].sum() + 1) for side in (left, ~left))
            best = max(best, (round(gain, 9), -column, -cut))
    assert (int(arrays["column"][0, 0]), int(arrays["above"][0, 0])) == (-best[1], -best[2])
    left = codes[:, -best[1]] <= -best[2]
    leaves = [-slope[side].sum() / (bend[side].sum() + 1) for side in (left, ~left)]
    assert arrays["leaf"][0].tolist() == pytest.approx(leaves)


def damaged(arrays, **changes):
    return {**arrays, **changes}


def test_arrays_that_are_none_of_a_model_are_told():
    some = examples(7)
    weights = logistic.fit(some, names(), Settings())
    trees = gradient.fit(some, names(), Settings(trees=3))
    assert logistic.check(weights, names()) == gradient.check(trees, names()) == ""
    bad = np.array([np.nan, 0.0, 0.0])
    assert "3 numbers" in logistic.check(damaged(weights, **{"candidate.weight": bad}), names())
    assert "above 0" in logistic.check(damaged(weights, **{"candidate.scale": np.zeros(3)}), names())
    assert "do not belong" in logistic.check(damaged(weights, more=bad), names())
    assert "4 numbers" in logistic.check(weights, names(4))
    assert "not the arrays" in gradient.check(weights, names())
    faults = {
        "cuts": (trees["cuts"][:, ::-1], "rising"),
        "column": (trees["column"] + np.int32(6), "not there"),
        "above": (trees["above"][:1], "together"),
        "leaf": (trees["leaf"] * np.nan, "together"),
    }
    for name, (array, what) in faults.items():
        assert what in gradient.check(damaged(trees, **{name: np.ascontiguousarray(array)}), names())
    assert "too deep" in gradient.check(damaged(trees, column=trees["column"][:, :5]), names())
