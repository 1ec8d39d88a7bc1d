"""`kbtools eval candidates` as a user sees it, over a small knowledge base, its table and its index."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from kbtools import linkers
from kbtools.cli.main import main
from tests import tiny_alias

pytest.importorskip("rapidfuzz")

LINES = [
    {"mention": "NATO", "id": "Q5"},
    {"mention": "Nato", "id": "Q42"},
    {"mention": "Germny", "id": "Q183"},
    {"mention": "柏林", "id": "Q64"},
    {"mention": "nobody", "id": "Q0"},
]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    tiny_alias.build(folder)
    linkers.build_index(folder / "alias", folder / "fuzzy", kind="fuzzy")
    (folder / "gold.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES))
    return folder


def run(*arguments):
    return CliRunner().invoke(main, ["eval", *(str(argument) for argument in arguments)])


def candidates(world, out, *arguments):
    return run(
        "candidates", "--alias", world / "alias", "--index", world / "fuzzy", "--data", world / "gold.jsonl",
        "--out", out, "--resamples", 50, "--quiet", *arguments,
    )  # fmt: skip


def test_a_report_to_look_at(world, tmp_path):
    pytest.importorskip("matplotlib")
    out = tmp_path / "report"
    done = candidates(world, out)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "Candidates of the mentions in gold.jsonl"
    assert [line.split()[:3] for line in lines[3:6]] == [
        ["alias", "4", "0.750"], ["fuzzy", "4", "0.750"], ["fused", "4", "1.000"],
    ]  # fmt: skip
    assert lines[-1].endswith(f"open {out}/report.html")
    assert done.stderr == (
        "Look: 1 of 5 mentions have an id that no knowledge base knows; they are left out.\n"
    )
    assert CliRunner().invoke(main, ["verify", str(out), "--deep"]).exit_code == 0
    assert CliRunner().invoke(main, ["inspect", str(out)]).exit_code == 0
    rows = pq.read_table(out / "predictions.parquet").to_pylist()
    assert [(row["id"], row["rank alias"], row["rank fused"]) for row in rows] == [
        ("Q5", 1, 1), ("Q42", 1, 1), ("Q183", None, 1), ("Q64", 1, 1),
    ]  # fmt: skip
    assert {path.name for path in (out / "plots").iterdir()} == {
        "recall.svg", "length.svg", "prior-rank.svg", "links.svg", "type.svg",
    }  # fmt: skip


def test_json_and_the_same_again(world, tmp_path):
    made = [candidates(world, tmp_path / name, "--json", "--no-plots") for name in "ab"]
    assert made[0].exit_code == 0, made[0].output
    assert made[0].stdout.count("\n") == 1
    assert made[0].stdout == made[1].stdout
    document = json.loads(made[0].stdout)
    assert document["counts"] == {"read": 5, "unknown ids": 1, "mentions": 4}
    assert [one["kind"] for one in document["inputs"]] == ["alias", "index", "kb", "file"]
    for path in (tmp_path / "a").rglob("*"):
        if path.name != "manifest.json":
            assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_weights_fitted_saved_and_used_again(world, tmp_path):
    logistic = ["--fusion", "logistic", "--no-plots", "--json"]
    first = candidates(world, tmp_path / "a", *logistic, "--fit-on", world / "gold.jsonl")
    assert first.exit_code == 0, first.output
    second = candidates(world, tmp_path / "b", *logistic, "--fusion-file", tmp_path / "a/fusion.toml")
    assert second.exit_code == 0, second.output
    assert json.loads(first.stdout)["measures"] == json.loads(second.stdout)["measures"]
    other = candidates(
        world,
        tmp_path / "c",
        *logistic,
        "--fusion-file",
        tmp_path / "a/fusion.toml",
        "--index",
        world / "fuzzy",
    )
    assert other.exit_code == 2
    assert "fitted with alias, fuzzy and" in other.output


def test_without_an_index(world, tmp_path):
    done = run(
        "candidates", "--alias", world / "alias", "--data", world / "gold.jsonl", "--out", tmp_path / "r",
        "--kb", world / "kb", "--no-plots", "--at", "1,2", "--types", 0,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[1].split() == ["system", "n", "recall@1", "recall@2", "MRR"]


def test_wrong_use(world, tmp_path):
    (tmp_path / "unknown.tsv").write_text("surface\tid\nx\tQ0\n")
    (tmp_path / "r").mkdir()
    for arguments, told in [
        (["--data", tmp_path / "gone.jsonl"], "gone.jsonl: no such file"),
        (["--data", tmp_path / "unknown.tsv"], "no mention whose entity is known (1 read, 1 unknown ids)"),
        (["--alias", world / "kb"], "a kb artefact, where an alias is wanted"),
        (["--index", world / "alias"], "an alias artefact, where an index is wanted"),
        (["--kb", world / "alias"], "where a kb is wanted"),
        (["--at", "1,x"], "it takes numbers, parted by commas"),
        (["--at", "5,1"], "numbers from 1 to 10000 that grow"),
        (["--fusion", "logistics"], "did you mean 'logistic'?"),
        (["--fusion-file", tmp_path / "no.toml", "--fusion", "logistic"], "no.toml: no such file"),
        (["--fit-share", "0.1"], "go with --fusion logistic"),
        (["--source-weights", "1"], "1 source_weights for 2 sources"),
        (["-o", "levle=0.9"], "did you mean 'level'?"),
        (["--out", tmp_path / "r"], "exists; give another --out"),
    ]:
        done = candidates(world, tmp_path / "out", "--no-plots", *arguments)
        assert done.exit_code == 2, done.output
        assert told in done.output, done.output
        assert "Traceback" not in done.output
        assert not (tmp_path / "out").exists()


def test_tasks_are_listed_and_explained():
    told = " ".join(run("--help").output.split())
    assert "candidates Whether the right entity is among the candidates" in told
    text = run("candidates", "--help").output
    assert "Example: kbtools eval candidates" in text
    assert all(f"--{flag}" in text for flag in ("fusion", "at", "fit-on", "seed", "json"))
    assert "'candidate' is not in kbtools.tasks; did you mean 'candidates'?" in run("candidate").output


def test_any_hash_seed_gives_the_same_bytes(world, tmp_path):
    for seed in ("0", "7"):
        command = [sys.executable, "-m", "kbtools.cli.main", "eval", "candidates", "--quiet", "--no-plots"]
        command += ["--alias", world / "alias", "--index", world / "fuzzy", "--data", world / "gold.jsonl"]
        command += ["--fusion", "logistic", "--fit-on", world / "gold.jsonl", "--out", tmp_path / seed]
        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True)
    for path in (tmp_path / "0").iterdir():
        if path.name != "manifest.json":
            assert path.read_bytes() == (tmp_path / "7" / path.name).read_bytes(), path.name
