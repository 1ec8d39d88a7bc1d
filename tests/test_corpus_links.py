"""Links in JSON Lines: read, refused with a reason, and the same again after they were written."""

from __future__ import annotations

import io
import json

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools import corpus
from kbtools.corpus.base import DOCUMENTS, Document, Link, Report, batches

NOTHING = dict.fromkeys(("eid", "id", "kb", "type", "others", "p", "extra"))


def rows(path, report=None, **more):
    return [row for batch in corpus.documents(str(path), report=report, **more) for row in batch.to_pylist()]


def read(tmp_path, *objects, report=None, **more):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in objects), "utf-8")
    return rows(path, report, **more)


def link(start, end, **told):
    return NOTHING | {"start": start, "end": end, "kind": "gold"} | told


def test_links_are_read(tmp_path):
    mentions = [
        {"start": 9, "end": 14, "id": "Q90", "kb": "wikidata", "type": "city", "others": ["Q1"], "p": 0.5},
        {"start": 0, "end": 5, "kind": "anchor", "eid": 7, "note": {"b": [1]}, "a": None},
        {"start": 0, "end": 14},
        {"start": 6, "end": 8, "kind": None, "id": 3, "surface": "in"},
    ]
    (row,) = read(tmp_path, {"text": "Paris in Paris", "mentions": mentions, "label": 1})
    assert row["meta"] == '{"label":1}'
    assert row["links"] == [
        link(0, 14),
        link(0, 5, kind="anchor", eid=7, extra='{"note":{"b":[1]},"a":null}'),
        link(6, 8, kind=None, id="3"),
        link(9, 14, id="Q90", kb="wikidata", type="city", others=["Q1"], p=0.5),
    ]


def test_ids_are_several_links_on_one_span(tmp_path):
    ids = {"wikidata": "Q18216", "umls": "C0004057"}
    (row,) = read(tmp_path, {"text": "aspirin", "mentions": [{"start": 0, "end": 7, "ids": ids, "ner": "X"}]})
    assert row["links"] == [
        link(0, 7, id="Q18216", kb="wikidata", extra='{"ner":"X"}'),
        link(0, 7, id="C0004057", kb="umls", extra='{"ner":"X"}'),
    ]
    (row,) = read(tmp_path, {"text": "aspirin", "mentions": [{"start": 0, "end": 7, "ids": {}}]})
    assert row["links"] == [link(0, 7)]


def test_a_document_can_say_nothing_of_links_or_that_there_are_none(tmp_path):
    nothing, null, none = read(
        tmp_path, {"text": "a"}, {"text": "b", "mentions": None}, {"text": "c", "mentions": []}
    )
    assert (nothing["links"], null["links"], none["links"]) == (None, None, [])


def test_the_field_can_have_another_name_or_be_left_alone(tmp_path):
    one = {"text": "ab", "spans": [{"start": 0, "end": 1}], "mentions": 3}
    (row,) = read(tmp_path, one, settings=["links=spans"])
    assert row["links"] == [link(0, 1)]
    assert row["meta"] == '{"mentions":3}'
    (row,) = read(tmp_path, one, settings=["links=none"])
    assert row["links"] is None
    report = Report()
    assert read(tmp_path, one, report=report) == []
    assert "links=none" in report.rejects[0]["reason"]
    assert "mentions" in report.rejects[0]["reason"]


BAD = [
    ({"start": 0}, "`end`"),
    ({"start": "0", "end": 1}, "`$.start`"),
    ({"start": True, "end": 1}, "`$.start`"),
    ({"start": 0, "end": 1.5}, "`$.end`"),
    ({"start": 0, "end": 1, "kind": "dream"}, "dream"),
    ({"start": 0, "end": 1, "eid": -1}, "`$.eid`"),
    ({"start": 0, "end": 1, "eid": 2**32}, "`$.eid`"),
    ({"start": 0, "end": 1, "ids": {"a": "b"}, "kb": "c"}, "ids"),
    ({"start": 0, "end": 1, "ids": {"a": 1}}, "`$.ids[...]`"),
    ({"start": 0, "end": 1, "extra": []}, "`$.extra`"),
    ({"start": 2, "end": 2}, "empty"),
    ({"start": 2, "end": 1}, "empty"),
    ({"start": -1, "end": 1}, "before"),
    ({"start": 0, "end": 6}, "beyond"),
    ({"start": 0, "end": 2**70}, ""),
    ({"start": 0, "end": 2, "surface": "xy"}, "xy"),
    ([0, 1], "object"),
    ("Q1", "object"),
    (None, "object"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD)
def test_a_bad_link_is_rejected_and_the_document_stays(tmp_path, bad, reason):
    report = Report()
    good = {"start": 3, "end": 5, "id": "Q1"}
    found = read(
        tmp_path,
        {"text": "first"},
        {"text": "hello", "mentions": [good, bad]},
        {"text": "last"},
        report=report,
    )
    assert [row["text"] for row in found] == ["first", "hello", "last"]
    assert found[1]["links"] == [link(3, 5, id="Q1")]
    (told,) = report.rejects
    assert (told["file"], told["line"]) == ("a.jsonl", 2)
    assert reason in told["reason"]


def test_offsets_may_count_other_things(tmp_path):
    text, words = "😀 苹果 Apple", "Apple"
    for unit, start, size in (
        ("code points", 5, 5),
        ("utf-16", 6, 5),
        ("bytes", len("😀 苹果 ".encode()), 5),
    ):
        mention = {"start": start, "end": start + size}
        (row,) = read(tmp_path, {"text": text, "mentions": [mention]}, settings=[f"offsets={unit}"])
        assert row["links"] == [link(5, 10)]
        (row,) = read(tmp_path, {"text": text, "mentions": [mention | {"surface": words}]})
        assert row["links"] == [link(5, 10)]
    report = Report()
    read(tmp_path, {"text": text, "mentions": [{"start": 12, "end": 17}]}, report=report)
    assert "offsets=bytes" in report.rejects[0]["reason"]


def test_a_line_with_bad_json_in_a_link_costs_the_line_alone(tmp_path):
    path = tmp_path / "a.jsonl"
    deep = b'{"text":"x","mentions":[{"start":0,"end":1,"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}"
    path.write_bytes(b'{"text":"x","mentions":[{"start":0,}]}\n' + deep + b'\n{"text":"y"}\n')
    report = Report()
    assert [row["text"] for row in rows(path, report)] == ["y"]
    assert [told["line"] for told in report.rejects] == [1, 2]


def test_meta_in_a_field_of_its_own(tmp_path):
    alone, beside, empty, plain = read(
        tmp_path,
        {"text": "a", "meta": {"id": 1}},
        {"text": "a", "meta": {"id": 1}, "x": 2},
        {"text": "a", "meta": {}},
        {"text": "a", "meta": "m"},
    )
    assert alone["meta"] == '{"id": 1}'
    assert beside["meta"] == '{"meta":{"id": 1},"x":2}'
    assert (empty["meta"], plain["meta"]) == ('{"meta":{}}', '{"meta":"m"}')


def test_lines_are_as_documented():
    file = io.BytesIO()
    links = [Link(0, 5, "Q90", "wikidata", type="city", extra={"ner": "LOC"}), Link(9, 12, kind="ner")]
    one = Document("a", "Paris – Rom", "en", '{"label": 1}', links)
    corpus.write("jsonl", batches([one, Document("b", "")], Report()), file)
    assert file.getvalue().decode() == (
        '{"id":"a","text":"Paris – Rom","lang":"en","mentions":[{"start":0,"end":5,"id":"Q90",'
        '"kb":"wikidata","type":"city","ner":"LOC"},{"start":9,"end":12,"kind":"ner"}],"label":1}\n{"id":"b","text":""}\n'
    )


NAMES = st.sampled_from(["id", "start", "extra", "surface", "ids", "text", "mentions", "meta", "x", "鬼"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=4,
)
OBJECTS = st.dictionaries(NAMES, JSON, min_size=1, max_size=3)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SOME = st.none() | WORDS


@st.composite
def documents(draw):
    text = draw(WORDS)
    links = None
    if text and draw(st.booleans()):
        links = []
        for _ in range(draw(st.integers(0, 4))):
            start = draw(st.integers(0, len(text) - 1))
            links.append(
                Link(
                    start,
                    draw(st.integers(start + 1, len(text))),
                    draw(SOME),
                    draw(SOME),
                    draw(st.sampled_from([None, "gold", "anchor", "ner", "coreference", "user"])),
                    draw(SOME),
                    draw(st.none() | st.lists(WORDS, max_size=2)),
                    draw(st.none() | OBJECTS),
                    draw(st.none() | st.integers(0, 2**32 - 1)),
                    draw(st.none() | st.floats(0, 1, width=32)),
                )
            )
    meta = draw(st.none() | OBJECTS)
    told = None if meta is None else msgspec.json.encode(meta).decode()
    return Document(draw(WORDS.filter(bool)), text, draw(SOME), told, links)


@given(st.lists(documents(), min_size=1, max_size=4))
def test_what_is_written_is_read_again(tmp_path_factory, many):
    given_ = list(batches(many, Report()))
    path = tmp_path_factory.mktemp("links") / "a.jsonl"
    with path.open("wb") as file:
        corpus.write("jsonl", given_, file)
    report = Report()
    assert rows(path, report) == pa.Table.from_batches(given_, DOCUMENTS).to_pylist()
    assert not report.rejects


def test_line_ends_between_the_tokens_of_meta_do_not_part_a_line(tmp_path):
    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        corpus.write("jsonl", batches([Document("a", "x", None, '{\r\n "k":\n "a\\nb"}')], Report()), file)
    assert json.loads(rows(path)[0]["meta"]) == {"k": "a\nb"}
