"""What can go wrong: damaged dumps, full disks, killed processes, impatient users. The result never lies."""

from __future__ import annotations

import bz2
import errno
import fnmatch
import gzip
import itertools
import os
import random
import shutil
import signal
import subprocess
import time
import zlib
from typing import Any

import psutil
import pytest
import zstandard
from click.testing import CliRunner

from kbtools.artefact import Staging, manifest
from kbtools.cli.main import main
from kbtools.kb import finish as finishing
from kbtools.kb.verify import verify
from kbtools.sources import _stages
from tests import small_dump
from tests.damaged import PACK
from tests.running import ROOT, Running, disk, linux_root
from tests.small_dump import PIECE, command, data, dump, eids, files, ingest, item, kbtools, lines, rows, same

PLACES = 20  # at which a file is cut off
MANY = ("--langs", "en,zh", "--max-rejects", "none")


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(_stages, "SMALLEST", PIECE)


@pytest.fixture(autouse=True)
def nothing_is_left():
    before = psutil.Process().children()
    yield
    assert psutil.Process().children() == before


class Run:
    """`kbtools ingest wikidata` in this process."""

    def __init__(self, *args, workers=1):
        line = ["ingest", "wikidata", *map(str, args), "--workers", str(workers), "--quiet"]
        result = CliRunner().invoke(main, line)
        self.code, self.out, self.err = result.exit_code, result.stdout, result.stderr
        assert small_dump.no_trace(self.err), self.err
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception


# damaged dumps

ENTITIES = small_dump.World(3).entities()[:70]
SMALL = dump(lines(ENTITIES))
IDS = [one["id"] for one in ENTITIES]
NAMES = {"gz": "gzip", "bz2": "bzip2", "zst": "zstd"}


def unpacked(packed, container):
    """Decompress all that there is, byte by byte, as somebody else would."""
    decoder: Any = {
        "gz": lambda: zlib.decompressobj(31),
        "bz2": bz2.BZ2Decompressor,
        "zst": zstandard.ZstdDecompressor().decompressobj,
    }[container]()
    out = b""
    for at in range(len(packed)):
        out += decoder.decompress(packed[at : at + 1])
    return out


def before(text):
    """Return the ids of the entities whose lines are whole."""
    return IDS[: max(text.count(b"\n") - 1, 0)]


def assert_damaged(out, run):
    made = manifest.read(out)
    assert run.code == 3
    assert made.incomplete
    assert [line for line in run.err.splitlines() if "damaged" in line] == [
        "Look: a dump is damaged, so what was made of it is incomplete; fetch the dump again"
    ]
    assert made.counts["rejected"] == made.tables["rejects"].rows
    return rows(out, "rejects")


@pytest.mark.parametrize("container", ["gz", "bz2", "zst"])
def test_a_file_cut_off_anywhere_gives_all_that_is_before(tmp_path, container):
    whole = PACK[container](SMALL)
    rng = random.Random(container)
    path = tmp_path / f"dump.json.{container}"
    for at in [len(whole) - 1, *(rng.randrange(len(whole) // 8, len(whole)) for _ in range(PLACES - 1))]:
        path.write_bytes(whole[:at])
        text = unpacked(whole[:at], container)
        run = Run(path, "--out", tmp_path / "kb", "--overwrite")
        if not text and run.code == 2:  # there is nothing to see what it is
            assert "found the end" in run.err
            assert not list(tmp_path.glob("*.partial"))
            continue
        (row,) = assert_damaged(tmp_path / "kb", run)
        assert row["file"] == "dump.json"
        assert (
            0 <= len(text) - row["byte"] < 64
        )  # decoders differ in the last few bytes that they can make out
        assert list(eids(tmp_path / "kb")) == before(text[: row["byte"]]), at
        assert f"truncated {NAMES[container]} stream" in row["reason"]


@pytest.mark.parametrize("container", ["gz-members", "bz2-streams", "zst-frames", "xz"])
def test_a_file_cut_off_is_the_same_for_any_workers(tmp_path, container):
    whole = PACK[container](SMALL)
    path = tmp_path / "dump.json"
    path.write_bytes(whole[: len(whole) * 3 // 4])
    for workers in (1, 2):
        run = Run(path, "--out", tmp_path / f"{workers}", workers=workers)
        (row,) = assert_damaged(tmp_path / f"{workers}", run)
        assert "truncated" in row["reason"]
    assert same(tmp_path / "1", tmp_path / "2")
    found = list(eids(tmp_path / "1"))
    assert 10 < len(found) < len(IDS)
    assert found == IDS[: len(found)]


@pytest.mark.parametrize("container", ["gz", "gz-members", "bz2", "bz2-streams", "zst", "zst-frames", "xz"])
def test_a_flipped_byte_is_noticed(tmp_path, container):
    whole = PACK[container](SMALL)
    rng = random.Random(container)
    path = tmp_path / "dump.json"
    for at in (rng.randrange(len(whole) // 3, len(whole) - 30) for _ in range(3)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :])
        run = Run(path, "--out", tmp_path / "kb", "--overwrite", "--max-rejects", "none")
        if run.code == 2:  # nothing was left to see what it is
            assert "found the end" in run.err
            continue
        assert_damaged(tmp_path / "kb", run)
        found = list(eids(tmp_path / "kb"))
        assert len(found) < len(IDS) or container == "gz"  # whose checksum comes last
        assert set(found) <= set(IDS) or "gz" in container
        assert verify(tmp_path / "kb", deep=True).problems == []


def test_a_flipped_byte_in_a_plain_file_costs_a_record_at_most(tmp_path):
    path = tmp_path / "dump.json"
    for at in random.Random(5).sample(range(10, len(SMALL)), 4):
        path.write_bytes(SMALL[:at] + bytes([SMALL[at] ^ 0x80]) + SMALL[at + 1 :])
        run = Run(path, "--out", tmp_path / "kb", "--overwrite", *MANY)
        assert run.code == 0, run.err
        assert not manifest.read(tmp_path / "kb").incomplete
        assert len(set(IDS) - set(eids(tmp_path / "kb"))) <= 2


def test_damage_in_one_of_several_dumps_leaves_the_others_whole(tmp_path):
    half = len(IDS) // 2
    first, second = (PACK["gz"](dump(lines(part))) for part in (ENTITIES[:half], ENTITIES[half:]))
    (tmp_path / "first.json.gz").write_bytes(first[: len(first) // 2])
    (tmp_path / "second.json.gz").write_bytes(second)
    run = Run(tmp_path / "first.json.gz", tmp_path / "second.json.gz", "--out", tmp_path / "kb")
    (row,) = assert_damaged(tmp_path / "kb", run)
    assert row["file"] == "first.json"
    found = list(eids(tmp_path / "kb"))
    assert found[-len(IDS[half:]) :] == IDS[half:]
    assert len(found) < len(IDS)


def test_a_damaged_file_of_redirects_is_refused(tmp_path, plain):
    whole = gzip.compress(small_dump.redirects({f"Q{n}": "Q20" for n in range(10_000, 11_000)}))
    (tmp_path / "merged.nt.gz").write_bytes(whole[: len(whole) // 2])
    run = Run(plain, "--out", tmp_path / "kb", "--redirects", tmp_path / "merged.nt.gz", *MANY)
    assert run.code == 2
    assert "truncated" in run.err
    assert not (tmp_path / "kb").exists()


# what is no dump


def refused(folder, path, what, *more):
    run = Run(path, "--out", folder / "kb", *more)
    assert run.code == 2
    assert what in run.err
    assert str(path) in run.err
    assert len(run.err.splitlines()) == 1
    assert not run.out
    assert not (folder / "kb").exists()


NO_DUMPS = {
    "empty": (b"", "is empty"),
    "empty.gz": (gzip.compress(b""), "found the end"),
    "blank": (b" \n\n ", "found the end"),
    "words": (b"once upon a time\n", "not JSON"),
    "wiki.xml": (b"<mediawiki>\n<page>\n", "not JSON"),
    "wiki.xml.bz2": (bz2.compress(b"<mediawiki>\n<page>\n"), "not JSON"),
    "table.tsv": (b"Q42\tP31\tQ5\n", "not JSON"),
    "number": (b"42\n", "not JSON"),
    "zip": (b"PK\x03\x04" + bytes(100), "a zip archive"),
    "binary": (bytes(range(256)) * 100, "not JSON"),
}


@pytest.mark.parametrize("name", NO_DUMPS)
def test_what_is_no_dump_is_refused_in_one_line(tmp_path, name):
    content, what = NO_DUMPS[name]
    (tmp_path / name).write_bytes(content)
    refused(tmp_path, tmp_path / name, what)


def test_what_was_refused_is_in_nobodys_way(tmp_path, plain):
    """A name that was mistyped, a file that is none: the command that has it right finds nothing there."""
    refused(tmp_path, tmp_path, "is a directory")
    refused(tmp_path, tmp_path / "absent.json", "no such file")
    assert Run(plain, tmp_path / "absent.json", "--out", tmp_path / "kb").code == 2
    assert Run(plain, "--out", tmp_path / "kb", "--redirects", tmp_path / "absent.nt").code == 2
    assert Run(plain, "--out", tmp_path / "kb", "--select", "P31:").code == 2
    assert list(tmp_path.iterdir()) == []
    assert Run(plain, "--out", tmp_path / "kb", *MANY).code == 0


def test_an_absent_file_is_named(tmp_path, plain):
    for args in ([tmp_path / "absent"], ["--redirects", tmp_path / "absent"]):
        run = Run(plain, *args, "--out", tmp_path / "kb")
        assert (run.code, run.err) == (2, f"Error: {tmp_path / 'absent'}: no such file; check the path\n")


@pytest.mark.skipif(ROOT, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path, plain):
    shutil.copy(plain, tmp_path / "dump.json")
    (tmp_path / "dump.json").chmod(0)
    refused(tmp_path, tmp_path / "dump.json", "no permission")


@pytest.mark.parametrize("text", [b"[]", b"[\n]\n", b"[\n", b"[\n\n\n]"])
def test_an_empty_array_is_an_empty_knowledge_base(tmp_path, text):
    (tmp_path / "dump.json").write_bytes(text)
    run = Run(tmp_path / "dump.json", "--out", tmp_path / "kb")
    assert run.code == 0, run.err
    assert manifest.read(tmp_path / "kb").tables["entities"].rows == 0
    assert verify(tmp_path / "kb", deep=True).problems == []


# targets


def test_folders_above_the_target_are_made(tmp_path, plain, reference):
    assert Run(plain, "--out", tmp_path / "a" / "b" / "kb", *MANY).code == 0
    assert same(tmp_path / "a" / "b" / "kb", reference)


def test_an_existing_target_is_left_alone_without_overwrite(tmp_path, plain, reference):
    shutil.copytree(reference, tmp_path / "kb")
    refusing = Run(plain, "--out", tmp_path / "kb")
    assert (refusing.code, len(refusing.err.splitlines())) == (2, 1)
    assert "exists; give another --out, or --overwrite" in refusing.err
    assert same(tmp_path / "kb", reference)
    assert Run(plain, "--out", tmp_path / "kb", "--overwrite", "--langs", "de").code == 3
    assert manifest.read(tmp_path / "kb").content != manifest.read(reference).content
    assert [path.name for path in tmp_path.iterdir()] == ["kb"]


def test_the_old_stays_until_the_new_is_whole(tmp_path, plain, reference):
    shutil.copytree(reference, tmp_path / "kb")
    (tmp_path / "cut.json").write_bytes(b"nonsense")
    assert Run(tmp_path / "cut.json", "--out", tmp_path / "kb", "--overwrite").code == 2
    assert same(tmp_path / "kb", reference)


@pytest.mark.parametrize("overwrite", [(), ("--overwrite",)])
def test_a_file_or_a_stranger_under_the_target_is_never_touched(tmp_path, plain, overwrite):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine").write_text("mine")
    for name in ("file", "folder"):
        run = Run(plain, "--out", tmp_path / name, *overwrite)
        assert (run.code, len(run.err.splitlines())) == (2, 1)
        assert ("is not an artefact" if overwrite else "exists") in run.err
    below = Run(plain, "--out", tmp_path / "file" / "kb", *overwrite)
    assert (below.code, len(below.err.splitlines())) == (2, 1)
    assert (tmp_path / "file").read_text() == (tmp_path / "folder" / "mine").read_text() == "mine"
    assert not list(tmp_path.glob("*.partial"))


@linux_root
def test_a_disk_that_is_only_to_be_read(tmp_path, plain):
    with disk(tmp_path / "disk", "ro,size=1m"):
        run = Run(plain, "--out", tmp_path / "disk" / "kb")
        assert (run.code, len(run.err.splitlines())) == (2, 1)
        assert "cannot be written: Read-only file system" in run.err


@pytest.mark.skipif(ROOT, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path, plain):
    (tmp_path / "folder").mkdir(mode=0o555)
    run = Run(plain, "--out", tmp_path / "folder" / "kb")
    assert (run.code, len(run.err.splitlines())) == (2, 1)
    assert "cannot be written" in run.err


# interrupted builds


class StoppedError(Exception):
    """Ends a build."""


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory, plain, reference):
    """A build that was cut off just before its manifest was written, and one with a predecessor."""
    folder = tmp_path_factory.mktemp("unfinished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_stages, "SMALLEST", PIECE)
        patch.setattr(Staging, "commit", fail)
        for name, old in (("fresh", None), ("next", reference)):
            with pytest.raises(StoppedError):
                ingest(plain, folder / name / "kb", ids_from=old)
    return folder


def fail(*_args, **_options):
    raise StoppedError


FILES = [
    "new/triples/*", "new/surfaces/*", "new/entities/*", "new/rejects/*", "work/parts/*.part", "work/eids.*",
    "work/keys/*", "work/relation*", "work/redirects.*", "work/duplicates.*", "work/degrees/*.in",
    "work/degrees/*.out", "work/numbered.json", "work/parts.json",
    "done/decode*", "done/number.json", "done/triples*", "work/tombstones.*",
]  # fmt: skip


def damage(path, rng):
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


@pytest.mark.parametrize(
    "case",
    [*itertools.product(["fresh"], FILES[:-4]), *itertools.product(["next"], FILES[3:5] + FILES[-4:])],
    ids=" ".join,
)
def test_a_damaged_file_of_an_unfinished_build_is_made_again(tmp_path, plain, reference, unfinished, case):
    name, pattern = case
    shutil.copytree(unfinished / name, tmp_path, dirs_exist_ok=True)
    partial = tmp_path / "kb.partial"
    every = [path for path in sorted(partial.rglob("*")) if path.is_file()]
    found = [path for path in every if fnmatch.fnmatch(str(path.relative_to(partial)), pattern)]
    assert found
    for number, path in enumerate(found):
        damage(path, random.Random(number))
    made = ingest(plain, tmp_path / "kb", ids_from=reference if name == "next" else None)
    assert files(tmp_path / "kb") == files(reference)
    assert made.content == manifest.read(reference).content


@pytest.mark.parametrize("name", ["fresh", "next"])
def test_a_missing_file_of_an_unfinished_build_is_made_again(tmp_path, plain, reference, unfinished, name):
    shutil.copytree(unfinished / name, tmp_path, dirs_exist_ok=True)
    every = [path for path in sorted((tmp_path / "kb.partial").rglob("*")) if path.is_file()]
    for path in random.Random(1).sample(
        [p for p in every if p.name not in {"plan", "lock"}], len(every) // 2
    ):
        path.unlink()
    ingest(plain, tmp_path / "kb", ids_from=reference if name == "next" else None)
    assert files(tmp_path / "kb") == files(reference)


def test_only_the_same_command_goes_on_with_an_unfinished_build(tmp_path, plain, reference, unfinished):
    shutil.copytree(unfinished / "fresh", tmp_path, dirs_exist_ok=True)
    other = Run(plain, "--out", tmp_path / "kb", "--langs", "de")
    assert (other.code, len(other.err.splitlines())) == (2, 1)
    assert "an unfinished build with other settings or inputs" in other.err
    assert "--restart" in other.err
    (tmp_path / "dump.json").write_bytes(plain.read_bytes().replace(b"Q20", b"Q21", 1))
    assert Run(tmp_path / "dump.json", "--out", tmp_path / "kb", *MANY).code == 2
    shutil.copy(plain, tmp_path / "moved.json")  # the same dump elsewhere, other workers, other memory
    run = Run(tmp_path / "moved.json", "--out", tmp_path / "kb", *MANY, "--memory", "1GB", workers=2)
    assert run.code == 0, run.err
    mine, theirs = files(tmp_path / "kb"), files(reference)
    assert {name for name in mine if mine[name] != theirs[name]} <= {"rejects/00000.parquet"}


def test_restart_throws_an_unfinished_build_away(tmp_path, plain, unfinished):
    shutil.copytree(unfinished / "fresh", tmp_path, dirs_exist_ok=True)
    assert (
        Run(plain, "--out", tmp_path / "kb", "--langs", "de", "--max-rejects", "none", "--restart").code == 0
    )
    assert manifest.read(tmp_path / "kb").settings["langs"] == ["de"]
    assert [path.name for path in tmp_path.iterdir()] == ["kb"]


def test_what_was_done_is_not_done_again(tmp_path, plain, reference, unfinished, monkeypatch):
    shutil.copytree(unfinished / "fresh", tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr("kbtools.artefact.task.perform", fail)
    ingest(plain, tmp_path / "kb")
    assert same(tmp_path / "kb", reference)


# full disks


FULL = {  # what is made to fail, and at which call
    "a part": ("kbtools.kb.staged.PartWriter.add", 40),
    "a table": ("kbtools.kb.writer.FileWriter.write", 3),
    "the record of a task": ("kbtools.artefact.task.write_whole", 5),
    "the numbering": ("kbtools.kb.relations.number", 1),
    "a sort": ("kbtools.kb.sorting.out_of_core", 2),
    "the manifest": ("kbtools.artefact.staging.write_whole", 2),
    "spooling": ("kbtools.io.pieces.Spool._write", 10),
    "the list of parts": ("kbtools.kb.parts.Parts.save", 1),
}


@pytest.mark.parametrize("where", FULL)
def test_no_space_is_said_in_one_line_and_room_helps(tmp_path, reference, where):
    code = errno.EDQUOT if where == "a table" else errno.ENOSPC
    name, at = FULL[where]
    calls = 0
    owner, _, attribute = name.rpartition(".")
    whole = pytest.MonkeyPatch()
    target = _resolve(owner)
    real = getattr(target, attribute)

    def full(*args, **options):
        nonlocal calls
        calls += 1
        if calls >= at:
            raise OSError(code, os.strerror(code), str(tmp_path))
        return real(*args, **options)

    path = tmp_path / "dump.json"
    path.write_bytes(gzip.compress(data()))
    args = (path, "--out", tmp_path / "kb", *MANY)
    with whole.context() as patch:
        patch.setattr(target, attribute, full)
        run = Run(*args)
    assert (run.code, len(run.err.splitlines())) == (2, 1)
    assert "no space left on device" in run.err
    assert "run the same command again" in run.err
    assert not (tmp_path / "kb").exists()
    again = Run(*args)
    assert again.code == 0, again.err
    assert same(tmp_path / "kb", reference)


def _resolve(name):
    import importlib  # noqa: PLC0415

    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        module, _, attribute = name.rpartition(".")
        return getattr(importlib.import_module(module), attribute)


@linux_root
@pytest.mark.parametrize("workers", [1, 2])
def test_a_disk_that_is_really_full(tmp_path, plain, reference, workers):
    args = ("ingest", "wikidata", plain, "--out", tmp_path / "disk" / "kb", *MANY, "--workers", workers)
    with disk(tmp_path / "disk", "size=40k"):
        for kilobytes in (40, 330, 440, 470):
            subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", tmp_path / "disk"], check=True)
            run = kbtools(*args, "--quiet")
            if run.returncode == 0:
                break
            assert run.returncode == 2, (kilobytes, run.stderr)
            assert len(run.stderr.splitlines()) == 1
            assert "no space left on device" in run.stderr, kilobytes
            assert not (tmp_path / "disk" / "kb").exists()
        subprocess.run(["mount", "-o", "remount,size=64m", tmp_path / "disk"], check=True)
        if run.returncode:
            run = kbtools(*args, "--quiet")
        assert run.returncode == 0, run.stderr
        assert same(tmp_path / "disk" / "kb", reference)


@linux_root
@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 2])
def test_a_disk_that_is_full_at_any_page(tmp_path, workers):
    """Ids far apart, so that maps of them are large: none may be written through a mapping into nothing."""
    path = tmp_path / "dump.json"
    numbers = [1 + n * 70_001 % 1_999_993 for n in range(300)]
    path.write_bytes(
        dump(lines(item(n, *small_dump.links(m)) for n, m in zip(numbers, numbers[::-1], strict=True)))
    )
    for kilobytes in range(60, 700, 8):
        with disk(tmp_path / f"{kilobytes}", f"size={kilobytes}k"):
            out = tmp_path / f"{kilobytes}" / "kb"
            run = kbtools("ingest", "wikidata", path, "--out", out, "--workers", workers, "--quiet")
            assert run.returncode in {0, 2}, (kilobytes, run)
            if run.returncode == 0:
                break
            assert "no space left on device" in run.stderr, (kilobytes, run.stderr)
            assert len(run.stderr.splitlines()) == 1


# killed processes


class Started(Running):
    """An ingest."""

    def __init__(self, dump_file, out, *more, workers=2):
        args = ("ingest", "wikidata", dump_file, "--out", out, *MANY, "--workers", workers, "--quiet", *more)
        super().__init__(command(*args), out)


def gone(processes):
    _, alive = psutil.wait_procs(processes, timeout=5)
    return not alive


def kill_parent(run, tasks):
    """Kill -9 once so many tasks are done; the workers go by themselves."""
    if run.wait_for(tasks):
        workers = run.workers()
        run.process.kill()
        run.process.communicate(timeout=60)
        assert gone(workers)
        return True
    return run.end() == (0, "", "") and False


def finish(dump_file, out, reference, workers=2):
    if not out.exists() or out.with_name(f"{out.name}.partial").exists():
        code, _, err = Started(dump_file, out, workers=workers).end()
        assert code == 0, err
    assert same(out, reference)
    assert not out.with_name(f"{out.name}.partial").exists()


TASKS = 28  # of a whole run


@pytest.mark.parametrize(
    ("tasks", "workers"),
    [(4, 1), (18, 2), *(pytest.param(*one, marks=pytest.mark.long) for one in [(0, 2), (9, 2), (25, 1)])],
)
def test_a_killed_run_goes_on_where_it_stopped(tmp_path, plain, reference, tasks, workers):
    out = tmp_path / "kb"
    if kill_parent(Started(plain, out, workers=workers), tasks):
        assert not out.exists()
    finish(plain, out, reference)


def test_a_killed_resume_goes_on_as_well(tmp_path, plain, reference):
    out = tmp_path / "kb"
    for tasks in (3, 12, 20):
        kill_parent(Started(plain, out), tasks)
    finish(plain, out, reference, workers=1)


@pytest.mark.parametrize("container", ["gz", pytest.param("bz2", marks=pytest.mark.long)])
def test_a_killed_run_on_a_container_goes_on(tmp_path, reference, container):
    path, out = tmp_path / "dump.json", tmp_path / "kb"
    path.write_bytes(PACK[container](data()))
    kill_parent(Started(path, out), 6)
    finish(path, out, reference)


@pytest.mark.parametrize("tasks", [5, *(pytest.param(one, marks=pytest.mark.long) for one in (0, 20))])
def test_a_killed_worker_costs_nothing_but_time(tmp_path, plain, reference, tasks):
    run = Started(plain, tmp_path / "kb")
    if run.wait_for(tasks) and (workers := run.workers()):
        random.Random(tasks).choice(workers).kill()
    code, _, err = run.end()
    assert (code, err) == (0, "")
    assert same(tmp_path / "kb", reference)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(30))
def test_a_storm_of_kills(tmp_path, plain, reference, seed):
    """Parents and workers are killed, and killed again, at random moments."""
    rng, out = random.Random(seed), tmp_path / "kb"
    for _ in range(3):
        run = Started(plain, out, workers=rng.choice([1, 2, 3]))
        time.sleep(rng.random() * 1.5)
        workers = run.workers()
        if workers and rng.random() < 0.4:
            rng.choice(workers).kill()
            time.sleep(rng.random() * 0.5)
            workers += run.workers()
        run.process.kill()
        run.process.communicate(timeout=60)
        assert gone(workers)
        if out.exists():  # if only the tidying up is left to do, all of it is there
            assert files(out) == files(reference)
            break
    finish(plain, out, reference, workers=rng.choice([1, 2]))


# impatient users


def interrupt(run, tasks):
    """Press Ctrl-C: the whole process group gets the signal."""
    if not run.wait_for(tasks):
        return run.end()
    workers = run.workers()
    os.killpg(run.process.pid, signal.SIGINT)
    ended = run.end()
    assert gone(workers)
    return ended


@pytest.mark.parametrize(
    ("tasks", "workers"),
    [(6, 2), (14, 1), *(pytest.param(*one, marks=pytest.mark.long) for one in [(1, 1), (20, 2)])],
)
def test_control_c_says_how_to_resume(tmp_path, plain, reference, tasks, workers):
    out = tmp_path / "kb"
    code, stdout, err = interrupt(Started(plain, out, workers=workers), tasks)
    if code:
        assert (code, stdout) == (130, "")
        assert err == "Interrupted; run the same command again: it goes on where it stopped\n"
        assert not out.exists()
    finish(plain, out, reference)


LOSES_IT = """
import os, signal, kbtools.kb.sorting as s
def lost(*args):
    global sort
    try:
        os.kill(os.getpid(), signal.SIGINT)
        signal.sigtimedwait([signal.SIGUSR1], 5)
    except KeyboardInterrupt:
        s.out_of_core = sort
        {}
    return sort(*args)
sort, s.out_of_core = s.out_of_core, lost
"""


@pytest.mark.parametrize("end", ["raise RuntimeError('Query interrupted') from None", "pass"])
def test_control_c_is_not_lost_on_a_library(tmp_path, plain, reference, end):
    """DuckDB makes an error of its own of it; where it reads from Python, it goes on as if nothing was."""
    args = command("ingest", "wikidata", plain, "--out", tmp_path / "kb", *MANY, "--workers", 1, "--quiet")
    args[args.index("-c") + 1] = LOSES_IT.format(end) + small_dump.PROGRAM.format(PIECE)
    run = subprocess.run(args, check=False, capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stderr.splitlines()[-1:]) == (
        130,
        ["Interrupted; run the same command again: it goes on where it stopped"],
    )
    finish(plain, tmp_path / "kb", reference)


def test_two_runs_at_once(tmp_path, plain, reference):
    out = tmp_path / "kb"
    first = Started(plain, out, workers=1)
    assert first.wait_for(2)
    first.process.send_signal(signal.SIGSTOP)
    try:
        second = Run(plain, "--out", out, *MANY)
        other = Run(plain, "--out", out, "--langs", "de", "--restart", "--overwrite")
    finally:
        first.process.send_signal(signal.SIGCONT)
    for refused_ in (second, other):
        assert (refused_.code, len(refused_.err.splitlines())) == (2, 1)
        assert f"{out} is being written by process {first.process.pid}; wait for it" in refused_.err
    assert first.end()[0] == 0
    assert same(out, reference)


def test_a_target_that_appears_meanwhile_is_not_replaced(tmp_path, plain, monkeypatch):
    def appear(*_args, **_options):
        (tmp_path / "kb").mkdir()
        (tmp_path / "kb" / "mine").write_text("mine")
        return whole(*_args, **_options)

    whole = finishing.tables_of
    monkeypatch.setattr("kbtools.kb.finish.tables_of", appear)
    run = Run(plain, "--out", tmp_path / "kb", *MANY)
    assert run.code == 2
    assert (tmp_path / "kb" / "mine").read_text() == "mine"
    monkeypatch.undo()
    monkeypatch.setattr(_stages, "SMALLEST", PIECE)
    shutil.rmtree(tmp_path / "kb")
    assert Run(plain, "--out", tmp_path / "kb", *MANY).code == 0
