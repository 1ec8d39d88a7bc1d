"""The map of vectors: who is on it, in which colour, where, and whose names are said."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools import config, vectors
from kbtools.metrics import Cloud, Line
from kbtools.models.kge.evaluation import Evaluation
from kbtools.models.kge.recipe import Recipe
from kbtools.report import clouds
from kbtools.tasks.linkprediction import Settings
from kbtools.tasks.linkprediction import map as maps
from tests import tiny_kb


def test_points_are_in_the_largest_of_their_kinds():
    at, kind = np.array([0, 1, 1, 2, 3, 4]), np.array([7, 7, 5, 5, 5, 9])
    group, kept = maps.grouped(6, at, kind, 2)
    assert kept.tolist() == [5, 7]
    assert group.tolist() == [1, 0, 0, 0, 2, 3]  # the fifth has another kind, the last has none
    group, kept = maps.grouped(2, np.empty(0, np.int64), np.empty(0, np.int64), 2)
    assert (group.tolist(), kept.tolist()) == ([1, 1], [])


@given(rows=st.integers(0, 40), most=st.integers(1, 40), some=st.sets(st.integers(0, 39)))
def test_those_that_must_be_drawn_are(rows, most, some):
    always = np.array(sorted(row for row in some if row < rows), np.int64)
    found = maps.chosen(rows, most, always, seed=0)
    assert len(found) == min(rows, most)
    assert (np.diff(found) > 0).all()
    assert {*always[:most].tolist()} <= {*found.tolist()}


def test_the_plane_is_that_of_most_variance():
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(200, 2)) * [5.0, 2.0]
    turned, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    found, shares = maps.flattened((flat @ turned[:2] + 3).astype(np.float32))
    assert np.abs(found) == pytest.approx(np.abs(maps.flattened(flat)[0]), abs=1e-4)
    assert shares.sum() == pytest.approx(1.0)
    assert shares[0] == pytest.approx(25 / 29, abs=0.05)


@pytest.mark.parametrize("table", [np.zeros((1, 1)), np.ones((4, 3)), np.arange(3.0)[:, None]])
def test_vectors_without_two_directions_have_a_map(table):
    found, shares = maps.flattened(table)
    assert found.shape == (len(table), 2)
    assert np.isfinite(found).all()
    assert np.isfinite(shares).all()


def test_a_cloud_is_drawn_with_names_apart():
    pytest.importorskip("matplotlib")
    names = [
        (0.0, 0.0, "first"),
        (0.01, 0.0, "a second, quite long"),
        (0.0, 0.001, "third"),
        (9.0, 9.0, "上海 $x$"),
    ]
    drawn = clouds.draw(
        Cloud(
            name="map", title="A <map>", x="x", y="y", names=names,
            groups=[Line(name=f"kind {at}", x=[float(at), 10.0], y=[float(at), -1.0]) for at in range(12)],
        )
    ).decode()  # fmt: skip
    ElementTree.fromstring(drawn)
    assert "first" in drawn
    assert "third" not in drawn  # no room: the first two lie right and left
    assert "上海 $x$" in drawn
    assert "kind 11" in drawn


def test_types_are_colours_where_they_are_known(tmp_path):
    kb = tiny_kb.write(tmp_path / "kb", tiny_kb.world())
    vectors.write(
        tmp_path / "vectors",
        [5, 4, 3, 1, 0],
        np.eye(5, 4, dtype=np.float32),
        kb=kb,
        relations={"relations": np.zeros((3, 4), np.float32)},
        settings=config.plain(Recipe(model="transe", dim=4)),
    )
    (tmp_path / "some.tsv").write_text("Q42\tP31\tQ5\n")
    asked = Evaluation(tmp_path / "vectors", tmp_path / "some.tsv", settings=Settings(types=1, resamples=5))
    (cloud,) = asked.run().clouds
    assert {group.name: len(group.x) for group in cloud.groups} == {
        "human": 1,
        "other types": 1,
        "no type": 3,
    }
    assert {name for *_, name in cloud.names} == {"human", "Douglas Adams", "柏林", "Germany", "Q515"}
