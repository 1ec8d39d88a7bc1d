"""Phrases, names of entities, and sentiment: what is masked together."""

import pytest

from kbtools.artefact import KbRef
from kbtools.errors import SourceError
from kbtools.shards.base import Here
from kbtools.shards.views import sentiment, units
from kbtools.shards.views._words import words_of
from tests import tiny_tokenizer
from tests.viewed import documents, said, seen, texts_of

WORDS = "good\t2.5\t+\n# a remark\nbad\t-1\t-\n\ncold\t-.2\tnegative\n"
PAIRS = "food\tgood\t7\nservice\tbad\t3\nBeer\tcold\t2\n"


def here(*kbs):
    return Here(tiny_tokenizer.loaded(), 64, kbs=[KbRef(name=name, content="") for name in kbs])


def phrases(text, lang="en", *, column="phrase", meta=None, links=None, kbs=(), **settings):
    mine = here(*kbs)
    batch = documents(text, lang=lang, meta=[meta] if meta else None, links=[links] if links else None)
    texts = texts_of(batch, mine.tokenizer)
    row = seen(units.VIEW, units.Settings(**settings), texts, mine)[0]
    return ["".join(one.split()) for one in said(mine, texts, row[f"units.{column}"])]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Oil from a barge on the Jordan River drifted into the Dead Sea.", ["jordanriver", "deadsea"]),
        (
            "She studied variational inference, then cold drinks.",
            ["studiedvariationalinference", "colddrinks"],
        ),
        ("The Bank of England", []),
        ("one two three four five six", []),  # too long
        ("one two three four five", ["twothreefourfive"]),
        ("well-known apples. Red apples", ["knownapples"]),
    ],
)
def test_phrases_are_runs_between_function_words_signs_and_capitals(text, wanted):
    assert phrases(text, longest=4) == wanted


def test_chinese_phrases_are_words_of_two_characters_and_more():
    pytest.importorskip("jieba")
    assert phrases("孙日新是一位医生。", "zh") == ["孙日", "一位", "医生"]
    assert phrases("我在 Jordan River 游泳", None) == ["JordanRiver".lower(), "游泳"]


def test_or_words_of_the_tokenizer():
    assert phrases("孙日新是一位医生。", "zh", zh="tokenizer") == []


def test_phrases_that_a_document_tells():
    meta = {"phrases": [[4, 9], [10, 13]]}
    assert phrases("The first one Dead Sea", meta=meta) == ["first", "one"]
    assert phrases("The Dead Sea", phrases="meta") == []
    assert phrases("The Dead Sea", meta={"phrases": "x"}) == ["deadsea"]


def test_entities_are_the_longest_mentions_and_names():
    def link(start, end, kb=None, kind="gold", eid=None):
        return {"start": start, "end": end, "kb": kb, "kind": kind, "eid": eid}

    text = "University College London, Queen"
    links = [link(0, 25, "a", eid=1), link(19, 25, "b", eid=2), link(27, 32, kind="ner")]
    assert phrases(text, column="entity", links=links, kbs=("a", "b")) == ["universitycollegelondon", "queen"]
    mine = here("a", "b")
    texts = texts_of(documents(text, links=[links]), mine.tokenizer)
    row = seen(units.VIEW, units.Settings(kbs=("b",)), texts, mine)[0]
    assert said(mine, texts, row["units.entity"]) == ["london", "queen"]


@pytest.fixture
def lexicon(tmp_path):
    (tmp_path / "words.tsv").write_text(WORDS, encoding="utf-8")
    (tmp_path / "pairs.tsv").write_text(PAIRS, encoding="utf-8")
    return {"words": tmp_path / "words.tsv", "pairs": tmp_path / "pairs.tsv"}


def felt(lexicon, *texts, size=1 << 30, **settings):
    mine = here()
    made = texts_of(documents(*texts), mine.tokenizer)
    found = seen(sentiment.VIEW, sentiment.Settings(**lexicon, **settings), made, mine, size)
    return [
        {name.removeprefix("sentiment."): value if "polarity" in name else said(mine, made, value, at, size)
         for name, value in row.items()}
        for at, row in enumerate(found)
    ]  # fmt: skip


def test_sentiment_words_and_pairs_within_three_words(lexicon):
    row = felt(lexicon, "Good food, a bad service and a cold beer")[0]
    assert (row["spans"], row["polarity"]) == (["good", "bad", "cold"], [1, 0, 0])
    pairs = sorted(zip(row["aspects"], row["opinions"], strict=True))
    assert [("".join(aspect.split()), opinion) for aspect, opinion in pairs] == [
        ("beer", "cold"), ("food", "good"), ("service", "bad")
    ]  # fmt: skip
    assert felt(lexicon, "food was not very good")[0]["aspects"] == []  # four words away
    assert len(felt(lexicon, "food was very good")[0]["aspects"]) == 1
    assert felt(lexicon, "food was very good", distance=2)[0]["aspects"] == []
    assert [row["aspects"] for row in felt(lexicon, "a good", "food")] == [[], []]  # not over documents


def test_a_pair_in_two_rows_is_none(lexicon):
    size = len(tiny_tokenizer.loaded().encode(["food was"]).ids)
    rows = felt(lexicon, "food was good", size=size)
    assert [row["aspects"] for row in rows] == [[]] * len(rows)
    assert "good" in [one for row in rows for one in row["spans"]]


@pytest.mark.parametrize(
    ("text", "match"),
    [("good\t1\n", "2 columns, not 3"), ("good\t1\tx\n", "'x' is no polarity"), (None, "cannot be read")],
)
def test_a_lexicon_that_is_none(tmp_path, text, match):
    if text is not None:
        (tmp_path / "w.tsv").write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=match):
        felt({"words": tmp_path / "w.tsv"}, "good")


def test_without_a_lexicon_documents_tell():
    meta = [{"sentiment": [[9, 13, 1], [0, 4, 0]], "pairs": [[0, 4, 9, 13]]}, {"sentiment": 3}]
    mine = here()
    texts = texts_of(documents("food was good", "food", meta=meta), mine.tokenizer)
    first, second = seen(sentiment.VIEW, sentiment.Settings(), texts, mine)
    words = {name: said(mine, texts, first[f"sentiment.{name}"]) for name in ("spans", "aspects", "opinions")}
    assert words == {"spans": ["food", "good"], "aspects": ["food"], "opinions": ["good"]}
    assert first["sentiment.polarity"] == [0, 1]
    assert second["sentiment.spans"] == []
    assert mine.counts["documents without sentiment"] == 1


def test_the_words_of_a_block_are_those_of_no_other():
    tokenizer = tiny_tokenizer.loaded()
    one, two = (texts_of(documents(text), tokenizer) for text in ("The Dead Sea.", "A barge"))
    told = [words_of(texts).distinct.to_pylist() for texts in (one, two, one, one._replace(whole=one.whole))]
    assert told == [["The", "Dead", "Sea", "."], ["A", "barge"], *[["The", "Dead", "Sea", "."]] * 2]
