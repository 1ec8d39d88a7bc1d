"""Triples of a published benchmark and of the tiny world, made by the whole stage."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from kbtools import api, artefact
from kbtools.kb.reader import Kb
from tests import tiny_tokenizer
from tests.shard_world import SAMPLE, rows

PRESET = '[common]\nmax_length = 24\n[kb]\nlayout = "triples"\n'


@pytest.fixture
def preset(tmp_path: Path) -> Path:
    file = tmp_path / "preset.toml"
    file.write_text(PRESET)
    return file


def test_the_tiny_world(tmp_path: Path, preset: Path) -> None:
    """All best triples, whatever the number of workers; row n of a table is entity n."""
    api.ingest("wikidata", [SAMPLE / "wikidata.json.gz"], tmp_path / "kb", langs=["en", "zh"])
    kb = Kb(tmp_path / "kb")
    contents = set()
    for workers in (1, 2):
        out = tmp_path / f"shards{workers}"
        api.shard(
            kb.path, out, model=str(preset), tokenizer=tiny_tokenizer.path(), workers=workers,
            overrides=["triples.graph=true", "dev=.1", "test=.1"],
        )  # fmt: skip
        contents.add(artefact.read(out).content)
    assert len(contents) == 1
    best = {
        (one["head"], one["relation"], one["tail"]) for one in kb.table("triples").to_pylist() if one["best"]
    }
    told = {split: [tuple(row.values()) for row in rows(out, split)] for split in ("train", "dev", "test")}
    assert Counter(one for each in told.values() for one in each) == Counter(best)
    assert all(told.values())
    entities, graph = rows(out, "entities"), rows(out, "graph")
    assert (
        [row["eid"] for row in entities] == [row["eid"] for row in graph] == list(range(kb.rows("entities")))
    )
    near = [
        (row["eid"], relation, tail)
        for row in graph
        for relation, tail in zip(row["out_relations"], row["out_tails"], strict=True)
    ]
    assert sorted(near) == sorted(told["train"])
    berlin = kb.table("entities")["id"].to_pylist().index("Q64")
    words = tiny_tokenizer.loaded().decode(entities[berlin]["input_ids"])
    assert words.startswith("[CLS]")
    assert words.endswith("[SEP]")
    assert len(rows(out, "relations")) == kb.rows("relations")


def test_codex(realdata: Path, tmp_path: Path, preset: Path) -> None:
    """The sizes that its authors state: a benchmark keeps its own splits."""
    api.ingest("linkprediction", [realdata / "kge/codex"], tmp_path / "kb")
    made = api.shard(tmp_path / "kb", tmp_path / "out", model=str(preset), tokenizer=tiny_tokenizer.path())
    sizes = {split: made.tables[split].rows for split in ("train", "dev", "test")}
    assert sizes == {"train": 32_888, "dev": 1_827, "test": 1_828}
    assert made.tables["entities"].rows == 2_034
