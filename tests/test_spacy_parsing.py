"""Dependency trees by a pipeline of spaCy, written as CoNLL-U and read again."""

import io
import json

import numpy as np
import pytest

spacy = pytest.importorskip("spacy")

from kbtools import corpus  # noqa: E402 - spaCy first
from kbtools.errors import ConfigError  # noqa: E402
from kbtools.linkers.spacy.parsing import parse  # noqa: E402

LINK = {"start": 9, "end": 15, "ids": {"wikidata": "Q40059"}}


@spacy.language.Language.component("kbtools_test_next_word")
def next_word(doc):
    """Hang each word on the next one; a sentence ends at a full stop."""
    last = [token.i + 1 == len(doc) or token.text == "." for token in doc]
    heads = np.where(last, 0, 1).astype(np.uint64)  # how far away
    names = [doc.vocab.strings.add("ROOT" if one else "dep") for one in last]
    return (
        doc.from_array(["HEAD", "DEP"], np.stack([heads, np.array(names, np.uint64)], axis=1))
        if last
        else doc
    )


@pytest.fixture
def nlp():
    made = spacy.blank("en")
    made.add_pipe("kbtools_test_next_word")
    return made


def parsed(tmp_path, nlp, *rows):
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    with (tmp_path / "a.conllu").open("wb") as file:
        report = parse(str(tmp_path / "a.jsonl"), file, nlp)
    batch = next(iter(corpus.documents(str(tmp_path / "a.conllu"))))
    return batch.to_pylist(), report


def test_trees_arrive_with_the_documents(tmp_path, nlp):
    rows, report = parsed(
        tmp_path, nlp,
        {"id": "a", "text": "We  saw\n\nJordan. It is\twide ", "mentions": [LINK], "split": "dev"},
        {"id": "b", "text": "don't"}, {"id": "c", "text": ""},
    )  # fmt: skip
    first, second, third = rows
    meta = json.loads(first["meta"])
    text = first["text"]
    assert text == "We  saw\n\nJordan. It is\twide "
    assert [text[start:end] for start, end in meta["tokens"]] == [
        "We",
        "saw",
        "Jordan",
        ".",
        "It",
        "is",
        "wide",
    ]
    assert meta["heads"] == [2, 3, 4, 0, 2, 3, 0]
    assert meta["deprels"] == ["dep", "dep", "dep", "root", "dep", "dep", "root"]
    assert meta["sentences"] == [[0, 16], [17, 27]]
    assert meta["split"] == "dev"
    assert first["links"][0]["id"] == "Q40059"
    assert json.loads(second["meta"])["heads"] == [2, 0]
    assert third["text"] == ""
    assert report.counts["read"] == 3


def test_what_is_too_long_is_counted(tmp_path, nlp):
    nlp.max_length = 10
    rows, report = parsed(tmp_path, nlp, {"id": "a", "text": "a b c d e f g h"}, {"id": "b", "text": "Hi."})
    assert [row["doc_id"] for row in rows] == ["b"]
    assert report.counts["documents too long to be parsed"] == 1


def test_a_pipeline_without_a_parser_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="has no parser; it has nothing"):
        parsed(tmp_path, spacy.blank("en"), {"id": "a", "text": "a b"})
    with pytest.raises(ConfigError, match="no pipeline 'xx_none'"):
        parse("x", io.BytesIO(), "xx_none")
