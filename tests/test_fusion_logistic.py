"""Weights of fusion learnt from answers: the minimum is the minimum, and what is saved is what was fitted."""

from __future__ import annotations

import numpy as np
import pytest

from kbtools.errors import ArtefactError, ConfigError
from kbtools.linkers.index import fusion, logistic
from tests.test_fusion import ALIAS, FUZZY, rows

NAMES = ("a", "b")


def data(n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(2)
    x = generator.normal(size=(n, 2)) * [3, 0.5] + [1, -2]
    p = 1 / (1 + np.exp(-(0.5 + 0.4 * x[:, 0] - 1.5 * x[:, 1])))
    return x, (generator.random(n) < p).astype(float)


def fit(x: np.ndarray, y: np.ndarray, m: np.ndarray | None = None, ridge: float = 1e-6) -> logistic.Logistic:
    mentions = np.ones(len(y)) if m is None else m
    return logistic.fit(x, y, mentions, sources=("alias",), names=NAMES, ridge=ridge)


def test_it_finds_the_weights_that_made_the_data():
    found = fit(*data(40_000))
    slopes = np.array(found.weights) / np.array(found.scales)
    assert slopes == pytest.approx([0.4, -1.5], abs=0.06)
    assert found.bias - slopes @ np.array(found.means) == pytest.approx(0.5, abs=0.12)


def test_nothing_near_the_minimum_is_lower():
    x, y = data()
    found = fit(x, y, ridge=3.0)
    scaled = np.column_stack([(x - found.means) / found.scales, np.ones(len(y))])
    best = np.array([*found.weights, found.bias])
    penalty, ones = np.array([3.0, 3.0, 1e-9]), np.ones(len(y))
    lowest = logistic._loss(scaled, y, ones, penalty, best)
    for step in np.random.default_rng(0).normal(size=(200, 3)) * 0.01:
        assert logistic._loss(scaled, y, ones, penalty, best + step) >= lowest


def test_a_share_of_several_mentions_is_the_same_as_each_by_itself():
    x = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]])
    told = fit(x, np.array([0.0, 0.5, 0.75]), np.array([3.0, 2.0, 4.0]), ridge=0.5)
    each = fit(np.repeat(x, [3, 2, 4], axis=0), np.array([0, 0, 0, 1, 0, 1, 1, 1, 0], dtype=float), ridge=0.5)
    assert told.weights == pytest.approx(each.weights)
    assert told.bias == pytest.approx(each.bias)


def test_answers_that_can_be_told_apart_perfectly_have_finite_weights():
    x = np.array([[float(value), 1.0] for value in range(-5, 6) if value])
    found = fit(x, (x[:, 0] > 0).astype(float), ridge=1.0)
    assert 0 < found.weights[0] < 20
    assert found.weights[1] == 0  # it never varies
    assert (np.diff(found.score(x)) > 0).all()


@pytest.mark.parametrize(("y", "told"), [([0.0, 0.0], "no candidate is"), ([1.0, 1.0], "every candidate is")])
def test_nothing_to_learn_from(y, told):
    with pytest.raises(ConfigError, match=f"{told} the answer; give it more"):
        fit(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array(y))


def test_features_by_hand():
    pool = fusion.pool([ALIAS, FUZZY])
    names, values = logistic.features(pool, ["alias", "fuzzy"], np.array([0.0, 1, 2, 3, 4, 5]))
    assert names == (
        "alias found", "alias rank", "alias score", "alias log score",
        "fuzzy found", "fuzzy rank", "fuzzy score", "popularity",
    )  # fmt: skip
    eight = dict(zip(names, values[1].tolist(), strict=True))
    assert pool.eid[1] == 8
    assert eight["alias found"] == eight["fuzzy found"] == eight["fuzzy rank"] == 1
    assert eight["alias rank"] == 0.5
    assert eight["alias log score"] == pytest.approx(np.log(0.1 / 1e-6))
    assert eight["popularity"] == pytest.approx(np.log(2))
    nine = values[2].tolist()
    assert nine[:4] == [0, 0, 0, 0]
    assert nine[4:7] == pytest.approx([1, 0.5, 0.8])


def test_saved_and_read_again(tmp_path):
    made = fit(*data())
    path = tmp_path / "fusion.toml"
    path.write_bytes(made.to_toml())
    assert logistic.load(path) == made
    assert fit(*data()).to_toml() == made.to_toml()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("bias = ", "bias = 1e999 #", "lists of one length"),
        ('features = ["a", "b"]', 'features = ["a"]', "lists of one length"),
        ("ridge", "rigde", "rigde"),
        ("bias = ", "bias = [", "not valid TOML"),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path, old, new, told):
    path = tmp_path / "fusion.toml"
    path.write_text(fit(*data()).to_toml().decode().replace(old, new))
    with pytest.raises(ConfigError, match=told) as error:
        logistic.load(path)
    assert "\n" not in str(error.value)


def test_other_sources_than_it_was_fitted_with_are_refused():
    made = fit(*data())
    made.fits(["alias"], NAMES, "here")
    with pytest.raises(
        ArtefactError, match=r"fusion\.toml: fitted with alias and a, b; here are alias, fuzzy"
    ):
        made.fits(["alias", "fuzzy"], NAMES, "fusion.toml")


def test_it_learns_which_source_to_believe():
    generator = np.random.default_rng(8)
    queries, candidates = 500, 10
    answer = generator.integers(0, candidates, queries)
    good, bad = [], []
    for query in range(queries):
        order = generator.permutation(candidates)
        best = [answer[query], *(eid for eid in order if eid != answer[query])]
        good += [(query, 0, int(eid), 1 - place / 20) for place, eid in enumerate(best)]
        bad += [(query, 0, int(eid), 1 - place / 20) for place, eid in enumerate(order)]
    pool = fusion.pool([rows(*bad), rows(*good)])
    names, values = logistic.features(pool, ["alias", "dense"])
    right = (pool.eid == answer[pool.query]).astype(float)
    made = logistic.fit(values, right, np.ones(len(right)), sources=["alias", "dense"], names=names)
    lists = fusion.arrange(pool, made.score(values))
    assert (lists.eid[lists.place == 1] == answer).all()
    plain = fusion.arrange(pool, fusion.reciprocal_rank(pool))
    assert (plain.eid[plain.place == 1] == answer).mean() < 0.9
