"""What becomes of documents: sentences, pairs, labels, tags, words told by spaces, links."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from kbtools import api, artefact, corpus, linkers
from kbtools.errors import ArtefactError, ConfigError
from kbtools.tokens.tokenizer import Tokenizer
from kbtools.trees.base import Tokens
from kbtools.trees.reading import Tags
from kbtools.trees.tagging import labels, unsaid
from tests import grown_trees, tiny_tokenizer
from tests.grown_trees import read

FACTS = [
    ("北京", "首都", "中国"), ("北京大学", "位于", "北京"), ("库克", "任职", "苹果"),
    ("Cook", "CEO", "Apple"), ("New York", "country", "United States"),
]  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return grown_trees.kb(tmp_path_factory.mktemp("kb"), FACTS)


@pytest.fixture
def made(tmp_path, base):
    def make(name, text, **options):
        path = tmp_path / name.partition(":")[2] if ":" in name else tmp_path / name
        path.write_text(text, encoding="utf-8")
        spec = f"{name.partition(':')[0]}:{path}" if ":" in name else path
        api.tree(spec, tmp_path / "out", kbs=[base], overwrite=True, **options)
        return read(tmp_path / "out")

    return make


def text(row):
    return "".join(row["tokens"])


def test_lines_of_a_text_file_are_sentences(made):
    rows = made("a.txt", "他去北京大学。他回来了。\n\nCook 在北京\n")
    assert [row["text"] for row in rows] == ["他去北京大学。他回来了。", "Cook 在北京"]
    assert text(rows[0]) == "[CLS]他去北京大学位于北京。他回来了。[SEP]"
    assert text(rows[1]) == "[CLS]CookCEOApple在北京首都中国[SEP]"
    assert rows[0]["doc_id"] == rows[0]["sentence_id"]
    assert rows[0]["label"] is rows[0]["labels"] is rows[0]["input_ids"] is None


def test_documents_are_cut_into_sentences(made):
    rows = made("a.jsonl", json.dumps({"id": "x", "text": "他去北京。他回来了。"}))
    assert [(row["sentence_id"], row["doc_id"], row["text"]) for row in rows] == [
        ("x:0", "x", "他去北京。"), ("x:1", "x", "他回来了。")
    ]  # fmt: skip
    (row,) = made("a.jsonl", json.dumps({"id": "x", "text": "他去北京。他回来了。"}), sentences="whole")
    assert (row["sentence_id"], row["text"]) == ("x", "他去北京。他回来了。")


def test_pairs_and_labels(made):
    rows = made("table:a.tsv", "label\ttext_a\ttext_b\n1\t他去北京。好\t库克来\n0\t是\t否\n")
    assert [row["label"] for row in rows] == ["1", "0"]
    assert rows[0]["text"] == "他去北京。好\n库克来"
    assert text(rows[0]) == "[CLS]他去北京首都中国。好[SEP]库克任职苹果来[SEP]"
    assert rows[0]["segment"] == [0] * 12 + [1] * 8
    trunk = [soft for soft, branch in zip(rows[0]["soft"], rows[0]["branch"], strict=True) if not branch]
    assert trunk == list(range(len(trunk)))


def test_of_a_pair_the_longer_one_is_cut_first(made):
    (row,) = made("table:a.tsv", "text_a\ttext_b\n一二三四五六\t七八九\n", max_length=8)
    assert text(row) == "[CLS]一二三[SEP]七八[SEP]"
    assert row["lost_trunk"] == 4
    (row,) = made("table:a.tsv", "text_a\ttext_b\n一二三四五六\t七\n", max_length=8)
    assert text(row) == "[CLS]一二三四[SEP]七[SEP]"


def test_a_pair_of_the_published_code_ends_with_sep(made):
    (row,) = made("table:a.tsv", "text_a\ttext_b\n去北京\t好 A\n", policy="reference")
    assert text(row) == "[CLS]去北京首都中国[SEP]好A[SEP]"
    assert row["segment"][-4:] == [0, 1, 1, 1]


def test_tags_go_to_the_trunk(made):
    rows = made("table:a.tsv", "text_a\tlabel\n去 北 京 大 学 了\tO B-ORG I-ORG I-ORG I-ORG O\n")
    (row,) = rows
    told = dict(zip(row["tokens"], row["labels"], strict=True))
    assert row["labels"] == [None, "O", "B-ORG", "I-ORG", "I-ORG", "I-ORG", *[None] * 4, "O", None]
    assert told["了"] == "O"


def test_tags_of_pieces(made):
    words = ["Tim Cook lives in internationalisation", "B-PER I-PER O O B-X"]
    path = tiny_tokenizer.path()
    (row,) = made("table:a.tsv", "text_a\tlabel\n" + "\t".join(words) + "\n", tokenizer=path)
    inside = [label for label in row["labels"] if label and label.endswith("X")]
    assert inside[0] == "B-X"
    assert set(inside[1:]) == {"I-X"}
    (row,) = made("table:a.tsv", "text_a\tlabel\n" + "\t".join(words) + "\n", tokenizer=path, pieces="same")
    assert {label for label in row["labels"] if label and label.endswith("X")} == {"B-X"}
    (row,) = made("table:a.tsv", "text_a\tlabel\n" + "\t".join(words) + "\n", tokenizer=path, pieces="first")
    assert [label for label in row["labels"] if label] == words[1].split()


def test_answers_to_a_question_are_a_group(made):
    rows = made("table:a.tsv", "qid\tlabel\ttext_a\ttext_b\n7\t1\t谁\t他\n7\t0\t谁\t是\n")
    assert [row["group"] for row in rows] == ["7", "7"]
    assert [row["group"] for row in made("a.txt", "他去北京\n")] == [None]


def test_words_told_by_spaces_are_looked_up_as_they_are(made):
    (row,) = made("a.txt", "他 去 北京大学 和 北京 Cook 家", segmented=True)
    assert row["text"] == "他去北京大学和北京 Cook 家"
    assert text(row) == "[CLS]他去北京大学位于北京和北京首都中国CookCEOApple家[SEP]"
    (row,) = made("a.txt", "北 京大学", segmented=True)
    assert text(row) == "[CLS]北京大学[SEP]"
    assert row["word"] == [0, 1, 2, 2, 2, 3]


def test_objects_alone(made):
    (row,) = made("a.txt", "北京 New York", predicate=False)
    assert row["tokens"] == ["[CLS]", "北", "京", "中", "国", "New", "York", "United", "States", "[SEP]"]


def test_names_in_another_spelling(made):
    (row,) = made("a.txt", "COOK cook")
    assert row["tokens"] == ["[CLS]", "COOK", "CEO", "Apple", "cook", "[SEP]"]  # small letters: no name
    (row,) = made("a.txt", "COOK Cook", match="exact")
    assert row["tokens"] == ["[CLS]", "COOK", "Cook", "CEO", "Apple", "[SEP]"]


def test_words_like_no_are_names_in_capitals_alone(tmp_path):
    base = grown_trees.kb(tmp_path, [("no", "capital", "Oslo")])
    told = "no No NO"
    grown = [row["tokens"] for row in grown_trees.grow(tmp_path, told, base)]
    assert grown == [["[CLS]", "no", "No", "NO", "capital", "Oslo", "[SEP]"]]
    (row,) = grown_trees.grow(tmp_path, told, base, stop_words=True)
    assert row["tokens"].count("Oslo") == 3


def test_any_tokenizer(made):
    path = tiny_tokenizer.path()
    tokenizer = Tokenizer.load(path)
    told = "He left New York for 北京."
    (row,) = made("a.txt", told, tokenizer=path)
    trunk = [one for one, branch in zip(row["input_ids"], row["branch"], strict=True) if not branch]
    ids = tokenizer.encode([told]).ids.tolist()
    assert trunk == [tokenizer.special.cls, *ids, tokenizer.special.sep]
    assert tokenizer.words(row["input_ids"]).to_pylist() == row["tokens"]
    inside = [one for one, branch in zip(row["input_ids"], row["branch"], strict=True) if branch == 1]
    assert inside == tokenizer.encode(["country United States"]).ids.tolist()


def test_without_knowledge_a_tree_is_a_sentence(tmp_path, made, base):
    plain = made("a.txt", "他去北京大学。\n", max_entities=0)
    assert text(plain[0]) == "[CLS]他去北京大学。[SEP]"
    empty = grown_trees.kb(tmp_path, [("x", "y", "z")], "empty")
    assert grown_trees.grow(tmp_path, "他去北京大学。\n", empty)[0]["tokens"] == plain[0]["tokens"]


def test_long_documents_are_worked_on_in_parts(made, tmp_path, base, monkeypatch):
    text = "".join(json.dumps({"id": str(at), "text": "库克去北京。" * at}) + "\n" for at in range(1, 6))
    rows = made("a.jsonl", text)
    pairs = made("table:b.tsv", "text_a\ttext_b\tlabel\n" + "库克\t去北京\t1\n" * 9)
    tagged = made("table:c.tsv", "text_a\tlabel\n" + "去 北 京\tO B I\n" * 5, overrides=["sentences=whole"])
    for size in (1, 4, 9):
        monkeypatch.setattr("kbtools.trees.reading.SIZE", size)
        assert made("a.jsonl", text) == rows
        assert made("table:b.tsv", "text_a\ttext_b\tlabel\n" + "库克\t去北京\t1\n" * 9) == pairs
        assert made("table:c.tsv", "text_a\tlabel\n" + "去 北 京\tO B I\n" * 5) == tagged
    given = linked(tmp_path, base)
    api.tree(given, tmp_path / "parts", kbs=[base])
    monkeypatch.undo()
    api.tree(given, tmp_path / "whole", kbs=[base])
    assert read(tmp_path / "parts") == read(tmp_path / "whole")


def linked(folder, base):
    (folder / "d.jsonl").write_text(
        json.dumps({"id": "x", "text": "库克在北京。他去北京大学。", "meta": {"label": "3"}}),
        encoding="utf-8",
    )
    api.build_alias([base], folder / "alias")
    linkers.link(folder / "d.jsonl", folder / "linked", alias=folder / "alias")
    return folder / "linked"


def test_entities_of_linked_documents(tmp_path, base):
    given = linked(tmp_path, base)
    api.tree(given, tmp_path / "out", kbs=[base])
    links = pa.Table.from_batches(corpus.documents(str(given)))["links"].to_pylist()[0]
    (row,) = read(tmp_path / "out")
    branches = "".join(token for token, branch in zip(row["tokens"], row["branch"], strict=True) if branch)
    assert len(links) == 3
    assert branches == "任职苹果首都中国位于北京"
    manifest = artefact.read(tmp_path / "out", "trees")
    assert [one.kind for one in manifest.inputs] == ["linked", "kb"]
    assert [ref.name for ref in manifest.kbs] == ["small"]


def test_another_release_is_refused(tmp_path, base):
    given = linked(tmp_path, base)
    other = grown_trees.kb(tmp_path, [("库克", "任职", "梨"), *FACTS], "small")
    with pytest.raises(ArtefactError, match="another release of 'small'"):
        api.tree(given, tmp_path / "out", kbs=[other])
    made = api.tree(given, tmp_path / "out", kbs=[other], force_lineage=True)
    assert "its numbers may mean other entities" in made.notes["warnings"][0]


def test_what_makes_no_sense_is_refused(tmp_path, base):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(ConfigError, match="--kb is missing"):
        api.tree(tmp_path / "a.txt", tmp_path / "out")
    with pytest.raises(ConfigError, match="max_length is 3"):
        api.tree(tmp_path / "a.txt", tmp_path / "out", kbs=[base], max_length=3)
    with pytest.raises(ConfigError, match="not LINKED"):
        api.tree(tmp_path / "a.txt", tmp_path / "out", kbs=[base], mentions="linked")
    other = grown_trees.kb(tmp_path, FACTS, "other")
    with pytest.raises(ConfigError, match=r"several knowledge bases \(small, other\)"):
        api.tree(tmp_path / "a.txt", tmp_path / "out", kbs=[base, other])
    assert not (tmp_path / "out").exists()


def test_tags_that_begin_inside_a_token_are_counted():
    tokens = Tokens(
        pa.array(["a", "22", "b", "c"]), None, np.array([0, 1, 3, 0], np.int32),
        np.array([1, 3, 4, 1], np.int32), np.ones(4, np.bool_), np.array([0, 3, 4]),
    )  # fmt: skip
    tags = Tags(np.array([0, 0, 0, 0, 1]), np.array([0, 1, 2, 3, 0]), ["O", "B-X", "B-Y", "O", "B-Z"])
    assert labels(tags, tokens).to_pylist() == ["O", "B-X", "O", "B-Z"]
    assert unsaid(tags, tokens) == 1  # the second 2
    assert unsaid(Tags(np.zeros(0, np.int64), np.zeros(0, np.int64), []), tokens) == 0
