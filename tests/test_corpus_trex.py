"""T-REx: arrays of documents."""

import gzip
import json

import pytest

from kbtools import corpus
from kbtools.corpus import _files
from tests.corpus_read import Read

Q = "http://www.wikidata.org/entity/"
TEXT = "Zoë lives in Bonn. She was born 1830."


def named(uri, words, annotator="Spotlight", shift=0):
    start = TEXT.index(words) + shift
    return {
        "uri": uri,
        "boundaries": [start, start + len(words)],
        "surfaceform": words,
        "annotator": annotator,
    }


def document(number=1, **more):
    zoe, bonn = named(Q + "Q1", "Zoë"), named(Q + "Q586", "Bonn")
    she = named(Q + "Q1", "She", "Simple_Coreference")
    year = named("1830-01-01T00:00:00Z^^http://www.w3.org/2001/XMLSchema#dateTime", "1830", "Date_Linker")
    predicate = {"uri": "http://www.wikidata.org/prop/direct/P551", "boundaries": None, "surfaceform": None}
    return {
        "docid": f"{Q}Q{number}", "title": "Zoë", "uri": f"{Q}Q{number}", "text": TEXT,
        "sentences_boundaries": [[0, 18], [19, 37]], "words_boundaries": [[0, 3], [4, 9]],
        "entities": [zoe, zoe | {"annotator": "Other"}, bonn, she, year],
        "triples": [{"subject": zoe, "predicate": predicate, "object": bonn | {"boundaries": None},
                     "sentence_id": 0, "annotator": "SPOAligner", "dependency_path": None}],
    } | more  # fmt: skip


def read(tmp_path, data, *settings, name="a.json"):
    text = data if isinstance(data, str | bytes) else json.dumps(data, ensure_ascii=False)
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return Read(f"trex:{tmp_path / name}", *settings)


def test_links_and_relations(tmp_path):
    found = read(tmp_path, [document()])
    assert found.rejects == []
    assert (found.names, found.texts) == ([f"{Q}Q1"], [TEXT])
    assert found.told("id", "kb", "kind", "type") == [
        ("Zoë", "Q1", "wikidata", "gold", None),
        ("Bonn", "Q586", "wikidata", "gold", None),
        ("She", "Q1", "wikidata", "coreference", None),
        ("1830", None, None, "ner", "dateTime"),
    ]
    meta = found.meta()
    assert meta["relations"] == [
        {
            "type": "P551",
            "head": "Q1",
            "tail": "Q586",
            "head_at": [0, 3],
            "sentence": 0,
            "annotator": "SPOAligner",
        }
    ]
    assert (meta["title"], meta["sentences"], meta["tokens"]) == (
        "Zoë",
        [[0, 18], [19, 37]],
        [[0, 3], [4, 9]],
    )
    assert read(tmp_path, [document()], "relations=false", "tokens=false").meta().keys() == {
        "title",
        "sentences",
    }


@pytest.mark.parametrize(
    "laid",
    [
        json.dumps,
        lambda all_: json.dumps(all_, indent=2),
        lambda all_: "[\n" + ",\n".join(map(json.dumps, all_)) + "\n]\n",
        lambda all_: "\n".join(map(json.dumps, all_)),
        lambda all_: "\ufeff" + json.dumps(all_, indent=1).replace("\n", "\r\n"),
        lambda all_: gzip.compress(json.dumps(all_).encode()),
    ],
)
def test_documents_are_streamed_however_they_are_laid_out(tmp_path, monkeypatch, laid):
    monkeypatch.setattr(_files, "PIECE", 3000)
    found = read(tmp_path, laid([document(number) for number in range(1, 21)]))
    assert found.names == [f"{Q}Q{number}" for number in range(1, 21)]
    assert found.rejects == []
    pieces = list(corpus.plan(f"trex:{tmp_path / 'a.json'}", tmp_path))
    assert len(pieces) > 3


def test_bad_parts_cost_no_others(tmp_path):
    bonn = named(Q + "Q586", "Bonn")
    wrong = [bonn | {"boundaries": [1]}, {"boundaries": [0, 3]}, named(Q + "Q586", "Bonn", shift=2),
             bonn | {"boundaries": None}, bonn | {"boundaries": [90, 99]}]  # fmt: skip
    found = read(tmp_path, [document(entities=[*wrong, bonn], triples=[{}]), {"docid": "x"}, document(2)])
    assert found.names == [f"{Q}Q1", f"{Q}Q2"]
    assert found.told("id", of=0) == [("Bonn", "Q586")]
    assert len(found.rejects) == 6
    assert any("is 'nn. ', not 'Bonn'" in reason for _, reason in found.rejects)


def test_offsets_in_bytes_move_all_there_is(tmp_path):
    told = document()
    for one in told["entities"]:
        one["boundaries"] = [len(TEXT[:at].encode()) for at in one["boundaries"]]
    told["triples"] = []
    told["sentences_boundaries"] = [[0, 19], [20, 38]]
    found = read(tmp_path, [told])
    assert [words for (words,) in found.told()] == ["Zoë", "Bonn", "She", "1830"]
    assert found.meta()["sentences"] == [[0, 18], [19, 37]]
    assert found.report.counts["documents with offsets in bytes"] == 1
