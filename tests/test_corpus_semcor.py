"""SemCor: tags become text, sense keys and names."""

from __future__ import annotations

import json

from kbtools import corpus

DATA = """<contextfile concordance=brown>
<context filename=br-x01 paras=yes>
<p pnum=1>
<s snum=1>
<wf cmd=ignore pos=DT>The</wf>
<wf cmd=done rdf=group pos=NNP lemma=group wnsn=1 lexsn=1:03:00:: pn=group>Red_Team</wf>
<wf cmd=done pos=VB lemma=take_place wnsn=1;2 lexsn=2:30:00::;2:42:00::>took_place</wf>
<punc>.</punc>
</s>
<s snum=2>
<wf cmd=done pos=JJ lemma=such wnsn=0 lexsn=5:00:01:specified:00>Such</wf>
<wf cmd=done pos=JJ lemma=every wnsn=1 lexsn=5:00:00:all(a):00 sep="-">every</wf>
<wf cmd=done pos=RB ot=notag>in</wf>
</s>
</p>
<p pnum=2>
<s snum=3>
<wf cmd=done pos=NNP pn=person ot=notag>Ann</wf>
</s>
</p>
</context>
</contextfile>
"""


def read(path, report=None):
    return [row for batch in corpus.documents(f"semcor:{path}", report=report) for row in batch.to_pylist()]


def test_a_file(tmp_path):
    (tmp_path / "br-x01").write_text(DATA)
    report = corpus.Report()
    (row,) = read(tmp_path / "br-x01", report)
    assert (row["doc_id"], row["lang"]) == ("br-x01", "en")
    text = row["text"]
    assert text == "The Red Team took place .\nSuch every-in\n\nAnn"
    assert [
        (text[x["start"] : x["end"]], x["kind"], x["id"], x["others"], x["type"]) for x in row["links"]
    ] == [
        ("Red Team", "gold", "group%1:03:00::", None, "NNP"),
        ("took place", "gold", "take_place%2:30:00::", ["take_place%2:42:00::"], "VB"),
        ("Such", "gold", None, None, "JJ"),
        ("every", "gold", "every%5:00:00:all:00", None, "JJ"),
        ("Ann", "ner", None, None, "person"),
    ]
    assert json.loads(row["links"][2]["extra"])["lexsn"] == "5:00:01:specified:00"
    assert json.loads(row["links"][0]["extra"])["pn"] == "group"
    meta = json.loads(row["meta"])
    assert meta["sentences"] == [[0, 25], [26, 39], [41, 44]]
    assert meta["paragraphs"] == [[0, 39], [41, 44]]
    assert [text[start:end] for start, end in meta["tokens"]][:3] == ["The", "Red Team", "took place"]
    assert not report.rejects


def test_wrong_lines_are_rejected_with_their_number_and_other_files_passed_over(tmp_path):
    wrong = (
        DATA.replace("wnsn=1;2", "wnsn=1")
        .replace("<punc>.</punc>", "<punc>.")
        .replace("ot=notag>in</wf>", "ot=notag>")
    )
    (tmp_path / "br-x01").write_text(wrong.replace("<wf cmd=ignore pos=DT>The</wf>", "The"))
    (tmp_path / "LICENSE").write_text("Free.")
    report = corpus.Report()
    (row,) = read(tmp_path, report)
    assert row["text"].startswith("Red Team took place\nSuch")
    assert [(x["line"], x["reason"]) for x in report.rejects] == [
        (5, "not a line of SemCor"),
        (7, "senses, their numbers and the lemma do not go together"),
        (8, "not a line of SemCor"),
        (13, "a token without characters"),
    ]
    assert report.counts["skipped: no file of SemCor"] == 1


def test_real_files_name_senses_that_wordnet_has(realdata):
    keys = {
        line.split()[0]
        for line in next(realdata.glob("wordnet/princeton-3.0/**/index.sense")).read_text().splitlines()
    }
    report = corpus.Report()
    rows = read(realdata / "wsd/semcor3.0", report)
    assert len(rows) == 30
    assert not report.rejects
    told = [x["id"] for row in rows for x in row["links"] if x["id"]]
    assert len(told) > 30_000
    assert sum(key in keys for key in told) / len(told) == 1
