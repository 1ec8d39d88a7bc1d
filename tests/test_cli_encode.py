"""`kbtools encode`, and what other commands say of features, as a user sees it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("transformers")

from kbtools.cli.main import main
from tests import encoded_texts


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    encoded_texts.model(folder / "model")
    encoded_texts.corpus(
        folder, "She lives in Geneva. He does not.", "", {"text": "Li", "meta": {"spans": [[0, 2]]}}
    )
    return folder


def run(*arguments):
    done = CliRunner().invoke(main, [str(one) for one in arguments])
    assert done.exit_code != 1, done.output
    assert "Traceback" not in done.output
    return done


def encode(world, out, *arguments):
    return run(
        "encode", world / "texts.jsonl", "--model", world / "model", "--out", out, "--quiet", *arguments
    )


def test_what_is_printed(world, tmp_path):
    done = encode(world, tmp_path / "made", "--layers", "-2:", "-o", "unit=sentence")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert "3 sentences of 3 documents, 32 numbers each (layers -2:, mean)" in lines[0]
    assert "tokens in 3 windows" in lines[1]
    again = encode(world, tmp_path / "made")
    assert (again.exit_code, again.stdout) == (2, "")
    assert "--overwrite" in again.stderr


def test_one_document_of_json(world, tmp_path):
    done = encode(world, tmp_path / "made", "--json", "--pool", "cls")
    assert (done.exit_code, done.stdout.count("\n")) == (0, 1), done.output
    made = json.loads(done.stdout)
    assert (made["kind"], made["settings"]["dim"], made["settings"]["pool"]) == ("features", 16, "cls")
    assert made["counts"]["documents without tokens"] == 1
    assert [one["kind"] for one in made["inputs"]] == ["corpus", "model", "tokenizer"]


def test_inspect_and_verify(world, tmp_path):
    assert encode(world, tmp_path / "made", "--pool", "tokens").exit_code == 0
    told = json.loads(run("inspect", tmp_path / "made", "--json", "--rows", 2).stdout)
    (sample,) = told["samples"]
    assert sample["columns"] == ["doc_id", "unit", "start", "end", "length", "0", "1", "2", "3"]
    assert sample["rows"][0][:4] == ["d0", "token", 0, 1]
    assert len(sample["rows"]) == 2
    assert run("verify", tmp_path / "made", "--deep").exit_code == 0
    assert "features" in run("inspect", tmp_path / "made").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--layers", "9"], "the model has 2 layers"),
        (["--pool", "median"], "there are mean"),
        (["-o", "unit=page"], "document | sentence"),
        (["-c", "colour=red"], "colour"),
        (["--max-rejects", "some"], "some"),
    ],
)
def test_refused_in_a_line(arguments, said, world, tmp_path):
    done = encode(world, tmp_path / "made", *arguments)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.output
    assert said in done.stderr
    assert not [*tmp_path.iterdir()]


def test_help_lists_the_settings():
    told = run("encode", "--help").stdout
    for name in ("unit", "join", "weights", "length", "overlap", "batch", "precision", "device", "numbers"):
        assert f"\n  {name} " in told
