"""`kbtools link`, and what the other commands say of linked documents, as a user sees it."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from kbtools import artefact, corpus
from kbtools.cli.main import COMMANDS, main
from tests import tiny_kb, tiny_linking
from tests.corpus_read import Read

TEXT = "Paris, then New York City 中国"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Names, a corpus, and what both give."""
    folder = tmp_path_factory.mktemp("world")
    tiny_linking.alias(folder)
    tiny_linking.corpus(folder, {"id": "a", "text": TEXT}, {"text": "\x1b[31m NYC Inc."}, {"text": ""})
    (folder / "x.ann").write_text("T1\tX 0 1\tx\n")
    (folder / "bad.jsonl").write_text('{"text": "Paris"}\n{bad\n')
    assert link(folder, "corpus.jsonl", "--out", folder / "linked").exit_code == 0
    return folder


def run(*arguments, **options):
    done = CliRunner().invoke(main, [str(one) for one in arguments], **options)
    assert done.exit_code != 1, done.output
    assert "Traceback" not in done.output
    return done


def link(world, documents, *arguments):
    where = world / documents if documents != "-" else "-"
    return run("link", where, "--alias", world / "alias", *arguments, "--quiet")


def lines(*arguments):
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    return [" ".join(line.split()) for line in done.stdout.splitlines()]


def one_document(done, code=0):
    assert (done.exit_code, done.stdout.count("\n")) == (code, 1), done.output
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "name", ["link", "eval", "inspect", "diff", "verify", "sql", "licence", "fit", "explain"]
)
def test_every_option_has_a_help_text(name):
    def check(command, called):
        assert command.help, called
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, f"{called} {option.opts}"
        if isinstance(command, click.Group):
            context = click.Context(command)
            for inner in command.list_commands(context):
                check(command.get_command(context, inner), f"{called} {inner}")

    assert name in COMMANDS
    check(main.get_command(click.Context(main), name), name)


def test_a_folder_of_links(world, tmp_path):
    done = link(world, "corpus.jsonl", "--out", tmp_path / "linked")
    assert done.stdout.startswith(
        f"{tmp_path}/linked: 6 mentions in 3 documents, 0 of them without an entity; "
    )
    assert done.stderr == ""
    told = one_document(link(world, "corpus.jsonl", "--out", tmp_path / "again", "--json"))
    assert (told["kind"], told["content"]) == ("linked", artefact.read(tmp_path / "linked").content)


def test_through_the_real_command(world, tmp_path):
    given = [
        "link",
        world / "corpus.jsonl",
        "--alias",
        world / "alias",
        "--out",
        tmp_path / "linked",
        "--json",
    ]
    command = [sys.executable, "-m", "kbtools.cli.main", *map(str, given)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["kind"] == "linked"
    assert done.stdout.count("\n") == 1
    assert "3 documents" in done.stderr  # progress is no answer


def test_rejects_are_3(world, tmp_path):
    out = tmp_path / "linked"
    done = link(world, "bad.jsonl", "--out", out)
    assert done.exit_code == 3
    assert done.stderr == (
        "Look: 1 of 2 records are rejected, more than --max-rejects 0.1%\n"
        f'Look: what and why: kbtools sql {out} "SELECT * FROM rejects"\n'
    )
    assert "bad.jsonl 2" in lines("sql", out, "SELECT file, line FROM rejects")[-1]
    one_document(link(world, "bad.jsonl", "--out", out, "--overwrite", "--json"), 3)
    for allowed in ("none", "1", "50%"):
        assert link(world, "bad.jsonl", "--out", out, "--overwrite", "--max-rejects", allowed).exit_code == 0


def test_lines_are_answered_one_by_one(world):
    given = b'{"id": 5, "text": "Paris"}\n{bad\n\n{"text": "\\ud800"}\n{"text": "NYC"}'
    done = run("link", "-", "--alias", world / "alias", input=given)
    assert (done.exit_code, done.stderr) == (3, "Look: 2 lines of 4 cannot be read\n")
    first, second, third, fourth = map(json.loads, done.stdout.splitlines())
    assert (first["id"], [one["id"] for one in first["mentions"]]) == ("5", ["Q90", "paris-n"])
    assert (second["line"], third["line"]) == (2, 4)
    assert "malformed" in second["error"]
    assert fourth["mentions"][0]["surface"] == "NYC"
    assert run("link", "-", "--alias", world / "alias", input=b"").exit_code == 0


def test_lines_without_the_knowledge_bases_tell_numbers(tmp_path):
    alias = tiny_linking.alias(tmp_path)
    (tmp_path / "places").rename(tmp_path / "moved")
    (tmp_path / "senses").rename(tmp_path / "gone")
    done = run("link", "-", "--alias", alias, input=b'{"text": "Paris"}\n')
    assert json.loads(done.stdout)["mentions"][0]["eid"] == 0


@pytest.mark.parametrize("name", corpus.writers())
def test_every_format_is_written(world, name, tmp_path):
    out = tmp_path / "out"
    shown = run("link", world / "linked", "--format", name, "--out", out)
    assert (shown.exit_code, shown.stdout) == (0, f"{out}: 3 documents as {name}\n")
    found = Read(f"{name}:{out}", *(["links=mentions"] if name == "elevant" else []))
    assert found.rejects == []
    assert "".join(found.texts[0].split()) == "".join(TEXT.split())
    assert {"Q90", "Q60", "Q148"} <= {row["id"] for row in found.rows[0]["links"]}
    told = one_document(
        run("link", world / "linked", "--format", name, "--out", out, "--overwrite", "--json")
    )
    assert told == {"out": str(out), "format": name, "documents": 3}


def test_a_corpus_is_linked_and_written_in_one_go(world, tmp_path):
    done = link(world, "bad.jsonl", "--format", "jsonl", "--out", tmp_path / "a.jsonl")
    assert (done.exit_code, done.stdout) == (3, f"{tmp_path}/a.jsonl: 1 document as jsonl\n")
    assert done.stderr.splitlines()[0].startswith("Look: 1 of 2 records are rejected")
    assert done.stderr.splitlines()[1].startswith("Look: bad.jsonl:2: JSON is malformed")
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]
    plain = link(world, "corpus.jsonl", "--format", "jsonl", "--out", tmp_path / "b.jsonl")
    assert (plain.exit_code, plain.stderr) == (0, "")


MISTAKES = {
    "a corpus that is misspelt": (["{w}/corps.jsonl"], "corps.jsonl: no such file; check the path"),
    "a format that is misspelt": (["json:{w}/corpus.jsonl"], "'json' is no format of corpora; write FORMAT:"),
    "a suffix that says nothing": (["{w}/alias/manifest.json"], "nobody knows its format; write FORMAT:PATH"),
    "a knowledge base without pages": (["{w}/places"], "has no pages; it has entities"),
    "nothing": ([""], "no corpus is given"),
    "standard input as a folder": (["-"], "say what it is in, such as jsonl:-"),
    "annotations instead of a text": (["brat:{w}/x.ann"], "name what they are of, brat:{w}/x.txt"),
    "a linker that is misspelt": (["--with", "contxt"], "no such linker; did you mean 'context'?"),
    "a table that is a KB": (
        ["--alias", "{w}/places"],
        "places: a kb artefact, where an alias is wanted; make it with `kbtools alias KB... --out ALIAS`",
    ),
    "an index that is a table": (["--index", "{w}/alias"], "make it with `kbtools index ALIAS|KB... --kind"),
    "a KB that is a table": (["--kb", "{w}/alias"], "an alias artefact, where a kb is wanted"),
    "no table": (["--alias", ""], "--alias is missing: make a table of names with `kbtools alias KB..."),
    "a profile that is missing": (["--with", "type"], "kbtools index KB... --kind profile"),
    "a setting of the linker": (["-o", "nil.totl=1"], "no setting 'nil.totl'; did you mean 'total'?"),
    "a setting of the corpus": (["-c", "texts=body"], "jsonl: no setting 'texts'; did you mean 'text'?"),
    "a share of rejects": (["--max-rejects", "few"], "--max-rejects 'few': give a share like 0.1%"),
    "a format to write": (["--format", "jsn"], "--format 'jsn': it is one of conll, "),
    "no workers": (["--workers", "0"], "0 is not in the range"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_told_with_their_cure(world, case, tmp_path):
    given, message = MISTAKES[case]
    given = [one.format(w=world) for one in given]
    documents = [] if not given[0].startswith("-") or given[0] == "-" else [str(world / "corpus.jsonl")]
    if "--alias" not in given:
        given += ["--alias", str(world / "alias")]
    done = run("link", *documents, *given, "--out", tmp_path / "x", "--quiet")
    assert (done.exit_code, done.stdout) == (2, "")
    assert message.format(w=world) in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: ")
    assert list(tmp_path.iterdir()) == []  # nothing is in the way of the command that has it right


def test_options_that_are_missing(world, tmp_path):
    assert "--out is missing" in run("link", world / "corpus.jsonl", "--alias", world / "alias").stderr
    assert "--alias is missing" in run("link", "-", input=b"").stderr
    assert "give it a name with --out" in run("link", world / "linked", "--format", "jsonl").stderr
    stream = run("link", "-", "--alias", world / "alias", "--format", "nif", input=b"{}")
    assert "lines are answered as JSON Lines" in stream.stderr
    (tmp_path / "a.jsonl").write_text("mine")
    done = run("link", world / "linked", "--format", "jsonl", "--out", tmp_path / "a.jsonl")
    assert (done.exit_code, (tmp_path / "a.jsonl").read_text()) == (2, "mine")


def test_inspect(world):
    shown = lines("inspect", world / "linked")
    assert shown[0] == f"linked {world}/linked"
    for line in [
        "mentions in 3 documents",
        "places dictionary 4 0",
        "Q60 Q60 label places 1",
        f"a {TEXT}",
        "Paris → Q90 Q90 label places 0.864",
        "New York City → city-n city-n label senses 1.000",
        "corpus.jsonl:2 \\x1b[31m NYC Inc.",
    ]:
        assert line in shown
    told = one_document(run("inspect", world / "linked", "--rows", 1, "--top", 1, "--json"))
    assert told["mentioned"][0] == {"kb": "places", "kind": "dictionary", "mentions": 4, "nil": 0}
    assert (len(told["entities"]), len(told["first"])) == (1, 1)
    assert told["first"][0]["mentions"][0]["id"] == "Q90"


def test_sql(world):
    shown = lines(
        "sql", world / "linked",
        'SELECT doc_id, text[m.start + 1 : m."end"] AS surface, m.eid FROM'
        " (SELECT doc_id, text, unnest(mentions) AS m FROM documents) WHERE m.kb = 0 ORDER BY ALL",
    )  # fmt: skip
    assert shown[2:] == ["a New York City 4", "a Paris 0", "a 中国 5", "corpus.jsonl:2 NYC Inc. 6"]
    joined = lines(
        "sql", world / "linked", world / "places",
        "SELECT id, count(*) AS n FROM (SELECT unnest(mentions) AS m FROM linked.documents) AS d"
        " JOIN places.entities AS e ON m.kb = 0 AND m.eid = e.eid GROUP BY id ORDER BY id LIMIT 1",
    )  # fmt: skip
    assert joined[-1] == "Q148 1"


def test_verify_and_licence(world, tmp_path):
    (line,) = lines("verify", world / "linked", "--deep")
    assert line.startswith(f"{world}/linked: sound: 1 table, 3 rows")
    told = [{"source": "toy", "licence": "CC0", "redistribute": "yes"}]
    alias = tiny_linking.alias(tmp_path)
    tiny_kb.edit_manifest(alias, licences=told)
    run("link", world / "corpus.jsonl", "--alias", alias, "--out", tmp_path / "linked", "--quiet")
    assert [one["licence"] for one in one_document(run("licence", tmp_path / "linked", "--json"))] == ["CC0"]


def test_diff(world, tmp_path):
    everything = tmp_path / "all"
    assert link(world, "corpus.jsonl", "--out", everything, "--overlap", "all").exit_code == 0
    shown = lines("diff", world / "linked", everything)
    for line in [
        "preset.overlap: best → all",
        "senses 2 3 +50.0%",
        "6 mean the same",
        "3 added",
        "City senses: city-n city-n label 1.000 (a:21–25)",
        "0 removed",
    ]:
        assert line in shown
    assert lines("diff", everything, everything)[1] == "the same content"
    told = one_document(run("diff", world / "linked", everything, "--json", "--examples", 1))
    assert (told["added"]["count"], len(told["added"]["examples"])) == (3, 1)
    mixed = run("diff", world / "linked", world / "places")
    assert (mixed.exit_code, mixed.stderr.count("\n")) == (2, 1)
