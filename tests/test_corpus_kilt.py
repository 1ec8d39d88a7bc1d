"""KILT's lines."""

import json

from tests.corpus_read import Read


def lines(*objects):
    return "".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in objects)


def linking(text, *titles, **more):
    pages = [{"answer": t, "provenance": [{"wikipedia_title": t, "wikipedia_id": "7"}]} for t in titles]
    return {"id": "a", "input": text, "output": pages, "meta": {}} | more


def read(tmp_path, text, name="a.jsonl"):
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return Read(f"kilt:{tmp_path / name}")


def test_entity_linking(tmp_path):
    found = read(
        tmp_path,
        lines(
            linking("In [START_ENT] Bonn [END_ENT] , é", "Bonn", "Bonn (Ohio)", "Bonn"),
            linking("[START_ENT]NIL thing[END_ENT]", "NIL", id=5),
            linking("😀 [START_ENT] x [END_ENT]", id=None),
        ),
    )
    assert found.rejects == []
    assert (found.names, found.texts) == (["a", "5", "a.jsonl:3"], ["In Bonn , é", "NIL thing", "😀 x"])
    assert found.told("id", "kb", "kind", "others") == [
        ("Bonn", "Bonn", "wikipedia", "gold", ["Bonn (Ohio)"]),
        ("NIL thing", None, None, "gold", None),
        ("x", None, None, "ner", None),
    ]
    assert found.extra()[0] == {"page": "7"}


def test_other_tasks(tmp_path):
    page = {"answer": "yes", "provenance": [{"title": "Bonn", "start_paragraph_id": 3}]}
    found = read(
        tmp_path, lines({"id": "q", "input": "Is it?", "output": [page, {"answer": "no"}], "meta": {"a": 1}})
    )
    assert found.rows[0]["links"] is None
    assert (found.texts, found.meta()) == (
        ["Is it?"], {"answers": ["yes", "no"], "pages": ["Bonn"], "meta": {"a": 1}}
    )  # fmt: skip


def test_bad_lines_cost_no_others(tmp_path):
    found = read(
        tmp_path,
        b"\xef\xbb\xbf"
        + lines(
            linking("[START_ENT] a", "A"),
            linking("[START_ENT] a [END_ENT] [START_ENT] b [END_ENT]", "A"),
            linking("[START_ENT]  [END_ENT]", "A"),
            {"id": "q"},
            "{",
            "[" * 100_000,
            linking("[START_ENT] a [END_ENT]", "A"),
        ).replace("\n", "\r\n").encode(),
    )  # fmt: skip
    assert found.told("id") == [("a", "A")]
    assert [line for line, _ in found.rejects] == [1, 2, 3, 4, 5, 6]
    assert found.rejects[0][1] == "not one mention between [START_ENT] and [END_ENT], but 0"


def test_lone_surrogates_are_replaced(tmp_path):
    found = read(tmp_path, r'{"input": "\\ud83d \ud83d\ude00 \ud83d \udc00x [START_ENT] y [END_ENT]"}')
    assert found.texts == ["\\ud83d 😀 � �x y"]
    assert found.told("kind") == [("y", "ner")]
    assert found.report.counts["records with lone surrogates"] == 1
