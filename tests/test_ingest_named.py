"""Sources whose ids are text: one dump, one result, however it was made and whatever came between."""

from __future__ import annotations

import contextlib
import fnmatch
import itertools
import os
import random
import shutil
import subprocess
import threading
import time
from pathlib import Path

import psutil
import pytest

from kbtools import api
from kbtools.artefact import Staging, manifest
from kbtools.errors import ArtefactError
from kbtools.kb import database
from kbtools.kb.verify import verify
from kbtools.sources import _stages
from tests.damaged import PACK
from tests.small_dump import command, eids, files, kbtools, no_trace, rows, same

PIECE = 20_000  # bytes; the dump has some ten such pieces
OLD, NEW = ("old.spo",), ("first.spo", "second.spo")


def triples(count: int, seed: int) -> bytes:
    """Make up triples: some names are rare, some common, a few lines are none, a few come twice."""
    rng = random.Random(seed)
    names = [rng.choice(["", "城市", "x ", "é"]) + f"{n}" for n in range(count)]
    lines = []
    for at in range(count):
        some = names[int(count * rng.random() ** 3)]
        lines.append(f"{some}\tr{rng.randrange(9) ** 2}\t{rng.choice(names)}\n")
        if at % 500 == 99:
            lines += [lines[-1], "neither fish nor fowl\n", f"{some}\t\t\n", "\n"]
    return "".join(lines).encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two dumps and what one worker makes of them in one piece; before them an older release."""
    home = tmp_path_factory.mktemp("named")
    for seed, name in enumerate([*OLD, *NEW]):
        (home / name).write_bytes(triples(3000, seed))
    ingest(home, home / "old", dumps=OLD)
    ingest(home, home / "reference")
    ingest(home, home / "next", ids_from=home / "old")
    return home


def ingest(home, out, *, dumps=NEW, **options):
    return api.ingest("spo", [home / name for name in dumps], out, **{"lang": "zh", **options})


def line(home, out, *more, dumps=NEW):
    given = [home / name for name in dumps]
    return ["ingest", "spo", *given, "--out", out, "--lang", "zh", "--max-rejects", "none", "--quiet", *more]


# one result


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


@pytest.mark.long
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


class Started:
    """`kbtools ingest spo` in processes of its own, to be killed."""

    def __init__(self, home, out, *more, piece=PIECE, dumps=NEW):
        self.partial = out.with_name(f"{out.name}.partial")
        self.process = subprocess.Popen(
            command(*line(home, out, *more, dumps=dumps), piece=piece),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, tasks):
        """Wait until so many tasks are done, or the run is over."""
        while self.process.poll() is None and len(list((self.partial / "done").glob("*.json"))) < tasks:
            time.sleep(0.002)

    def kill(self, *, parent=True):
        """Kill -9: the parent, whose workers go by themselves, or one of the workers."""
        workers = []
        with contextlib.suppress(psutil.NoSuchProcess):  # it was faster
            workers = psutil.Process(self.process.pid).children(recursive=True)
        if parent:
            self.process.kill()
            self.process.communicate(timeout=60)
            assert not psutil.wait_procs(workers, timeout=10)[1]
        elif workers:
            workers[0].kill()

    def end(self):
        _, err = self.process.communicate(timeout=120)
        assert self.process.returncode == 0, err
        assert no_trace(err)


@pytest.mark.parametrize(("tasks", "workers"), [(0, 2), (4, 2), (13, 1), (15, 2)])
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


@pytest.mark.parametrize("tasks", [1, 14])
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
