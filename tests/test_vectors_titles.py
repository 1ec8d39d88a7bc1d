"""ERNIE's folder with its titles: written where the knowledge base has some, read as names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kbtools import api, vectors
from kbtools.models.embeddings import embed

SAMPLE = Path(__file__).parents[1] / "data" / "sample"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The sample's Wikidata, vectors of three entities, and these as ERNIE reads them."""
    room = tmp_path_factory.mktemp("titles")
    api.ingest("wikidata", [SAMPLE / "wikidata.json.gz"], room / "kb", langs=["en"])
    with api.query(
        [room / "kb"], "SELECT eid FROM entities WHERE id IN ('Q42', 'Q64', 'Q91') ORDER BY eid"
    ) as rows:
        eids = rows.read_all()["eid"].to_pylist()
    numbers = np.arange(6, dtype=np.float32).reshape(3, 2)
    vectors.write(room / "vectors", eids, numbers, inputs=[room / "kb"])
    api.export_vectors(room / "vectors", room / "openke", format="openke")
    return room


def titles(folder):
    return dict(line.split("\t") for line in (folder / "entity_map.txt").read_text().splitlines())


def test_titles_of_pages_are_written(world):
    found = titles(world / "openke")
    assert found["Abraham Lincoln"] == "Q91"
    assert {*found.values()} <= {"Q42", "Q64", "Q91"}  # of those with a vector
    assert not (world / "openke" / "relation2id.txt").exists()


def test_another_site_or_none(world, tmp_path):
    api.export_vectors(world / "vectors", tmp_path / "none", format="openke", overrides=["titles="])
    api.export_vectors(world / "vectors", tmp_path / "zh", format="openke", overrides=["titles=zhwiki"])
    assert not (tmp_path / "none" / "entity_map.txt").exists()
    assert {*titles(tmp_path / "zh").values()} <= {"Q42", "Q64", "Q91"}
    assert "Abraham Lincoln" not in titles(tmp_path / "zh")


def test_a_folder_goes_both_ways(world, tmp_path):
    embed(world / "kb", tmp_path / "again", model=f"openke:{world / 'openke'}", quiet=True)
    one, two = vectors.Vectors(world / "vectors"), vectors.Vectors(tmp_path / "again")
    assert one.eids().tolist() == two.eids().tolist()
    assert np.array_equal(one.array, two.array)


def test_titles_are_names_for_linking(world, tmp_path):
    (tmp_path / "map.txt").write_text("The Hitchhiker's author\tQ42\nNobody Of Note\tQ999999999\n")
    api.build_alias([world / "kb"], tmp_path / "alias", prior_files=[tmp_path / "map.txt"])
    asked = "SELECT count(*) AS n FROM counts WHERE surface = '{}'"
    found = []
    for name in ("the hitchhiker''s author", "nobody of note", "The Hitchhiker''s author"):
        with api.query([tmp_path / "alias"], asked.format(name)) as rows:
            found.append(rows.read_all()["n"][0].as_py())
    assert found[0] + found[2] == 1
    assert found[1] == 0
