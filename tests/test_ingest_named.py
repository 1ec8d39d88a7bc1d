"""Sources whose ids are text: one dump, one result, however it was made."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from kbtools.artefact import manifest
from kbtools.kb import database
from kbtools.kb.verify import verify
from kbtools.sources import _stages
from tests.damaged import PACK
from tests.small_dump import eids, files, kbtools, rows, same
from tests.small_spo import NEW, PIECE, ingest, line, make, triples


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make(tmp_path_factory.mktemp("named"))


def test_the_dump_is_worth_it(folder):
    made = manifest.read(folder / "next")
    assert made.counts["rejected"] == made.tables["rejects"].rows == 24
    assert made.counts["tombstones"] > 500
    assert made.counts["ids kept"] > 500
    assert made.id_space[0] == manifest.read(folder / "old").id_space[0]
    assert len(made.id_space) == 2
    before, after = eids(folder / "old"), eids(folder / "next")
    assert {name: after[name] for name in before} == before
    assert verify(folder / "next", deep=True).problems == []


@pytest.mark.parametrize(("workers", "piece"), [(1, 700), (2, PIECE), (3, PIECE), (2, 1 << 20)])
def test_any_number_of_workers_and_pieces(folder, tmp_path, monkeypatch, workers, piece):
    monkeypatch.setattr(_stages, "SMALLEST", piece)
    ingest(folder, tmp_path / "kb", workers=workers)
    assert same(tmp_path / "kb", folder / "reference")


@pytest.mark.parametrize("seed", [0, 1])
def test_any_hash_seed(folder, tmp_path, seed):
    env = {**os.environ, "PYTHONHASHSEED": str(seed)}
    run = kbtools(*line(folder, tmp_path / "kb", "--ids-from", folder / "old"), piece=PIECE, env=env)
    assert run.returncode == 0, run.stderr
    assert same(tmp_path / "kb", folder / "next")


@pytest.mark.parametrize("container", ["gz-members", "bz2-streams", "zst-frames"])
def test_any_container(folder, tmp_path, monkeypatch, container):
    monkeypatch.setattr(_stages, "SMALLEST", PIECE)
    for name in NEW:
        (tmp_path / name).write_bytes(PACK[container]((folder / name).read_bytes()))
    ingest(tmp_path, tmp_path / "kb")
    assert same(tmp_path / "kb", folder / "reference")


def test_two_dumps_are_one_dump(folder, tmp_path):
    """Statements, eids and rids go on from one file to the next; rejects name their own."""
    (tmp_path / "one.spo").write_bytes(b"".join((folder / name).read_bytes() for name in NEW))
    ingest(tmp_path, tmp_path / "kb", dumps=["one.spo"])
    mine, theirs = files(tmp_path / "kb"), files(folder / "reference")
    assert {name for name in mine if mine[name] != theirs[name]} == {"rejects/00000.parquet"}
    lines = (folder / NEW[0]).read_bytes().count(b"\n")
    told = sorted(
        row["line"] + lines * (row["file"] == NEW[1]) for row in rows(folder / "reference", "rejects")
    )
    assert sorted(row["line"] for row in rows(tmp_path / "kb", "rejects")) == told


def test_eids_are_those_of_the_first_mention(folder):
    seen: dict[str, None] = {}
    for name in NEW:
        for text in (folder / name).read_text(encoding="utf-8").splitlines():
            columns = [column.strip() for column in text.split("\t")]
            if len(columns) == 3 and all(columns):
                seen |= {columns[0]: None, columns[2]: None}
    assert list(eids(folder / "reference")) == list(seen)


def spilled(home: Path, ended: threading.Event, seen: list[Path]) -> None:
    while not ended.wait(0.002):
        seen += home.glob("*.partial/work/spill/*.tmp")


def test_little_memory_spills_and_changes_nothing(tmp_path, monkeypatch):
    (tmp_path / "x.spo").write_bytes(triples(200_000, 7))
    ingest(tmp_path, tmp_path / "much", dumps=["x.spo"], memory=4 << 30)
    monkeypatch.setattr(database, "LEAST", 0)
    seen: list[Path] = []
    ended = threading.Event()
    watch = threading.Thread(target=spilled, args=(tmp_path, ended, seen))
    watch.start()
    try:
        ingest(tmp_path, tmp_path / "little", dumps=["x.spo"], memory=24 << 20)
    finally:
        ended.set()
        watch.join()
    assert seen
    assert same(tmp_path / "much", tmp_path / "little")


@pytest.mark.parametrize("memory", [1, 4 << 30])
def test_any_limit_of_memory(folder, tmp_path, memory):
    ingest(folder, tmp_path / "kb", memory=memory, ids_from=folder / "old")
    assert same(tmp_path / "kb", folder / "next")
