"""BioC: the same documents from XML and JSON, whatever offsets count and however they are wrapped."""

from __future__ import annotations

import copy
import gzip
import json
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest

from kbtools import corpus
from kbtools.corpus.base import Report

TITLE, ABSTRACT = "Ménière & gout", "Breast or ovarian cancer 😀 in Ulm."


def annotation(id_, text, *places, **infons):
    where = [{"offset": start, "length": length} for start, length in places]
    return {"id": id_, "infons": infons, "text": text, "locations": where}


DOCUMENT: dict[str, Any] = {
    "id": "7",
    "infons": {"licence": "free"},
    "passages": [
        {
            "infons": {"type": "title"},
            "offset": 0,
            "text": TITLE,
            "annotations": [
                annotation("T1", "Ménière", (0, 7), type="Disease", identifier="MESH:D008575"),
                annotation("T9", "Ulm", (45, 3), type="Place"),  # listed where it does not stand
            ],
        },
        {
            "infons": {"type": "abstract"},
            "offset": 15,
            "text": ABSTRACT,
            "annotations": [
                annotation(
                    "T2", "Breast cancer", (15, 6), (33, 6), type="Disease", MESH="D001943", OMIM="114480"
                ),
                annotation("T3", "ovarian cancer", (25, 14), type="Disease", identifier="-1", score="0.5"),
            ],
        },
    ],
    "relations": [{"id": "R1", "infons": {"type": "Same"}, "nodes": [{"refid": "T2", "role": "a"}]}],
}
COLLECTION: dict[str, Any] = {"source": "x", "date": "", "key": "", "documents": [DOCUMENT]}


def xml(told):
    """Write documents as XML; their own tool would."""

    def infons(one):
        return "".join(
            f"<infon key={quoteattr(key)}>{escape(value)}</infon>" for key, value in one["infons"].items()
        )

    def mention(one):
        places = "".join(
            f'<location offset="{at["offset"]}" length="{at["length"]}"/>' for at in one["locations"]
        )
        inner = f"{infons(one)}{places}<text>{escape(one['text'])}</text>"
        return f'<annotation id="{one["id"]}">{inner}</annotation>\n'

    def passage(one):
        inner = "".join(map(mention, one["annotations"]))
        text = f"<offset>{one['offset']}</offset><text>{escape(one['text'])}</text>"
        return f"<passage>{infons(one)}{text}{inner}</passage>"

    def relation(one):
        nodes = "".join(f'<node refid="{node["refid"]}" role="{node["role"]}"/>' for node in one["nodes"])
        return f'<relation id="{one["id"]}">{infons(one)}{nodes}</relation>'

    documents = "".join(
        f"<document><id>{one['id']}</id>{infons(one)}{''.join(map(passage, one['passages']))}"
        f"{''.join(map(relation, one['relations']))}</document>\n"
        for one in told["documents"]
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE collection SYSTEM "BioC.dtd">\n'
    return f"{head}<collection><source>x</source><date/><key/>\n{documents}</collection>"


def rows(path, report=None, **more):
    found = corpus.documents(f"bioc:{path}", report=report, **more)
    return [row for batch in found for row in batch.to_pylist()]


def read(folder, data, report=None, **more):
    (folder / "a.xml").write_bytes(data if isinstance(data, bytes) else data.encode())
    return rows(folder / "a.xml", report, **more)


def told(row):
    return [
        (row["text"][one["start"] : one["end"]], one["kb"], one["id"], one["kind"]) for one in row["links"]
    ]


def test_a_document(tmp_path):
    report = Report()
    (row,) = read(tmp_path, json.dumps(COLLECTION), report)
    assert (row["doc_id"], row["text"]) == ("7", f"{TITLE}\n{ABSTRACT}")
    assert told(row) == [
        ("Ménière", "mesh", "D008575", "gold"),
        ("Breast or ovarian cancer", "mesh", "D001943", "gold"),
        ("ovarian cancer", None, None, "gold"),
        ("Ulm", None, None, "ner"),
    ]
    second, third = row["links"][1:3]
    assert (second["type"], second["others"]) == ("Disease", ["omim:114480"])
    assert json.loads(second["extra"]) == {"id": "T2", "parts": [[15, 21], [33, 39]]}
    assert json.loads(third["extra"]) == {"id": "T3", "infons": {"score": "0.5"}}
    assert json.loads(row["meta"]) == {
        "sections": [[0, 14, "title"], [15, 49, "abstract"]],
        "relations": [{"id": "R1", "type": "Same", "args": [["a", "T2"]], "infons": {"type": "Same"}}],
        "infons": {"licence": "free"},
    }
    assert (report.counts, report.rejects) == ({"read": 1}, [])


def test_xml_and_every_wrapping_of_json_are_the_same(tmp_path):
    two = copy.deepcopy(COLLECTION)
    two["documents"].append(DOCUMENT | {"id": "8"})
    expected = read(tmp_path, xml(two))
    assert [row["doc_id"] for row in expected] == ["7", "8"]
    lines = "".join(json.dumps(one) + "\r\n" for one in two["documents"])
    for data in (
        json.dumps(two), json.dumps(two, indent=1), json.dumps([two]),
        json.dumps({"PubTator3": two["documents"]}), "\ufeff" + lines, gzip.compress(lines.encode()),
        "\ufeff" + xml(two), xml(two).replace("\n", "\r\n"),
        xml(two).replace("UTF-8", "UTF-16").encode("utf-16"),
    ):  # fmt: skip
        assert read(tmp_path, data) == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_offsets_in_other_units(tmp_path, encoding):
    other = copy.deepcopy(COLLECTION)
    text = f"{TITLE}\n{ABSTRACT}"
    size = 2 if encoding == "utf-16-le" else 1

    def measure(at):
        return len(text[:at].encode(encoding)) // size

    for passage in other["documents"][0]["passages"]:
        passage["offset"] = measure(passage["offset"])
        for one in passage["annotations"]:
            for at in one["locations"]:
                end = measure(at["offset"] + at["length"])
                at["offset"] = measure(at["offset"])
                at["length"] = end - at["offset"]
    expected = told(read(tmp_path, json.dumps(COLLECTION))[0])
    units = "utf-16" if size == 2 else "bytes"
    assert told(read(tmp_path, json.dumps(other))[0]) == expected
    assert told(read(tmp_path, json.dumps(other), settings=[f"offsets={units}"])[0]) == expected


def test_sentences(tmp_path):
    sentences = [
        {"offset": 5, "text": "Gout.", "annotations": [annotation("1", "Gout", (5, 4), type="D")]},
        {"offset": 11, "text": "Old gout.", "annotations": [annotation("2", "gout", (15, 4), type="D")]},
    ]
    passages = [{"offset": 0, "text": "Hm."}, {"offset": 5, "sentences": sentences}]
    (row,) = read(tmp_path, json.dumps({"passages": passages, "id": 3}))
    assert (row["doc_id"], row["text"]) == ("3", "Hm.\n\nGout. Old gout.")
    assert [one[0] for one in told(row)] == ["Gout", "gout"]
    meta = json.loads(row["meta"])
    assert meta == {"sections": [[0, 3, None], [5, 20, None]], "sentences": [[5, 10], [11, 20]]}


def test_settings_name_the_infon_and_the_knowledge_base(tmp_path):
    passage = {
        "offset": 0,
        "text": "gout",
        "annotations": [annotation("1", "gout", (0, 4), type="D", code="X9")],
    }
    data = json.dumps({"passages": [passage], "id": 3})
    assert told(read(tmp_path, data)[0]) == [("gout", None, None, "ner")]
    assert told(read(tmp_path, data, settings=["id=Code", "kb=icd"])[0]) == [("gout", "icd", "X9", "gold")]


def test_bad_annotations_and_documents_cost_no_others(tmp_path):
    bad = copy.deepcopy(DOCUMENT)
    bad["passages"][0]["annotations"] += [
        annotation("T4", "gout", (90, 4), type="D"),
        annotation("T5", "Ulm", (10, 4), type="D"),
        annotation("T6", "gout", type="D"),
    ]
    broken = copy.deepcopy(DOCUMENT)
    broken["passages"][0]["offset"] = "x"
    documents: dict[str, Any] = {"documents": [bad, broken, DOCUMENT | {"id": "8", "passages": []}]}
    for data in (json.dumps(documents), xml(documents)):
        report = Report()
        found = read(tmp_path, data, report)
        assert [(row["doc_id"], row["text"], len(row["links"])) for row in found] == [
            ("7", f"{TITLE}\n{ABSTRACT}", 4), ("8", "", 0),
        ]  # fmt: skip
        reasons = [one["reason"] for one in report.rejects]
        assert "beyond the text" in reasons[1] or "beyond the text" in reasons[2]
        assert any("'gout', not 'Ulm'" in one for one in reasons)
        assert any("without a place" in one for one in reasons)
        assert any("offset" in one and "int" in one for one in reasons)
        assert len(reasons) == 4


@pytest.mark.parametrize(
    ("data", "line", "why"),
    [
        ("<collection>\n<document><id>1</id></collection>", 2, "not XML: mismatched tag"),
        ("<article/>", None, "of another format"),
        ('{"a": 1}', 1, "no `passages`"),
        ("[[1]]", 1, "xpected `object`"),
        ("{\n", None, "malformed|truncated"),
        (b'{"passages": [{"text": "\xff"}]}', 1, "not UTF-8|malformed"),
        ("[" * 100_000, 1, "nested|malformed|truncated"),
        ("what?", 1, "malformed"),
    ],
)
def test_bad_files_cost_no_others(tmp_path, data, line, why):
    (tmp_path / "b.json").write_text(json.dumps(COLLECTION))
    (tmp_path / "a.xml").write_bytes(data if isinstance(data, bytes) else data.encode())
    report = Report()
    assert [row["doc_id"] for row in rows(tmp_path, report)] == ["7"]
    (reject,) = report.rejects
    assert reject["file"] == "a.xml"
    assert any(part in reject["reason"] for part in why.split("|"))


def test_a_bad_line_costs_no_others(tmp_path):
    good = json.dumps(DOCUMENT)
    for data in (f"{good}\n{{\n{good}\n", f"{{\n{good}\n{good}\n"):
        report = Report()
        assert len(read(tmp_path, data, report)) == 2
        assert len(report.rejects) == 1
