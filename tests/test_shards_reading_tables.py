"""Words as numbers, and rows of tables beside the examples, looked up by number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.errors import ArtefactError, ConfigError
from kbtools.shards.reader import Shards
from kbtools.shards.reading.batches import Batches
from kbtools.shards.reading.rows import Rows
from kbtools.shards.reading.settings import Reading
from tests import tiny_shards

EXAMPLES = tiny_shards.rows([5, 9, 3, 16, 8, 8, 2])
TAGGED = pa.schema(
    [
        pa.field("input_ids", pa.list_(pa.int32()), False),
        pa.field("labels", pa.list_(pa.string())),
        pa.field("label", pa.string()),
    ]
)
TAGS: list[dict[str, Any]] = [
    {"input_ids": [1, 5, 6, 2], "labels": [None, "B-LOC", "O", None], "label": "pos"},
    {"input_ids": [1, 7, 2], "labels": None, "label": None},
    {"input_ids": [1, 8, 9, 5, 2], "labels": [None, "O", "O", "B-地", None], "label": "neg"},
]
CLASSES = {"labels": ("O", "B-LOC", "B-地"), "label": ("neg", "pos")}


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    out = tmp_path_factory.mktemp("tables") / "shards"
    return Shards(tiny_shards.write(out, {"train": EXAMPLES, "dev": EXAMPLES[:1]}, batch=2))


@pytest.fixture(scope="module", params=["arrow", "parquet"])
def tagged(tmp_path_factory, request):
    out = tmp_path_factory.mktemp("tagged") / "shards"
    tables: dict[str, list[dict[str, Any]]] = {"train": TAGS, "dev": TAGS[1:2]}
    return Shards(tiny_shards.write(out, tables, schema=TAGGED, suffix=request.param))


def test_words_become_numbers(tagged):
    batch = Rows(tagged, classes=CLASSES).take([0, 1, 2])
    assert batch["label"].tolist() == [1, -100, 0]
    assert batch["labels"].tolist() == [
        [-100, 1, 0, -100, *[-100] * 4],
        [-100] * 8,
        [-100, 0, 0, 2, -100, *[-100] * 3],
    ]
    assert "labels.mask" not in batch
    assert Rows(tagged).take([0, 1])["label"].to_pylist() == ["pos", None]


def test_classes_go_into_packed_rows(tagged):
    (batch,) = Batches(tagged, reading=Reading(packed=True, tokens=16, shuffle="no", classes=CLASSES))
    assert batch["batch.rows"].tolist() == [[0, 1, 2]]
    assert batch["labels"].tolist() == [[-100, 1, 0, -100, *[-100] * 3, -100, 0, 0, 2, -100, *[-100] * 4]]
    assert batch["label"].tolist() == [[1, -100, 0]]


def test_classes_are_those_there_are(tagged, shards):
    assert tagged.words("label") == ["neg", "pos"]
    assert tagged.words("labels") == ["B-LOC", "B-地", "O"]
    assert shards.words("topic") == sorted({one["topic"] for one in EXAMPLES} - {None})
    assert "文3" in shards.words("documents.id")
    for column in ("segment", "documents", "documents.start"):
        with pytest.raises(ConfigError, match=f"{column} has no words"):
            shards.words(column)
    with pytest.raises(ArtefactError, match=r"no column 'topics'\. Did you mean 'topic'"):
        shards.words("topics")


@pytest.mark.parametrize(
    ("classes", "told"),
    [
        ({"label": ("neg",)}, "label 'pos' is none of 'neg'"),
        ({"label": ("neg", "neg")}, "each word once"),
        ({"label": "neg"}, "each word once"),
        ({"kind": ("a",)}, "there is no column 'kind'"),
        ({"input_ids": ("a",)}, "input_ids has no words, but numbers"),
    ],
)
def test_classes_that_cannot_be(tagged, classes, told):
    with pytest.raises(ConfigError, match=told):
        Rows(tagged, classes=classes)


def test_classes_do_not_change_the_plan(tagged):
    state = Batches(tagged).state()
    Batches(tagged, reading=Reading(classes=CLASSES)).resume(state)


def test_a_small_split_is_read_as_train_is(shards, tmp_path):
    """Labels of which the only row says nothing go along with the tokens all the same."""
    assert EXAMPLES[0]["labels"] is None
    batch = Rows(shards, "dev").take([0])
    assert batch["labels"].tolist() == [[-100] * 8]
    # a row with as many sentences as tokens is no reason to take them for values of tokens
    odd = [{**tiny_shards.row(1, 3), "sentences": [0, 1, 2]}]
    folder = tiny_shards.write(tmp_path / "s", {"train": EXAMPLES, "dev": odd})
    assert Rows(Shards(folder), "dev").take([0])["sentences.mask"].tolist() == [[True] * 3]


numbers = st.integers(-2, len(EXAMPLES) - 1)
shapes = st.sampled_from([(), (0,), (1,), (4,), (2, 3), (2, 0), (1, 2, 2)])


@given(shapes.flatmap(lambda shape: st.lists(numbers, min_size=(n := int(np.prod(shape))), max_size=n).map(
    lambda some: np.array(some, np.int64).reshape(shape))))  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_rows_are_looked_up_in_any_shape(shards, asked):
    rows = Rows(shards)
    found = rows.look_up(asked)
    for name in ("input_ids", "attention_mask", "pair.kind", "entities.w.eids", "entities.w.spans", "score"):
        assert found[name].shape[: asked.ndim] == asked.shape, name
    for at, number in enumerate(asked.ravel().tolist()):
        ids = found["input_ids"].reshape(asked.size, -1)[at]
        there = found["attention_mask"].reshape(asked.size, -1)[at]
        eids = found["entities.w.eids"].reshape(asked.size, -1)[at]
        topic = found["topic"][at].as_py()
        kind = found["pair.kind"].ravel()[at]
        if number < 0:
            assert not ids.any()
            assert not there.any()
            assert (eids == -1).all()
            assert (topic, kind) == (None, -1)
            continue
        told = EXAMPLES[number]
        assert ids[there].tolist() == told["input_ids"]
        assert (topic, kind) == (told["topic"], told["pair.kind"])
        mask = found["entities.w.eids.mask"].reshape(asked.size, -1)[at]
        assert eids[mask].tolist() == [eid for some in told["entities.w.eids"] for eid in some]
    assert found["batch.rows"].tolist() == asked.tolist()


def test_a_number_of_no_row_is_refused(shards):
    with pytest.raises(IndexError, match="no example 7: there are 7"):
        Rows(shards).look_up([[0, 7]])
