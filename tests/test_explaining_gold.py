"""`kbtools.linkers.explain_documents`: what a linker did beside what is right, judged by hand."""

from __future__ import annotations

import pytest

from kbtools import linkers
from kbtools.tasks.linking import Settings
from kbtools.tasks.linking.evaluation import Evaluation
from tests import tiny_linking
from tests.tiny_linking import document


@pytest.fixture(scope="module")
def alias(tmp_path_factory):
    return tiny_linking.alias(tmp_path_factory.mktemp("names"))


def told(alias, folder, *documents, **options):
    path = tiny_linking.corpus(folder, *documents)
    return linkers.explain_documents(path, alias=alias, **options).documents


def verdicts(one, kb="places"):
    mentions = [(each.surface, each.verdict) for each in one.mentions if each.kb == kb]
    return mentions, [(each.surface, each.verdict, each.rank) for each in one.gold]


def test_verdicts(alias, tmp_path):
    text = "Paris and Paris, Texas: France, Gotham; a city, NYC, Springfield"
    links = [("Paris, Texas", "Q90"), ("France", "Q142"), ("Gotham", None), ("Springfield", "Q60")]
    one = told(alias, tmp_path, document(text, *links))[0]
    assert verdicts(one) == (
        [
            ("Paris", "extra"), ("Paris, Texas", "wrong"), ("Paris", None), ("France", "right"),
            ("NYC", "extra"),
        ],
        [
            ("Paris, Texas", "wrong", None), ("France", "right", 1), ("Gotham", None, None),
            ("Springfield", "missed", None),
        ],
    )  # fmt: skip
    wrong = next(each for each in one.mentions if each.verdict == "wrong")
    assert (wrong.error, wrong.told) == ("no candidate", "wrong: no candidate")
    assert [each.right for each in wrong.candidates] == [False]
    assert [each.called for each in one.near(wrong)] == ["Q90 Q90 label"]
    assert all(each.verdict is None for each in one.mentions if each.kb == "senses")  # gold is silent there
    assert {name: one.counts[name] for name in ("gold", "right", "wrong", "missed", "extra")} == {
        "gold": 4, "right": 1, "wrong": 1, "missed": 1, "extra": 2,
    }  # fmt: skip


def test_what_would_have_been_right_has_a_rank(alias, tmp_path):
    one = told(alias, tmp_path, document("Paris", ("Paris", "Q830149")))[0]
    assert verdicts(one) == ([("Paris", "wrong")], [("Paris", "wrong", 2)])
    assert [each.right for each in one.mentions[0].candidates] == [False, True]
    assert (one.gold[0].id, one.gold[0].mention, one.mentions[0].error) == ("Q830149", 0, "rare")


def test_gold_that_was_found_and_dropped(alias, tmp_path):
    one = told(alias, tmp_path, document("New York City", ("New York", "Q1384")))[0]
    [gold] = one.gold
    assert (gold.verdict, gold.error, gold.rank) == ("missed", "wrong span", 1)
    dropped = one.mentions[gold.mention]
    assert (dropped.surface, dropped.state, dropped.verdict) == ("New York", "dropped", None)
    kept = next(each for each in one.mentions if each.surface == "New York City" and each.kb == "places")
    assert (kept.verdict, kept.error) == ("extra", "wrong span")


def test_each_knowledge_base_is_judged_by_itself(alias, tmp_path):
    row = {"text": "Paris, City", "mentions": [
        {"start": 0, "end": 5, "ids": {"places": "Q999", "senses": "paris-n"}},
        {"start": 7, "end": 11, "id": "city-n", "kb": "senses"},
    ]}  # fmt: skip
    one = told(alias, tmp_path, row)[0]
    assert verdicts(one)[0] == [("Paris", "right")]  # Q999 was merged into Q90
    assert verdicts(one, "senses")[0] == [("Paris", "right"), ("City", "right")]
    assert [(each.kb, each.verdict) for each in one.gold] == [
        ("places", "right"), ("senses", "right"), ("senses", "right"),
    ]  # fmt: skip


def test_a_corpus_without_gold_is_only_explained(alias, tmp_path):
    ner = {"text": "Paris", "mentions": [{"start": 0, "end": 5, "kind": "ner"}]}
    for row in ({"text": "Paris"}, ner):
        one = told(alias, tmp_path, row)[0]
        assert (one.gold, one.mentions[0].verdict, one.mentions[0].candidates[0].right) == (None, None, None)


def test_no_documents_at_all(alias, tmp_path):
    path = tmp_path / "empty.jsonl"
    path.write_bytes(b"\n")
    assert linkers.explain_documents(path, alias=alias).documents == []


def test_records_that_cannot_be_read_are_noted(alias, tmp_path):
    path = tmp_path / "c.jsonl"
    path.write_bytes(b'{bad\n{"text": "Paris"}\n')
    found = linkers.explain_documents(path, alias=alias)
    assert len(found.documents) == 1
    assert found.notes[0].startswith("1 records cannot be read; the first: c.jsonl:1: ")


GOLD = [
    document("Paris and New York City", ("Paris", "Q830149"), ("New York City", "Q60"), id="a"),
    document("France, NYC and China", ("France", "Q142"), ("China", "Q57695"), id="b"),
    document("Paris, Texas or Paris", ("Paris", "Q830149"), id="c"),
]


@pytest.mark.parametrize("options", [{}, {"overlap": "all"}, {"overrides": ["nil.total=0.95"]}])
def test_errors_are_those_of_the_scores(alias, tmp_path, options):
    """Every annotation has the class that `kbtools eval linking` gives it."""
    documents = told(alias, tmp_path, *GOLD, **options)
    path = tmp_path / "corpus.jsonl"
    linkers.link(path, tmp_path / "linked", alias=alias, overwrite=True, **options)
    results = Evaluation([tmp_path / "linked"], str(path), settings=Settings(plots=False)).run()
    rows = results.predictions.to_pylist()
    for side in ("gold", "answer"):
        theirs = {
            (row["doc_id"], row["start"], row["end"], row["class"].replace(", lower case", ""))
            for row in rows
            if row["side"].startswith(side)
        }
        ours = {
            (one.doc_id, each.start, each.end, each.error)
            for one in documents
            for each in (one.gold if side == "gold" else one.mentions)
            if each.error and each.kb == "places"
        }
        assert {(*row[:3], "x") if row[3] in {"partial name", "rare"} else row for row in ours} == {
            (*row[:3], "x") if row[3] in {"partial name", "rare"} else row for row in theirs
        }
        assert ours


def test_an_id_of_a_base_that_is_not_here_says_nothing_against_one_that_is(alias, tmp_path):
    gold = document("Paris", ("Paris", "Q90"))
    gold["mentions"].append({**gold["mentions"][0], "id": "X1", "kb": "elsewhere"})
    one = told(alias, tmp_path, gold)[0]
    assert verdicts(one) == ([("Paris", "right")], [("Paris", "right", 1)])
