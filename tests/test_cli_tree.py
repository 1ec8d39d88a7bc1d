"""`kbtools tree` as a user sees it."""

from __future__ import annotations

import json

import click
import pytest
from click.testing import CliRunner

from kbtools import api, artefact, linkers
from kbtools.cli.main import main
from kbtools.cli.tree import command
from tests import grown_trees

FACTS = [("北京", "首都", "中国"), ("库克", "任职", "苹果")]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    grown_trees.kb(folder, FACTS)
    (folder / "a.txt").write_text("库克去北京。\n他不去。\n", encoding="utf-8")
    return folder


def run(*arguments, code=0):
    done = CliRunner().invoke(main, [str(one) for one in arguments])
    assert "Traceback" not in done.output
    assert done.exit_code == code, done.output
    return done


def tree(world, documents, out, *arguments, code=0):
    kb = () if "--kb" in arguments else ("--kb", world / "small")
    return run("tree", documents, *kb, "--out", out, *arguments, "--workers", "1", "--quiet", code=code)


def test_every_option_has_a_help_text():
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, option.name
    told = run("tree", "--help").stdout
    assert "choice.by" in told
    assert "auto|split|whole" in told


def test_what_is_told(world, tmp_path):
    done = tree(world, world / "a.txt", tmp_path / "out")
    assert "2 trees with 2 branches for 2 entities (small); " in done.stdout
    assert "0 branches had no room; 0 tokens of 0 sentences were cut off" in done.stdout


def test_json(world, tmp_path):
    done = tree(world, world / "a.txt", tmp_path / "out", "--json")
    assert json.loads(done.stdout)["counts"]["branches"] == 2
    assert done.stdout.count("\n") == 1


def test_flags_are_settings(world, tmp_path):
    tree(
        world, world / "a.txt", tmp_path / "out", "--max-entities", "1", "--max-length", "12", "--policy",
        "reference", "--no-predicate", "--segmented", "--lang", "zh", "-o", "choice.deny=首都",
    )  # fmt: skip
    told = artefact.read(tmp_path / "out").settings
    wanted = {"max_entities": 1, "max_length": 12, "policy": "reference", "predicate": False, "lang": "zh"}
    assert told.items() >= wanted.items()
    assert told["segmented"]
    assert told["choice"]["deny"] == ["首都"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--max-length", "2"], "max_length is 2; it is 4 to 32767"),
        (["-o", "matsch=any"], "no setting 'matsch'; did you mean 'match'?"),
        (["--kb", "nowhere"], "nowhere: no such artefact"),
        (["--tokenizer", "nowhere/at/all/vocab.txt"], "nowhere/at/all"),
        (["-o", "mentions=linked"], "kbtools link CORPUS --alias ALIAS"),
        (["--max-rejects", "many"], "--max-rejects 'many'"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(world, tmp_path, arguments, message):
    done = tree(world, world / "a.txt", tmp_path / "out", *arguments, code=2)
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_rejects_are_looked_at(world, tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "库克"}\n{bad\n', encoding="utf-8")
    done = tree(world, tmp_path / "a.jsonl", tmp_path / "out", code=3)
    assert "1 of 2 records are rejected" in done.stderr
    assert artefact.read(tmp_path / "out").tables["rejects"].rows == 1
    tree(world, tmp_path / "a.jsonl", tmp_path / "more", "--max-rejects", "none")


def test_another_release_than_was_linked_to(world, tmp_path):
    api.build_alias([world / "small"], tmp_path / "alias")
    linkers.link(world / "a.txt", tmp_path / "linked", alias=tmp_path / "alias")
    other = grown_trees.kb(tmp_path, [("上海", "位于", "中国"), *FACTS])
    done = tree(world, tmp_path / "linked", tmp_path / "out", "--kb", other, code=2)
    assert "another release of 'small', whose numbers mean other entities" in done.stderr
    done = tree(world, tmp_path / "linked", tmp_path / "out", "--kb", other, "--force-lineage")
    assert "Warning: " in done.stderr
    tree(world, tmp_path / "linked", tmp_path / "again", "--kb", world / "small")
    assert "warnings" not in artefact.read(tmp_path / "again").notes


def test_similarity_has_an_encoder_of_ours(world, tmp_path):
    tree(world, world / "a.txt", tmp_path / "out", "-o", "choice.by=similarity")
    assert artefact.read(tmp_path / "out").settings["encoder"].startswith("hashing-1-")
    tree(world, world / "a.txt", tmp_path / "b", "-o", "choice.by=similarity", "--encoder", "hashing-1-64")
    assert artefact.read(tmp_path / "b").settings["encoder"] == "hashing-1-64"


def test_an_encoder_that_nobody_asks(world, tmp_path):
    done = tree(world, world / "a.txt", tmp_path / "out", "--encoder", "hashing-1-64", code=2)
    assert "choice.by=similarity" in done.stderr


def test_no_setting_names_code(world, tmp_path):
    override = ("-o", "choice.encoder=os:getcwd")
    assert "choice.encoder" in tree(world, world / "a.txt", tmp_path / "out", *override, code=2).stderr


def test_counts_alone_choose_the_rarer_of_what_never_met(world, tmp_path):
    tree(world, world / "a.txt", tmp_path / "out", "--cooccurrence", world / "a.txt")
    assert artefact.read(tmp_path / "out").settings["choice"]["by"] == [
        "unexpectedness",
        "informativeness:0.1",
    ]
