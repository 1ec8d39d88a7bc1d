"""Scores become chances: pooled by hand and slowly, in order, never certain, and read back as written."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.errors import ArtefactError, ConfigError
from kbtools.linkers import calibration
from kbtools.linkers.base import Ranked
from kbtools.linkers.calibration import Calibration, Steps, calibrated, fit, from_json, to_json
from tests.linked_candidates import line, mentions_of


def pooled(score: list[float], right: list[bool]) -> dict[float, float]:
    """Pool neighbours that fall until none does."""
    blocks: list[list[float]] = []  # sum, count
    for one in sorted(set(score)):
        mine = [r for s, r in zip(score, right, strict=True) if s == one]
        blocks.append([sum(mine), len(mine), 1])
        while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] >= blocks[-1][0] * blocks[-2][1]:
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
    values = [total / count for total, count, scores in blocks for _ in range(int(scores))]
    return dict(zip(sorted(set(score)), values, strict=True))


def test_by_hand():
    steps = fit(np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]), np.array([0, 1, 0, 0, 1, 1]))
    assert steps.scores == pytest.approx((0.1, 0.2, 0.4, 0.5, 0.6))
    assert steps.chances == pytest.approx((1 / 12, 1 / 3, 1 / 3, 11 / 12, 11 / 12))
    assert steps(np.array([0.0, 0.3, 0.45, 1.0])) == pytest.approx(
        [1 / 12, 1 / 3, 15 / 24, 11 / 12], abs=1e-3
    )


examples = st.lists(
    st.tuples(st.integers(0, 16).map(lambda n: n / 16), st.booleans()), min_size=2, max_size=30
)


@given(examples)
def test_as_if_pooled_slowly(seen):
    score, right = [list(one) for one in zip(*seen, strict=True)]
    steps = fit(np.array(score), np.array(right))
    half = 0.5 / len(seen)
    for one, value in pooled(score, right).items():
        found = float(np.interp(one, steps.scores, steps.chances))
        assert found == pytest.approx(min(max(value, half), 1 - half), abs=1e-6)


@given(examples)
def test_order_is_kept_and_nothing_is_certain(seen):
    score, right = (np.array(one) for one in zip(*seen, strict=True))
    chance = fit(score, right)(np.linspace(0, 1, 50))
    assert (np.diff(chance) > 0).all()
    assert ((chance > 0) & (chance < 1)).all()


def test_chances_are_what_is_seen():
    rng = np.random.default_rng(2)
    score = rng.random(20_000)
    right = rng.random(20_000) < score**2
    steps = fit(score, right)
    at = np.array([0.2, 0.5, 0.8])
    assert steps(at) == pytest.approx(at**2, abs=0.05)
    assert len(steps.scores) < 1000


@pytest.mark.parametrize("scores", [[], [0.5, float("nan")]])
def test_nothing_to_fit_on(scores):
    with pytest.raises(ConfigError, match="calibration asks for scores"):
        fit(np.array(scores), np.ones(len(scores), bool))


def test_one_example_says_nothing():
    assert fit(np.array([0.7]), np.array([True])).chances == (0.5,)


BOTH = Calibration(p=Steps((0.2, 0.4, 0.8), (0.1, 0.3, 0.3)), nil=Steps((0.0, 1.0), (0.1, 0.5)))


def test_a_mention_sums_to_one_and_keeps_its_order():
    mentions = mentions_of(line([(1, 0.5), (2, 0.3)], [], [(3, 1.0)]))
    ranked = Ranked(np.array([0.5, 0.4, 0.9], np.float32), np.array([0.1, 1.0, 0.1], np.float32))
    found = calibrated(mentions, ranked, BOTH)
    sums = found.nil + np.bincount(mentions.owner, weights=found.p, minlength=3)
    np.testing.assert_allclose(sums, 1, atol=1e-6)
    assert found.p[0] > found.p[1] > found.nil[0] > 0  # 0.3 for both of them, and yet in order
    assert found.nil[1] == 1
    assert found.p[2] == pytest.approx(0.3 / 0.44, abs=1e-3)


def test_who_is_too_sure_is_brought_down():
    """Ten thousand mentions with two candidates; what is said to be nine in ten is right six times in ten."""
    rng, count = np.random.default_rng(4), 10_000
    mentions = mentions_of(line(*[[(1, 0.5), (2, 0.5)]] * count))
    truth = rng.dirichlet([2, 2, 1], count)
    meant = (rng.random(count)[:, None] > np.cumsum(truth, axis=1)).sum(axis=1)
    said = truth**4 / (truth**4).sum(axis=1, keepdims=True)
    ranked = Ranked(said[:, :2].astype(np.float32).ravel(), said[:, 2].astype(np.float32))
    right = (meant[:, None] == np.arange(2)).ravel()
    found = calibrated(mentions, ranked, calibration.fit_both(ranked, right, meant == 2))

    def gap(answer: Ranked) -> Any:
        best = answer.p.reshape(-1, 2).argmax(axis=1)
        sure, correct = answer.p.reshape(-1, 2).max(axis=1), best == meant
        bins = np.digitize(sure, np.linspace(0, 1, 11))
        return sum(abs(sure[bins == one].sum() - correct[bins == one].sum()) for one in range(12)) / count

    assert gap(ranked) > 0.1
    assert gap(found) < 0.03
    ahead, still = (answer.p[::2] - answer.p[1::2] for answer in (ranked, found))
    assert (np.sign(ahead) == np.sign(still))[abs(ahead) > 1e-3].all()


def test_fitting_both():
    mentions = mentions_of(line([(1, 0.5), (2, 0.3)], [(3, 1.0)]))
    ranked = Ranked(np.array([0.7, 0.2, 0.4], np.float32), np.array([0.1, 0.6], np.float32))
    found = calibration.fit_both(ranked, np.array([True, False, False]), np.array([False, True]))
    assert found.p.chances == pytest.approx((1 / 6, 1 / 6, 5 / 6))
    assert found.nil.chances == pytest.approx((0.25, 0.75))
    assert len(calibrated(mentions, ranked, found).p) == 3


def test_written_and_read():
    assert from_json(to_json(BOTH), "x") == BOTH
    assert json.loads(to_json(BOTH))["p"]["chances"] == [0.1, 0.3, 0.3]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"p": 1}',
        '{"p": {"scores": [0], "chances": [1]}}',
        '{"p": {"scores": ["a"], "chances": [1]}, "nil": {"scores": [0], "chances": [1]}}',
        '{"p": {"scores": [0, 1], "chances": [1]}, "nil": {"scores": [0], "chances": [1]}}',
        '{"p": {"scores": [1, 0], "chances": [0, 1]}, "nil": {"scores": [0], "chances": [1]}}',
        '{"p": {"scores": [0, 1], "chances": [0.5, 1.5]}, "nil": {"scores": [0], "chances": [1]}}',
        '{"p": {"scores": [0, 1], "chances": [NaN, NaN]}, "nil": {"scores": [0], "chances": [1]}}',
        '{"p": {"scores": [], "chances": []}, "nil": {"scores": [0], "chances": [1]}}',
    ],
)
def test_what_is_no_calibration_is_refused(text):
    with pytest.raises(ArtefactError, match=r"calibration\.json: .*fit it again"):
        from_json(text, "calibration.json")
