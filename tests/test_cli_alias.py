"""alias, index, explain, and what inspect, diff, verify and sql say of alias tables, as a user sees them."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kbtools import artefact, linkers
from kbtools.cli.main import main
from kbtools.errors import ArtefactError, ConfigError
from tests import small_names, tiny_alias, tiny_kb


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def lines(*arguments: object) -> list[str]:
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    return [" ".join(line.split()) for line in done.stdout.splitlines()]


def document(*arguments: object) -> Any:
    done = run(*arguments, "--json")
    assert (done.exit_code, done.stdout.count("\n")) == (0, 1), done.output
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def alias(tmp_path_factory):
    return tiny_alias.build(tmp_path_factory.mktemp("cli"))


@pytest.fixture(scope="module")
def kb(alias):
    return alias.parent / "kb"


def test_alias(kb, tmp_path):
    shown = lines("alias", kb, "--out", tmp_path / "a", "--most", 2, "-o", "alpha=0.5", "--quiet")
    assert shown[0].startswith(f"{tmp_path}/a: 3 names, ")
    made = artefact.read(tmp_path / "a", "alias")
    assert (made.settings["most"], made.settings["alpha"], made.settings["beta"]) == (2, 0.5, 0.5)
    assert document("alias", kb, "--out", tmp_path / "b")["kind"] == "alias"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "{tmp}/x"], "Error: no knowledge base to take names from"),
        (["{kb}", "--out", "{kb}"], "exists; give another --out, or --overwrite to replace it"),
        (["{kb}", "--out", "{tmp}/x", "--most", "0"], "most is 0; it is 1 to 65535"),
        (["{kb}", "--out", "{tmp}/x", "--numbers", "all"], "it takes keep | drop"),
        (["{kb}", "--out", "{tmp}/x", "-o", "alhpa=2"], "did you mean 'alpha'?"),
        (["{tmp}/nothing", "--out", "{tmp}/x"], "no such artefact"),
        (["{alias}", "--out", "{tmp}/x"], "an alias artefact, where a kb is wanted"),
    ],
)
def test_alias_mistakes(kb, alias, tmp_path, arguments, message):
    done = run("alias", *(one.format(kb=kb, alias=alias, tmp=tmp_path) for one in arguments))
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_explain_surface(alias):
    shown = lines("explain", "surface", "NATO", "--alias", alias)
    assert shown[0] == f"NATO {alias}"
    for line in [
        "case nato",
        "found as it is spelt (exact); statistics of NATO",
        "tiny: 3 candidates",
        "id label prior n π norm folded case exact counts",
        "0 Q5 human 0.9683 10 0.464 0.5979 0.6375 0.6833 0.9683 8"
        ' anchor "NATO" · 1 anchor "Nato" · 1 label "NATO"',
        "exact NATO 1 9 1 0.9000",
        "(all) 14",
        "N.A.T.O. 1",
    ]:
        assert line in shown
    assert any('1 alias × 0.5 "Nato"' in line for line in shown)
    assert "and 2 more candidates; --top N shows more" in lines(
        "explain", "surface", "NATO", "--alias", alias, "--top", 1
    )


@pytest.mark.parametrize(
    ("surface", "line"),
    [
        ("nato", "found as the common form of several spellings (exact); statistics of nato"),
        ("Germanys", "found as the plural of a known name germany (inflected); statistics of all spellings"),
        ("Gremany", "Germany 1 tiny Q183 Germany 1.0000"),
        ("\u200b", "nothing visible is left of this name"),
        ("\x1b[31m", "found nowhere: no knowledge base has this name"),
    ],
)
def test_explain_tells_how_a_name_was_found(alias, surface, line):
    shown = lines("explain", "surface", surface, "--alias", alias)
    assert line in shown
    assert "\x1b" not in "".join(shown)


def test_explain_json_holds_everything(alias):
    found = document("explain", "surface", "Nato", "--alias", alias)
    (sense,) = found["senses"]
    assert [one["id"] for one in sense["candidates"]] == ["Q42", "Q5", "Q1"]
    assert [rung["level"] for rung in sense["rungs"]] == ["norm", "folded", "case", "exact"]
    assert found["settings"]["weights"]["alias"] == 0.5


def test_explain_without_the_knowledge_base(tmp_path):
    alias = tiny_alias.build(tmp_path)
    (tmp_path / "kb").rename(tmp_path / "moved")
    shown = lines("explain", "surface", "Germany", "--alias", alias)
    assert "tiny: not where it was; numbers are shown, ids and labels with --kb KB" in shown
    assert any(line.startswith("0 eid 4 ") for line in shown)
    shown = lines("explain", "surface", "Germany", "--alias", alias, "--kb", tmp_path / "moved")
    assert any(line.startswith("0 Q183 Germany ") for line in shown)


@pytest.mark.parametrize("name", ["surface"])
def test_explain_mistakes(alias, kb, name):
    assert "Missing option '--alias'" in run("explain", name, "x").stderr
    done = run("explain", name, "x", "--alias", kb)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "a kb artefact, where an alias is wanted" in done.stderr


def test_inspect(alias):
    shown = lines("inspect", alias, "--rows", 1)
    assert shown[0] == f"alias {alias}"
    for line in [
        "3 names, 6 spellings",
        "3 have candidates in tiny",
        "anchor 5 19",
        "nato 3 16.5 tiny Q5 human 0.598",
    ]:
        assert line in shown
    assert any(line.startswith("66.7% have one candidate; the look-up takes ") for line in shown)
    found = document("inspect", alias, "--top", 1)
    assert [one["norm"] for one in found["ambiguous"]] == ["nato"]
    assert found["sources"][0] == {"source": "anchor", "rows": 5, "n": 19}
    assert found["per_kb"] == {"tiny": 3}


def test_inspect_of_an_index(tmp_path):
    with artefact.Staging(tmp_path / "index", "plan") as staging:
        settings = {"kind": "dense", "encoder": "hashing-1-256"}
        staging.commit(artefact.begin("index", settings=settings, notes={"recall@10": 0.99}))
    shown = lines("inspect", tmp_path / "index")
    assert "settings kind dense · encoder hashing-1-256" in shown
    assert "notes recall@10 0.99" in shown
    assert any(line.endswith("as version 1 of an index") for line in shown)


def test_diff(alias, tmp_path):
    names = [one for one in tiny_alias.NAMES if one["text"] != "NATO"]
    new = tiny_alias.build(tmp_path, [*names, tiny_alias.name(2, "universe", "anchor", 3)])
    shown = lines("diff", alias, new)
    for line in [
        "1 added",
        "universe Q1 universe 1.000",
        "1 mean another entity first",
        "counts 10 9 -10.0%",
    ]:
        assert line in shown
    assert any(line.startswith("nato tiny: Q5 human 0.598 → Q42 Douglas Adams ") for line in shown)
    assert lines("diff", alias, alias)[1] == "the same content"
    assert document("diff", alias, new)["tops"]["count"] == 1


def test_verify(alias):
    (line,) = lines("verify", alias, "--deep")
    assert line.startswith(f"{alias}: sound: 4 tables, ")


def test_sql(alias, kb):
    count = "SELECT count(*) AS n FROM {}"
    assert lines("sql", alias, count.format("counts"))[-1] == "10"
    sql = "SELECT id, prior FROM alias.candidates JOIN tiny.entities USING (eid) WHERE norm = 'germany'"
    assert lines("sql", alias, kb, sql)[-1] == "Q183 1.0"
    done = run("sql", alias, kb, "FROM countz")
    assert "there is no table 'countz'" in done.stderr
    assert "alias.counts, alias.candidates" in done.stderr
    assert "lookup" not in done.stderr  # arrays are no table


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT * FROM read_blob('{alias}/lookup/eids.npy')", "only the artefacts' own files"),
        ("SELECT * FROM read_text('{alias}/manifest.json')", "only the artefacts' own files"),
        ("COPY counts TO '{alias}/x'", "is not a question"),
    ],
)
def test_sql_stays_inside(alias, sql, message):
    done = run("sql", alias, sql.format(alias=alias))
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert message in done.stderr


def test_sql_names_are_not_mixed_up(alias, tmp_path):
    other = tiny_alias.build(tmp_path)
    assert "are both called 'alias' here; give one of them" in run("sql", alias, other, "SELECT 1").stderr
    named = tiny_kb.write(tmp_path / "named", tiny_kb.world(), name="alias")
    assert "are both called 'alias' here; give one of them" in run("sql", alias, named, "SELECT 1").stderr


def test_fuzzy_index(alias, tmp_path):
    pytest.importorskip("rapidfuzz")
    out = tmp_path / "index"
    shown = lines("index", alias, "--kind", "fuzzy", "--out", out, "--quiet", "--edits", 1)
    assert shown[0].startswith(f"{out}: fuzzy index over tiny: ")
    assert artefact.read(out).settings["edits"] == 1
    assert linkers.open_index(out).search(["Germny"]).eid.tolist()[:1] == [4]
    assert document("index", alias, "--kind", "fuzzy", "--out", tmp_path / "b")["kind"] == "index"


def test_dense_index(kb, tmp_path):
    pytest.importorskip("faiss")
    out = tmp_path / "index"
    shown = lines("index", kb, "--kind", "dense", "--encoder", "hashing-1-64", "--out", out, "--quiet")
    assert shown[0].startswith(f"{out}: dense index over tiny: ")
    assert linkers.open_index(out).search(["Douglas Adams"], 1).eid.tolist() == [1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--kind", "fuzzy"], "Missing argument"),
        (["{alias}", "--kind", "phonetic"], "'phonetic' is not one of 'fuzzy', 'dense'"),
        (["{alias}", "--kind", "fuzzy", "--template", "{{label}}"], "no setting 'template'"),
        (["{alias}", "{alias}", "--kind", "fuzzy"], "a fuzzy index is of one alias table"),
        (["{alias}", "--kind", "fuzzy", "--encoder", "hashing-1-64"], "--encoder goes with --kind dense"),
    ],
)
def test_index_mistakes(alias, tmp_path, arguments, message):
    done = run("index", *(one.format(alias=alias) for one in arguments), "--out", tmp_path / "x")
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


def test_an_encoder_needs_an_extra(kb, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    done = run("index", kb, "--kind", "dense", "--encoder", "some/model", "--out", tmp_path / "x")
    assert done.exit_code == 2
    assert "--encoder some/model needs transformers" in done.stderr
    assert "pip install 'kbtools[train]'" in done.stderr


def test_indexes_from_python(alias, tmp_path):
    with pytest.raises(ConfigError, match="--kind 'x': it is fuzzy, dense or profile"):
        linkers.build_index(alias, tmp_path / "x", kind="x")
    with pytest.raises(ConfigError, match="nothing to index"):
        linkers.build_index([], tmp_path / "x", kind="fuzzy")
    with pytest.raises(ArtefactError, match="an alias artefact, where an index is wanted"):
        linkers.open_index(alias)
    with artefact.Staging(tmp_path / "odd", "plan") as staging:
        staging.commit(artefact.begin("index", settings={"kind": "phonetic"}))
    with pytest.raises(ArtefactError, match="an index of an unknown kind 'phonetic'; there are fuzzy, dense"):
        linkers.open_index(tmp_path / "odd")


def test_many_rejected_names_are_told(tmp_path):
    names = [small_names.Name(0, "x" * 400), small_names.Name(1, "short")]
    kb = small_names.write(tmp_path / "kb", names)
    done = run("alias", str(kb), "--out", str(tmp_path / "alias"))
    assert done.exit_code == 3
    assert "1 of 2 records are rejected" in done.stderr
    again = run("alias", str(kb), "--out", str(tmp_path / "again"), "--max-rejects", "none")
    assert again.exit_code == 0
