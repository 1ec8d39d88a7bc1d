"""Which places of names may be mentions by their words: edges, punctuation, single characters, words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kbtools.errors import ConfigError
from kbtools.linkers.base import KINDS, Block, Mentions
from kbtools.linkers.mentions import spans
from tests.named_mentions import mentions_of, shown


def kept(text: str, *names: str, **settings: Any) -> list[str]:
    block, mentions = mentions_of([text], {name: [(1, 1.0)] for name in names})
    return found(block, mentions, **settings)


def found(block: Block, mentions: Mentions, **settings: Any) -> list[str]:
    after = spans.make(None, spans.Settings(**settings))(block, mentions)  # type: ignore[arg-type]
    return [row[2] for row in shown(block, after)]


def test_nothing_asked_nothing_left_out():
    assert kept("the A, B", "the A", "A, B") == ["the A", "A, B"]


@pytest.mark.parametrize(
    ("name", "stays"),
    [
        ("The Beatles", False), ("Bank of", False), ("Bank of England", True), ("of", False),
        ("US Navy", True), ("WHO", True), ("Black Friday", True), ("I Robot", False), ("England", True),
    ],
)  # fmt: skip
def test_stop_words_at_the_edges(name, stays):
    assert bool(kept(f"x {name} y", name, stop_edges=False)) is stays


@pytest.mark.parametrize(
    ("name", "stays"),
    [
        ("Paris, Texas", False), ("U.S. Navy", True), ("O'Neil", True), ("Jean-Paul", True), ("AT&T", True),
        ("A – B", False), ("Yahoo!", False), ("(A", False), ("$100", False), ("“A”", False),
        ("《红楼梦》", False), ("唐纳德·特朗普", True),
    ],
)  # fmt: skip
def test_punctuation(name, stays):
    assert bool(kept(f"x {name} y", name, punctuation=False)) is stays


def test_words_are_counted_by_spaces():
    names = ("a b c", "a b", "中国人民大学")
    assert kept("a b c 中国人民大学", *names, most_words=2) == ["a b", "中国人民大学"]
    assert len(kept("a b c 中国人民大学", *names)) == 3


def test_single_characters_are_names_if_they_often_are():
    names = {"京": [(1, 0.95)], "海": [(2, 0.5), (3, 0.5)], "A": [(4, 0.1)]}
    block, mentions = mentions_of(["京、海和A。京城", "京", "海京"], names)
    asked = {"single_link": 0.1, "single_prior": 0.9}
    assert found(block, mentions, **asked) == ["京", "A", "京"]  # not in 京城 or 海京; 海 means two things
    counted = mentions._replace(link=np.array([0.05, 0.2, np.nan, 0.3, 0.09, 0.5, 0.01], np.float32))
    assert found(block, counted, **asked) == ["海", "A", "京", "海"]


def test_a_neighbour_in_another_document_is_none():
    block, mentions = mentions_of(["海", "京", "海"], {"京": [(1, 1.0)]})
    assert found(block, mentions, single_prior=0.9) == ["京"]


def test_words_of_jieba():
    pytest.importorskip("jieba")
    text = "我在北京大学学习"
    names = ("北京大学", "大学", "京大", "学习")
    assert kept(text, *names) == ["北京大学", "京大", "大学", "学习"]
    assert kept(text, *names, words="jieba") == ["北京大学", "学习"]
    assert kept("cat category", "cat", words="characters") == ["cat"]


def test_only_names_are_looked_at():
    block, mentions = mentions_of(["the A"], {"the A": [(1, 1.0)]}, kind="ner")
    assert KINDS[mentions.kind[0]] == "ner"
    assert found(block, mentions, stop_edges=False) == ["the A"]


def test_nothing_in_nothing_out():
    block, mentions = mentions_of(["", "x"], {})
    assert found(block, mentions, stop_edges=False, punctuation=False, words="characters") == []
    with pytest.raises(ConfigError, match="most_words"):
        spans.Settings(most_words=-1)
