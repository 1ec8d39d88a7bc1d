"""Dialogues: turns, speakers, links of turns."""

from __future__ import annotations

import json

from kbtools import corpus


def read(path, data, report=None, name="a.jsonl", **more):
    path = path / name
    path.write_text(data if isinstance(data, str) else json.dumps(data, ensure_ascii=False))
    spec = f"dialogues:{path}"
    return [row for batch in corpus.documents(spec, report=report, **more) for row in batch.to_pylist()]


def test_json_lines(tmp_path):
    turns = [{"speaker": "A", "text": "Hi 😀"}, {"speaker": None, "text": ""}, {"speaker": 2, "text": "Bye"}]
    data = (
        json.dumps({"id": 7, "lang": "en", "topic": "x", "turns": turns}) + "\n\n" + json.dumps({"turns": []})
    )
    first, second = read(tmp_path, data)
    assert (first["doc_id"], first["text"], first["lang"]) == ("7", "Hi 😀\n\nBye", "en")
    assert json.loads(first["meta"]) == {"turns": [[0, 4, "A"], [5, 5, None], [6, 9, "2"]], "topic": "x"}
    assert first["links"] is None
    assert (second["doc_id"], second["text"]) == ("a.jsonl:3", "")


def test_links_are_found_by_offsets_or_by_words(tmp_path):
    links = [
        {"mention": "blue", "entity": "Blue", "entity_type": "concept"},
        {"mention": "blue", "entity": "Blues"},
        {"start": 0, "end": 4, "id": "Q1", "kb": "wikidata"},
        {"mention": "red", "entity": "Red"},
        {"start": 2, "end": 99, "id": "Q1"},
        {"entity": "Green"},
        3,
    ]
    turn = {"speaker": "U", "utterance": "blue is blue", "el_annotations": links}
    data = [{"dialogue_id": "d", "turns": [{"speaker": "U", "utterance": "Well"}, turn]}]
    report = corpus.Report()
    (row,) = read(tmp_path, data, report, name="a.json")
    assert [(x["start"], x["end"], x["id"], x["kb"], x["kind"], x["type"]) for x in row["links"]] == [
        (5, 9, "Blue", "wikipedia", "gold", "concept"),
        (5, 9, "Q1", "wikidata", "gold", None),
        (13, 17, "Blues", "wikipedia", "gold", None),
    ]
    assert [x["reason"] for x in report.rejects] == [
        "'red' does not stand in its turn",
        "a link 2:99 in a turn of 12 code points",
        "a link without offsets or words",
        "a link that is no object",
    ]


def test_plain_text(tmp_path):
    data = "Ann: Hi there: you\n  and you\nBob Lee: See http://x.org\n\n\nhttp://y.org says\n王：你好\n"
    first, second = read(tmp_path, data, name="a.txt", settings=["lang=en"])
    assert (first["doc_id"], first["text"], first["lang"]) == (
        "a.txt:1", "Hi there: you\nand you\nSee http://x.org", "en",
    )  # fmt: skip
    assert json.loads(first["meta"])["turns"] == [[0, 21, "Ann"], [22, 38, "Bob Lee"]]
    assert second["doc_id"] == "a.txt:6"
    assert json.loads(second["meta"])["turns"] == [[0, 17, None], [18, 20, "王"]]


def test_what_is_no_dialogue_is_rejected(tmp_path):
    report = corpus.Report()
    data = '{"turns": [{"text": "a"}]}\n{"turns": 3}\n{"turns": [{"speaker": "x"}]}\n{"turns\n'
    assert [row["text"] for row in read(tmp_path, data, report)] == ["a"]
    assert [x["line"] for x in report.rejects] == [2, 3, 4]
    report = corpus.Report()
    assert read(tmp_path, '[{"turns": []}', report) == []
    assert "JSON is malformed" in report.rejects[0]["reason"]


def test_a_stage_direction_is_no_json(tmp_path):
    (row,) = read(tmp_path, "[A door opens]\nAnn: Hello\n", name="a.txt")
    assert row["text"] == "[A door opens]\nHello"


def test_real_dialogues_with_links(realdata):
    report = corpus.Report()
    path = realdata / "el/conel/ConEL_Personal_Entity/ConEL_PE.json"
    rows = [
        row for batch in corpus.documents(f"dialogues:{path}", report=report) for row in batch.to_pylist()
    ]
    assert len(rows) == 25
    assert sum(len(row["links"]) for row in rows) + len(report.rejects) == 172
    assert len(report.rejects) == 1  # its words differ from those of the turn
