"""Tab files with a heading: labels, pairs, and tags of tokens."""

from __future__ import annotations

import json

from kbtools import corpus


def read(path, data, report=None, **more):
    path = path / "a.tsv"
    path.write_bytes(data.encode())
    return [
        row for batch in corpus.documents(f"table:{path}", report=report, **more) for row in batch.to_pylist()
    ]


def test_rows_are_documents_and_columns_ride_along(tmp_path):
    rows = read(
        tmp_path, '\ufefflabel\ttext_a\ttext_b\r\n1\t很好 "x"\tyes\r\n\r\n0\tbad\t\r\n', settings=["lang=zh"]
    )
    assert [(row["doc_id"], row["text"], row["lang"]) for row in rows] == [
        ("a.tsv:2", '很好 "x"', "zh"), ("a.tsv:4", "bad", "zh"),
    ]  # fmt: skip
    assert [json.loads(row["meta"]) for row in rows] == [
        {"label": "1", "text_b": "yes"}, {"label": "0", "text_b": ""},
    ]  # fmt: skip
    assert rows[0]["links"] is None


def test_columns_are_named_by_settings(tmp_path):
    (row,) = read(tmp_path, "id\tq\n7\tWhy?\n", settings=["text=q"])
    assert (row["doc_id"], row["text"], row["meta"]) == ("7", "Why?", None)
    (row,) = read(tmp_path, "7\tWhy?\n", settings=["heading=id,text_a"])
    assert (row["doc_id"], row["text"]) == ("7", "Why?")
    report = corpus.Report()
    assert read(tmp_path, "a\tb\n1\t2\n", report) == []
    assert "no column 'text_a'; it has a, b" in report.rejects[0]["reason"]


def test_tagged_characters_become_a_text_without_spaces(tmp_path):
    report = corpus.Report()
    data = "text_a\tlabel\n王 \u3000 在 北 京 。\tB-PER O O B-LOC I-LOC O\n4 8 岁\tO O\n"
    first, second = read(tmp_path, data, report)
    assert first["text"] == "王\u3000在北京。"
    assert [(x["start"], x["end"], x["kind"], x["type"], x["id"]) for x in first["links"]] == [
        (0, 1, "ner", "PER", None), (3, 5, "ner", "LOC", None),
    ]  # fmt: skip
    assert json.loads(first["meta"])["tags"] == ["B-PER", "O", "O", "B-LOC", "I-LOC", "O"]
    assert (second["text"], second["links"]) == ("48岁", None)
    assert [(x["line"], x["reason"]) for x in report.rejects] == [(3, "2 tags of 3 tokens")]


def test_tagged_words_keep_their_spaces_and_tags_may_be_mere_labels(tmp_path):
    data = "text_a\tlabel\nAnn lives in New York\tS-PER O O B-LOC E-LOC\n"
    (row,) = read(tmp_path, data)
    assert [row["text"][x["start"] : x["end"]] for x in row["links"]] == ["Ann", "New York"]
    (row,) = read(tmp_path, data, settings=["tags=no"])
    assert (row["links"], json.loads(row["meta"])["label"]) == (None, "S-PER O O B-LOC E-LOC")


def test_rows_of_another_width_are_rejected(tmp_path):
    report = corpus.Report()
    assert len(read(tmp_path, "text_a\tlabel\nx\n\na\tb\tc\ny\t1\n", report)) == 1
    assert [(x["line"], x["reason"]) for x in report.rejects] == [
        (2, "1 columns, not 2"), (4, "3 columns, not 2"),
    ]  # fmt: skip


def test_real_tables_are_read_whole(realdata):
    report = corpus.Report()
    sizes: dict[str, int] = {}
    for batch in corpus.documents(f"table:{realdata / 'kbert/datasets'}", report=report):
        for row in batch.select(["doc_id", "links"]).to_pylist():
            name = row["doc_id"].partition("/")[0]
            sizes[name] = sizes.get(name, 0) + len(row["links"] or [])
    assert not report.rejects
    assert sizes["book_review"] == sizes["chnsenticorp"] == 0
    assert sizes["medical_ner"] > 27_000
