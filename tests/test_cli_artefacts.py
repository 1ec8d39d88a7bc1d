"""inspect, sql, verify, diff and licence as a user sees them."""

from __future__ import annotations

import csv
import io
import json

import pytest
from click.testing import CliRunner, Result

from kbtools import artefact
from kbtools.artefact import Input, KbRef, Licence
from kbtools.cli import printing
from kbtools.cli.main import main
from tests import tiny_kb

LICENCES = [
    Licence(source="wikidata", licence="CC0-1.0", redistribute="yes"),
    Licence(source="umls", licence="UMLS", level="3", attribution="NLM", redistribute="no"),
]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def lines(*arguments: object) -> list[str]:
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    return [" ".join(line.split()) for line in done.stdout.splitlines()]


def document(*arguments: object) -> object:
    done = run(*arguments, "--json")
    assert done.stdout.count("\n") == 1
    assert done.stdout.endswith("\n")
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def kb(tmp_path_factory):
    dump = Input(path="dump.json.gz", kind="dump", content="probe:7:x")
    return tiny_kb.write(
        tmp_path_factory.mktemp("cli") / "kb",
        tiny_kb.world(),
        inputs=[dump],
        licences=LICENCES,
        counts={"read": 1234, "rejected": {"json": 2}},
        id_space=["a", "b"],
    )


def test_inspect(kb):
    shown = lines("inspect", kb, "--rows", 1)
    assert shown[0] == f"kb tiny {kb}"
    for line in [
        "from dump dump.json.gz probe:7:x",
        "licence umls: UMLS level 3 (redistribute: no)",
        "counts read 1,234 · rejected.json 2",
        "id space b (2 releases)",
        "Q5 human 1",
        "P31 instance of 3",
        "labels in 2 languages",
        "en 4 · zh 1",
        "labels: 1 of 5 rows",
        "0 en human",
    ]:
        assert line in shown
    assert not any("INCOMPLETE" in line for line in shown)


def test_inspect_of_something_incomplete_that_speaks_of_others(tmp_path):
    ref = KbRef(name="wikidata", content="abc")
    kb = tiny_kb.write(tmp_path / "kb", {"labels": []}, incomplete=True, kbs=[ref], base=ref)
    shown = lines("inspect", kb)
    assert "INCOMPLETE: a container of its dump was damaged; rows are missing" in shown
    assert "speaks of kb wikidata abc" in shown
    assert "lies over kb wikidata abc" in shown


def test_inspect_json(kb):
    found = document("inspect", kb)
    assert isinstance(found, dict)
    assert found["relations"][0] == {"id": "P31", "label": "instance of", "count": 3}
    assert found["licences"][1]["redistribute"] == "no"


def test_inspect_of_an_unfinished_build(tmp_path):
    with artefact.Staging(tmp_path / "kb", "plan"):
        assert "(running)" in run("inspect", tmp_path / "kb.partial").output
    shown = lines("inspect", tmp_path / "kb.partial")
    assert shown[0] == f"{tmp_path}/kb.partial: an unfinished build of {tmp_path}/kb"
    assert "it goes on where it stopped" in shown[-1]
    assert "its build was interrupted: run the same command again" in run("inspect", tmp_path / "kb").stderr


def test_inspect_of_another_kind(tmp_path):
    with artefact.Staging(tmp_path / "report", "plan") as staging:
        staging.commit(artefact.begin("report", settings={"steps": 2000, "optimiser": {"lr": 0.1}}))
    shown = lines("inspect", tmp_path / "report")
    assert shown[0] == f"report {tmp_path}/report"
    assert "settings steps 2,000 · optimiser.lr 0.1" in shown


def test_sql_as_a_table(kb):
    done = run("sql", kb, "SELECT eid, label, lang FROM entities WHERE eid IN (1, 3, 5) ORDER BY eid")
    assert done.stdout.splitlines() == [
        "eid  label          lang",
        "---  -------------  ----",
        "  1  Douglas Adams  en",
        "  3  柏林           zh",  # two cells a character
        "  5",
    ]


def test_sql_shows_the_first_rows_and_says_how_many_more(kb):
    done = run("sql", kb, "FROM range(120)")
    assert len(done.stdout.splitlines()) == 102
    assert done.stderr == "... and 20 more rows; --limit N shows more, --csv or --json all\n"
    done = run("sql", kb, "FROM range(30000)", "--limit", 1)
    assert done.stdout.splitlines()[-1].strip() == "0"
    assert done.stderr.startswith("... and 29,999 more rows")
    assert run("sql", kb, "FROM rejects").stderr == "no rows\n"


def test_sql_json_has_every_row_and_every_type(kb):
    sql = (
        "SELECT i, sum(i)::HUGEINT + 18446744073709551615 AS big, 1.50 AS money, 'nan'::FLOAT AS nan,"
        " [1, NULL] AS list, {'a': 'x'} AS struct, 'ab'::BLOB AS bytes, DATE '2020-01-02' AS day,"
        " 'a\nb' AS text, i = 1 AS yes, 2 AS i"
        " FROM range(120) t(i) GROUP BY i ORDER BY t.i"
    )
    found = document("sql", kb, sql)
    assert isinstance(found, list)
    assert len(found) == 120
    assert found[1] == {
        "i": 1, "big": 18446744073709551616, "money": 1.5, "nan": None, "list": [1, None],
        "struct": {"a": "x"}, "bytes": "6162", "day": "2020-01-02", "text": "a\nb", "yes": True, "i_2": 2,
    }  # fmt: skip
    assert document("sql", kb, "FROM rejects") == []


def test_sql_csv(kb):
    done = run("sql", kb, "SELECT eid, label, [eid] AS l, eid = 1 AS yes FROM entities ORDER BY eid", "--csv")
    rows = list(csv.reader(io.StringIO(done.stdout)))
    assert rows[0] == ["eid", "label", "l", "yes"]
    assert rows[2] == ["1", "Douglas Adams", "[1]", "true"]
    assert rows[6] == ["5", "", "[5]", "false"]


def test_sql_explain_is_printed_as_it_is(kb):
    assert "Projection" in run("sql", kb, "EXPLAIN SELECT 1").stdout


def test_sql_over_several(kb, tmp_path):
    other = tiny_kb.write(tmp_path / "other", {"labels": tiny_kb.world()["labels"]}, name="other")
    assert lines("sql", kb, other, "SELECT count(*) AS n FROM tiny.labels, other.labels")[-1] == "25"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{kb}"], "Error: the last argument is the question: kbtools sql KB"),
        (["{kb}", "{kb}"], "Error: the last argument is the question"),
        (["SELECT 1 + 1"], "Error: the last argument is the question"),
        (["{kb}", "SELEC"], "Error: Parser Error: syntax error"),
        (
            ["{kb}", "FROM read_text('/etc/passwd')"],
            "Error: only the artefacts' own files can be opened",
        ),
        (["{kb}", "SELECT 1", "--csv", "--json"], "Error: --csv or --json, not both"),
        (["{kb}/labels", "SELECT 1"], "not an artefact of kbtools"),
    ],
)
def test_sql_mistakes(kb, arguments, message):
    done = run("sql", *(argument.format(kb=kb) for argument in arguments))
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_verify(kb, tmp_path):
    (line,) = lines("verify", kb)
    assert line.startswith(f"{kb}: sound: 9 tables, 24 rows, 9 files, ")
    assert "all of it was read" in lines("verify", kb, "--deep")[0]
    bad = tiny_kb.write(tmp_path / "bad", tiny_kb.world() | {"types": [{"eid": 9, "type": 0}]})
    (bad / "stray").touch()
    done = run("verify", bad, "--deep")
    assert done.exit_code == 2
    assert done.stdout.splitlines() == [
        f"{bad}/stray: does not belong here: the manifest does not name it",
        "types: 1 row with a eid beyond the last of entities",
    ]
    assert done.stderr == f"{bad}: 2 problems\n"
    done = run("verify", bad, "--deep", "--json")
    assert done.exit_code == 2
    assert len(json.loads(done.stdout)["problems"]) == 2


def test_diff(kb, tmp_path):
    world = tiny_kb.world()
    world["entities"][3]["label"] = "Berlin"
    world["triples"] = world["triples"][:4]
    new = tiny_kb.write(tmp_path / "new", world, id_space=["a", "b", "c"])
    shown = lines("diff", kb, new)
    assert shown[0] == f"{kb} → {new}"
    for line in [
        "triples 5 4 -20.0%",
        "1 relabelled",
        "Q64 柏林 → Berlin",
        "one id space: every id of OLD kept its eid",
        "triples: 1 lost, 0 gained",
        "P17 country 1 0 1",
    ]:
        assert line in shown
    assert lines("diff", kb, kb)[1] == "the same content"
    found = document("diff", kb, new)
    assert isinstance(found, dict)
    assert found["removed_triples"] == 1


def test_licence(kb, tmp_path):
    shown = lines("licence", kb)
    assert shown[2:] == ["wikidata CC0-1.0 yes", "umls UMLS 3 NLM no"]
    found = document("licence", kb)
    assert isinstance(found, list)
    assert [one["source"] for one in found] == ["wikidata", "umls"]
    bare = tiny_kb.write(tmp_path / "bare", {"labels": []})
    assert run("licence", bare).stderr == f"{bare}: no licence is recorded\n"


@pytest.mark.parametrize("command", [["inspect"], ["verify"], ["licence"], ["sql", "SELECT 1"], ["diff"]])
@pytest.mark.parametrize("wrong", ["absent", "a file", "foreign", "newer", "damaged", "unknown kind"])
def test_what_is_no_artefact_is_refused_in_one_line(tmp_path, command, wrong):
    path = tmp_path / "x"
    if wrong == "a file":
        path.write_text("x")
    elif wrong == "foreign":
        path.mkdir()
    elif wrong != "absent":
        tiny_kb.write(path, {"labels": []})
        if wrong == "damaged":
            (path / "manifest.json").write_text('{"kind": "kb", ')
        else:
            tiny_kb.edit_manifest(path, **({"version": 99} if wrong == "newer" else {"kind": "cake"}))
    name, *rest = command
    done = run(name, path, *(rest or ([path] if name == "diff" else [])))
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"Error: {path}")
    assert done.stderr.count("\n") == 1


def test_cells_cannot_break_the_table(capsys):
    rows = [("a\nb\x1b[31m\t", None, 1.5), ("柏林" * 40, True, float("nan"))]
    printing.show_table(["text\n", "b", "n"], rows, right=["n"])
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 4
    assert out[2].startswith("a\\nb\\x1b[31m ")
    assert "…" in out[3]
    assert "\x1b" not in "".join(out)


def test_on_a_terminal_rich_draws_the_table(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    printing.show_table(["id", "n"], [("[red]柏林", 1)], right=["n"])
    out = capsys.readouterr().out
    assert "[red]柏林" in out
    assert "─" in out
