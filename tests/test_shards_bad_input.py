"""What cannot be made into shards is refused in one line that names the cure; what is lost is counted."""

from __future__ import annotations

import gzip
import json
import re
import shutil

import pytest
from click.testing import CliRunner

from kbtools import api, artefact, linkers
from kbtools.cli.main import main
from kbtools.kb.reader import Kb
from tests import shard_world
from tests.shard_world import ENGLISH, SAMPLE, rows, shard


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return shard_world.build(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def later(tmp_path_factory):
    """Build the knowledge base again, with less in it."""
    room = tmp_path_factory.mktemp("later")
    lines = gzip.decompress((SAMPLE / "wikidata.json.gz").read_bytes()).splitlines()
    (room / "a.json").write_bytes(b"\n".join([*lines[:60], lines[60].rstrip(b","), b"]"]))
    api.ingest("wikidata", [room / "a.json"], room / "kb", langs=["en"], name="wikidata")
    return room / "kb"


def refused(tmp_path, *arguments, told):
    """Run `kbtools shard` and look for one line, and nothing left."""
    before = set(tmp_path.iterdir())
    line = ["shard", *arguments, "--out", tmp_path / "s", "--workers", 1, "--quiet"]
    done = CliRunner().invoke(main, [str(one) for one in line])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1), done.output
    assert re.search(told, done.stderr), done.stderr
    assert set(tmp_path.iterdir()) == before


def written(tmp_path, name, text=""):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / name


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("spiece.model", "", "tells no offsets; save it as a fast one: .*use_fast=True"),
        ("t/spiece.model", "", "tells no offsets"),
        ("tokenizer.json", "{}", "says nothing of a model"),
        ("tokenizer.json", '{"version": "1.0", "mod', "damaged or foreign"),
        ("vocab.txt", "", r"no \[UNK\]"),
        ("notes.md", "", "no tokenizer"),
    ],
)
def test_what_is_no_tokenizer_or_tells_no_offsets(tmp_path, name, text, told):
    path = written(tmp_path, name, text)
    given = path.parent if name.startswith("t/") else path
    refused(tmp_path, ENGLISH, "--for", "bert", "--tokenizer", given, told=told)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--for", "ernie_thu"], "entities of which knowledge base"),
        (["--for", "sensebert"], "need a wordnet: pass it with --kb"),
        (["--for", "sensebert", "--kb", "{kb}"], "need a wordnet"),
        (["--for", "knowbert", "--kb", "{alias}"], "an alias artefact, where a kb is wanted"),
        (["--for", "knowbert", "--kb", "{kb}", "--vectors", "{kb}"], "a kb artefact, where .*vectors"),
        (["--for", "knowbert", "--kb", "{kb}", "--vectors", "{tmp}"], "not an artefact of kbtools"),
        (["--for", "bert", "--tokenizer", "{kb}"], "a kb artefact, where a tokenizer is wanted"),
        (["--for", "bert", "-o", "max_lenght=9"], "did you mean 'max_length'"),
        (["--for", "bert", "-o", "max_length=4"], "no room for two texts"),
        (["--for", "bert", "-o", "copies=0"], "1 at least"),
        (["--for", "bert", "-c", "txt=x"], "no setting 'txt'"),
        (["--for", "bert", "--max-rejects", "few"], "--max-rejects"),
        (["--for", "{tmp}/none.toml"], "cannot be read"),
    ],
)
def test_what_was_asked_for_makes_no_sense(world, tmp_path, options, told):
    filled = [one.format(kb=world.kb, alias=world.alias, tmp=tmp_path) for one in options]
    refused(tmp_path, ENGLISH, "--tokenizer", world.tokenizer, *filled, told=told)


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:900]), "documents/000000.parquet: .*damaged"),
        (lambda path: path.unlink(), "documents/000000.parquet: gone; `kbtools verify"),
        (lambda path: (path.parents[1] / "manifest.json").write_text("{"), "manifest.json: damaged"),
    ],
    ids=["cut", "gone", "manifest"],
)
def test_damaged_links(world, tmp_path, harm, told):
    shutil.copytree(world.linked, tmp_path / "l")
    harm(tmp_path / "l" / "documents" / "000000.parquet")
    refused(tmp_path, tmp_path / "l", "--for", "knowbert", "--tokenizer", world.tokenizer, told=told)


def test_links_without_their_text(world, tmp_path):
    linkers.link(ENGLISH, tmp_path / "l", alias=world.alias, text="ref")
    told = "holds no text .*: link again with --text copy"
    refused(tmp_path, tmp_path / "l", "--for", "roberta", "--tokenizer", world.tokenizer, told=told)


def test_nothing_to_read(world, tmp_path):
    told = "is empty; is the download complete"
    given = written(tmp_path, "a.jsonl")
    refused(tmp_path, given, "--for", "bert", "--tokenizer", world.tokenizer, told=told)


def test_a_knowledge_base_built_after_the_linking(world, later, tmp_path):
    asked = [
        "--for",
        "ernie_thu",
        "--tokenizer",
        world.tokenizer,
        "--kb",
        later,
        "-o",
        "entities.min_spans=0",
    ]
    told = "another release of 'wikidata'.*; --force-lineage takes it all the same"
    refused(tmp_path, world.linked, *asked, told=told)
    line = [
        "shard",
        world.linked,
        *asked,
        "--out",
        tmp_path / "s",
        "--force-lineage",
        "--workers",
        1,
        "--quiet",
    ]
    done = CliRunner().invoke(main, [str(one) for one in line])
    assert done.exit_code == 0, done.output
    assert "Warning: wikidata: not the release that" in done.stderr
    made = artefact.read(tmp_path / "s", "shards")
    assert [warning.partition(":")[0] for warning in made.notes["warnings"]] == ["wikidata"]
    assert made.counts["candidates not in the knowledge base"] > 0
    entities = Kb(later).rows("entities")
    for row in rows(tmp_path / "s"):
        assert all(-2 <= eid < entities for eid in row["entities.wikidata.best"])


def test_a_mention_that_is_longer_than_a_row_is_counted(world, tmp_path):
    name = " ".join(["Warsaw"] * 40)
    link = {"start": 0, "end": len(name), "id": "Q270", "kb": "wikidata"}
    text = json.dumps({"id": "a", "text": f"{name} is long.", "mentions": [link]})
    made = shard(
        world, tmp_path / "s", written(tmp_path, "a.jsonl", text), "wklm", "max_length=16", kbs=[world.kb]
    )
    assert made.counts["entities: spans without room"] == 1
    assert made.notes["without room"] == {"entities": 1.0}
    assert "1 of 1 spans are in no example" in api.shard_summary(made, "s")


def test_documents_without_mentions_are_examples_too(world, tmp_path):
    text = json.dumps({"id": "a", "text": "Nothing is said of anybody here."})
    made = shard(world, tmp_path / "s", written(tmp_path, "a.jsonl", text), "wklm", kbs=[world.kb])
    found = [row for split in made.tables for row in rows(tmp_path / "s", split)]
    assert [row["entities.wikidata.spans"] for row in found] == [[]]


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("k_adapter_lin", "342 documents without heads"),
        ("absa", "342 documents without a label"),
        ("skep", "342 documents without sentiment"),
        ("ernie_baidu_dialogues", "342 dialogues without an example"),
    ],
)
def test_a_corpus_that_does_not_tell_what_the_model_wants(world, tmp_path, model, told):
    made = shard(world, tmp_path / "s", ENGLISH, model)
    assert told in api.shard_summary(made, tmp_path / "s")


@pytest.mark.parametrize("model", ["bert", "roberta", "ernie_baidu"])
def test_odd_characters(world, tmp_path, model):
    lines = [
        r'{"id": "a", "text": "half \ud800 a pair"}',
        r'{"id": "b", "text": "a \u0000 in it. \u0007 So."}',
    ]
    lines += [json.dumps({"id": "c", "text": "\u200b\ufeff\u2028 e\u0301 \U0001f468\u200d\U0001f469"})]
    lines += [json.dumps({"id": "d", "text": " \r\n\t"})]
    made = shard(world, tmp_path / "s", written(tmp_path, "a.jsonl", "\n".join(lines)), model)
    assert (made.counts["read"], made.counts["rejected"]) == (3, 1)
    assert made.tables["rejects"].rows == 1
    assert made.counts["documents without tokens"] >= 1
