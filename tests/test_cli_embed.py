"""`kbtools embed`: what it says, what it refuses, what it leaves."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from kbtools import artefact
from kbtools.cli.main import main
from tests import kge_worlds

QUICK = ("-o", "dim=4", "-o", "epochs=2", "-o", "batch=16")


@pytest.fixture(scope="module")
def kb(tmp_path_factory):
    return kge_worlds.ingested(tmp_path_factory.mktemp("ring"), **kge_worlds.ring())


def run(*args):
    return CliRunner().invoke(main, ["embed", *map(str, args)], prog_name="kbtools")


def test_help_lists_what_makes_vectors():
    told = run("--help").output
    for name in ("transe", "tucker", "sgns", "description", "word2vec", "openke", "Bordes et al. 2013"):
        assert name in told


def test_help_of_a_model_shows_its_recipe_and_what_its_scorer_takes():
    told = run("kb", "--model", "transe", "--help").output
    for name in ("negatives.share", "judge.patience", "scorer.norm", "[optimiser]"):
        assert name in told
    assert "min_n" in run("corpus.txt", "--model", "sgns", "--help").output


def test_it_says_what_it_made(kb, tmp_path):
    found = run(kb, "--model", "rotate", "--out", tmp_path / "v", *QUICK)
    assert found.exit_code == 0, found.output
    assert "24 entities vectors of 8 numbers" in found.output
    assert "MRR" in found.output
    assert "epoch 2: MRR" in found.output  # while it ran


def test_json_is_the_manifest_and_nothing_else(kb, tmp_path):
    found = run(kb, "--model", "distmult", "--out", tmp_path / "v", "--json", "--quiet", *QUICK)
    told = json.loads(found.stdout)
    assert told["content"] == artefact.read(tmp_path / "v").content
    assert told["settings"]["model"] == "distmult"
    assert told["notes"]["looks"][-1]["split"] == "valid"
    assert [one["kind"] for one in told["inputs"]] == ["kb"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--out", "v"), "--model is missing"),
        (("--model", "transe"), "--out is missing"),
        (("--model", "trense", "--out", "v"), "did you mean 'transe'"),
        (("--model", "transe", "--out", "v", "-o", "dims=4"), "dim"),
        (("--model", "transe", "--out", "v", "-o", "scorer.nrom=2"), "norm"),
        (("--model", "transe", "--out", "v", "--workers", "2"), "--workers does nothing for transe"),
        (("--model", "sgns", "--out", "v", "--memory", "1GB"), "--memory does nothing for sgns"),
        (("--model", "word2vec:none.vec", "--out", "v"), "none.vec"),
    ],
)
def test_what_cannot_be_is_one_line(kb, tmp_path, monkeypatch, args, words):
    monkeypatch.chdir(tmp_path)
    found = run(kb, *args)
    assert found.exit_code == 2
    assert words in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
