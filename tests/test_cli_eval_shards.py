"""`kbtools eval shards` as a user sees it."""

from __future__ import annotations

import json
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

pytest.importorskip("torch")

from kbtools.cli.main import main
from tests import evaluated_runs


def run(*arguments):
    return CliRunner().invoke(main, ["eval", *map(str, arguments)])


def shards(out, *more, what="tags"):
    given = ("--model", evaluated_runs.run(what), "--data", evaluated_runs.shards(), "--out", out)
    return run("shards", *given, "--resamples", 20, "--quiet", *more)


@pytest.mark.parametrize("what", ["labels", "tags", "several", "number"])
def test_a_report_to_look_at(tmp_path, what):
    pytest.importorskip("matplotlib")
    out = tmp_path / "report"
    done = shards(out, what=what)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0].endswith(" on test")
    assert done.stdout.splitlines()[-1].endswith(f"open {out}/report.html")
    plots = {path.stem for path in (out / "plots").iterdir()}
    expected = {
        "labels": {"labels-class", "labels-confusion", "labels-calibration"},
        "tags": {"tags-type", "tags-confusion", "tags-calibration"},
        "several": {"labels-class"},
        "number": {"labels-numbers"},
    }
    assert plots == expected[what]
    assert {"asked", "example", "text", "gold", "answer", "score", "right"} <= {
        *pq.read_schema(out / "predictions.parquet").names
    }
    assert CliRunner().invoke(main, ["verify", str(out), "--deep"]).exit_code == 0
    assert CliRunner().invoke(main, ["inspect", str(out)]).exit_code == 0


def test_json_and_the_same_again(tmp_path):
    made = [shards(tmp_path / name, "--json", "--no-plots", "--split", "dev") for name in "ab"]
    assert made[0].exit_code == 0, made[0].output
    assert made[0].stdout == made[1].stdout
    document = json.loads(made[0].stdout)
    assert [one["kind"] for one in document["inputs"]] == ["run", "shards"]
    assert {one["system"] for one in document["measures"]} == {"tags"}
    for path in (tmp_path / "a").rglob("*"):
        if path.is_file() and path.name != "manifest.json":
            assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_a_task_is_named_or_not(tmp_path):
    done = run(
        "shards", "--model", evaluated_runs.run(), "--data", f"data={evaluated_runs.shards()}", "--no-plots",
        "--out", tmp_path / "report", "--resamples", 5, "--no-text",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "text" not in pq.read_schema(tmp_path / "report" / "predictions.parquet").names


def test_what_is_wrong_ends_in_a_line(tmp_path):
    done = shards(tmp_path / "report", "--split", "dew")
    assert done.exit_code == 2
    done = run("shards", "--model", tmp_path, "--data", evaluated_runs.shards(), "--out", tmp_path / "r")
    assert done.exit_code == 2
    assert "no model" in done.stderr
    assert not (tmp_path / "r").exists()


def test_help_is_light_and_lists_both_kinds_of_tasks():
    asked = "main(['eval', '-h'], 'x', None, False)"
    code = f"import sys; from kbtools.cli.main import main; {asked}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert not {"torch", "transformers", "spacy"} & {*done.stdout.splitlines()[-1].split()}
    listed = {line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")}
    assert {"shards", "linking", "wsd", "candidates", "linkprediction"} <= listed


def test_help_of_the_task():
    told = run("shards", "--help").output
    for option in ("--model", "--data [TASK=]PATH", "--split", "--entity-ablation", "--negative"):
        assert option in told
