"""`kbtools fit`, and what inspect, verify, licence and link do with a linker, as a user sees it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from kbtools.cli.main import main
from tests import tiny_linking
from tests.tiny_linking import document, found, rows


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def lines(*arguments: object) -> list[str]:
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    return [" ".join(line.split()) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def alias(tmp_path_factory):
    return tiny_linking.alias(tmp_path_factory.mktemp("names"))


@pytest.fixture
def corpus(tmp_path):
    text = "Paris is here, France is not."
    return tiny_linking.corpus(tmp_path, *(document(text, ("Paris", "Q830149")) for _ in range(10)))


def test_what_was_learnt_is_told(alias, corpus, tmp_path):
    out = tmp_path / "linker"
    told = lines("fit", corpus, "--alias", alias, "--with", "prior", "--out", out, "--ridge", "0.1")
    assert told[0].startswith(f"{out}: logistic linker fitted to 10 mentions of gold in 10 documents")
    assert "accuracy prior 0.000 [0.000, 0.000]" in told
    assert "accuracy fitted 1.000 [1.000, 1.000]" in told
    assert any(line.startswith("fitted over prior 1.000 [1.000, 1.000] p = ") for line in told)
    assert any(line.startswith("a link is kept from p = ") for line in told)
    assert any(line.endswith("candidate: best prior") for line in told)
    assert "accuracy fitted" in run("inspect", out).stdout
    assert lines("verify", out, "--deep")[0].startswith(f"{out}: sound")
    assert run("licence", out).exit_code == 0
    lines("link", corpus, "--alias", alias, "--with", out, "--out", tmp_path / "linked", "--workers", 1)
    assert found(rows(tmp_path / "linked")[0], 0) == [("Paris", 1)]


def test_one_json_document_on_one_line(alias, corpus, tmp_path):
    options = ("--alias", alias, "--with", "prior", "--model", "gradient", "--trees", "5", "--folds", "2")
    done = run("fit", corpus, *options, "-o", "candidates.most=5", "--out", tmp_path / "linker", "--json")
    assert (done.exit_code, done.stdout.count("\n")) == (0, 1), done.output
    made = json.loads(done.stdout)
    assert (made["kind"], made["notes"]["folds"], made["settings"]["trees"]) == ("linker", 2, 5)
    assert made["settings"]["preset"]["candidates"]["most"] == 5


def test_lines_that_cannot_be_read_are_counted_and_kept(alias, corpus, tmp_path):
    corpus.write_bytes(corpus.read_bytes() + b"{bad\n")
    out = tmp_path / "linker"
    done = run("fit", corpus, "--alias", alias, "--with", "prior", "--out", out)
    assert done.exit_code == 3, done.output
    assert "1 of 11 records" in done.stderr
    assert lines("verify", out)[0].startswith(f"{out}: sound")
    assert run("fit", corpus, "--alias", alias, "--with", "prior", "--out", out).exit_code == 2
    again = run(
        "fit", corpus, "--alias", alias, "--with", "prior", "--out", out, "--overwrite", "--max-rejects", "1"
    )
    assert again.exit_code == 0, again.output


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--out", "out"), "--alias is missing"),
        (("--alias", "alias"), "--out is missing"),
        (("--alias", "no such", "--out", "out"), "no such"),
        (("--alias", "x", "--out", "out", "--model", "forest"), "logistic | gradient"),
        (("--alias", "x", "--out", "out", "--trees", "1000"), "trees is 1000"),
        (("--alias", "x", "--out", "out", "--kinds", "silver"), "no kind 'silver'"),
        (("--alias", "x", "--out", "out", "--max-rejects", "few"), "--max-rejects"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(corpus, arguments, what):
    done = run("fit", corpus, "--with", "prior", *arguments)
    assert done.exit_code == 2, done.output
    assert what in done.stderr
    assert done.stderr.count("\n") == 1


def test_help_has_an_example():
    done = run("fit", "--help")
    assert done.exit_code == 0
    assert "Example: kbtools fit conll:train.txt --alias alias --index profile" in done.stdout
