"""Sources whose ids are text: builds that were cut off, damaged or killed go on to the same result."""

from __future__ import annotations

import fnmatch
import itertools
import random
import shutil
import time

import pytest

from kbtools.artefact import Staging
from kbtools.errors import ArtefactError
from kbtools.sources import _stages
from tests.small_dump import files, same
from tests.small_spo import NEW, PIECE, Started, ingest, make, triples


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make(tmp_path_factory.mktemp("named"))


# unfinished builds


class StoppedError(Exception):
    """Ends a build."""


def stop(*_args, **_options):
    raise StoppedError


@pytest.fixture(scope="module")
def unfinished(folder, tmp_path_factory):
    """A build that was cut off just before its manifest was written, and one with a predecessor."""
    home = tmp_path_factory.mktemp("unfinished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_stages, "SMALLEST", PIECE)
        patch.setattr(Staging, "commit", stop)
        for name, old in (("reference", None), ("next", folder / "old")):
            with pytest.raises(StoppedError):
                ingest(folder, home / name / "kb", ids_from=old)
    return home


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(_stages, "SMALLEST", PIECE)


FILES = [
    "new/triples/*", "new/surfaces/*", "new/entities/*", "work/parts/decode*", "work/parts/names.part",
    "work/ids.parquet", "work/named.json", "work/parts.json", "work/keys/*", "work/relations.*",
    "work/degrees/*", "work/numbered.json", "done/number.json", "done/statements*", "work/*",
]  # fmt: skip
CASES = [
    *itertools.product(["reference"], FILES),
    ("next", "work/tombstones.*"),
    ("next", "work/ids.parquet"),
]


@pytest.mark.parametrize(("name", "pattern"), CASES)
@pytest.mark.usefixtures("small_pieces")
def test_a_damaged_file_is_made_again(folder, unfinished, tmp_path, name, pattern):
    shutil.copytree(unfinished / name, tmp_path, dirs_exist_ok=True)
    partial = tmp_path / "kb.partial"
    found = [path for path in sorted(partial.glob(pattern)) if path.is_file() and path.stat().st_size]
    assert found
    for number, path in enumerate(found):
        content = bytearray(path.read_bytes())
        content[random.Random(number).randrange(len(content))] ^= 4
        path.write_bytes(content)
    ingest(folder, tmp_path / "kb", ids_from=folder / "old" if name == "next" else None)
    assert same(tmp_path / "kb", folder / name)


@pytest.mark.usefixtures("small_pieces")
def test_missing_files_are_made_again(folder, unfinished, tmp_path):
    shutil.copytree(unfinished / "next", tmp_path, dirs_exist_ok=True)
    every = [path for path in sorted((tmp_path / "kb.partial").rglob("*")) if path.is_file()]
    every = [path for path in every if not fnmatch.fnmatch(path.name, "plan") and path.name != "lock"]
    for path in random.Random(1).sample(every, len(every) // 2):
        path.unlink()
    ingest(folder, tmp_path / "kb", ids_from=folder / "old")
    assert same(tmp_path / "kb", folder / "next")


@pytest.mark.usefixtures("small_pieces")
def test_what_was_done_is_not_done_again(folder, unfinished, tmp_path, monkeypatch):
    shutil.copytree(unfinished / "reference", tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr("kbtools.artefact.task.perform", stop)
    ingest(folder, tmp_path / "kb")
    assert same(tmp_path / "kb", folder / "reference")


@pytest.mark.parametrize(
    "change", [{"lang": "en"}, {"ids_from": "old"}, {"dumps": NEW[::-1]}, {"dumps": [NEW[0]]}, {"byte": 99}]
)
@pytest.mark.usefixtures("small_pieces")
def test_another_build_does_not_go_on_with_it(folder, unfinished, tmp_path, change):
    shutil.copytree(unfinished / "reference", tmp_path, dirs_exist_ok=True)
    for name in NEW:
        shutil.copy(folder / name, tmp_path)
    if (at := change.pop("byte", None)) is not None:
        content = bytearray((tmp_path / NEW[0]).read_bytes())
        content[at] ^= 1
        (tmp_path / NEW[0]).write_bytes(content)
        change = {}
    if "ids_from" in change:
        change = {"ids_from": folder / "old"}
    with pytest.raises(ArtefactError, match=r"an unfinished build with other settings or inputs.*--restart"):
        ingest(tmp_path, tmp_path / "kb", **change)
    ingest(tmp_path, tmp_path / "kb", **change, restart=True)
    assert not (tmp_path / "kb.partial").exists()


# killed processes


@pytest.mark.parametrize(
    ("tasks", "workers"),
    [(4, 2), (13, 1), *(pytest.param(*one, marks=pytest.mark.long) for one in [(0, 2), (15, 2)])],
)
def test_a_killed_run_goes_on_where_it_stopped(folder, tmp_path, tasks, workers):
    run = Started(folder, tmp_path / "kb", "--workers", workers)
    run.wait_for(tasks)
    run.kill()
    ingest_again(folder, tmp_path / "kb", folder / "reference")


def ingest_again(home, out, reference, **options):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_stages, "SMALLEST", PIECE)
        if not out.exists() or out.with_name("kb.partial").exists():
            ingest(home, out, **options)
    assert same(out, reference)


@pytest.mark.parametrize("tasks", [pytest.param(1, marks=pytest.mark.long), 14])
def test_a_killed_worker_costs_nothing_but_time(folder, tmp_path, tasks):
    run = Started(folder, tmp_path / "kb", "--workers", 2)
    run.wait_for(tasks)
    run.kill(parent=False)
    run.end()
    assert same(tmp_path / "kb", folder / "reference")


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    home = tmp_path_factory.mktemp("large")
    (home / "x.spo").write_bytes(triples(200_000, 5))
    began = time.monotonic()
    Started(home, home / "reference", "--workers", 2, piece=1 << 20, dumps=["x.spo"]).end()
    return home, time.monotonic() - began


@pytest.mark.long
@pytest.mark.parametrize("seed", range(12))
def test_a_storm_of_kills(large, tmp_path, seed):
    home, seconds = large
    rng, out = random.Random(seed), tmp_path / "kb"
    for _ in range(4):
        run = Started(home, out, "--workers", rng.choice([1, 2, 3]), piece=1 << 20, dumps=["x.spo"])
        time.sleep(rng.random() * seconds)
        if rng.random() < 0.3:
            run.kill(parent=False)
            time.sleep(rng.random())
        run.kill()
        if out.exists():  # if only the tidying up is left to do, all of it is there
            assert files(out) == files(home / "reference")
            break
    if not out.exists() or run.partial.exists():
        Started(home, out, "--workers", 2, piece=1 << 20, dumps=["x.spo"]).end()
    assert same(out, home / "reference")
