"""Mentions with types as examples: where they stand, markers around them, what there is no room for."""

from __future__ import annotations

import numpy as np
import pytest

from kbtools import config
from kbtools.errors import ConfigError
from kbtools.shards.assembly import assemble
from kbtools.shards.base import Here, Texts
from kbtools.shards.layouts.typed import LAYOUT, Settings
from tests.layout_tokens import read, tokenizer
from tests.viewed import documents

TEXT = "in ulm . ada may was here"
META = {"mentions": [{"at": [9, 16], "labels": ["person"]}, {"at": [3, 6], "labels": ["city", "place"]}]}


def made(tmp_path, meta, *overrides, text=TEXT, max_length=16):
    mine = tokenizer(tmp_path, ["[ENT]", *TEXT.split()])
    here = Here(tokenizer=mine, max_length=max_length)
    batch = documents(text, meta=[meta])
    stream = mine.encode([text], ["en"])
    texts = Texts(batch, stream, np.array([0, 3, len(stream.ids)]), np.zeros((0, 2), np.int64))
    settings = config.build(Settings, where="typed", overrides=overrides)
    cut = LAYOUT.cut(texts, np.array([0]), settings, here, 0)
    rows = assemble(stream, cut.segments)
    found = []
    for at in range(len(rows)):
        ids = rows.ids[rows.offsets[at] : rows.offsets[at + 1]]
        start, end = cut.columns["typed.span"][at].as_py()
        found.append((read(mine, ids), read(mine, ids[start:end]), cut.columns["typed.labels"][at].as_py()))
    return found, here.counts


def test_a_mention_is_shown_in_its_sentence(tmp_path):
    found, _ = made(tmp_path, META)
    assert found == [
        ("[CLS] in ulm . [SEP]", "ulm", ["city", "place"]),
        ("[CLS] ada may was here [SEP]", "ada may", ["person"]),
    ]


@pytest.mark.parametrize(("markers", "shown"), [("[ENT]", "[ENT] ada may [ENT]"), ("@,#", "@ ada may #")])
def test_markers_stand_around_it(tmp_path, markers, shown):
    found, _ = made(tmp_path, META, f"markers={markers}")
    assert found[1] == (f"[CLS] {shown} was here [SEP]", "ada may", ["person"])
    assert found[0][1] == "ulm"


def test_the_whole_document_if_there_is_room(tmp_path):
    found, _ = made(tmp_path, META, "context=document")
    assert {text for text, *_ in found} == {f"[CLS] {TEXT} [SEP]"}
    found, counts = made(tmp_path, META, "context=document", max_length=6)
    assert [(text, mention) for text, mention, _ in found] == [
        ("[CLS] in ulm . ada [SEP]", "ulm"),
        ("[CLS] . ada may was [SEP]", "ada may"),
    ]
    assert counts["sentences cut around mentions"] == 2


def test_what_is_left_out_is_counted(tmp_path):
    odd = {"mentions": [{"at": [0, 99]}, {"at": [9, 16]}, {"at": [2, 3]}]}
    found, counts = made(tmp_path, odd, max_length=3)
    assert found == []
    assert counts["mentions outside the text"] == 1
    assert counts["mentions without tokens"] == 1
    assert counts["mentions too long"] == 1
    found, counts = made(tmp_path, {"mentions": 3})
    assert found == []
    assert counts["documents without mentions that have types"] == 1


def test_settings_that_cannot_be(tmp_path):
    with pytest.raises(ConfigError, match="one token or two"):
        made(tmp_path, META, "markers=a,b,c")
    with pytest.raises(ConfigError, match=r"typed\.markers: no token '\[XY\]' in the tokenizer"):
        made(tmp_path, META, "markers=[XY]")
