"""Whole words of Chinese: those of a segmenter, as shards have them."""

from __future__ import annotations

import pytest
import torch

from kbtools import api
from kbtools.models.draws import Draws
from kbtools.models.objectives.base import Here
from kbtools.models.objectives.mlm import Mlm, Settings
from kbtools.models.training.data import RowSet
from kbtools.shards.reader import Shards
from kbtools.shards.reading.rows import Rows
from tests import tiny_tokenizer
from tests.shard_world import CHINESE


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    out = tmp_path_factory.mktemp("chinese") / "shards"
    tokenizer = tiny_tokenizer.path()
    api.shard(CHINESE, out, model="bert_wwm", tokenizer=tokenizer, kbs=[], overrides=["max_length=64"])
    rows = Rows(Shards(out), "train", columns=("input_ids", "word_start"))
    return RowSet(rows), tiny_tokenizer.loaded()


def test_chinese_words_are_predicted_whole(read):
    rows, tokenizer = read
    some = rows.__getitems__(range(min(len(rows), 64)))
    ids = some["input_ids"]
    words = tokenizer.special._asdict()
    one = Mlm(Settings(unit="words"), Here(size=2000, special=words))
    assert one.corrupt(some, Draws(some, 0)) > 50
    flags = torch.zeros(ids.numel(), dtype=torch.bool)
    flags[some["mlm.places"]] = True
    flags = flags.view_as(ids)
    never = torch.isin(ids, torch.tensor([words[name] for name in ("pad", "cls", "sep")]))
    goes_on = ~some["word_start"] & ~never & some["attention_mask"]
    goes_on[:, 1:] &= ~never[:, :-1]
    assert (flags[:, 1:] == flags[:, :-1])[goes_on[:, 1:]].all()
    assert (goes_on & flags).sum() > 10  # words of more than one character
