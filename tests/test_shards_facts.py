"""Facts in their sentences: where both ends stand, markers, cutting, numbers of relations."""

from __future__ import annotations

from pathlib import Path

import pytest

from kbtools import config
from kbtools.artefact import KbRef
from kbtools.corpus.base import Link
from kbtools.errors import ConfigError
from kbtools.kb.reader import gather
from kbtools.shards.layouts.facts import Settings
from kbtools.tokens.tokenizer import Tokenizer
from tests import tiny_kb
from tests.layout_facts import GANDHI, INDIA, LONDON, TEXT, UNIVERSITY, WORDS, document, here_of, made
from tests.layout_tokens import tokenizer


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return tokenizer(tmp_path_factory.mktemp("tokens"), WORDS)


LINKS = [Link(*GANDHI, "Q1"), Link(*UNIVERSITY, "Q2"), Link(*INDIA, "Q3")]


def test_a_fact_in_its_sentence(tokens: Tokenizer) -> None:
    [row] = made(here_of(tokens), [document(TEXT, LINKS, [{"relation": "P69", "head": 0, "tail": 1}])])
    assert row["text"] == "[CLS] gandhi studied at the university of london . [SEP]"
    assert (row["head"], row["tail"], row["facts.relation_id"]) == ("gandhi", "university of london", "P69")
    assert (row["facts.head_id"], row["facts.tail_id"], row["facts.relation"]) == ("Q1", "Q2", -1)
    assert (row["facts.head"], row["facts.tail"]) == ([1, 2], [5, 8])


def test_a_fact_over_two_sentences(tokens: Tokenizer) -> None:
    [row] = made(here_of(tokens), [document(TEXT, LINKS, [{"relation": "P17", "head": 1, "tail": 2}])])
    assert row["text"] == "[CLS] gandhi studied at the university of london . he was born in india . [SEP]"
    [row] = made(here_of(tokens), [document("A city. " + TEXT, [], [
        {"type": "P17", "head": "Q2", "tail": "Q3", "head_at": [30, 50], "tail_at": [67, 72]}
    ])], "context=document")  # fmt: skip
    assert row["text"].startswith("[CLS] a city . gandhi")
    assert (row["head"], row["tail"]) == ("university of london", "india")


@pytest.mark.parametrize(
    ("markers", "text"),
    [
        ("@,#", "[CLS] # gandhi # studied at the @ university of london @ . [SEP]"),
        ("[HD],[HD],[TL],.", "[CLS] [TL] gandhi . studied at the [HD] university of london [HD] . [SEP]"),
    ],
)
def test_markers(tokens: Tokenizer, markers: str, text: str) -> None:
    """The tail stands first here; spans are those of the mentions, not of the markers."""
    [row] = made(
        here_of(tokens),
        [document(TEXT, LINKS, [{"relation": "P69", "head": 1, "tail": 0}])],
        f"markers={markers}",
    )
    assert row["text"] == text
    assert (row["head"], row["tail"]) == ("university of london", "gandhi")


def test_markers_at_the_edges(tokens: Tokenizer) -> None:
    links = [Link(0, 6), Link(7, 13)]
    [row] = made(
        here_of(tokens),
        [document("Gandhi London", links, [{"relation": "r", "head": 0, "tail": 1}])],
        "markers=@,#",
    )
    assert row["text"] == "[CLS] @ gandhi @ # london # [SEP]"
    assert (row["head"], row["tail"]) == ("gandhi", "london")


def test_markers_that_are_no_tokens(tokens: Tokenizer) -> None:
    with pytest.raises(ConfigError, match=r"no token '\[E1\]' in .* added=\[E1\],\[E2\]$"):
        made(here_of(tokens), [document(TEXT, LINKS, [])], "markers=[E1],[E2]")
    with pytest.raises(ConfigError, match="two or four tokens"):
        config.build(Settings, where="facts", overrides=["markers=@"])


def test_ends_that_overlap(tokens: Tokenizer) -> None:
    links = [Link(*UNIVERSITY, "Q2"), Link(*LONDON, "Q4")]
    documents = [document(TEXT, links, [{"relation": "P131", "head": 0, "tail": 1}])]
    [row] = made(here_of(tokens), documents)
    assert (row["head"], row["tail"]) == ("university of london", "london")
    here = here_of(tokens)
    assert made(here, documents, "markers=@,#") == []
    assert here.counts["facts whose ends overlap"] == 1


@pytest.mark.parametrize("length", [9, 10, 12, 14, 15, 20])
def test_long_sentences_are_cut_around_both(tokens: Tokenizer, length: int) -> None:
    text = "the large " * 5 + "London of India" + " was a city" * 5
    links = [Link(50, 56), Link(60, 65)]
    [row] = made(
        here_of(tokens, max_length=length),
        [document(text, links, [{"relation": "r", "head": 0, "tail": 1}])],
        "markers=@,#",
    )
    words = row["text"].split()
    assert len(words) == length
    at = words.index("@")
    assert words[at : at + 7] == ["@", "london", "@", "of", "#", "india", "#"]
    assert abs((at - 1) - (length - at - 8)) <= 1  # as much on both sides


def test_what_one_side_does_not_need_the_other_has(tokens: Tokenizer) -> None:
    text = "London of India" + " was a city" * 5
    [row] = made(
        here_of(tokens, max_length=10),
        [document(text, [Link(0, 6), Link(10, 15)], [{"relation": "r", "head": 0, "tail": 1}])],
    )
    assert row["text"] == "[CLS] london of india was a city was a [SEP]"


def test_ends_too_far_apart(tokens: Tokenizer) -> None:
    here = here_of(tokens, max_length=6)
    assert made(here, [document(TEXT, LINKS, [{"relation": "P69", "head": 0, "tail": 1}])]) == []
    assert here.counts["facts too long"] == 1


def test_facts_of_other_shapes(tokens: Tokenizer) -> None:
    """PubTator names entities; ids of one mention in several knowledge bases are one place."""
    links = [Link(*GANDHI, "x1", "a"), Link(*GANDHI, "Q1", "b"), Link(*INDIA, "Q3", "b")]
    told = [{"type": "CID", "args": ["Q1", "Q3"]}, {"relation": "born", "head": 0, "tail": 1}]
    rows = made(
        here_of(tokens, kbs=[KbRef(name="b", content="c", id_space=[])]),
        [document(TEXT, links, told)],
        "kb=b",
    )
    assert {(row["head"], row["facts.relation_id"], row["tail"], row["facts.head_id"]) for row in rows} == {
        ("gandhi", "CID", "india", "Q1"), ("gandhi", "born", "india", "Q1")
    }  # fmt: skip


def test_what_is_no_fact_is_counted(tokens: Tokenizer) -> None:
    told = [
        {"relation": "r", "head": 0, "tail": 7}, {"relation": "r", "head": "Q9", "tail": "Q1"},
        {"head": 0, "tail": 1}, 5,
        {"relation": "r", "head_at": [0, 6], "tail_at": [59, 99]},
        {"relation": "r", "head_at": [1, 6], "tail_at": [22, 42]},
    ]  # fmt: skip
    here = here_of(tokens)
    bad = document(TEXT, LINKS, None, "d2")._replace(meta='{"relations": 3}')
    none = document(TEXT, LINKS, None, "d3")
    assert made(here, [document(TEXT, LINKS, told), bad, none]) == []
    assert here.counts["facts of which an end is nowhere"] == 3
    assert here.counts["facts that cannot be read"] == 1
    assert here.counts["documents whose relations cannot be read"] == 1
    assert here.counts["facts outside the text"] == 1
    assert here.counts["ends of facts cut by tokens"] == 1


def test_numbers_of_relations(tokens: Tokenizer, tmp_path: Path) -> None:
    told = [{"relation": one, "head": 0, "tail": 1} for one in ("P69", "P17", "P5")]
    here = here_of(tokens)
    (tmp_path / "wanted.txt").write_text("P17\tcountry\nP69\n\n")
    rows = made(here, [document(TEXT, LINKS, told)], f"relations={tmp_path}/wanted.txt")
    assert {(row["facts.relation_id"], row["facts.relation"]) for row in rows} == {("P17", 0), ("P69", 1)}
    assert here.counts["facts of other relations"] == 1
    base = gather([tiny_kb.write(tmp_path / "kb", tiny_kb.world())])[0]
    rows = made(here_of(tokens, bases={0: base}), [document(TEXT, LINKS, told)])
    assert {(row["facts.relation_id"], row["facts.relation"]) for row in rows} == {
        ("P17", 1),
        ("P69", -1),
        ("P5", -1),
    }
