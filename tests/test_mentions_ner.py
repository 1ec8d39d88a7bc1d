"""Mentions that a pipeline of spaCy recognises, united with those of names."""

from __future__ import annotations

from typing import Any

import pytest

from kbtools.alias import Alias
from kbtools.errors import ConfigError
from kbtools.linkers.base import KINDS, Block, no_mentions
from kbtools.linkers.knowledge import Knowledge
from kbtools.linkers.mentions import dictionary, ner
from kbtools.linkers.spacy import entities
from tests import spacy_world
from tests.named_mentions import shown

TEXTS = ["In Paris, Nobody Known met Ada.", "", " \n", "half \ud83d of Paris", "😀 Paris"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("ner")
    spacy_world.build(found)
    spacy_world.pipeline(
        {"label": "GPE", "pattern": "Paris"}, {"label": "PERSON", "pattern": "Nobody Known"}
    ).to_disk(found / "model")
    return found


def steps(folder, **settings: Any):
    knowledge = Knowledge(Alias(folder / "alias"))
    names = dictionary.make(knowledge, dictionary.Settings())
    return names, ner.make(knowledge, ner.Settings(model=str(folder / "model"), **settings))


def test_entities_become_mentions_with_candidates(folder):
    block = Block(TEXTS)
    found = steps(folder)[1](block, no_mentions())
    assert shown(block, found) == [
        (0, 3, "Paris", [0, 1, 2]), (0, 10, "Nobody Known", []), (3, 10, "Paris", [0, 1, 2]),
        (4, 2, "Paris", [0, 1, 2]),
    ]  # fmt: skip
    assert {KINDS[kind] for kind in found.kind} == {"ner"}


def test_where_a_name_was_found_it_stays(folder):
    block = Block(TEXTS[:1])
    names, recognise = steps(folder)
    found = recognise(block, names(block, no_mentions()))
    words = [row[2] for row in shown(block, found)]
    kinds = [KINDS[kind] for kind in found.kind]
    assert list(zip(words, kinds, strict=True)) == [
        ("Paris", "dictionary"), ("Nobody Known", "ner"), ("Ada", "dictionary"),
    ]  # fmt: skip


def test_labels(folder):
    block = Block(TEXTS)
    found = steps(folder, labels=("PERSON",))[1](block, no_mentions())
    assert [row[2] for row in shown(block, found)] == ["Nobody Known"]
    nobody = steps(folder, disable=("entity_ruler",))[1](block, no_mentions())
    assert len(nobody) == 0


def test_long_texts_are_cut_where_a_line_ends(folder, monkeypatch):
    monkeypatch.setattr(entities, "LONGEST", 40)
    text = "In Paris and elsewhere. " * 9 + "\n" + "No end " * 3 + "Paris" * 20
    found = entities.recognised(str(folder / "model"), (), (), [text, "Paris"])
    places = [(place, start) for place, start in zip(found.text.tolist(), found.start.tolist(), strict=True)]
    assert places[:9] == [(0, 24 * at + 3) for at in range(9)]
    assert places[-1] == (1, 0)
    assert all(text[start : start + 5] == "Paris" for place, start in places if place == 0)


def test_a_pipeline_that_is_not_there_is_told(folder):
    with pytest.raises(ConfigError, match="no model is named"):
        ner.Settings()
    block = Block(["x"])
    step = ner.make(Knowledge(Alias(folder / "alias")), ner.Settings(model="xx_nothing_here"))
    with pytest.raises(ConfigError, match="no pipeline 'xx_nothing_here'"):
        step(block, no_mentions())
