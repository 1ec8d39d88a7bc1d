"""`kbtools explain tree`, as a user sees it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from kbtools.cli.main import main
from tests import grown_trees

FACTS = [
    ("Cook", "CEO", "Apple"),
    ("Beijing", "capital", "China"),
    ("Beijing", "is_a", "City"),
    ("Beijing", "x", "Y"),
]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return grown_trees.kb(tmp_path_factory.mktemp("kb"), FACTS)


def run(base, *arguments, stdin=None, width=80):
    told = ["explain", "tree", *map(str, arguments), "--kb", str(base)]
    return CliRunner().invoke(main, told, input=stdin, env={"COLUMNS": str(width)})


def lines(base, *arguments, **options):
    done = run(base, *arguments, **options)
    assert done.exit_code == 0, done.output
    return done.stdout.splitlines()


def test_the_tree_is_drawn_and_the_choice_told(base):
    shown = lines(base, "Tim Cook is visiting Beijing now")
    assert shown[0] == "[CLS]  Tim  Cook  is  visiting  Beijing  now  [SEP]"
    assert shown[3].split() == ["└─", "CEO", "Apple", "├─", "capital", "China"]
    assert "14 tokens · 8 of the sentence · 6 in 3 branches" in shown
    assert "Beijing → Beijing Beijing  p 1.000" in shown
    assert any(line.split() == ["●", "is_a", "City", "is_a", "City", "branch", "3"] for line in shown)
    assert any(line.endswith("over max_entities, which is 2") for line in shown)


def test_a_narrow_terminal(base):
    assert lines(base, "Tim Cook is visiting Beijing now", width=30)[0] == "[CLS]  Tim  Cook  is  visiting"


def test_the_first_facts_and_all_that_are_in_the_tree(base):
    shown = lines(base, "Beijing", "--top", 1)
    assert sum(line.startswith("  ●") for line in shown) == 2
    assert "  and 1 more fact; --top N shows more" in shown


def test_standard_input(base):
    assert lines(base, "-", stdin="Cook\n")[0] == "[CLS]  Cook  [SEP]"


def test_settings_are_those_of_tree(base):
    assert "3 tokens · 3 of the sentence · no branches" in lines(base, "Cook", "--max-entities", 0)
    assert "4 tokens · 3 of the sentence · 1 in 1 branch" in lines(base, "Cook", "--no-predicate")
    done = run(base, "Cook", "-o", "polcy=reference")
    assert done.exit_code == 2
    assert "polcy" in done.stderr


def test_json_holds_all(base):
    found = json.loads(run(base, "Beijing", "--json", "--top", 1).stdout)
    assert found["tree"]["branch"] == [0, 0, 1, 1, 2, 2, 0]
    assert len(found["mentions"][0]["branches"]) == 3


def test_a_page(base, tmp_path):
    done = run(base, "Cook <b>", "--html", tmp_path / "tree.html")
    assert done.stdout == f"{tmp_path}/tree.html: 8 tokens · 6 of the sentence · 2 in 1 branch\n"
    assert "<svg" in (tmp_path / "tree.html").read_text(encoding="utf-8")


def test_nothing_known(base):
    assert lines(base, "nobody")[-1] == "Nothing in the sentence is known to the knowledge base."
