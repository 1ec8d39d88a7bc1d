"""`kbtools vocab`, and what inspect and verify do with a tokenizer, as a user sees it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from kbtools.cli.main import main
from kbtools.tokens.tokenizer import Tokenizer


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def corpus(tmp_path):
    (tmp_path / "text.jsonl").write_text('{"text": "Paris is here, Paris is there."}\n' * 3)
    return tmp_path / "text.jsonl"


@pytest.fixture
def tokenizer(corpus, tmp_path):
    done = run("vocab", corpus, "--size", 60, "--out", tmp_path / "t")
    assert done.exit_code == 0, done.output
    return tmp_path / "t"


def test_what_was_learnt_is_told(corpus, tmp_path):
    done = run("vocab", corpus, corpus, "--kind", "bpe", "--size", 280, "--cased", "--out", tmp_path / "t")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(
        f"{tmp_path / 't'}: 273 tokens (bpe) of 6 documents, 180 characters, 48 words"
    )
    assert "0.000% of the tokens unknown" in done.stdout
    assert "fewer than 280: nothing else occurs 2 times" in done.stdout
    assert Tokenizer.load(tmp_path / "t").encode(["Paris"]).end.tolist()[-1] == 5


def test_settings_by_name(corpus, tmp_path):
    done = run("vocab", corpus, "-o", "kind=char", "-o", "added=[ENT]", "--out", tmp_path / "t", "--json")
    told = json.loads(done.stdout)
    assert (told["kind"], told["settings"]["added"]) == ("tokenizer", ["[ENT]"])
    assert len(done.stdout.splitlines()) == 1


def test_inspect_shows_tokens(tokenizer):
    done = run("inspect", tokenizer, "--top", 2)
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "0 [PAD] pad" in lines
    assert "4 [MASK] mask" in lines
    assert sum(line.endswith("longest") for line in lines) == 2
    assert any("tokens per word" in line for line in lines)
    assert run("inspect", tokenizer, "--kb", "x").exit_code == 2


def test_verify_finds_damage(tokenizer):
    assert run("verify", "--deep", tokenizer).exit_code == 0
    (tokenizer / "vocab.txt").write_text("gone")
    done = run("verify", tokenizer)
    assert done.exit_code == 2
    assert "vocab.txt" in done.output


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["nowhere.jsonl"], "no such file"),
        (["--size", 1], "at least 6 tokens"),
        (["--kind", "bpx"], "did you mean 'bpe'"),
        (["--max-rejects", "x"], "--max-rejects"),
    ],
)
def test_faults_are_one_line(arguments, match, corpus, tmp_path):
    specs = [] if arguments[0].endswith("jsonl") else [corpus]
    done = run("vocab", *specs, *arguments, "--out", tmp_path / "t")
    assert done.exit_code == 2
    assert match in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "t").exists()


def test_without_out(corpus):
    done = run("vocab", corpus)
    assert (done.exit_code, "--out is missing" in done.stderr) == (2, True)


def test_rejects_are_told(tmp_path):
    (tmp_path / "text.jsonl").write_text('{"text": "a a"}\nnonsense\n')
    done = run("vocab", tmp_path / "text.jsonl", "--out", tmp_path / "t")
    assert done.exit_code == 3
    assert "1 of 2 records are rejected" in done.stderr
    assert run("sql", tmp_path / "t", "SELECT count(*) FROM rejects").exit_code == 0
