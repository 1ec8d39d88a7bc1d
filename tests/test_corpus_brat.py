"""brat: texts with annotations beside them, in one part or several."""

from __future__ import annotations

import gzip
import json

from kbtools import corpus
from kbtools.corpus.base import Report

TEXT = "Breast and ovarian cancer\nin Ulm 😀 today.\n"
ANN = (
    "T1\tDisease 0 6;19 25\tBreast cancer\n"
    "T2\tDisease 11 25\tovarian cancer\n"
    "T3\tPlace 29 32\tUlm\n"
    "T4\tTime 35 40\ttoday\n"
    "N1\tReference T1 MESH:D001943\tBreast Neoplasms\n"
    "N2\tReference T1 OMIM:114480\tBreast cancer\n"
    "N3\tReference T3 Wikipedia:38321\tUlm\n"
    "N4\tReference T2 Wikidata:Q172341\n"
    "R1\tIn Arg1:T2 Arg2:T3\t\n"
    "*\tEquiv T1 T2\n"
    "E1\tDisease:T1 Where:T3\nA1\tNegated T1\n#1\tAnnotatorNotes T1\tsure\n"
)


def rows(spec, report=None, **more):
    return [
        row for batch in corpus.documents(f"brat:{spec}", report=report, **more) for row in batch.to_pylist()
    ]


def put(folder, **files):
    for name, data in files.items():
        path = folder / name.replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return folder


def told(row):
    return [
        (row["text"][one["start"] : one["end"]], one["kb"], one["id"], one["kind"]) for one in row["links"]
    ]


def test_annotations_stand_beside_the_text(tmp_path):
    report = Report()
    (row,) = rows(put(tmp_path, a_txt=TEXT, a_ann=ANN), report)
    assert (row["doc_id"], row["text"]) == ("a.txt", TEXT)
    assert told(row) == [
        ("Breast and ovarian cancer", "mesh", "D001943", "gold"),
        ("ovarian cancer", "Wikidata", "Q172341", "gold"),
        ("Ulm", "wikipedia-page", "38321", "gold"),
        ("today", None, None, "ner"),
    ]
    first = row["links"][0]
    assert (first["type"], first["others"]) == ("Disease", ["omim:114480"])
    assert json.loads(first["extra"]) == {"id": "T1", "parts": [[0, 6], [19, 25]]}
    assert json.loads(row["meta"])["relations"] == [
        {"id": "R1", "type": "In", "args": [["Arg1", "T2"], ["Arg2", "T3"]]},
        {"type": "Equiv", "args": [["", "T1"], ["", "T2"]]},
    ]
    assert report.counts == {"read": 1, "skipped: events": 1, "skipped: attributes": 1, "skipped: notes": 1}


def test_shared_task_files_containers_and_texts_without_annotations(tmp_path):
    put(tmp_path, a_txt_gz=gzip.compress(TEXT.encode()), a_a1="T1\tPlace 29 32\tUlm\n", a_a2="E1\tX:T1\n")
    put(tmp_path, b_txt="", b_ann="", c_txt="alone")
    report = Report()
    found = rows(tmp_path, report)
    assert [(row["doc_id"], row["links"] and len(row["links"])) for row in found] == [
        ("a.txt.gz", 1), ("b.txt", []), ("c.txt", None),
    ]  # fmt: skip
    assert report.counts["documents without annotations beside them"] == 1
    assert not report.rejects
    put(tmp_path, d_txt="x", d_ann="T1\tA 0 1\tx\n")
    assert len(rows(tmp_path / "d.txt")[0]["links"]) == 1
    assert len(corpus.inputs(f"brat:{tmp_path / 'd.txt'}")) == 2


def test_offsets_in_other_units(tmp_path):
    for start in (35, 36, 38):  # code points, UTF-16, bytes
        put(tmp_path, a_txt=TEXT, a_ann=f"T1\tTime {start} {start + 5}\ttoday\n")
        assert told(rows(tmp_path)[0])[0][0] == "today"


def test_line_ends_of_windows_as_the_annotations_count_them(tmp_path):
    text = TEXT.replace("\n", "\r\n")
    put(tmp_path, a_txt=text, a_ann="T1\tPlace 30 33\tUlm\r\n")
    (row,) = rows(tmp_path)
    assert (row["text"], told(row)[0][0]) == (text, "Ulm")
    put(tmp_path, a_txt=text, a_ann="T1\tPlace 29 32\tUlm\r\n")
    report = Report()
    (row,) = rows(tmp_path, report)
    assert (row["text"], told(row)[0][0]) == (TEXT, "Ulm")
    assert report.counts == {"read": 1, "documents with CRLF counted as one character": 1}


def test_bad_annotations_cost_no_others(tmp_path):
    ann = (
        "T1\tPlace 29 32\tUlm\nT1\tPlace 0 1\tB\nT2\tPlace 29 99\tUlm\nT3\tPlace 0 6;19 25\tBreast and pain\n"
        "T4\tPlace x y\tUlm\nN1\tReference T9 A:1\tx\nQ\nT5\tX 0 6\t\xff\n"
    )
    report = Report()
    put(tmp_path, a_txt=TEXT, a_ann=ann.encode("latin-1"), b_txt=b"\xff", c_txt="fine", e_ann="")
    found = rows(tmp_path, report)
    assert [row["doc_id"] for row in found] == ["a.txt", "c.txt"]
    assert told(found[0]) == [("Ulm", None, None, "ner")]
    assert sorted(
        (one["file"], one["line"] or 0, one["reason"].split(":")[0][:29]) for one in report.rejects
    ) == [
        ("a.ann", 0, "a normalisation of T9, which "),
        ("a.ann", 2, "a second T1"),
        ("a.ann", 3, "the span 29..99 is beyond the"),
        ("a.ann", 4, "the parts 0..25 are 'Breast c"),
        ("a.ann", 5, "no annotation of brat"),
        ("a.ann", 7, "no annotation of brat"),
        ("a.ann", 8, "not UTF-8"),
        ("b.txt", 1, "not UTF-8"),
        ("e.ann", 0, "annotations, but there is no "),
    ]
