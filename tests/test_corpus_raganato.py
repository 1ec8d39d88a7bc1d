"""Word senses as in Raganato's framework: texts, their keys, and what is wrong with either."""

from __future__ import annotations

import json

from kbtools import corpus

DATA = """<?xml version="1.0" encoding="UTF-8" ?>
<corpus lang="en" source="toy">
<text id="d000">
<sentence id="d000.s000">
<wf lemma="the" pos="DET">The</wf>
<instance id="d000.s000.t000" lemma="bank" pos="NOUN">bank</instance>
<wf lemma="&amp;" pos=".">&amp;</wf>
<instance id="d000.s000.t001" lemma="take_place" pos="VERB">took place</instance>
</sentence>
<sentence id="d000.s001"><instance id="d000.s001.t000" lemma="café" pos="NOUN">café</instance></sentence>
</text>
<text id="d001"><sentence id="d001.s000"><wf lemma="no" pos="DET">No</wf></sentence></text>
</corpus>
"""
KEYS = """d000.s000.t000 bank%1:17:01:: bank%1:14:00::
d000.s000.t001 take_place%2:30:00::
d000.s001.t000 café%1:06:00::
"""


def read(path, report=None, **more):
    return [
        row
        for batch in corpus.documents(f"raganato:{path}", report=report, **more)
        for row in batch.to_pylist()
    ]


def lay(folder, data=DATA, keys=KEYS):
    folder.mkdir(exist_ok=True)
    (folder / "toy.data.xml").write_text(data)
    if keys is not None:
        (folder / "toy.gold.key.txt").write_text(keys)
    return folder / "toy.data.xml"


def test_instances_are_links_with_their_keys(tmp_path):
    report = corpus.Report()
    first, second = read(lay(tmp_path), report)
    assert (first["doc_id"], first["lang"]) == ("toy.d000", "en")
    assert first["text"] == "The bank & took place\ncafé"
    told = [(first["text"][x["start"] : x["end"]], x["id"], x["others"], x["type"]) for x in first["links"]]
    assert told == [
        ("bank", "bank%1:17:01::", ["bank%1:14:00::"], "NOUN"),
        ("took place", "take_place%2:30:00::", None, "VERB"),
        ("café", "café%1:06:00::", None, "NOUN"),
    ]
    assert {(x["kind"], x["kb"]) for x in first["links"]} == {("gold", "wordnet")}
    assert json.loads(first["links"][1]["extra"]) == {
        "instance": "d000.s000.t001", "lemma": "take_place", "pos": "VERB",
    }  # fmt: skip
    meta = json.loads(first["meta"])
    assert meta["sentences"] == [[0, 21], [22, 26]]
    assert meta["lemmas"] == ["the", "bank", "&", "take_place", "café"]
    assert (second["doc_id"], second["text"], second["links"]) == ("toy.d001", "No", [])
    assert report.counts == {"read": 2}


def test_without_keys_instances_are_to_be_linked(tmp_path):
    links = read(lay(tmp_path, keys=None))[0]["links"]
    assert {(x["kind"], x["id"], x["kb"]) for x in links} == {("user", None, None)}


def test_keys_may_lie_elsewhere_and_belong_to_the_identity(tmp_path):
    path = lay(tmp_path, keys=None)
    assert len(corpus.inputs(f"raganato:{path}")) == 1
    (tmp_path / "keys.txt").write_text(KEYS)
    assert read(path, settings=[f"keys={tmp_path / 'keys.txt'}"])[0]["links"][0]["kind"] == "gold"
    lay(tmp_path)
    assert len(corpus.inputs(f"raganato:{path}")) == 2
    assert len(corpus.inputs(f"raganato:{tmp_path}")) == 2
    assert len(read(tmp_path)) == 2


def test_keys_that_do_not_go_with_the_texts_are_rejected(tmp_path):
    report = corpus.Report()
    keys = "d000.s000.t000 a%1:00:00::\nd000.s000.t000 b%1:00:00::\nd000.s000.t001\nd9 x%1:00:00::\n"
    rows = read(lay(tmp_path, keys=keys), report)
    assert [x["id"] for x in rows[0]["links"]] == ["a%1:00:00::", None, None]
    assert [(x["line"], x["reason"]) for x in report.rejects] == [
        (2, "a second line of d000.s000.t000"),
        (3, "an instance without a key"),
        (8, "no key of the instance d000.s000.t001"),
        (10, "no key of the instance d000.s001.t000"),
        (None, "1 keys of instances that the texts do not have: d9 ..."),
    ]


def test_a_file_that_breaks_off_and_one_that_declares_entities(tmp_path):
    report = corpus.Report()
    assert len(read(lay(tmp_path, data=DATA[:-40]), report)) == 1
    assert any("not XML" in x["reason"] for x in report.rejects)
    report = corpus.Report()
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]>'
    assert read(lay(tmp_path, data=DATA.replace("<corpus", f"{bomb}<corpus")), report) == []
    assert "entit" in report.rejects[0]["reason"]


def test_real_sets_have_their_published_sizes(realdata):
    sizes = {}
    for name in ("senseval2", "semeval2007"):
        report = corpus.Report()
        rows = read(realdata / f"wsd/raganato/{name}/{name}.data.xml", report)
        sizes[name] = sum(len(row["links"]) for row in rows)
        assert all(x["id"] for row in rows for x in row["links"])
        assert not report.rejects
    assert sizes == {"senseval2": 2282, "semeval2007": 455}
