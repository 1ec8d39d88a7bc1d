"""Settings of `kbtools embed` that cannot be: refused before anything is read, by their names."""

from __future__ import annotations

import pytest

from kbtools import config
from kbtools.errors import ConfigError
from kbtools.models.embedding.sgns.settings import Settings
from kbtools.models.kge import recipes


@pytest.mark.parametrize(
    "override",
    [
        "optimiser.lr=inf", "optimiser.lr=nan", "optimiser.relation_lr=-1", "optimiser.decay=0",
        "optimiser.drop=[2.0]", "regulariser.weight=-1", "regulariser.weight=nan", "regulariser.power=0",
        "loss.margin=nan", "loss.temperature=inf", "judge.triples=-1", "judge.patience=-1",
        "scorer.gamma=nan", "scorer.gamma=inf", "scorer.gamma=-2",
    ],
)  # fmt: skip
def test_a_number_out_of_its_range_is_named(override):
    with pytest.raises(ConfigError, match=override.partition("=")[0]):
        recipes.load("transe", [override, "judge.every=1"])


@pytest.mark.parametrize(
    ("model", "override"),
    [
        ("distmult", "scorer.spread=-1"), ("rescal", "scorer.spread=nan"),
        ("tucker", "scorer.relation_dim=0"), ("tucker", "scorer.drop_core=1.5"),
        ("rotate", "scorer.gamma=nan"),
    ],
)  # fmt: skip
def test_what_a_scorer_takes_has_its_range_too(model, override):
    with pytest.raises(ConfigError, match=override.partition("=")[0]):
        recipes.load(model, [override])


@pytest.mark.parametrize("name", ["graph", "power", "lr", "subsample"])
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_what_is_no_number_is_refused_for_texts_too(name, value):
    with pytest.raises(ConfigError, match=name):
        config.build(Settings, where="sgns", overrides=[f"{name}={value}"])
