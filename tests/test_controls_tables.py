"""Controls of tables: rows of others, rows that are drawn."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from kbtools import vectors as stored
from kbtools.models.base import KnowledgeModel
from kbtools.models.parts.tables import EntityTable
from kbtools.models.vectors import Vectors
from kbtools.models.vectors.controlled import Controlled
from tests import tiny_vectors
from tests.test_models_base import HEADS, WORDS, recipe

MANY = 40
EIDS = torch.tensor([*range(MANY), -1, -2, 99])


@pytest.fixture
def folder(tmp_path):
    tiny_vectors.made(tmp_path / "vectors", [*range(MANY)], dim=4)
    return tmp_path / "vectors"


def table(folder: Path, control: str, seed: int = 0, mode: str = "frozen") -> EntityTable:
    return EntityTable.open(folder, control=control, seed=seed, mode=mode)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["frozen", "resident", "trained"])
def test_each_has_the_vector_of_another(folder, mode):
    true, found = table(folder, "true")(EIDS), table(folder, "permuted", mode=mode)(EIDS).detach()
    assert not (true[:MANY] == found[:MANY]).all(1).any()
    assert sorted(map(tuple, true.tolist())) == sorted(map(tuple, found.tolist()))
    assert not found[MANY:].any()  # nobody still is nobody


@pytest.mark.parametrize("mode", ["frozen", "resident", "trained"])
def test_drawn_vectors_have_the_rows_mean_and_deviation(tmp_path, mode):
    many = 4000
    drawn = np.random.default_rng(0).normal([3, -1], [0.5, 2], size=(many, 2)).astype("float32")
    stored.write(tmp_path / "v", range(many), drawn, inputs=[tiny_vectors.base(tmp_path / "kb", "tiny")])
    found = table(tmp_path / "v", "random", mode=mode)(torch.arange(many)).detach()
    assert torch.allclose(found.mean(0), torch.tensor(drawn.mean(0)), atol=0.15)
    assert torch.allclose(found.std(0), torch.tensor(drawn.std(0)), rtol=0.1)
    assert abs(np.corrcoef(found[:, 0], drawn[:, 0])[0, 1]) < 0.06
    assert abs(np.corrcoef(found.T.numpy())[0, 1]) < 0.06


@pytest.mark.parametrize("control", ["permuted", "random"])
def test_the_same_seed_the_same_rows(folder, control):
    whole = table(folder, control)(EIDS)
    assert torch.equal(whole, table(folder, control)(EIDS))
    assert torch.equal(whole[7:9], table(folder, control)(EIDS[7:9]))
    assert not torch.equal(whole, table(folder, control, seed=1)(EIDS))
    source = Controlled(Vectors.open(folder), control, 0)
    blocks = torch.cat([block for _, block in source.blocks()])
    assert torch.equal(blocks, source.gather(torch.arange(MANY)))
    make, told = source.__reduce__()  # as workers get it
    again = make(*told)  # type: ignore[operator]
    assert torch.equal(again.gather(torch.arange(5)), blocks[:5])


@pytest.mark.parametrize("entities", ["link", "used", "full"])
@pytest.mark.parametrize("control", ["permuted", "random"])
def test_a_loaded_model_keeps_its_control(folder, tmp_path, control, entities):
    made = KnowledgeModel.make(
        recipe(), heads={"lm": HEADS["lm"]}, vocabulary=WORDS, seed=0,
        tables={"tiny": table(folder, control, seed=3)},
    )  # fmt: skip
    wanted = made.tables["tiny"](EIDS)
    made.save_pretrained(tmp_path / "model", entities=entities)
    if entities != "link":
        shutil.rmtree(folder)
    again = KnowledgeModel.from_pretrained(tmp_path / "model")
    assert torch.equal(again.tables["tiny"](EIDS), wanted)
    again.save_pretrained(tmp_path / "second", entities=entities)
    (tmp_path / "second").rename(tmp_path / "moved")
    twice = KnowledgeModel.from_pretrained(tmp_path / "moved")
    assert torch.equal(twice.tables["tiny"](EIDS), wanted)
