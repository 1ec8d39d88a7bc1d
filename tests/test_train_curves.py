"""curves.svg: what is drawn, where axes end, and that the same run gives the same bytes."""

from __future__ import annotations

import doctest
import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from kbtools.models.training import curves
from kbtools.runs.metrics import Points
from tests.told_runs import line, lines, write_lines


def words(svg):
    return [text.strip() for one in ET.fromstring(svg).itertext() if (text := one).strip()]


def test_examples_in_docstrings():
    assert doctest.testmod(curves).failed == 0


def test_all_that_was_measured_is_named(tmp_path):
    path = write_lines(tmp_path / "bert.partial" / "new" / "metrics.jsonl", lines(*range(1, 101)))
    svg = curves.draw(path)
    seen = words(svg)
    assert {"bert", "first", "second", "loss", "mlm: loss", "mlm: right", "train", "dev"} <= {*seen}
    assert {"learning rate", "tokens a second"} <= {*seen}
    assert "MFU" not in seen
    assert curves.draw(path) == svg


@pytest.mark.parametrize(
    "told", [[], [line(1)], [{"step": 5, "dev": {"loss": 2.0}}], [{"step": 1, "loss": None}]]
)
def test_a_run_that_has_hardly_begun_is_drawn_too(told):
    assert "loss" in words(curves.picture(told, "x < y & z"))


def test_a_loss_that_was_no_number_leaves_a_gap():
    told = [line(1), {**line(2), "loss": None}, line(3)]
    (loss, *_) = curves.panels(told)
    assert loss.train[0].points.steps == [1, 3]


def test_the_first_steps_and_an_outlier_do_not_decide_the_axis():
    values = [100.0, *[3.0 - at / 1000 for at in range(999)], 900.0]
    panel = curves.Panel("loss", [curves.Trace(Points(list(range(1001)), values), smooth=True)])
    low, high = curves.limits(panel) or (0, 0)
    assert low < 2.1
    assert 3.0 <= high < 3.3


def test_axes_of_shares_and_of_rates():
    share = curves.Panel("right", [curves.Trace(Points([1, 2], [0.2, 0.5]))], share=True)
    assert curves.limits(share) == pytest.approx((0.0, 0.55))
    assert curves.limits(share._replace(dev=Points([1], [0.99]))) == (0.0, 1.0)
    little = curves.Panel("waiting", [curves.Trace(Points([1], [0.001]))], share=True)
    assert curves.limits(little) == (0.0, 0.05)
    flat = curves.Panel("lr", [curves.Trace(Points([1, 2], [1e-4, 1e-4]))], zero=True)
    low, high = curves.limits(flat) or (1, 1)
    assert low == 0.0
    assert high > 1e-4


def test_a_running_mean_is_that_of_neighbours():
    flat = curves.smoothed(Points([1, 2, 3], [4.0, 4.0, 4.0]))
    assert flat.values == pytest.approx([4.0] * 3)
    some = np.random.default_rng(0).normal(size=200)
    spread = 200 / curves.SMOOTH
    found = curves.smoothed(Points(list(range(200)), some.tolist())).values
    for at in (0, 7, 100, 199):
        near = [other for other in range(200) if abs(other - at) <= int(3 * spread)]
        weights = [math.exp(-0.5 * ((other - at) / spread) ** 2) for other in near]
        slow = sum(w * some[other] for w, other in zip(weights, near, strict=True)) / sum(weights)
        assert found[at] == pytest.approx(slow)


def test_many_points_are_thinned_to_means():
    thin = curves.thinned(Points(list(range(1, 9)), [1.0, 3, 5, 7, 2, 4, 6, 8]), most=4)
    assert thin == ([2, 4, 6, 8], [2.0, 6.0, 3.0, 7.0])
    svg = curves.picture([line(step) for step in range(20_000)], "long")
    assert len(svg) < 300_000


def test_groups_with_one_rate_are_one_line():
    told = [{"step": step, "loss": 1.0, "lr": {"a": 0.1, "a, no decay": 0.1, "b": 0.2}} for step in (1, 2)]
    rates = [panel for panel in curves.panels(told) if panel.title == "learning rate"]
    assert [trace.name for trace in rates[0].train] == ["a", "b"]


def test_stages_begin_behind_the_step_before():
    assert list(curves.stages(lines(10, 50, 60, 70))) == [(0, "first"), (50, "second")]
