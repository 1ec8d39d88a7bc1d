"""What can go wrong while a corpus is linked: kills, full disks, Ctrl-C, artefacts of others."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest
from click.testing import CliRunner

from kbtools import api, artefact, linkers
from kbtools.cli.main import main
from tests import tiny_kb, tiny_linking
from tests.test_ingest_faults import disk, linux_root
from tests.tiny_alias import name

PIECE = 400  # bytes of a corpus
DOCUMENTS = 160
PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's job in the background is deaf to it
import kbtools.corpus._files as files
files.PIECE = {}
from kbtools.cli.main import main
main()
"""
RESUME = "Interrupted; run the same command again: it goes on where it stopped\n"


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr("kbtools.corpus._files.PIECE", PIECE)


@pytest.fixture(autouse=True)
def nothing_is_left():
    before = psutil.Process().children()
    yield
    assert psutil.Process().children() == before


@pytest.fixture(scope="module")
def alias(tmp_path_factory):
    return tiny_linking.alias(tmp_path_factory.mktemp("names"))


@pytest.fixture(scope="module")
def news(tmp_path_factory):
    texts = ("Paris {}, then New York City", "中国 {}", "nothing {}", "NYC Inc. in France {}")
    documents = ({"id": f"d{n}", "text": texts[n % 4].format(n)} for n in range(DOCUMENTS))
    return tiny_linking.corpus(tmp_path_factory.mktemp("news"), *documents)


@pytest.fixture(scope="module")
def reference(tmp_path_factory, alias, news):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kbtools.corpus._files.PIECE", PIECE)
        out = tmp_path_factory.mktemp("reference") / "linked"
        made = linkers.link(news, out, alias=alias)
    assert len(made.tables["documents"].files) > 15
    return out


def files(linked):
    """Return all files but the manifest, which tells when and where it was made."""
    return {
        str(path.relative_to(linked)): path.read_bytes()
        for path in sorted(linked.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }


def same(one, other):
    return files(one) == files(other) and artefact.read(one).content == artefact.read(other).content


def line(news, alias, out, *more, workers=1):
    return ["link", news, "--alias", alias, "--out", out, "--workers", workers, "--quiet", *more]


def run(*arguments):
    return CliRunner().invoke(main, [str(one) for one in arguments])


def refused(what, *arguments):
    done = run(*arguments)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.output
    assert what in done.stderr
    return done


class Started:
    """`kbtools link` in processes of its own, that bad things can be done to."""

    def __init__(self, news, alias, out, *, workers=2):
        self.out, self.partial = out, out.with_name(f"{out.name}.partial")
        command = [sys.executable, "-c", PROGRAM.format(PIECE), *line(news, alias, out, workers=workers)]
        self.process = subprocess.Popen(
            [str(one) for one in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        self.crew = psutil.Process(self.process.pid)

    def wait_for(self, tasks):
        """Wait until so many tasks are done; False if the run was faster."""
        end = time.monotonic() + 60
        while self.process.poll() is None:
            done = len(list((self.partial / "done").glob("**/*.json")))
            if done >= tasks and (tasks or self.partial.exists()):
                return True
            assert time.monotonic() < end
            time.sleep(0.0005)
        return False

    def workers(self):
        with contextlib.suppress(psutil.NoSuchProcess):
            return self.crew.children(recursive=True)
        return []

    def end(self):
        out, err = self.process.communicate(timeout=60)
        assert "Traceback" not in err, err
        assert "has a bug" not in err, err
        return self.process.returncode, out, err

    def kill(self):
        """Kill -9 the parent; the workers go by themselves."""
        workers = self.workers()
        self.process.kill()
        self.process.communicate(timeout=60)
        assert not psutil.wait_procs(workers, timeout=5)[1]


def finish(news, alias, out, reference, workers=1):
    if not out.exists() or out.with_name(f"{out.name}.partial").exists():
        done = run(*line(news, alias, out, workers=workers))
        assert done.exit_code == 0, done.output
    assert same(out, reference)
    assert [path.name for path in out.parent.iterdir()] == [out.name]


# killed processes


@pytest.mark.parametrize("moment", [(3, 1), (8, 2)])
def test_a_killed_run_goes_on_where_it_stopped(tmp_path, alias, news, reference, moment):
    tasks, workers = moment
    started = Started(news, alias, tmp_path / "linked", workers=workers)
    if started.wait_for(tasks):
        started.kill()
    finish(news, alias, tmp_path / "linked", reference, workers=workers)


def test_a_killed_worker_costs_nothing_but_time(tmp_path, alias, news, reference):
    started = Started(news, alias, tmp_path / "linked")
    if started.wait_for(4) and (workers := started.workers()):
        workers[-1].kill()
    code, _, err = started.end()
    assert (code, err) == (0, "")
    assert same(tmp_path / "linked", reference)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_a_storm_of_kills(tmp_path, alias, news, reference, seed):
    """Parents and workers are killed, and killed again, at random moments."""
    rng, out = random.Random(seed), tmp_path / "linked"
    for _ in range(3):
        started = Started(news, alias, out, workers=rng.choice([1, 2, 3]))
        time.sleep(0.8 + rng.random() * 1.5)
        workers = started.workers()
        if workers and rng.random() < 0.4:
            with contextlib.suppress(psutil.NoSuchProcess):
                rng.choice(workers).kill()
            time.sleep(rng.random() * 0.3)
        started.kill()
        if out.exists():
            break
    finish(news, alias, out, reference, workers=rng.choice([1, 2]))


# impatient users


@pytest.mark.parametrize("moment", [(2, 1), (4, 2)])
def test_control_c_says_how_to_resume(tmp_path, alias, news, reference, moment):
    tasks, workers = moment
    started = Started(news, alias, tmp_path / "linked", workers=workers)
    if started.wait_for(tasks):
        crew = started.workers()
        os.killpg(started.process.pid, signal.SIGINT)
        code, out, err = started.end()
        if code:
            assert (code, out, err) == (130, "", RESUME)
            assert not (tmp_path / "linked").exists()
        assert not psutil.wait_procs(crew, timeout=5)[1]
    finish(news, alias, tmp_path / "linked", reference)


def test_control_c_in_a_stream_promises_nothing(alias):
    """There is nothing to go on with: the lines are gone."""
    program = [sys.executable, "-c", PROGRAM.format(PIECE), "link", "-", "--alias", str(alias)]
    with subprocess.Popen(
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as on:
        assert on.stdin
        assert on.stdout
        on.stdin.write(b'{"text": "Paris"}\n')
        on.stdin.flush()
        assert b"Q90" in on.stdout.readline()
        on.send_signal(signal.SIGINT)
        _, err = on.communicate(timeout=60)
    assert (on.returncode, err) == (130, b"Interrupted\n")


def test_a_reader_that_goes_away_ends_a_stream(alias):
    program = [sys.executable, "-c", PROGRAM.format(PIECE), "link", "-", "--alias", str(alias)]
    with subprocess.Popen(
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as on:
        assert on.stdin
        assert on.stdout
        on.stdin.write(b'{"text": "Paris"}\n')
        on.stdin.flush()
        on.stdout.readline()
        on.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            for _ in range(2000):
                on.stdin.write(b'{"text": "Paris"}\n')
            on.stdin.close()
        assert on.wait(timeout=60) == 0
        assert on.stderr
        assert on.stderr.read() == b""


def test_two_runs_at_once(tmp_path, alias, news, reference):
    started = Started(news, alias, tmp_path / "linked", workers=1)
    assert started.wait_for(1)
    started.process.send_signal(signal.SIGSTOP)
    try:
        refused("is being written by process", *line(news, alias, tmp_path / "linked"))
    finally:
        started.process.send_signal(signal.SIGCONT)
    assert started.end()[0] == 0
    assert same(tmp_path / "linked", reference)


# full disks

FULL = {  # what is made to fail, and at which call
    "documents": ("pyarrow.parquet.ParquetWriter.write_table", 3),
    "the record of a task": ("kbtools.artefact.task.write_whole", 4),
    "the manifest": ("kbtools.artefact.staging.write_whole", 2),
}


def owner_of(path):
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        module, _, attribute = path.rpartition(".")
        return getattr(importlib.import_module(module), attribute)


@pytest.mark.parametrize("where", FULL)
def test_no_space_is_said_in_one_line_and_room_helps(tmp_path, alias, news, reference, where):
    what, at = FULL[where]
    owner, _, attribute = what.rpartition(".")
    target, calls = owner_of(owner), []
    real = getattr(target, attribute)

    def full(*args, **options):
        calls.append(1)
        if len(calls) >= at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path))
        return real(*args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(target, attribute, full)
        done = refused("no space left on device", *line(news, alias, tmp_path / "linked"))
    assert "run the same command again" in done.stderr
    assert not (tmp_path / "linked").exists()
    finish(news, alias, tmp_path / "linked", reference)


@linux_root
def test_a_disk_that_is_really_full(tmp_path, alias, news, reference):
    out = tmp_path / "disk" / "linked"
    with disk(tmp_path / "disk", "size=24k"):
        for kilobytes in (24, 60, 120):
            subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", tmp_path / "disk"], check=True)
            refused("no space left on device", *line(news, alias, out))
            assert not out.exists()
        subprocess.run(["mount", "-o", "remount,size=64m", tmp_path / "disk"], check=True)
        assert run(*line(news, alias, out)).exit_code == 0
        assert same(out, reference)


def test_an_export_without_space_leaves_the_old_file(tmp_path, alias, reference, monkeypatch):
    out = tmp_path / "a.jsonl"
    out.write_text("mine")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(out))

    monkeypatch.setattr("kbtools.corpus.write", full)
    done = refused("No space left", "link", reference, "--format", "jsonl", "--out", out, "--overwrite")
    assert done.stderr.startswith("Error: ")
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]
    assert out.read_text() == "mine"


# targets and what is unfinished


def test_a_stranger_under_the_target_is_never_touched(tmp_path, alias, news):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine").write_text("mine")
    refused("exists; give another --out", *line(news, alias, tmp_path / "folder"))
    refused("is not an artefact", *line(news, alias, tmp_path / "folder", "--overwrite"))
    assert (tmp_path / "folder" / "mine").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_the_old_stays_until_the_new_is_whole(tmp_path, alias, news, reference):
    shutil.copytree(reference, tmp_path / "linked")
    refused("exists; give another --out", *line(news, alias, tmp_path / "linked"))
    refused(
        "did you mean 'prior'", *line(news, alias, tmp_path / "linked", "--overwrite", "--with", "priors")
    )
    assert same(tmp_path / "linked", reference)
    done = run(*line(news, alias, tmp_path / "linked", "--overwrite", "--overlap", "all"))
    assert done.exit_code == 0
    assert not same(tmp_path / "linked", reference)


@pytest.fixture
def unfinished(tmp_path, alias, news, monkeypatch):
    """A run that was interrupted in the middle."""
    calls = []

    def stop(*args):
        calls.append(1)
        if len(calls) > 5:
            raise KeyboardInterrupt
        return real(*args)

    real = linkers.corpora.link_batch
    with monkeypatch.context() as patch:
        patch.setattr("kbtools.linkers.corpora.link_batch", stop)
        done = run(*line(news, alias, tmp_path / "linked"))
    assert (done.exit_code, done.stderr) == (130, RESUME)
    return tmp_path / "linked"


def test_only_the_same_command_goes_on(unfinished, tmp_path, alias, news, reference):
    for more in (["--overlap", "all"], ["--candidates", "none"], ["-o", "nil.total=0.5"], ["--text", "ref"]):
        assert "--restart" in refused("an unfinished build", *line(news, alias, unfinished, *more)).stderr
    finish(news, alias, unfinished, reference)


def test_restart_throws_away_what_was_done(unfinished, alias, news, reference):
    done = run(*line(news, alias, unfinished, "--overlap", "all", "--restart"))
    assert done.exit_code == 0
    assert artefact.read(unfinished).settings["preset"]["overlap"] == "all"
    assert not unfinished.with_name("linked.partial").exists()


def test_a_corpus_that_has_changed_is_another(unfinished, tmp_path, alias, news, reference):
    other = tmp_path / "elsewhere" / news.name
    other.parent.mkdir()
    shutil.copy(news, other)
    with other.open("ab") as file:
        file.write(b'{"text": "Paris"}\n')
    assert "--restart" in refused("an unfinished build", *line(other, alias, unfinished)).stderr
    shutil.copy(news, other)  # the same corpus at another place is the same
    assert run(*line(other, alias, unfinished)).exit_code == 0
    assert same(unfinished, reference)


@pytest.mark.parametrize("pattern", ["new/documents/*.parquet", "done/**/*.json"])
def test_a_damaged_file_of_an_unfinished_run_is_made_again(unfinished, alias, news, reference, pattern):
    found = sorted(unfinished.with_name("linked.partial").glob(pattern))
    assert found
    for number, path in enumerate(found):
        data = bytearray(path.read_bytes())
        data[random.Random(number).randrange(len(data))] ^= 4
        path.write_bytes(data if number % 2 else b"")
    finish(news, alias, unfinished, reference)


def test_what_was_refused_is_in_nobodys_way(tmp_path, alias, news):
    """Words without parts of speech: it shows when the first piece is linked."""
    out = tmp_path / "out" / "linked"
    refused("no words with a part of speech", *line(news, alias, out, "--with", "knowbert-wordnet"))
    assert list(out.parent.iterdir()) == []


def test_an_unfinished_run_can_be_inspected(unfinished):
    done = run("inspect", unfinished.with_name("linked.partial"))
    assert done.exit_code == 0
    assert "finished tasks" in done.stdout


# artefacts that do not go together


@pytest.fixture
def moved(tmp_path):
    """An alias table whose knowledge bases are not where they were."""
    made = tiny_linking.alias(tmp_path / "was")
    (tmp_path / "was" / "places").rename(tmp_path / "places")
    (tmp_path / "was" / "senses").rename(tmp_path / "senses")
    return made


def test_knowledge_bases_that_moved(tmp_path, moved, news):
    """They are needed for ids alone: what is linked by names is linked without them."""
    gold = tiny_linking.corpus(tmp_path, tiny_linking.document("Paris", ("Paris", "Q90")), called="g.jsonl")
    out, where = tmp_path / "out" / "linked", ["--kb", tmp_path / "places", "--kb", tmp_path / "senses"]
    assert run(*line(news, moved, out)).exit_code == 0
    refused("--kb", *line(gold, moved, tmp_path / "gold", "--with", "gold"))
    assert run(*line(gold, moved, tmp_path / "gold", "--with", "gold", *where)).exit_code == 0
    refused("--kb", "link", out, "--format", "jsonl", "--out", tmp_path / "a.jsonl")
    done = run("link", out, "--format", "jsonl", "--out", tmp_path / "a.jsonl", *where)
    assert done.exit_code == 0, done.output
    assert '"Q90"' in (tmp_path / "a.jsonl").read_text()
    told = run("inspect", out).stdout
    assert "places, senses: not where it was; numbers are shown, ids and labels with --kb KB" in told
    assert "Paris → Q90" in run("inspect", out, *where).stdout


def test_another_release_of_a_knowledge_base_is_refused(tmp_path, moved, news):
    tiny_kb.edit_manifest(tmp_path / "places", content="0" * 32)
    gold = tiny_linking.corpus(tmp_path, tiny_linking.document("Paris", ("Paris", "Q90")), called="g.jsonl")
    command = line(gold, moved, tmp_path / "linked", "--with", "gold", "--kb", tmp_path / "places")
    refused("another release of 'places', whose numbers mean other entities", *command)
    assert not (tmp_path / "linked.partial").exists()


def test_numbers_of_another_release_are_refused_where_they_count(tmp_path, alias, reference):
    """Documents that were linked before tell numbers; those of another release mean other entities."""
    shutil.copytree(reference, tmp_path / "old")
    command = line(tmp_path / "old", alias, tmp_path / "again", "--with", "gold")
    assert run(*command).exit_code == 0
    manifest = artefact.read(tmp_path / "old")
    kbs = [{"name": ref.name, "content": "0" * 32, "id_space": []} for ref in manifest.kbs]
    tiny_kb.edit_manifest(tmp_path / "old", kbs=kbs)
    refused("another release of 'places'", *command, "--overwrite")
    assert run(*line(tmp_path / "old", alias, tmp_path / "prior")).exit_code == 0  # it reads the texts alone


def test_a_knowledge_base_of_another_table_is_refused(tmp_path, alias, news):
    other = tiny_kb.write(tmp_path / "other", tiny_kb.world(), name="other")
    gold = tiny_linking.corpus(tmp_path, tiny_linking.document("Paris", ("Paris", "Q90")), called="g.jsonl")
    refused("no candidates of 'other' here; there are: places, senses",
            *line(gold, alias, tmp_path / "linked", "--with", "gold", "--kb", other))  # fmt: skip


def test_an_index_of_another_table_is_refused(tmp_path, alias, news):
    names = tiny_kb.write(tmp_path / "kb", {**tiny_kb.world(), "surfaces": [name(1, "Adams")]})
    api.build_alias([names], tmp_path / "alias")
    linkers.build_index(tmp_path / "alias", tmp_path / "fuzzy", kind="fuzzy")
    refused("another alias table", *line(news, alias, tmp_path / "linked", "--index", tmp_path / "fuzzy"))


def test_a_profile_of_other_knowledge_bases_is_refused(tmp_path, alias, news):
    names = tiny_kb.write(tmp_path / "kb", {**tiny_kb.world(), "surfaces": [name(1, "Adams")]})
    api.build_alias([names], tmp_path / "alias")
    linkers.build_index(names, tmp_path / "profile", kind="profile")
    done = run(*line(news, alias, tmp_path / "linked", "--index", tmp_path / "profile"))
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1), done.output


def test_a_damaged_table_of_names_is_no_traceback(tmp_path, alias, news):
    """Whatever is lost of the manifest or its arrays, it is said in one line, or it makes no difference."""
    shutil.copytree(alias, tmp_path / "alias")
    every = [path for path in sorted((tmp_path / "alias").rglob("*")) if path.is_file()]
    for path in [tmp_path / "alias" / "manifest.json", *random.Random(1).sample(every, 8)]:
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
        done = run(*line(news, tmp_path / "alias", tmp_path / "linked", "--overwrite"))
        assert done.exit_code in {0, 2}, (path, done.output)
        assert done.stderr.count("\n") == (done.exit_code == 2), (path, done.stderr)
        path.write_bytes(data)


def test_a_damaged_folder_is_found_by_verify(tmp_path, reference):
    shutil.copytree(reference, tmp_path / "linked")
    assert run("verify", tmp_path / "linked", "--deep").exit_code == 0
    victim = sorted((tmp_path / "linked" / "documents").iterdir())[3]
    data = bytearray(victim.read_bytes())
    data[len(data) // 3] ^= 255
    victim.write_bytes(data)
    done = run("verify", tmp_path / "linked", "--deep")
    assert done.exit_code == 2
    assert f"{victim}: damaged: its bytes have changed" in done.stdout
    for command in (
        ["link", tmp_path / "linked", "--format", "jsonl", "--out", tmp_path / "a.jsonl"],
        ["inspect", tmp_path / "linked"],
        ["sql", tmp_path / "linked", "SELECT sum(len(text)) FROM documents"],
    ):
        told = run(*command)
        assert told.exit_code in {0, 2}, told.output
    victim.unlink()
    assert (
        "gone"
        in refused("gone", "link", tmp_path / "linked", "--format", "jsonl", "--out", tmp_path / "b").stderr
    )
    assert not (tmp_path / "b").exists()
