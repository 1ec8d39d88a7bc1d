"""DocBin: what spaCy writes is read as documents, and what is written here spaCy reads."""

from __future__ import annotations

import io
import zlib
from typing import Any

import msgspec
import pyarrow as pa
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import DocBin, Span

from kbtools.corpus import Report
from kbtools.corpus.base import DOCUMENTS
from kbtools.linkers.spacy import docbin


def link(start: int, end: int, **fields: Any) -> dict[str, Any]:
    blank = dict.fromkeys(("eid", "id", "kb", "type", "others", "p", "extra"))
    return {"start": start, "end": end, **blank, "kind": "gold", **fields}


def batch(*rows: dict[str, Any]) -> pa.RecordBatch:
    blank = {"doc_id": "d", "lang": None, "meta": None, "links": None}
    return pa.RecordBatch.from_pylist([{**blank, **row} for row in rows], schema=DOCUMENTS)


def written(*rows: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    docbin.write([batch(*rows)], out)
    return out.getvalue()


def read(path, data: bytes, report: Report | None = None, **options: Any) -> list[dict[str, Any]]:
    (path / "some.spacy").write_bytes(data)
    return [row for got in docbin.read(path / "some.spacy", report, **options) for row in got.to_pylist()]


def docs(data: bytes) -> list[Any]:
    return list(DocBin().from_bytes(data).get_docs(spacy.blank("xx").vocab))


def test_what_spacy_writes(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    ruler: Any = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([
        {"label": "GPE", "pattern": "Paris", "id": "x"}, {"label": "PERSON", "pattern": "Ada Lovelace"},
    ])  # fmt: skip
    first = nlp("Ada Lovelace left  Paris. Nobody stayed.")
    first.ents = [
        Span(first, 0, 2, "PERSON", kb_id="Q7259"), Span(first, 4, 5, "GPE", kb_id="NIL"),
    ]  # fmt: skip
    first.cats = {"travel": 1.0}
    second = nlp("To Paris")
    rows = read(tmp_path, DocBin(docs=[first, second]).to_bytes(), kb="wikidata", lang="en")
    assert [row["text"] for row in rows] == [first.text, second.text]
    assert [row["doc_id"] for row in rows] == ["some.spacy:1", "some.spacy:2"]
    assert rows[0]["links"] == [
        link(0, 12, id="Q7259", kb="wikidata", type="PERSON"), link(19, 24, type="GPE"),
    ]  # fmt: skip
    assert rows[1]["links"] == [link(3, 8, kind="ner", type="GPE")]
    meta = msgspec.json.decode(rows[0]["meta"])
    assert meta["tokens"] == [[token.idx, token.idx + len(token)] for token in first]
    assert meta["sentences"] == [[0, 25], [26, 40]]
    assert meta["labels"] == {"travel": 1.0}
    assert rows[0]["lang"] == "en"


def test_tags_and_groups_of_spans(tmp_path):
    nlp = spacy.blank("en")
    doc = nlp("New York Times")
    for token, tag in zip(doc, ("NNP", "NNP", "NNPS"), strict=True):
        token.tag_, token.pos_, token.lemma_ = tag, "PROPN", token.lower_
    doc.spans["sc"] = [Span(doc, 0, 2, "GPE", kb_id="Q60"), Span(doc, 0, 3, "ORG", kb_id="Q9684")]
    row = read(tmp_path, DocBin(docs=[doc]).to_bytes(), spans=("sc",))[0]
    assert row["links"] == [link(0, 14, id="Q9684", type="ORG"), link(0, 8, id="Q60", type="GPE")]
    meta = msgspec.json.decode(row["meta"])
    assert (meta["tags"], meta["pos"]) == (["NNP", "NNP", "NNPS"], ["PROPN"] * 3)
    assert meta["lemmas"] == ["new", "york", "times"]


def test_what_spacy_reads():
    row = {
        "text": "New York Times (北京日报) costs 1 €",
        "links": [
            link(0, 14, id="Q9684", kb="wikidata", type="ORG"), link(0, 8, id="Q60", kb="wikidata"),
            link(16, 20, id="Q1", kb="wikidata"), link(16, 18, id="Q956", kb="wikidata"), link(28, 30),
        ],
    }  # fmt: skip
    doc = docs(written(row))[0]
    assert doc.text == row["text"]
    assert [(e.text, e.label_, e.kb_id_) for e in doc.ents] == [
        ("New York Times", "ORG", "Q9684"), ("北京日报", "ENTITY", "Q1"), ("1 ", "ENTITY", "NIL"),
    ]  # fmt: skip
    group = doc.spans["kbtools"]
    assert [(s.text, s.label_, s.kb_id_) for s in group][1] == ("New York", "wikidata", "Q60")
    assert len(group) == 5


TEXT = st.text(st.sampled_from("ab  \n\tZé北京😀.'-\u0301\x00"), max_size=24)


@st.composite
def rows(draw) -> dict[str, Any]:
    text = draw(TEXT)
    places = st.tuples(st.integers(0, len(text)), st.integers(0, len(text))).filter(lambda p: p[0] <= p[1])
    maybe: dict[str, list[Any]] = {
        "id": ["Q1", "NIL-like", "北"], "kb": ["wikidata"], "kind": ["gold", "anchor", "ner"], "p": [0.25],
        "type": ["PERSON"], "others": [["Q2"]], "eid": [7], "extra": ['{"a":1}'],
    }  # fmt: skip
    fields = {name: st.sampled_from([None, *some]) for name, some in maybe.items()}
    made = [
        link(start, end, **draw(st.fixed_dictionaries(fields)))
        for start, end in draw(st.lists(places, max_size=4))
    ]
    made.sort(key=lambda one: (one["start"], -one["end"]))
    return {
        "doc_id": draw(st.sampled_from(["a", "文"])),
        "text": text,
        "lang": draw(st.sampled_from([None, "zh"])),
        "meta": draw(st.sampled_from([None, '{"label":1}'])), "links": draw(st.sampled_from([None, made])),
    }  # fmt: skip


@settings(max_examples=60)
@given(st.lists(rows(), max_size=3))
def test_reading_gives_back_what_was_written(tmp_path_factory, some):
    data = written(*some)
    report = Report()
    got = read(tmp_path_factory.mktemp("docbin"), data, report)
    assert got == batch(*some).to_pylist()
    assert not report.rejects
    assert [doc.text for doc in docs(data)] == [row["text"] for row in some]


def test_annotations_that_somebody_changed_count(tmp_path):
    held = DocBin().from_bytes(written({"text": "In Paris", "links": [link(3, 8, id="Q90", p=0.5)]}))
    doc = next(held.get_docs(spacy.blank("xx").vocab))
    doc.spans.clear()
    doc.ents = [Span(doc, 1, 2, "GPE", kb_id="Q830149")]
    row = read(tmp_path, DocBin(docs=[doc], store_user_data=True).to_bytes())[0]
    assert row["doc_id"] == "d"
    assert row["links"] == [link(3, 8, id="Q830149", type="GPE")]


def test_half_a_character_is_replaced(tmp_path):
    out = io.BytesIO()
    row = {**batch({"text": "x"}).to_pylist()[0], "text": "a\ud800b", "links": [link(0, 3)]}

    class Rows:
        def to_pylist(self):
            return [row]

    docbin.write([Rows()], out)
    assert read(tmp_path, out.getvalue())[0]["text"] == "a\ufffdb"


def spoilt(**changes: Any) -> bytes:
    held = msgspec.msgpack.decode(zlib.decompress(written({"text": "In Paris", "links": [link(3, 8)]})))
    return zlib.compress(msgspec.msgpack.encode({**held, **changes}))


SPAN = b"\0" * 28 + b"\0\0\0\x63" + b"\0" * 8  # its last token is the 99th
GROUP = msgspec.msgpack.encode({"name": "kbtools", "attrs": {}, "spans": [SPAN]})
BEYOND = msgspec.msgpack.encode([GROUP])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no DocBin"),
        (b"nonsense", "no DocBin"),
        (written({"text": "In Paris"})[:-9], "breaks off"),
        (zlib.compress(msgspec.msgpack.encode([1])), "no DocBin"),
        (spoilt(lengths=b"\7\0\0\0"), "do not fit"),
        (spoilt(lengths=b"\xff\xff\xff\xff\3\0\0\0"), "words"),
        (spoilt(attrs=[]), "do not fit"),
        (spoilt(strings=[]), "a string is missing"),
        (spoilt(span_groups=[b"\xc1"]), "document 1"),
        (spoilt(user_data=[b"\xc1"]), "document 1"),
        (spoilt(span_groups=[BEYOND]), "behind the text"),
    ],
)  # fmt: skip
def test_bad_files_are_told(tmp_path, data, reason):
    report = Report()
    assert read(tmp_path, data, report) == []
    assert reason in report.rejects[0]["reason"]
    assert report.rejects[0]["file"] == "some.spacy"


def test_a_folder_and_its_identity(tmp_path):
    (tmp_path / "b.spacy").write_bytes(written({"text": "two", "doc_id": "2"}))
    (tmp_path / "a.spacy").write_bytes(written({"text": "one", "doc_id": "1"}))
    found = [row["doc_id"] for got in docbin.read(tmp_path) for row in got.to_pylist()]
    assert found == ["1", "2"]
    assert docbin.FORMAT.recognises(str(tmp_path))
    assert docbin.FORMAT.inputs(str(tmp_path))


def test_empty():
    assert docs(written()) == []
    assert [doc.text for doc in docs(written({"text": ""}))] == [""]
