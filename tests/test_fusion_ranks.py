"""At which rank sources have the right entities: fakes whose answers are written down, and lineage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from kbtools import artefact
from kbtools.alias.lookup import Slices
from kbtools.artefact import Input, KbRef
from kbtools.errors import ArtefactError, ConfigError
from kbtools.linkers.index import evaluation, fusion, logistic, ranks
from kbtools.linkers.index.base import Hits
from kbtools.linkers.index.ranks import Asking
from kbtools.linkers.index.sources import sources
from kbtools.tasks.candidates.gold import NOWHERE, Gold

KBS = [KbRef(name="one", content="1", id_space=["a"]), KbRef(name="two", content="2", id_space=["b"])]
PRIORS = {"paris": [(0, 7, 0.75), (0, 8, 0.25), (1, 7, 1.0)], "nato": [(0, 3, 1.0)]}
NEAR = {"pariss": [(0, 8), (0, 7)], "paris": [(1, 9), (0, 7)]}  # the fuzzy index numbers the bases otherwise


class Names:
    """An alias table that knows PRIORS."""

    path = Path("alias")
    manifest = artefact.begin("alias", kbs=KBS, content="A")

    def __init__(self) -> None:
        self.asked: list[str] = []

    def lookup(self, surfaces: Sequence[str]) -> Slices:
        self.asked += surfaces
        self.now = [*surfaces]
        length = np.array([len(PRIORS.get(name, ())) for name in surfaces])
        zero = np.zeros(len(surfaces), np.int64)
        return Slices(zero, zero, zero.astype(np.uint8), zero, length, zero.astype(np.float32))

    def candidates(self, slices: Slices) -> pa.Table:
        rows = [(at, *row) for at, name in enumerate(self.now) for row in PRIORS.get(name, ())]
        columns = [*zip(*rows, strict=True)] or [()] * 4
        types = {"query": pa.int64(), "kb": pa.uint8(), "eid": pa.uint32(), "prior": pa.float32()}
        return pa.table(
            {name: pa.array(c, kind) for (name, kind), c in zip(types.items(), columns, strict=True)}
        )


class Near:
    """An index that knows NEAR."""

    path = Path("near")

    def __init__(self, **fields: Any) -> None:
        told = {"settings": {"kind": "fuzzy"}, "kbs": KBS[::-1], **fields}
        self.manifest = artefact.begin("index", **told)
        self.asked: list[str] = []

    def search(self, queries: Sequence[str], k: int = 10) -> Hits:
        self.asked += queries
        found = [NEAR.get(query, [])[:k] for query in queries]
        rows = [row for one in found for row in one]
        return Hits(
            np.cumsum([0, *map(len, found)]),
            np.array([1 - kb for kb, _ in rows], np.uint8),
            np.array([eid for _, eid in rows], np.uint32),
            np.linspace(1, 0.5, len(rows), dtype=np.float32),
        )


def gold(*rows: tuple[str, int, int], contexts: Sequence[str] = (), documents: Sequence[int] = ()) -> Gold:
    surfaces, kb, eid = zip(*rows, strict=True)
    return Gold(
        [*surfaces], [*contexts] or [""] * len(rows), [""] * len(rows), np.array(kb, np.uint8),
        np.array(eid, np.uint32), np.array(documents or [NOWHERE] * len(rows)), {},
    )  # fmt: skip


ASKING = Asking(10, context=False, fusion=fusion.Settings(spread=1, least=1, most=9))
MENTIONS = gold(
    ("pariss", 0, 7), ("paris", 0, 8), ("paris", 1, 9), ("paris", 0, 8), ("lost", 0, 1), ("nato", 1, 3)
)


def rank(mentions: Gold, names: Names, *indexes: Near, how: Asking = ASKING) -> Any:
    asked = sources(names, indexes)
    return ranks.rank(mentions, asked, ranks.scoring([one.name for one in asked], how, None, ""), how)


@pytest.mark.parametrize("at_once", [1, 2, 4096])
def test_ranks_by_hand(monkeypatch, at_once):
    monkeypatch.setattr(ranks, "AT_ONCE", at_once)
    names, near = Names(), Near()
    found = rank(MENTIONS, names, near)
    assert found.systems == ["alias", "fuzzy", "fused"]
    assert found.ranks.tolist() == [[0, 2, 2], [2, 0, 2], [0, 1, 2], [2, 0, 2], [0, 0, 0], [0, 0, 0]]
    # unknown to the alias table: all that there is; 2^.811 = 1.75 → 2; 1 → 1; no list at all
    assert found.kept.tolist() == [2, 2, 1, 2, 0, 0]
    assert names.asked == near.asked == ["pariss", "paris", "lost", "nato"]  # each name once


def test_without_an_index_nothing_is_fused():
    found = rank(MENTIONS, Names())
    assert found.systems == ["alias"]
    assert found.ranks[:, 0].tolist() == [0, 2, 0, 2, 0, 0]


def test_indexes_of_one_kind_are_told_apart():
    assert [one.name for one in sources(Names(), [Near(), Near()])] == ["alias", "fuzzy", "fuzzy 2"]


def test_only_dense_indexes_are_asked_with_context():
    names, near, dense = Names(), Near(), Near(settings={"kind": "dense"})
    mentions = gold(("paris", 0, 7), ("paris", 0, 7), ("nato", 0, 3), contexts=["in Texas", "in France", ""])
    rank(mentions, names, near, dense, how=ASKING._replace(context=True))
    assert names.asked == near.asked == ["paris", "paris", "nato"]
    assert dense.asked == ["paris: in Texas", "paris: in France", "nato"]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (
            {"inputs": [Input(path="old", kind="alias", content="B")]},
            r"another alias table \(old\) than alias",
        ),
        ({"kbs": [KbRef(name="three", content="3")]}, "another 'three' than in alias"),
        ({"kbs": [KbRef(name="one", content="9", id_space=["z"])]}, "another 'one' than in alias"),
    ],
)
def test_an_index_of_something_else_is_refused(fields, told):
    with pytest.raises(ArtefactError, match=told):
        sources(Names(), [Near(**fields)])


def test_an_index_of_a_later_release_of_the_same_numbers_is_taken():
    sources(Names(), [Near(kbs=[KbRef(name="one", content="9", id_space=["a", "c"])])])
    sources(Names(), [Near(inputs=[Input(path="here", kind="alias", content="A")])])


def test_answers_counted_over_mentions(monkeypatch):
    seen: dict[str, Any] = {}

    def fit(values, shares, mentions, **_):
        seen.update(values=values, shares=shares, mentions=mentions)

    monkeypatch.setattr(logistic, "fit", fit)
    mentions = gold(("paris", 0, 7), ("paris", 0, 8), ("paris", 0, 8), ("paris", 1, 1), ("nato", 1, 3))
    ranks.fit(mentions, sources(Names(), []), ASKING, 1.0)
    # paris in the first base: 7 once of three, 8 twice; in the second: 7, which nobody meant
    assert seen["shares"].tolist() == pytest.approx([1 / 3, 2 / 3, 0])
    assert seen["mentions"].tolist() == [3, 3, 1]


def test_fitted_weights_are_of_use():
    """The fuzzy index is right about misspelt names, the table about known ones: weights find out."""
    rows = [("pariss", 0, 8)] * 30 + [("paris", 0, 7)] * 30 + [("nato", 0, 3)] * 30
    asked = sources(Names(), [Near()])
    made = ranks.fit(gold(*rows), asked, ASKING, 1.0)
    found = ranks.rank(gold(*rows), asked, ranks.scoring(["alias", "fuzzy"], ASKING, made, "here"), ASKING)
    assert (found.ranks[:, 2] == 1).all()
    with pytest.raises(ArtefactError, match="here: fitted with alias, fuzzy"):
        ranks.rank(gold(*rows), asked[:1], ranks.scoring(["alias"], ASKING, made, "here"), ASKING)


def test_popularity_goes_by_entity():
    known = {0: np.arange(10, dtype=np.float32), 1: np.zeros(10, np.float32)}
    how = ASKING._replace(popularity=known)
    made = ranks.fit(gold(*[("paris", 0, 8)] * 5, *[("paris", 0, 7)] * 2), sources(Names(), []), how, 1.0)
    assert made.features[-1] == "popularity"
    assert made.weights[-1] > 0


def test_what_belongs_together_is_split_together():
    rows = [(f"name {at % 7}", 0, 1) for at in range(200)]
    dev, rest = ranks.split(gold(*rows), 0.5, seed=1)
    assert len(dev.surfaces) + len(rest.surfaces) == 200
    assert not {*dev.surfaces} & {*rest.surfaces}
    dev, rest = ranks.split(gold(*rows, documents=[at // 10 for at in range(200)]), 0.5, seed=1)
    assert 0 < len(dev.surfaces) < 200
    assert not {*dev.document.tolist()} & {*rest.document.tolist()}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"fusion": "logistic"}, "logistic fusion takes one of fit_on, fit_share and fusion_file"),
        ({"fusion": "logistic", "fit_share": 0.5, "fit_on": Path("x")}, "takes one of"),
        ({"fit_share": 0.5}, "go with --fusion logistic"),
        ({"fusion": "logistic", "fit_share": 1.0}, "fit_share is 1.0"),
        ({"popularity": True}, "popularity goes with --fusion logistic"),
        ({"least": 0}, "least is 0"),
        ({"at": (0,)}, "at is 0"),
    ],
)
def test_settings_that_make_no_sense(wrong, told):
    with pytest.raises(ConfigError, match=told):
        evaluation.Settings(**wrong)
