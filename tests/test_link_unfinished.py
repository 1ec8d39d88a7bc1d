"""What is in the way of linking, and what goes on from a run that was interrupted."""

from __future__ import annotations

import random
import shutil

import pytest

from kbtools import artefact, linkers
from tests.piecewise_linking import finish, fixtures, line
from tests.started import RESUME, refused, run, same

small_pieces, world, alias, news, reference = fixtures()


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
