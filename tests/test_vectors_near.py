"""Nearest neighbours: those of a slow oracle, whatever the blocks; ids, labels and words are understood."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from kbtools import vectors
from kbtools.cli.main import main
from kbtools.errors import ArtefactError, ConfigError
from kbtools.vectors import mapping
from kbtools.vectors.near import near
from tests import foreign_vectors, tiny_vectors


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    home = tmp_path_factory.mktemp("near")
    return foreign_vectors.made(home / "v", foreign_vectors.world(home), words=True).path


def cosines(array, vector):
    return [float(row @ vector / np.linalg.norm(row) / np.linalg.norm(vector)) for row in array.astype(float)]


@pytest.mark.parametrize("at_once", [1, 16, 1 << 20])
@pytest.mark.parametrize("rows", [1, 2, 10])
def test_neighbours_are_those_of_the_oracle(folder, monkeypatch, at_once, rows):
    monkeypatch.setattr(mapping, "AT_ONCE", at_once)
    opened = vectors.Vectors(folder)
    found = near(folder, "Q42", rows=rows)
    assert (found.kind, found.id, found.label) == ("entity", "Q42", "Douglas Adams")
    values = cosines(opened.array, opened.array[0])
    wanted = sorted(range(1, 4), key=lambda row: -values[row])[:rows]
    assert [one.eid for one in found.entities] == [foreign_vectors.EIDS[row] for row in wanted]
    assert [one.similarity for one in found.entities] == pytest.approx(
        [values[row] for row in wanted], abs=1e-4
    )
    told = cosines(foreign_vectors.words_of(folder).array, opened.array[0])
    best = sorted(range(3), key=lambda row: -told[row])[:rows]
    assert [one.id for one in found.words] == [foreign_vectors.WORDS[row] for row in best]


@pytest.mark.parametrize("asked", ["Q999", "Douglas Adams", "douglas adams"])
def test_an_entity_goes_by_id_and_label(folder, asked):
    assert near(folder, asked).id == "Q42"


def test_a_word_is_found_too(folder):
    found = near(folder, "Dog")
    assert (found.kind, found.id) == ("word", "dog")
    assert "dog" not in [one.id for one in found.words]
    assert (len(found.words), len(found.entities)) == (2, 4)


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ("Duglas Adams", r"did you mean 'Douglas Adams \(Q42\)'"),
        ("dogg", "did you mean 'dog'"),
        ("zzzzzzzzz{x}'", "no entity of .* or word is called"),
        ("Q1", r"'Q1' \(Q1\) has no vector here"),
    ],
)
def test_what_is_unknown_is_told(folder, asked, what):
    with pytest.raises(ConfigError, match=what):
        near(folder, asked)


def test_of_equals_the_first_rows_are_shown(tmp_path):
    kb = foreign_vectors.world(tmp_path)
    array = np.tile(np.array([[1, 2]], np.float32), (6, 1))
    array[4] = 0
    vectors.write(tmp_path / "v", [5, 4, 3, 2, 1, 0], array, kb=kb)
    assert [one.eid for one in near(tmp_path / "v", "Q5", rows=3).entities] == [5, 4, 3]
    assert near(tmp_path / "v", "Q5").entities[-1].similarity == 0  # a vector of zeros is like nothing
    with pytest.raises(ConfigError, match="the vector of 'Q42' is zero"):
        near(tmp_path / "v", "Q42")


def test_many_rows_in_bounded_memory_give_the_best(tmp_path):
    kb = foreign_vectors.world(tmp_path)
    words = [f"w{at}" for at in range(5000)]
    array = tiny_vectors.numbers(5000, 8)
    vectors.write(tmp_path / "v", [0], np.ones((1, 8), np.float32), kb=kb, words=vectors.Words(words, array))
    found = near(tmp_path / "v", "w17", rows=20)
    values = np.array(cosines(array, array[17].astype(float)))
    values[17] = -2
    assert [one.id for one in found.words] == [words[row] for row in np.argsort(-values)[:20]]


def test_a_knowledge_base_that_moved_is_asked_for(tmp_path):
    tiny_vectors.made(tmp_path / "v")
    with pytest.raises(ArtefactError, match="pass it with --kb KB"):
        near(tmp_path / "v", "Q42")


def test_the_command(folder):
    run = CliRunner().invoke(main, ["inspect", str(folder), "--near", "Q42", "--rows", "2"])
    assert run.exit_code == 0, run.output
    assert run.output.startswith("entity Q42  Douglas Adams\n")
    assert run.output.count("Q") == 3
    run = CliRunner().invoke(main, ["inspect", str(folder), "--near", "Q42", "--json"])
    assert {"entities", "words", "similarity"} <= {*json.loads(run.output)} | {
        *json.loads(run.output)["words"][0]
    }
    run = CliRunner().invoke(main, ["inspect", str(folder), "--near", "Q4242"])
    assert (run.exit_code, run.output.count("\n")) == (2, 1)
