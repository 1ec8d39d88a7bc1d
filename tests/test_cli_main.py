from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import click
import pytest
from click.testing import CliRunner

from kbtools.cli import options
from kbtools.cli.main import COMMANDS, main
from kbtools.errors import KbError
from tests import tiny_kb

KBTOOLS = [sys.executable, "-m", "kbtools.cli.main"]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*KBTOOLS, *map(str, arguments)], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def kb(tmp_path_factory):
    return tiny_kb.write(tmp_path_factory.mktemp("main") / "kb", tiny_kb.world())


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from kbtools.cli.main import main; main(['--help'], standalone_mode=False)\n"
        "print({'pyarrow', 'duckdb', 'torch', 'numpy', 'rich', 'kbtools.cli.sql'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


def test_help_lists_every_command():
    text = CliRunner().invoke(main, ["--help"]).output
    assert all(name in text and line in text for name, line in COMMANDS.items())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name):
    done = CliRunner().invoke(main, [name, "--help"])
    assert done.exit_code == 0
    assert re.search(rf"Example:\s+kbtools {name} ", done.output)
    assert "\\b" not in done.output  # click's mark for "do not wrap" has become text


def test_version():
    assert CliRunner().invoke(main, ["--version"]).output.split()[1] == "0.1.0"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inspct", "x"], "no command 'inspct'. Did you mean 'inspect'? Commands: ingest, merge, "),
        (["zzz"], "no command 'zzz'. Commands: "),
        (["verify"], "Missing argument 'PATH'"),
        (["verify", "x", "--depe"], "No such option"),
        (["verify", "x", "--workers", "0"], "0 is not in the range"),
        (["verify", "x", "--memory", "lots"], "'lots' is not a size; write it like 4GB"),
        (["verify", "/nowhere"], "Error: /nowhere: no such artefact"),
    ],
)
def test_mistakes_of_the_user_are_2(arguments, message):
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stdout == ""


def broken(error: BaseException) -> click.Command:
    @click.command()
    @options.common()
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (KbError("kb: wrong"), 2, "Error: kb: wrong"),
        (PermissionError(13, "Permission denied", "/x"), 2, "Error: /x: Permission denied"),
        (OSError(28, "No space left on device"), 2, "Error: No space left on device"),
        (MemoryError(), 2, "Error: out of memory; try fewer --workers or a smaller --memory"),
        (
            KeyError("a\nb"),
            1,
            "kbtools has a bug: KeyError: 'a\\nb'; run again with --debug and report what it shows",
        ),
        (
            ValueError("a\nb"),
            1,
            "kbtools has a bug: ValueError: a b; run again with --debug and report what it shows",
        ),
        (KeyboardInterrupt(), 130, "Interrupted; run the same command again: it goes on where it stopped"),
        (SystemExit(3), 3, ""),
    ],
)
def test_every_end_has_its_exit_code_and_one_line(monkeypatch, error, code, line):
    monkeypatch.setattr(type(main), "get_command", lambda *_: broken(error))
    done = CliRunner().invoke(main, ["ingest"])
    assert (done.exit_code, done.stderr.strip()) == (code, line)


@pytest.mark.parametrize("command", ["eval", "inspect"])
def test_what_begins_anew_does_not_say_that_it_goes_on(monkeypatch, command):
    monkeypatch.setattr(type(main), "get_command", lambda *_: broken(KeyboardInterrupt()))
    done = CliRunner().invoke(main, [command])
    assert (done.exit_code, done.stderr.strip()) == (130, "Interrupted")


@pytest.mark.parametrize("arguments", [["--debug", "ingest"], ["ingest", "--debug"]])
def test_debug_shows_the_trace(monkeypatch, arguments):
    monkeypatch.setattr(type(main), "get_command", lambda *_: broken(KbError("wrong")))
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert "Traceback" in done.stderr
    assert done.stderr.endswith("Error: wrong\n")


def test_exit_codes_of_the_real_command(kb):
    assert run("verify", kb).returncode == 0
    bad = run("inspect", kb / "nowhere")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr == f"Error: {kb}/nowhere: no such artefact\n"


def test_ctrl_c_stops_a_query_at_once(kb):
    sql = "SELECT count(*) FROM range(3000000) a, range(3000000) b WHERE (a.range * b.range) % 7 = 3"
    hears = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # in the background too
    program = f"{hears}; from kbtools.cli.main import main; main()"
    command = [sys.executable, "-c", program, "sql", kb, sql]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            time.sleep(1.5)
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=20)[1] == "Interrupted\n"
            assert process.returncode == 130
        finally:
            process.kill()  # a query that does not stop takes hours


def test_a_closed_pipe_is_silent(kb):
    for sql in ("FROM range(3000000)", "FROM entities"):
        read, write = os.pipe()
        command = [*KBTOOLS, "sql", kb, sql, "--csv"]
        with subprocess.Popen(command, stdout=write, stderr=subprocess.PIPE, text=True) as process:
            os.close(write)
            os.close(read)
            assert process.stderr is not None
            assert process.stderr.read() == ""
            assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("4GB", 4 * 10**9),
        ("4 gb", 4 * 10**9),
        ("1.5GiB", 3 << 29),
        ("500M", 500 * 10**6),
        ("2k", 2000),
        ("17", 17),
    ],
)
def test_amounts_of_memory(text, wanted):
    assert options.Memory().convert(text, None, None) == wanted


@pytest.mark.parametrize("text", ["", "GB", "-4GB", "4XB", "4 GB free", "1e9"])
def test_what_is_no_amount_of_memory(text):
    with pytest.raises(click.BadParameter, match="is not a size"):
        options.Memory().convert(text, None, None)


def test_common_options_arrive_with_their_defaults():
    seen = {}

    @click.command()
    @options.common("workers", "memory", "engine", "seed", "quiet", "json")
    def command(**values: object) -> None:
        seen.update(values)

    assert CliRunner().invoke(command, []).exit_code == 0
    assert seen == {
        "workers": options.cores(), "memory": None, "engine": "local", "seed": 0,
        "quiet": False, "as_json": False,
    }  # fmt: skip
