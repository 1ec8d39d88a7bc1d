"""Models with entity tables: saved beside, packed in, or gone."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModel

from kbtools.models.base import KnowledgeModel
from kbtools.models.parts.tables import EntityTable
from tests import tiny_vectors
from tests.test_models_base import HEADS, WORDS, recipe, same

EIDS = torch.tensor([4, 0, 9, 7, 8, -1, -2])


def model(folder: Path, **options: str) -> KnowledgeModel:
    tiny_vectors.made(folder / "vectors")
    table = EntityTable.open(folder / "vectors", **options)  # type: ignore[arg-type]
    return KnowledgeModel.make(
        recipe(), heads={"lm": HEADS["lm"]}, vocabulary=WORDS, seed=0, tables={"tiny": table}
    )


@pytest.mark.parametrize("entities", ["link", "used", "full"])
def test_tables_come_back(entities, tmp_path):
    made = model(tmp_path)
    wanted = made.tables["tiny"](EIDS)
    before = made.config.tables
    made.save_pretrained(tmp_path / "model", entities=entities)
    assert made.config.tables == before
    assert not [name for name in made.state_dict() if "tables" in name]
    if entities != "link":
        shutil.rmtree(tmp_path / "vectors")
    (tmp_path / "model").rename(tmp_path / "moved")
    for again in (
        KnowledgeModel.from_pretrained(tmp_path / "moved"),
        AutoModel.from_pretrained(tmp_path / "moved"),
    ):
        assert torch.equal(again.tables["tiny"](EIDS), wanted)
        assert same(made, again)


def test_a_model_without_its_table_knows_nobody(tmp_path, caplog):
    model(tmp_path).save_pretrained(tmp_path / "model")
    shutil.rmtree(tmp_path / "vectors")
    with caplog.at_level(logging.WARNING, logger="kbtools.models"):
        again = KnowledgeModel.from_pretrained(tmp_path / "model")
    assert len([record for record in caplog.records if "unknown to this model" in record.getMessage()]) == 1
    assert not again.tables["tiny"](EIDS).any()


def test_learned_vectors_depend_on_the_seed(tmp_path):
    first = model(tmp_path / "a", nil="trained").tables["tiny"].nil
    torch.rand(5)
    second = model(tmp_path / "b", nil="trained").tables["tiny"].nil
    assert first is not None
    assert second is not None
    assert torch.equal(first, second)
