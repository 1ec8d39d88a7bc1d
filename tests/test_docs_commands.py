"""Every command that the documents show is one that kbtools knows, and those on sample data do run."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from kbtools.cli.main import main

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted(ROOT.glob("docs/*/*.md")), ROOT / "data" / "README.md"]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
REMARK = re.compile(r"\s{2,}#.*|\s{3,}.*")  # what is said about a command, right of it
RUN = [  # in each, from top to bottom; those in one string go on with what the first one made
    "README.md",
    "docs/how-to/index.md",
    "docs/how-to/candidates.md",
    "docs/how-to/explain-a-text.md",
    "docs/how-to/link.md docs/how-to/score-links.md docs/how-to/fit.md docs/how-to/spacy.md "
    "docs/reference/linked.md",
    "docs/how-to/sentence-trees.md docs/how-to/explain-a-tree.md docs/how-to/choose-facts.md "
    "docs/how-to/build-a-tokenizer.md docs/how-to/exposure.md",
    "docs/how-to/shards.md docs/how-to/read-shards.md docs/reference/shards.md",
    "docs/how-to/train.md docs/how-to/evaluate-a-run.md",
    "docs/how-to/start-from-checkpoint.md",
    "docs/how-to/features.md",
    "docs/how-to/embed.md",
]
CUT_SHORT = {"train": ("-o", "run.steps=8", "-o", "run.evaluate=4")}  # that it runs is what is tested here
LIBRARIES = ("faiss", "rapidfuzz", "scipy", "matplotlib", "spacy", "jieba", "torch", "datasets", "accelerate")
SAMPLE = re.compile(r"\b(demo|data/sample)/\S")
ELSEWHERE = re.compile(r"\b(kb|alias|index|models)/[a-z]")  # a user's own, only made up here


def blocks(document):
    """Yield the language and the content of what stands between fences."""
    for found in FENCED.finditer(document.read_text(encoding="utf-8")):
        yield found[1], found[2]


def commands(block):
    """Yield the arguments of each kbtools command."""
    for line in block.replace("\\\n", " ").splitlines():
        told = REMARK.sub("", line.strip())
        if told.startswith("kbtools ") and "|" not in told:
            yield shlex.split(told)[1:]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_options_that_are_shown_exist(document):
    for _, block in blocks(document):
        for arguments in commands(block):
            parse(arguments)


def parse(arguments):
    """Parse a command as the command line would, and do nothing."""
    command: click.Command = main
    context, rest = click.Context(main, info_name="kbtools"), list(arguments)
    while isinstance(command, click.Group):
        name = rest.pop(0) if rest else ""
        found = command.get_command(context, name)
        assert found is not None, f"kbtools {' '.join(arguments)}: no command {name!r}"
        context = click.Context(found, parent=context, info_name=name)
        command = found
    if {"-h", "--help"} & {*rest}:
        return
    try:
        values, left, _ = command.make_parser(context).parse_args(rest)
    except click.UsageError as error:
        pytest.fail(f"kbtools {' '.join(arguments)}: {error.format_message()}")
    assert {*left} <= {"..."}, f"kbtools {' '.join(arguments)}: nobody takes {left}"
    if "..." in arguments:  # parts are left out
        return
    for option in command.params:
        if option.required and option.name not in values:
            pytest.fail(f"kbtools {' '.join(arguments)}: without {option.name}")


@pytest.mark.parametrize("names", RUN, ids=lambda names: names.split()[0])
def test_commands_on_sample_data_run_as_they_are_shown(names, tmp_path, monkeypatch):
    for library in LIBRARIES:
        pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    # one core, so no child processes: starting them takes longer than the work
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    (tmp_path / "data").symlink_to(ROOT / "data")
    assert sum(run(name) for name in names.split()) > 3


def run(name):
    """Run what a document shows on sample data; return how many commands and programs that were."""
    ran, named = 0, dict[str, object]()
    for language, block in blocks(ROOT / name):
        if language == "python" and SAMPLE.search(block) and not ELSEWHERE.search(block):
            exec(compile(block, name, "exec"), named)
            ran += 1
        for arguments in commands(block):
            told = " ".join(arguments)
            if SAMPLE.search(told) and not ELSEWHERE.search(told):
                done = CliRunner().invoke(main, [*arguments, *CUT_SHORT.get(arguments[0], ())])
                assert done.exit_code == 0, f"kbtools {told}\n{done.output}"
                ran += 1
    return ran
