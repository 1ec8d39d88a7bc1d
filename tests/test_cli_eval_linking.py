"""`kbtools eval linking` as a user sees it."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from kbtools import plugins
from kbtools.cli.main import main
from tests import tiny_alias, tiny_linked
from tests.tiny_linked import document, mention

TEXT = "Douglas Adams left Germany."
ARTICLE = {
    "id": "a",
    "text": TEXT,
    "labels": [
        {"id": 0, "span": [0, 13], "entity_id": "Q42", "type": "Q5"},
        {"id": 1, "span": [19, 26], "entity_id": "Q183", "type": "<b>OTHER"},
    ],
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    tiny_alias.kb(folder / "kb")
    (folder / "gold.jsonl").write_text(json.dumps(ARTICLE))
    both = [mention(0, 13, 1, candidates=[(1, 1.0)]), mention(19, 26, 4, candidates=[(4, 1.0)])]
    tiny_linked.write(folder / "both", [folder / "kb"], [document("a", TEXT, both)])
    tiny_linked.write(folder / "half", [folder / "kb"], [document("a", TEXT, both[:1])])
    return folder


def linking(world, out, *arguments, systems=("both", "half")):
    told = [word for name in systems for word in ("--linked", world / name)]
    told += ["--data", f"elevant:{world}/gold.jsonl", "--out", out, "--resamples", 20, *arguments]
    return CliRunner().invoke(main, ["eval", "linking", *map(str, told)])


def test_a_report_to_look_at(world, tmp_path):
    pytest.importorskip("matplotlib")
    out = tmp_path / "report"
    done = linking(world, out)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "Links of gold.jsonl"
    assert lines[3].split()[:3] == ["both", "2", "1.000"]
    assert lines[-1].endswith(f"open {out}/report.html")
    for command in (["verify", str(out), "--deep"], ["inspect", str(out)]):
        done = CliRunner().invoke(main, command)
        assert done.exit_code == 0, done.output
    assert pq.read_table(out / "predictions.parquet")["class"].to_pylist() == [
        "right", "right", "right", "right", "right", "missed", "right",
    ]  # fmt: skip
    page = (out / "report.html").read_text()
    assert "<b>OTHER" not in page
    assert "By mode" in page
    assert {path.name for path in (out / "plots").iterdir()} == {
        "precision-recall.svg", "reliability.svg", "candidates.svg", "type.svg", "frequency.svg",
        "entities-of-that-name.svg",
    }  # fmt: skip


def test_json_and_the_same_again(world, tmp_path):
    made = [linking(world, tmp_path / name, "--json", "--no-plots", "--seed", "3") for name in "ab"]
    assert made[0].exit_code == 0, made[0].output
    assert made[0].stdout == made[1].stdout
    document = json.loads(made[0].stdout)
    assert document["task"] == "linking"
    assert document["comparisons"][0]["difference"] == pytest.approx(2 / 3 - 1)
    names = ["report.json", "report.md", "predictions.parquet"]
    assert [(tmp_path / "a" / name).read_bytes() for name in names] == [
        (tmp_path / "b" / name).read_bytes() for name in names
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--kb", "nowhere"], "nowhere"),
        (["--folds", "1"], "folds is 1; it is at least 2"),
        (["--of", "other"], "no knowledge base 'other' here; there are: tiny"),
    ],
)
def test_what_is_wrong_is_one_line(world, tmp_path, arguments, message):
    done = linking(world, tmp_path / "report", "--no-plots", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "report").exists()


def test_what_is_no_linked_document_is_refused(world, tmp_path):
    done = linking(world, tmp_path / "report", "--no-plots", systems=["kb"])
    assert done.exit_code == 2
    assert "kb" in done.stderr


def test_settings_of_the_corpus(world, tmp_path):
    done = linking(world, tmp_path / "report", "--no-plots", "--json", "-c", "links=mentions")
    assert done.exit_code == 2
    assert "it has no gold links" in done.stderr


def test_every_task_says_what_it_is_told():
    tasks = [*plugins.names("kbtools.tasks"), *plugins.names("kbtools.models.tasks")]
    assert sorted(tasks) == plugins.names("kbtools.cli.evaluations")


def test_help_tells_the_options_of_the_task():
    told = CliRunner().invoke(main, ["eval", "linking", "--help"]).output
    assert "--linked" in told
    assert "--alias" not in told
    assert "--alias" in CliRunner().invoke(main, ["eval", "candidates", "--help"]).output
