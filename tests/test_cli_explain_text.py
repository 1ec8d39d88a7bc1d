"""`kbtools explain text`, as a user sees it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from kbtools.cli.main import main
from tests import tiny_linking
from tests.tiny_linking import document


@pytest.fixture(scope="module")
def alias(tmp_path_factory):
    about = [{"eid": 5, "lang": "en", "kind": "short", "text": "country in Asia", "source": "s"}]
    return tiny_linking.alias(tmp_path_factory.mktemp("names"), descriptions=about)


def run(alias, *arguments, stdin=None):
    told = ["explain", "text", *map(str, arguments), "--alias", str(alias)]
    return CliRunner().invoke(main, told, input=stdin)


def lines(alias, *arguments, stdin=None):
    done = run(alias, *arguments, stdin=stdin)
    assert done.exit_code == 0, done.output
    return done.stdout.splitlines()


def test_a_table_for_each_mention(alias):
    shown = lines(alias, "Paris, New York City", "--with", "prior")
    at = shown.index("Paris → Q90 Q90 label")
    assert shown[at + 1].startswith("  0–5 · places · dictionary · exact")
    assert shown[at + 2].split() == ["id", "label", "p", "prior", "description"]
    assert [line.split()[:2] for line in shown[at + 4 : at + 6]] == [["1", "Q90"], ["2", "Q830149"]]
    assert any("overlapped by New York City" in line for line in shown)
    assert "  others stand there: 2" in shown
    assert shown[-1] == "text: 6 found, 2 dropped, 4 linked"


def test_columns_stay_aligned_in_wide_scripts(alias):
    shown = lines(alias, "中国", "--overlap", "best")
    assert "中国 → Q148 Q148 label" in shown
    table = [line for line in shown if line.startswith("  ") and "Q148" in line]
    assert table[0].endswith("country in Asia")


def test_candidates_beyond_the_first_are_counted(alias):
    assert "  and 1 more candidate; --top N shows more" in lines(alias, "Paris", "--top", 1)


def test_standard_input_is_a_text(alias):
    assert "Paris → Q90 Q90 label" in lines(alias, "-", stdin="Paris\n")
    assert lines(alias, "-", stdin="")[-1] == "text: nothing found"


def test_json_holds_all(alias):
    done = run(alias, "Paris", "--json", "-o", "nil.total=0.25", "--top", 1)
    assert (done.exit_code, done.stdout.count("\n")) == (0, 1)
    found = json.loads(done.stdout)
    assert found["settings"]["nil"]["total"] == 0.25
    mention = found["documents"][0]["mentions"][0]
    assert (mention["surface"], mention["state"], len(mention["candidates"])) == ("Paris", "linked", 2)


def test_documents_beside_gold(alias, tmp_path):
    rows = [
        document("Paris and Springfield", ("Paris", "Q830149"), ("Springfield", "Q60"), id="first"),
        document("NYC", ("NYC", "Q60"), id="second"),
        document("France", ("France", "Q142"), id="third"),
    ]
    path = tiny_linking.corpus(tmp_path, *rows)
    shown = lines(alias, "--corpus", path, "--first", 2)
    assert "  wrong: rare" in shown
    assert "  gold: Paris (0–5) is Q830149 Q830149 label, candidate 2" in shown
    assert "missed: 1 mention of gold" in shown
    assert shown[-1] == "second: 1 found, 1 linked, 1 gold, 1 right"
    assert not any("third" in line for line in shown)


def test_a_page(alias, tmp_path):
    out = tmp_path / "page.html"
    assert lines(alias, "Paris <script>", "--html", out) == [f"{out}: 1 document"]
    html = out.read_text(encoding="utf-8")
    assert "&lt;script&gt;" in html
    assert "<script" not in html


def test_how_much_is_told_is_a_setting(alias):
    shown = lines(alias, "France " * 10, "--mentions", 2)
    assert "  told up to character 14 of 70; --mentions and --characters" in shown
    assert shown.count("France → Q142 Q142 label") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give a TEXT, or documents with --corpus"),
        (["Paris", "--corpus", "x.jsonl"], "give a TEXT, or documents with --corpus"),
        (["Paris", "--with", "priors"], "did you mean 'prior'?"),
        (["Paris", "-o", "nil.totl=1"], "did you mean"),
        (["--corpus", "nowhere.jsonl"], "nowhere.jsonl"),
        (["Paris", "--index", "nowhere"], "no such artefact"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(alias, arguments, message):
    done = run(alias, *arguments)
    assert done.exit_code == 2, done.output
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
