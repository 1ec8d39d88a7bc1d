"""`kbtools ingest` as users meet it: in a shell, in a script, in a log."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from kbtools.artefact import manifest
from kbtools.cli.main import main
from tests import small_dump
from tests.damaged import PACK
from tests.small_dump import command, dump, ingest, item, kbtools, lines, links, rows

GOOD = dump(lines(item(n, *links(n + 1)) for n in range(1, 400)))
PART = 150  # entities of GOOD in a smaller dump


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli")
    (path / "good.json").write_bytes(GOOD)
    (path / "odd.json").write_bytes(small_dump.data())
    ingest(path / "good.json", path / "kb")
    return path


class Ended(NamedTuple):
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def here(*args):
    """Run a command in this process, which is ten times as fast as to start one."""
    done = CliRunner().invoke(main, [str(one) for one in args])
    return Ended(done.exit_code, done.stdout, done.stderr)


def run(*args, **options):
    """Run `kbtools ingest wikidata` with one worker; what has options, in a process of its own."""
    line = ("ingest", "wikidata", *args, "--workers", 1)
    found = kbtools(*line, piece=None, **options) if options else here(*line)
    assert small_dump.no_trace(found.stderr), found.stderr
    return found


def one_line(found, *words):
    """Check that a command was refused in one line, for the user's fault."""
    assert found.returncode == 2
    assert found.stdout == ""
    last = found.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    for word in words:
        assert word in last
    return last


# help


def test_help_of_the_command_lists_the_sources():
    found = here("ingest", "--help")
    assert found.returncode == 0
    assert "wikidata" in found.stdout
    assert "kbtools ingest wikidata latest-all.json.gz" in found.stdout
    assert found.stderr == ""


def test_help_of_the_source_has_an_example_and_all_settings():
    found = run("--help")
    assert found.returncode == 0
    assert "kbtools ingest wikidata latest-all.json.gz --langs en,zh --out kb/wikidata" in found.stdout
    flags = """--langs --select --redirects --no-qualifiers --no-literals -o --name --ids-from --expect
        --max-rejects --overwrite --restart --workers --memory --engine --quiet --json --debug --out"""
    for flag in flags.split():
        assert flag in found.stdout, flag
    assert "[default: en]" in " ".join(found.stdout.split())


@pytest.mark.parametrize("args", [(), ("ingest",), ("ingest", "wikidata")])
def test_too_little_is_the_users_fault(args):
    found = here(*args)
    assert found.returncode == 2
    assert "Usage" in found.stdout + found.stderr


def test_a_wrong_source_is_answered_with_the_right_one(folder):
    found = here("ingest", "wikidate", folder / "good.json", "--out", folder / "x")
    one_line(found, "wikidate", "did you mean 'wikidata'")
    found = here("ingest", "Zebra", folder / "good.json", "--out", folder / "x")
    one_line(found, "Zebra", "wikidata")


def test_no_target_is_the_users_fault(folder):
    found = run(folder / "good.json")
    assert found.returncode == 2
    assert "--out" in found.stderr


# what is printed where


def test_all_went_well(folder, tmp_path):
    found = run(folder / "good.json", "--out", tmp_path / "kb", timeout=60)  # as from a shell
    assert found.returncode == 0
    first, second, *_ = found.stdout.splitlines()
    assert first.startswith(f"{tmp_path / 'kb'}: 399 entities, ")
    assert second == "  399 records read, 0 rejected"
    assert manifest.read(tmp_path / "kb").content in found.stdout


def test_json_is_one_document_on_one_line(folder, tmp_path):
    found = run(folder / "odd.json", "--out", tmp_path / "kb", "--json")
    assert found.returncode == 3
    assert found.stdout.count("\n") == 1
    document = json.loads(found.stdout)
    assert document["kind"] == "kb"
    assert document["content"] == manifest.read(tmp_path / "kb").content
    assert "Look: 4 of" in found.stderr
    refused = run(folder / "odd.json", "--out", tmp_path / "kb", "--json")
    one_line(refused, "exists")


def test_quiet_says_nothing_but_the_result(folder, tmp_path):
    found = run(folder / "good.json", "--out", tmp_path / "kb", "--quiet")
    assert (found.returncode, found.stderr) == (0, "")


def test_a_log_gets_lines_of_progress(tmp_path):
    path = tmp_path / "dump.json"
    path.write_bytes(small_dump.data())
    slow = "import time, kbtools.kb.staged as s; f = s.PartWriter.end_block\n"
    slow += "s.PartWriter.end_block = lambda self: (time.sleep(0.25), f(self))[1]\n"
    program = slow + small_dump.PROGRAM.format(60_000)
    args = command(
        "ingest", "wikidata", path, "--out", tmp_path / "kb", "--workers", 1, "--max-rejects", "none"
    )
    args[args.index("-c") + 1] = program
    found = subprocess.run(args, check=False, capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stderr
    assert any(line.startswith("read: ") and "ETA" in line for line in found.stderr.splitlines())
    assert any(line.startswith("read: ") and " in 0:00:" in line for line in found.stderr.splitlines())
    assert "\r" not in found.stderr
    assert "\x1b" not in found.stderr


def test_a_trace_only_with_debug(folder, tmp_path):
    quiet = run(tmp_path / "absent", "--out", tmp_path / "kb")
    one_line(quiet, "no such file")
    loud = here("ingest", "wikidata", tmp_path / "absent", "--out", tmp_path / "kb", "--debug")
    assert loud.returncode == 2
    assert "Traceback" in loud.stderr


# rejects and expectations


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        ("0.1%", 3),
        ("50%", 0),
        ("1.5%", 3),
        ("3", 3),
        ("4", 0),
        ("0", 3),
        ("none", 0),
        ("2.5%", 0),
        ("100%", 0),
    ],
)
def test_how_many_rejects_are_too_many(folder, limit, code):
    """Four of about two hundred records are."""
    from kbtools.api import judge  # noqa: PLC0415

    if not (folder / "odd").exists():
        ingest(folder / "odd.json", folder / "odd")
    made = manifest.read(folder / "odd")
    assert made.counts["rejected"] == 4
    assert 185 < made.counts["read"] < 210
    assert (3 if judge(made, folder / "odd", max_rejects=limit) else 0) == code


def test_rejects_are_counted_against_max_rejects(folder, tmp_path):
    found = run(folder / "odd.json", "--out", tmp_path / "kb")
    assert found.returncode == 3
    assert "4 of " in found.stderr
    assert "more than --max-rejects 0.1%" in found.stderr
    assert f'kbtools sql {tmp_path / "kb"} "SELECT * FROM rejects"' in found.stderr
    assert len(rows(tmp_path / "kb", "rejects")) == 4
    again = run(
        folder / "odd.json", "--out", tmp_path / "kb", "--overwrite", "--max-rejects", "none", "--quiet"
    )
    assert (again.returncode, again.stderr) == (0, "")


@pytest.mark.parametrize("limit", ["few", "", "%", "1.5", "-1", "nan%", "5 %%"])
def test_a_limit_that_is_none_is_refused_before_the_work(folder, tmp_path, limit):
    found = run(folder / "good.json", "--out", tmp_path / "kb", "--max-rejects", limit)
    one_line(found, "--max-rejects", repr(limit), "a share like 0.1%, a number, or none")
    assert list(tmp_path.iterdir()) == []


def test_what_was_expected(folder, tmp_path):
    same = run(
        folder / "good.json", "--out", tmp_path / "same", "--langs", "en,zh", "--expect", folder / "kb"
    )
    assert same.returncode == 0, same.stderr
    (tmp_path / "half.json").write_bytes(dump(lines(item(n, *links(n + 1)) for n in range(1, PART))))
    half = run(tmp_path / "half.json", "--out", tmp_path / "half", "--expect", folder / "kb")
    assert half.returncode == 3
    assert "entities" in half.stderr
    assert (tmp_path / "half").exists()


def test_an_expectation_that_is_not_there_is_refused_before_the_work(folder, tmp_path):
    found = run(folder / "good.json", "--out", tmp_path / "kb", "--expect", tmp_path / "absent")
    one_line(found, "absent", "no such artefact")
    assert list(tmp_path.iterdir()) == []


# settings


def settings(folder):
    return manifest.read(folder).settings


@pytest.mark.parametrize("langs", ["en,zh", "en, zh", "en,zh,", " en ,zh"])
def test_spellings_of_languages(folder, tmp_path, langs):
    found = run(folder / "good.json", "--out", tmp_path / "kb", "--langs", langs)
    assert found.returncode == 0, found.stderr
    assert settings(tmp_path / "kb")["langs"] == ["en", "zh"]
    assert manifest.read(tmp_path / "kb").content == manifest.read(folder / "kb").content


def test_all_languages(folder, tmp_path):
    assert run(folder / "odd.json", "--out", tmp_path / "kb", "--langs", "all").returncode == 3
    assert {"en", "zh", "de", "fr", "zh-hant"} <= {row["lang"] for row in rows(tmp_path / "kb", "labels")}


def test_settings_by_name_and_value(folder, tmp_path):
    found = run(folder / "good.json", "--out", tmp_path / "kb", "-o", "langs=en,zh", "-o", "qualifiers=false")
    assert found.returncode == 0, found.stderr
    assert settings(tmp_path / "kb")["langs"] == ["en", "zh"]
    assert settings(tmp_path / "kb")["qualifiers"] is False
    assert "qualifiers" not in manifest.read(tmp_path / "kb").tables


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("lang=en", ["'lang'", "did you mean 'langs'?"]),
        ("qualifier=false", ["did you mean 'qualifiers'?"]),
        ("langs", ["'langs'", "name=value"]),
        ("qualifiers=perhaps", ["qualifiers", "perhaps", "bool"]),
    ],
)
def test_a_wrong_setting_is_answered_with_the_right_one(folder, tmp_path, override, words):
    one_line(run(folder / "good.json", "--out", tmp_path / "kb", "-o", override), *words)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_flag_is_answered_with_the_right_one(folder, tmp_path):
    found = run(folder / "good.json", "--out", tmp_path / "kb", "--lang", "en")
    assert found.returncode == 2
    assert "--langs" in found.stderr


def test_tables_that_are_not_wanted_are_not_made(folder, tmp_path):
    found = run(folder / "odd.json", "--out", tmp_path / "kb", "--no-literals", "--no-qualifiers")
    assert found.returncode == 3
    tables = manifest.read(tmp_path / "kb").tables
    assert not {"literals", "qualifiers"} & set(tables)
    assert not (tmp_path / "kb" / "literals").exists()
    with_all = run(folder / "odd.json", "--out", tmp_path / "all")
    assert with_all.returncode == 3
    every = manifest.read(tmp_path / "all").tables
    assert {name: table.rows for name, table in every.items() if name in tables} == {
        name: table.rows for name, table in tables.items()
    } | {"relations": 10}  # those that only literals or qualifiers have used are gone


def test_a_name_for_the_knowledge_base(folder, tmp_path):
    assert run(folder / "good.json", "--out", tmp_path / "kb", "--name", "my-kb").returncode == 0
    assert manifest.read(tmp_path / "kb").name == "my-kb"
    assert manifest.read(folder / "kb").name == "wikidata"
    found = run(folder / "good.json", "--out", tmp_path / "other", "--name", "My KB")
    one_line(found, "'My KB'", "a-z, 0-9 and hyphens")
    assert not (tmp_path / "other").exists()


# dumps


@pytest.mark.parametrize("container", ["plain", "gz", "zst"])
def test_standard_input(folder, tmp_path, container):
    args = command("ingest", "wikidata", "-", "--out", "kb", "--workers", 1, "--langs", "en,zh", piece=None)
    packed = PACK[container](GOOD)
    found = subprocess.run(args, check=False, input=packed, capture_output=True, cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert manifest.read(tmp_path / "kb").content == manifest.read(folder / "kb").content


def test_standard_input_that_is_closed(tmp_path):
    found = run("-", "--out", tmp_path / "kb", stdin=subprocess.DEVNULL)
    one_line(found, "is empty")


def test_a_pipe_with_a_name(folder, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    args = command(
        "ingest", "wikidata", tmp_path / "pipe", "--out", tmp_path / "kb", "--langs", "en,zh", piece=None
    )
    with subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as reader:
        (tmp_path / "pipe").write_bytes(gzip.compress(GOOD))
        _, err = reader.communicate(timeout=60)
    assert reader.returncode == 0, err
    assert manifest.read(tmp_path / "kb").content == manifest.read(folder / "kb").content


def test_several_dumps_in_the_order_given(folder, tmp_path):
    entities = [item(n, *links(n + 1)) for n in range(1, 400)]
    for name, part in {"b": entities[:PART], "a": entities[PART:]}.items():
        (tmp_path / name).write_bytes(PACK["gz"](dump(lines(part))))
    found = run(tmp_path / "b", tmp_path / "a", "--out", tmp_path / "kb", "--langs", "en,zh")
    assert found.returncode == 0, found.stderr
    assert manifest.read(tmp_path / "kb").content == manifest.read(folder / "kb").content
    made = manifest.read(tmp_path / "kb")
    assert [one.path for one in made.inputs] == [str(tmp_path / "b"), str(tmp_path / "a")]


def test_the_same_dump_twice_is_rejected_row_by_row(folder, tmp_path):
    found = run(folder / "good.json", folder / "good.json", "--out", tmp_path / "kb")
    assert found.returncode == 3
    assert "399 of " in found.stderr
    assert {row["reason"] for row in rows(tmp_path / "kb", "rejects")} == {
        f"Q{n} again: the first entity of this id counts" for n in range(1, 400)
    }
    assert manifest.read(tmp_path / "kb").tables["entities"].rows == 399
