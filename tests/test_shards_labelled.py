"""Labelled documents: one text and two, tags on first pieces, room, what does not fit."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from kbtools import api
from kbtools.corpus import DOCUMENTS
from kbtools.shards.assembly import assemble
from kbtools.shards.base import Here
from kbtools.shards.layouts.labelled import LAYOUT, Settings
from kbtools.shards.texts import tokenised
from tests import tiny_tokenizer
from tests.layout_tokens import read, tokenizer

WORDS = [
    "the",
    "food",
    "was",
    "good",
    "what",
    "of",
    "price",
    "service",
    "ann",
    "lives",
    "in",
    "ge",
    "##neva",
    "大",
    "学",
]


@pytest.fixture
def tokens(tmp_path):
    return tokenizer(tmp_path, WORDS)


def rows(tokens, documents, length=64, whole=(), chosen=None, **settings):
    """Documents are texts with their meta."""
    told = {
        "doc_id": [f"d{at}" for at in range(len(documents))],
        "text": [text for text, _ in documents],
        "lang": [None] * len(documents),
        "meta": [meta if isinstance(meta, str) else json.dumps(meta) for _, meta in documents],
        "links": [None] * len(documents),
    }
    how, where = Settings(**settings), Here(tokens, length)
    batch = pa.RecordBatch.from_pydict(told, DOCUMENTS)
    text = tokenised(LAYOUT.documents(batch, how), where)
    text = text._replace(whole=np.array(whole, np.int64).reshape(-1, 2))
    some = np.arange(len(documents)) if chosen is None else np.array(chosen)
    cut = LAYOUT.cut(text, some[np.diff(text.stream.begins)[some] > 0], how, where, 0)
    made = assemble(text.stream, cut.segments)
    found = []
    for at in range(len(made)):
        low, high = made.offsets[at : at + 2]
        row = {name: column[at].as_py() for name, column in cut.columns.items()}
        found.append(
            row | {"text": read(tokens, made.ids[low:high]), "segment": made.kind[low:high].tolist()}
        )
    return found, where.counts


def test_a_text_and_a_pair(tokens):
    found, _ = rows(tokens, [
        ("The food was good", {"label": "1"}),
        ("The food was good", {"text_b": "what of the price", "label": 0, "qid": 7}),
        ("The price", {"label": 3.5, "text_b": ""}),
        ("Of", {}),
    ])  # fmt: skip
    assert [one["text"] for one in found] == [
        "[CLS] the food was good [SEP]",
        "[CLS] the food was good [SEP] what of the price [SEP]",
        "[CLS] the price [SEP]",
        "[CLS] of [SEP]",
    ]
    assert [one["label"] for one in found] == ["1", "0", "3.5", None]
    assert [one["group"] for one in found] == [None, "7", None, None]
    assert found[1]["segment"] == [0] * 6 + [1] * 5
    assert {str(one["labels"]) for one in found} == {"None"}


def test_a_question_put_together(tokens):
    found, _ = rows(
        tokens,
        [("The food was good", {"aspect": "price", "target": "food"}), ("Good", {"aspect": "price"})],
        other="what of the {aspect} of {target} ?",
        first="other",
    )
    assert found[0]["text"] == "[CLS] what of the price of food ? [SEP] the food was good [SEP]"
    assert found[0]["segment"] == [0] * 9 + [1] * 5
    assert found[1]["text"] == "[CLS] good [SEP]"  # nothing tells of what


def test_tags_stand_on_first_pieces(tokens):
    text = "Ann lives in Geneva"
    places = [[0, 3], [4, 9], [10, 12], [13, 19]]
    told = {"tokens": places, "tags": ["B-PER", "O", "O", "B-LOC"]}
    found, _ = rows(tokens, [(text, told), ("大学", {"tokens": [[0, 2]], "tags": ["B"]})])
    assert found[0]["text"] == "[CLS] ann lives in ge ##neva [SEP]"
    assert found[0]["labels"] == [None, "B-PER", "O", "O", "B-LOC", None, None]
    assert found[1]["labels"] == [None, "B", None, None]
    found, _ = rows(tokens, [(text, told), ("大学", {"tokens": [[0, 2]], "tags": ["B"]})], pieces="all")
    assert found[0]["labels"] == [None, "B-PER", "O", "O", "B-LOC", "I-LOC", None]
    assert found[1]["labels"] == [None, "B", "I", None]


def test_tags_of_a_pair_are_those_of_the_text(tokens):
    told = {"tokens": [[0, 3], [4, 9]], "tags": ["B-PER", "O"], "text_b": "ann lives"}
    found, _ = rows(tokens, [("Ann lives", told)], first="other")
    assert found[0]["text"] == "[CLS] ann lives [SEP] ann lives [SEP]"
    assert found[0]["labels"] == [None, None, None, None, "B-PER", "O", None]


@pytest.mark.parametrize("told", [
    {"tokens": [[0, 3]], "tags": ["O", "O"]},
    {"tags": ["O"]},
    {"tokens": [[0, "3"]], "tags": ["O"]},
    {"tokens": [[0, 1 << 60]], "tags": ["O"]},
    {"tokens": [[0, 3]], "tags": [1]},
    {"tokens": [[0, 3]], "tags": "O"},
])  # fmt: skip
def test_tags_that_do_not_fit_are_counted(tokens, told):
    found, counts = rows(tokens, [("Ann lives", told)])
    assert found[0]["labels"] is None
    assert counts["documents whose tags do not fit"] == 1


def test_long_texts_lose_their_ends(tokens):
    long = "the food was good in the service of the price"
    found, counts = rows(
        tokens, [(long, {"text_b": "what of ann"}), (long, {}), ("good", {})], length=9, whole=[(3, 5)]
    )
    assert found[0]["text"] == "[CLS] the food was [SEP] what of ann [SEP]"
    assert found[1]["text"] == "[CLS] the food was good in the service [SEP]"
    assert counts["documents shortened"] == 2
    found, _ = rows(tokens, [(long, {"text_b": "what of ann"})], length=9, whole=[(2, 5)])
    assert found[0]["text"] == "[CLS] the food [SEP] what of ann [SEP]"  # a mention is not cut through


def test_the_second_text_is_in_the_shards(tmp_path):
    table = "label\ttext_a\ttext_b\n0\tthe old town\ta lake\n1\tthe river\tthe town\n"
    (tmp_path / "t.tsv").write_text(table)
    made = tiny_tokenizer.path()
    api.shard(
        f"table:{tmp_path / 't.tsv'}", tmp_path / "s", model="adapters", tokenizer=made, overrides=["dev=0"]
    )
    (file,) = (tmp_path / "s").rglob("*.arrow")
    with pa.memory_map(str(file)) as source:
        found = pa.ipc.open_file(source).read_all().to_pylist()
    loaded = tiny_tokenizer.loaded()
    assert {(one["label"], loaded.decode(one["input_ids"])) for one in found} == {
        ("0", "[CLS] the old town [SEP] a lake [SEP]"), ("1", "[CLS] the river [SEP] the town [SEP]"),
    }  # fmt: skip
    assert [len(one["documents"]) for one in found] == [1, 1]  # both texts are of one


def test_documents_without_a_text_or_a_label(tokens):
    found, counts = rows(tokens, [("", {"text_b": "good"}), ("good", "{nothing"), ("good", '["x"]')])
    assert [one["text"] for one in found] == ["[CLS] good [SEP]"] * 2
    assert counts["documents without a first text"] == 1
    assert counts["documents without a label"] == 2
    assert rows(tokens, [("good", {}), ("", {})], chosen=[1])[0] == []
