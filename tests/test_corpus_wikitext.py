"""Linked WikiText-2: tokens become text, spans of tokens become spans of characters."""

from __future__ import annotations

import json

from kbtools import corpus
from kbtools.corpus.base import Report

TOKENS = [
    "@@START@@",
    "Ulm",
    "is",
    "in",
    "Germany",
    ".",
    "@@END@@",
    "The",
    "city",
    "had",
    "2",
    "gates",
    "@@END@@",
]


def rows(path, report=None):
    return [row for batch in corpus.documents(f"wikitext:{path}", report=report) for row in batch.to_pylist()]


def annotation(id_, first, last, source="WIKI"):
    return {"source": source, "id": id_, "relation": ["@@NEW@@"], "parent_id": [id_], "span": [first, last]}


def test_tokens_and_spans(tmp_path):
    found = [
        annotation("Q3012", 1, 2, "KG"),
        annotation("Q183", 4, 5),
        annotation("Q3012", 7, 9, "COREF"),
        annotation("@@QUANTITY@@", 10, 12),
    ]
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"title": "Ulm", "tokens": TOKENS, "annotations": found}) + "\r\n")
    report = Report()
    (row,) = rows(path, report)
    assert (row["doc_id"], row["text"]) == ("Ulm", "Ulm is in Germany .\nThe city had 2 gates")
    assert [
        (row["text"][one["start"] : one["end"]], one["id"], one["kb"], one["kind"], one["type"])
        for one in row["links"]
    ] == [
        ("Ulm", "Q3012", "wikidata", "gold", None),
        ("Germany", "Q183", "wikidata", "gold", None),
        ("The city", "Q3012", "wikidata", "coreference", None),
        ("2 gates", None, None, "ner", "QUANTITY"),
    ]
    assert json.loads(row["links"][0]["extra"]) == {
        "source": "KG", "relation": ["@@NEW@@"], "parent_id": ["Q3012"],
    }  # fmt: skip
    meta = json.loads(row["meta"])
    words = [token for token in TOKENS if not token.startswith("@@")]
    assert [row["text"][start:end] for start, end in meta["tokens"]] == words
    assert report.counts == {"read": 1}


def test_bad_lines_and_annotations_cost_no_others(tmp_path):
    path = tmp_path / "a.jsonl"
    bad = [
        annotation("Q1", 0, 99),
        annotation("Q1", 3, 3),
        annotation("Q1", 0, 1),
        {"id": 3},
        annotation("Q1", 1, 2),
    ]
    line = json.dumps({"tokens": TOKENS, "annotations": bad})
    path.write_bytes(b'{"tokens": 1}\n{\n' + line.encode() + b'\n{"tokens": ["\xff"]}\n{"tokens": []}\n')
    report = Report()
    first, second = rows(path, report)
    assert (first["doc_id"], len(first["links"])) == ("a.jsonl:3", 1)
    assert (second["text"], second["links"]) == ("", [])
    assert [one["line"] for one in report.rejects] == [1, 2, 3, 3, 3, 3, 4]


def test_the_real_sample(realdata):
    path = realdata / "text/linked-wikitext-2-mini/enhanced-wikitext-test/train.jsonl"
    report = Report()
    found = rows(path, report)
    assert [len(row["links"]) for row in found] == [8, 8, 3]
    assert found[1]["text"].startswith("The Benton City – Kiona Bridge is a steel box girder")
    assert not report.rejects
