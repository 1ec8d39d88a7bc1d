"""`kbtools merge` as a user sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from kbtools.cli.main import main
from tests import tiny_kb


@pytest.fixture
def two(tmp_path):
    return [tiny_kb.write(tmp_path / name, tiny_kb.world(), name=name) for name in ("one", "two")]


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_merge_and_look_at_it(two, tmp_path):
    out = tmp_path / "both"
    done = run("merge", *two, "--on", "id", "--out", out, "--workers", 2, "--quiet")
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[:2] == [
        f"{out}: 6 entities, 5 labels, 3 relations, 10 triples, 2 literals, 2 qualifiers, 2 types, "
        "1 redirects, 6 xref",
        "  12 entities read, 6 of them joined to an earlier one",
    ]
    assert run("verify", out, "--deep").exit_code == 0
    asked = run(
        "sql", out, "SELECT id FROM entities JOIN xref USING (eid) WHERE scheme = 'two' AND value = 'Q64'"
    )
    assert asked.output.split()[-1] == "Q64"
    assert "one-two" in run("inspect", out).output
    again = run("merge", *two, "--on", "id", "--out", out)
    assert again.exit_code == 2
    assert "exists; give another --out, or --overwrite" in again.output
    assert run("merge", *two, "--on", "xref", "--out", out, "--overwrite").exit_code == 0


def test_json(two, tmp_path):
    done = run("merge", *two, "--on", "id", "--out", tmp_path / "both", "--json", "--name", "both", "--quiet")
    assert done.stdout.count("\n") == 1
    made = json.loads(done.stdout)
    assert (made["name"], made["counts"]["joined"]) == ("both", 6)
    assert made["settings"] == {"on": "id", "schemes": []}


def test_wrong_use(two, tmp_path):
    for arguments, message in [
        ([two[0], "--on", "id"], "to merge takes two knowledge bases or more"),
        ([*two], "Missing option '--on'"),
        ([*two, "--on", "label"], "'label' is not one of 'xref', 'id'"),
        ([*two, "--on", "xref", "--scheme", "P2892=one"], "no knowledge base has cross references 'P2892'"),
        ([two[0], tmp_path / "three", "--on", "id"], "three: no such artefact"),
    ]:
        done = run("merge", *arguments, "--out", tmp_path / "out")
        assert done.exit_code == 2
        assert message in done.output
    assert not (tmp_path / "out").exists()


def test_by_the_real_command(two, tmp_path):
    command = [sys.executable, "-m", "kbtools.cli.main", "merge", *map(str, two), "--on", "xref"]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "both")],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    assert "6 ids mean another entity elsewhere; they are called name:id" in done.stdout
