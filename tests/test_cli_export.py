"""`kbtools export`: files for other programs, whole or absent."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from kbtools.cli.main import main
from tests import foreign_vectors


@pytest.fixture
def folder(tmp_path):
    return foreign_vectors.made(tmp_path / "v", foreign_vectors.world(tmp_path), words=True).path


def run(*arguments):
    found = CliRunner().invoke(main, ["export", *map(str, arguments)])
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exc_info
    return found.exit_code, found.output


def test_a_file_is_written_and_told(folder, tmp_path):
    code, told = run(folder, "--format", "word2vec", "--out", tmp_path / "x.vec")
    assert code == 0
    assert told.splitlines()[0] == f"{tmp_path / 'x.vec'}: 4 entities, 3 words"
    assert "no room for them: 3 relations" in told
    lines = (tmp_path / "x.vec").read_text().splitlines()
    assert lines[0] == "7 4"
    assert [line.split(" ")[0] for line in lines[1:]] == [
        "dog", "cat", "中文", "ENTITY/Q42", "ENTITY/Q5", "ENTITY/Q515", "ENTITY/Q64",
    ]  # fmt: skip


def test_json_tells_the_lengths(folder, tmp_path):
    code, told = run(folder, "--format", "npy", "--out", tmp_path / "n", "--json")
    found = json.loads(told)
    assert (code, found["relations"], found["left_out"]) == (0, 3, {})
    assert found["norms"] == json.loads((tmp_path / "n" / "about.json").read_text())["norms"]
    assert found["norms"]["entities"].keys() == {"mean", "min", "max"}


def test_what_is_there_is_replaced_only_when_asked(folder, tmp_path):
    for name, format_ in (("x.vec", "word2vec"), ("o", "openke")):
        arguments = (folder, "--format", format_, "--out", tmp_path / name)
        assert run(*arguments)[0] == 0
        code, told = run(*arguments)
        assert (code, "--overwrite" in told) == (2, True)
        assert run(*arguments, "--overwrite")[0] == 0
    (tmp_path / "o" / "mine.txt").write_text("mine")
    code, told = run(*arguments, "--overwrite")
    assert (code, "mine.txt" in told) == (2, True)
    code, told = run(folder, "--format", "word2vec", "--out", tmp_path / "o", "--overwrite")
    assert (code, "is a folder" in told) == (2, True)
    assert (tmp_path / "o" / "mine.txt").read_text() == "mine"
    assert not list(tmp_path.glob("partial*"))


def test_the_same_vectors_give_the_same_bytes(folder, tmp_path):
    for name in ("a.vec.gz", "b.vec.gz"):
        assert run(folder, "--format", "word2vec", "--out", tmp_path / name)[0] == 0
    assert (tmp_path / "a.vec.gz").read_bytes() == (tmp_path / "b.vec.gz").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--format", "worde2vec", "--out", "x"], "did you mean 'word2vec'"),
        (["--format", "word2vec", "--out", "x", "-o", "space=_"], "did you mean 'spaces'"),
        (["--format", "word2vec", "--out", "x", "--kb", "nowhere"], "nowhere"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(folder, arguments, what):
    code, told = run(folder, *arguments)
    assert code == 2
    assert what in told
    assert told.count("\n") == 1
