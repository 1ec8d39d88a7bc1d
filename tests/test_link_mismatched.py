"""Artefacts that do not go together, moved, of another release, damaged: said in one line, in time."""

from __future__ import annotations

import random
import shutil

import pytest

from kbtools import api, artefact, linkers
from tests import tiny_kb, tiny_linking
from tests.piecewise_linking import fixtures, line
from tests.started import refused, run
from tests.tiny_alias import name

small_pieces, world, alias, news, reference = fixtures()


@pytest.fixture
def moved(tmp_path):
    """An alias table whose knowledge bases are not where they were."""
    made = tiny_linking.alias(tmp_path / "was")
    (tmp_path / "was" / "places").rename(tmp_path / "places")
    (tmp_path / "was" / "senses").rename(tmp_path / "senses")
    return made


def test_knowledge_bases_that_moved(tmp_path, moved, news):
    """They are needed for ids alone: what is linked by names is linked without them."""
    gold = tiny_linking.corpus(tmp_path, tiny_linking.document("Paris", ("Paris", "Q90")), called="g.jsonl")
    out, where = tmp_path / "out" / "linked", ["--kb", tmp_path / "places", "--kb", tmp_path / "senses"]
    assert run(*line(news, moved, out)).exit_code == 0
    refused("--kb", *line(gold, moved, tmp_path / "gold", "--with", "gold"))
    assert run(*line(gold, moved, tmp_path / "gold", "--with", "gold", *where)).exit_code == 0
    refused("--kb", "link", out, "--format", "jsonl", "--out", tmp_path / "a.jsonl")
    done = run("link", out, "--format", "jsonl", "--out", tmp_path / "a.jsonl", *where)
    assert done.exit_code == 0, done.output
    assert '"Q90"' in (tmp_path / "a.jsonl").read_text()
    told = run("inspect", out).stdout
    assert "places, senses: not where it was; numbers are shown, ids and labels with --kb KB" in told
    assert "Paris → Q90" in run("inspect", out, *where).stdout


def test_another_release_of_a_knowledge_base_is_refused(tmp_path, moved, news):
    tiny_kb.edit_manifest(tmp_path / "places", content="0" * 32)
    gold = tiny_linking.corpus(tmp_path, tiny_linking.document("Paris", ("Paris", "Q90")), called="g.jsonl")
    command = line(gold, moved, tmp_path / "linked", "--with", "gold", "--kb", tmp_path / "places")
    refused("another release of 'places', whose numbers mean other entities", *command)
    assert not (tmp_path / "linked.partial").exists()


def test_numbers_of_another_release_are_refused_where_they_count(tmp_path, alias, reference):
    """Documents that were linked before tell numbers; those of another release mean other entities."""
    shutil.copytree(reference, tmp_path / "old")
    command = line(tmp_path / "old", alias, tmp_path / "again", "--with", "gold")
    assert run(*command).exit_code == 0
    manifest = artefact.read(tmp_path / "old")
    kbs = [{"name": ref.name, "content": "0" * 32, "id_space": []} for ref in manifest.kbs]
    tiny_kb.edit_manifest(tmp_path / "old", kbs=kbs)
    refused("another release of 'places'", *command, "--overwrite")
    assert run(*line(tmp_path / "old", alias, tmp_path / "prior")).exit_code == 0  # it reads the texts alone


def test_a_knowledge_base_of_another_table_is_refused(tmp_path, alias, news):
    other = tiny_kb.write(tmp_path / "other", tiny_kb.world(), name="other")
    gold = tiny_linking.corpus(tmp_path, tiny_linking.document("Paris", ("Paris", "Q90")), called="g.jsonl")
    refused("no candidates of 'other' here; there are: places, senses",
            *line(gold, alias, tmp_path / "linked", "--with", "gold", "--kb", other))  # fmt: skip


def test_an_index_of_another_table_is_refused(tmp_path, alias, news):
    names = tiny_kb.write(tmp_path / "kb", {**tiny_kb.world(), "surfaces": [name(1, "Adams")]})
    api.build_alias([names], tmp_path / "alias")
    linkers.build_index(tmp_path / "alias", tmp_path / "fuzzy", kind="fuzzy")
    refused("another alias table", *line(news, alias, tmp_path / "linked", "--index", tmp_path / "fuzzy"))


def test_a_profile_of_other_knowledge_bases_is_refused(tmp_path, alias, news):
    names = tiny_kb.write(tmp_path / "kb", {**tiny_kb.world(), "surfaces": [name(1, "Adams")]})
    api.build_alias([names], tmp_path / "alias")
    linkers.build_index(names, tmp_path / "profile", kind="profile")
    done = run(*line(news, alias, tmp_path / "linked", "--index", tmp_path / "profile"))
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1), done.output


def test_a_damaged_table_of_names_is_no_traceback(tmp_path, alias, news):
    """Whatever is lost of the manifest or its arrays, it is said in one line, or it makes no difference."""
    shutil.copytree(alias, tmp_path / "alias")
    every = [path for path in sorted((tmp_path / "alias").rglob("*")) if path.is_file()]
    for path in [tmp_path / "alias" / "manifest.json", *random.Random(1).sample(every, 8)]:
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
        done = run(*line(news, tmp_path / "alias", tmp_path / "linked", "--overwrite"))
        assert done.exit_code in {0, 2}, (path, done.output)
        assert done.stderr.count("\n") == (done.exit_code == 2), (path, done.stderr)
        path.write_bytes(data)


def test_a_damaged_folder_is_found_by_verify(tmp_path, reference):
    shutil.copytree(reference, tmp_path / "linked")
    assert run("verify", tmp_path / "linked", "--deep").exit_code == 0
    victim = sorted((tmp_path / "linked" / "documents").iterdir())[3]
    data = bytearray(victim.read_bytes())
    data[len(data) // 3] ^= 255
    victim.write_bytes(data)
    done = run("verify", tmp_path / "linked", "--deep")
    assert done.exit_code == 2
    assert f"{victim}: damaged: its bytes have changed" in done.stdout
    for command in (
        ["link", tmp_path / "linked", "--format", "jsonl", "--out", tmp_path / "a.jsonl"],
        ["inspect", tmp_path / "linked"],
        ["sql", tmp_path / "linked", "SELECT sum(len(text)) FROM documents"],
    ):
        told = run(*command)
        assert told.exit_code in {0, 2}, told.output
    victim.unlink()
    assert (
        "gone"
        in refused("gone", "link", tmp_path / "linked", "--format", "jsonl", "--out", tmp_path / "b").stderr
    )
    assert not (tmp_path / "b").exists()


def test_names_of_columns_that_are_not_utf8_are_damage(tmp_path, reference):
    shutil.copytree(reference, tmp_path / "linked")
    victim = sorted((tmp_path / "linked" / "documents").iterdir())[3]
    data = bytearray(victim.read_bytes())
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    data[data.index(b"candidates", footer)] ^= 255
    victim.write_bytes(data)
    done = run("verify", tmp_path / "linked")
    assert done.exit_code == 2
    assert f"{victim}: " in done.stdout
    refused("damaged", "link", tmp_path / "linked", "--format", "jsonl", "--out", tmp_path / "a.jsonl")
