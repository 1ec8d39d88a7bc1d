"""`kbtools.api.tree` as a stage: the same bytes whatever the workers, resumed, and what its manifest says."""

from __future__ import annotations

import os
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from kbtools import api, artefact
from kbtools.artefact import task
from kbtools.trees import building
from kbtools.trees.schema import TREES
from tests import grown_trees

FACTS = [("天地", "人", "日"), ("日月", "火", "水"), ("日月", "山", "石")]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stage")
    grown_trees.kb(folder, FACTS)
    (folder / "texts").mkdir()
    for number in range(1, 5):
        lines = "".join(f"天地{'很大' * (at % 7)}日月{at}\n" for at in range(40 * number))
        (folder / "texts" / f"{number}.txt").write_text(lines, encoding="utf-8")
    api.tree(folder / "texts", folder / "one", kbs=[folder / "small"])
    return folder


def files(path):
    return {
        file.relative_to(path): file.read_bytes()
        for file in sorted(path.rglob("*"))
        if file.is_file() and file.name != "manifest.json"
    }


def test_the_same_bytes_for_any_number_of_workers(world, tmp_path):
    made = api.tree(world / "texts", tmp_path / "two", kbs=[world / "small"], workers=2)
    assert files(tmp_path / "two") == files(world / "one")
    assert made.content == artefact.read(world / "one").content
    assert len(made.tables["trees"].files) > 1
    rows = grown_trees.read(tmp_path / "two")
    assert len({row["sentence_id"] for row in rows}) == len(rows) == 400


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_same_bytes_for_any_seed_of_hashes(world, tmp_path, seed):
    subprocess.run(
        [sys.executable, "-m", "kbtools.cli.main", "tree", world / "texts", "--kb", world / "small", "--out",
         tmp_path / "out", "--workers", "1", "--quiet"],
        env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True,
    )  # fmt: skip
    assert files(tmp_path / "out") == files(world / "one")


def test_an_interrupted_build_goes_on(world, tmp_path, monkeypatch):
    pieces: list[str] = []
    whole = building.trees_of

    def some(folder, **told):
        if len(pieces) == 2:
            raise KeyboardInterrupt
        pieces.append(told["piece"]["number"])
        return whole(folder, **told)

    monkeypatch.setattr(building, "trees_of", some)
    with pytest.raises(KeyboardInterrupt):
        api.tree(world / "texts", tmp_path / "out", kbs=[world / "small"])
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(building, "trees_of", whole)
    done: list[str] = []
    perform = task.perform

    def noted(one, folder):
        done.append(one.name)
        return perform(one, folder)

    monkeypatch.setattr(task, "perform", noted)
    api.tree(world / "texts", tmp_path / "out", kbs=[world / "small"])
    assert not {f"pieces/{number:06}" for number in pieces} & set(done)
    assert files(tmp_path / "out") == files(world / "one")


def test_what_the_manifest_says(world):
    made = artefact.read(world / "one", "trees")
    counts = made.counts
    rows = grown_trees.read(world / "one")
    assert counts["sentences"] == made.tables["trees"].rows == len(rows) == 400
    assert counts["tokens"] == sum(len(row["tokens"]) for row in rows)
    assert counts["mentions"] == 800
    assert counts["branches"] == sum(max(row["branch"]) for row in rows) == 1200
    assert counts["tokens of branches"] == sum(sum(b > 0 for b in row["branch"]) for row in rows)
    assert counts["trunk tokens lost"] == 0
    assert [one.kind for one in made.inputs][-1] == "kb"
    assert made.kbs[0].name == "small"
    assert made.settings["max_entities"] == 2
    (file, *_) = sorted((world / "one" / "trees").iterdir())
    assert pq.read_schema(file).equals(TREES)


def test_a_corpus_of_nothing(world, tmp_path):
    (tmp_path / "a.txt").write_text("\n")
    made = api.tree(tmp_path / "a.txt", tmp_path / "out", kbs=[world / "small"])
    assert made.tables["trees"].rows == 0
    assert grown_trees.read(tmp_path / "out") == []


def test_published_data(realdata, tmp_path):
    data = realdata / "kbert"
    api.ingest("spo", [data / "kgs" / "HowNet.spo"], tmp_path / "kb", name="hownet")
    made = api.tree(
        f"table:{data / 'datasets' / 'book_review' / 'dev.tsv'}", tmp_path / "out", kbs=[tmp_path / "kb"],
        tokenizer=data / "google_vocab.txt", policy="reference", max_length=64,
    )  # fmt: skip
    assert made.tables["trees"].rows == made.counts["read"] == 10_000
    lines = (data / "kgs" / "HowNet.spo").read_text("utf-8").splitlines()
    known = grown_trees.grouped([line.split("\t") for line in lines])
    tokens = (data / "google_vocab.txt").read_text("utf-8").split("\n")
    vocabulary = {token: number for number, token in enumerate(tokens)}
    compared = 0
    for row in grown_trees.read(tmp_path / "out")[:1500]:
        if not all("\u4e00" <= char <= "\u9fff" or char in "，。！？、：；" for char in row["text"]):
            continue  # digits, dots and the like: names of such are no names here
        wanted = grown_trees.obvious(row["text"], known, most=2, length=64, reference=True)
        assert (row["tokens"], row["soft"], row["branch"]) == wanted[:3]
        assert row["input_ids"] == [vocabulary.get(token, vocabulary["[UNK]"]) for token in row["tokens"]]
        compared += 1
    assert compared > 300
