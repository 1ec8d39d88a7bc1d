"""PubTator: every mention of a real corpus fits, ids of all shapes, what is written is read as it was."""

from __future__ import annotations

import gzip
import io
import json
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools import corpus
from kbtools.corpus._concepts import Concept, concept
from kbtools.corpus.base import Document, Link, Report, batches
from kbtools.errors import KbError

SMALL = """
7|t|Gout and mumps.
7|a|Gout is old. No|bars matter.
7\t0\t4\tGout\tDisease\tMESH:D006073
7\t9\t14\tmumps\tDisease\tD009107|OMIM:100
7\t16\t20\tGout\tDisease\t-1
7\t24\t27\told\tAge
7\tCauses\tD006073\tD009107

8|t|Only a title
8|a|
"""


def rows(spec, report=None, **more):
    return [row for batch in corpus.documents(str(spec), report=report, **more) for row in batch.to_pylist()]


def read(tmp_path, text, report=None, **more):
    path = tmp_path / "a.pubtator"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return rows(path, report, **more)


def links(row):
    return [
        (row["text"][one["start"] : one["end"]], one["kb"], one["id"], one["kind"]) for one in row["links"]
    ]


def test_a_document_is_title_line_end_abstract(tmp_path):
    report = Report()
    first, second = read(tmp_path, SMALL, report)
    assert (first["doc_id"], first["lang"]) == ("7", "en")
    assert first["text"] == "Gout and mumps.\nGout is old. No|bars matter."
    assert links(first) == [
        ("Gout", "mesh", "D006073", "gold"),
        ("mumps", "mesh", "D009107", "gold"),
        ("Gout", None, None, "gold"),
        ("old", None, None, "ner"),
    ]
    assert first["links"][1]["others"] == ["omim:100"]
    assert json.loads(first["links"][1]["extra"]) == {"composite": "|"}
    relations = [{"type": "Causes", "args": ["D006073", "D009107"]}]
    assert json.loads(first["meta"]) == {"title": "Gout and mumps.", "relations": relations}
    assert (second["text"], second["links"]) == ("Only a title", [])
    assert report.counts == {"read": 2}


@pytest.mark.parametrize(
    ("told", "kind", "expected"),
    [
        ("MESH:D1", None, Concept("D1", "mesh")),
        ("D003924", None, Concept("D003924", "mesh")),
        ("C536528", None, Concept("C536528", "mesh")),
        ("C0011860", None, Concept("C0011860", "umls")),
        (" OMIM:5 ", None, Concept("5", "omim")),
        ("673", "Gene", Concept("673", "ncbigene")),
        ("673;675", "Gene", Concept("673", "ncbigene", ["675"])),
        ("673", "Thing", Concept("673")),
        ("HP:0000118", None, Concept("HP:0000118", "hp")),
        ("HGNC:5", None, Concept("5", "HGNC")),
        ("D1+D2", None, Concept("D1", None, ["D2"], {"composite": "+"})),
        ("D000001| D000002", None, Concept("D000001", "mesh", ["D000002"], {"composite": "|"})),
        ("tmVar:p|SUB|V|600|E;HGVS:p.V600E", "Mutation", Concept("p|SUB|V|600|E;HGVS:p.V600E", "tmVar")),
        ("Paris, Texas", None, Concept("Paris, Texas")),
        ("wikidata:Q42", None, Concept("Q42", "wikidata")),
        ("", None, Concept(None)),
        ("-1", None, Concept(None)),
        ("None", None, Concept(None)),
    ],
)
def test_ids(told, kind, expected):
    assert concept(told, kind) == expected


def test_line_ends_of_windows_a_mark_and_a_container_make_no_difference(tmp_path):
    expected = read(tmp_path, SMALL)
    assert read(tmp_path, b"\xef\xbb\xbf" + SMALL.lstrip().replace("\n", "\r\n").encode()) == expected
    path = tmp_path / "b.pubtator.gz"
    path.write_bytes(gzip.compress(SMALL.encode()))
    assert rows(path) == expected


def test_bad_lines_cost_no_others(tmp_path):
    text = (
        "stray line\n7|t|Gout.\n7|a|Old.\n7|a|Again.\n8\t0\t4\tGout\tDisease\tD1\n"
        "7\t0\t99\tGout\tDisease\tD1\n7\t0\t3\tMump\tDisease\tD1\n7\t0\n7\t0\t4\tGout\tDisease\tD1\n"
        "9|t|Next \udcff\n9\t0\t4\tNext\tX\tD2\n"
        "10|t|Last\n10|a|one\n"
    )
    report = Report()
    found = read(tmp_path, text.encode("utf-8", "surrogateescape"), report)
    assert [(row["doc_id"], len(row["links"])) for row in found] == [("7", 1), ("10", 0)]
    assert sorted((one["line"], one["reason"].split(":")[0]) for one in report.rejects) == [
        (1, "no document begins here"),
        (4, "a second abstract"),
        (5, "a line of '8' in the document '7'"),
        (6, "the span 0..99 is beyond the text, which has 10 characters"),
        (7, "the span 0..3 is 'Gou', not 'Mump'"),
        (8, "neither a mention nor a relation"),
        (10, "document 9 is left out"),
        (10, "not UTF-8"),
    ]


def test_offsets_in_bytes_and_utf_16(tmp_path):
    text = "1|t|Ménière and 😀 gout\n1\t{}\t{}\tgout\tDisease\tD1\n"
    for start in (14, 15, 19):  # code points, UTF-16, bytes
        assert links(read(tmp_path, text.format(start, start + 4))[0])[0][0] == "gout"
    report = Report()
    assert not read(tmp_path, text.format(19, 23), report, settings=["offsets=code points"])[0]["links"]
    assert "offsets=bytes" in report.rejects[0]["reason"]


def test_broken_containers_and_empty_files(tmp_path):
    data = gzip.compress(SMALL.encode() * 2000)
    (tmp_path / "a.pubtator.gz").write_bytes(data[: len(data) // 2])
    (tmp_path / "b.pubtator").write_bytes(b"")
    (tmp_path / "c.pubtator").write_bytes("7|t|x".encode("utf-16"))
    report = Report()
    assert 100 < len(rows(tmp_path, report)) < 4000
    assert [one["file"] for one in report.rejects if one["file"] != "a.pubtator.gz"] == [
        "b.pubtator",
        "c.pubtator",
    ]
    assert report.damage[0][0] == "a.pubtator.gz"


def test_all_of_a_real_corpus_fits(realdata, tmp_path):
    report = Report()
    found = rows(f"pubtator:{realdata / 'bio/ncbi-disease'}", report)
    kbs = Counter(link["kb"] for row in found for link in row["links"])
    assert (len(found), kbs, report.rejects) == (693, {"mesh": 5484, "omim": 448}, [])
    composite = [link for row in found for link in row["links"] if link["others"]]
    assert len(composite) == 145
    with (tmp_path / "again.pubtator").open("wb") as file:
        corpus.write("pubtator", corpus.documents(f"pubtator:{realdata / 'bio/ncbi-disease'}"), file)
    assert rows(tmp_path / "again.pubtator") == found


WORDS = st.text(
    st.characters(codec="utf-8", exclude_characters="\n\t\r", exclude_categories=["Cs"]), max_size=20
)
NAMES = st.from_regex(r"[A-Z]{1,3}\d{1,8}", fullmatch=True)


@st.composite
def documents(draw):
    title, abstract = draw(WORDS), draw(WORDS)
    text = f"{title}\n{abstract}" if abstract else title
    found = []
    for _ in range(draw(st.integers(0, 3)) if text.strip() else 0):
        start = draw(st.integers(0, len(text) - 1))
        end = draw(st.integers(start + 1, len(text)))
        kb, others = draw(st.sampled_from(["omim", "mesh", "HGNC"])), draw(st.lists(NAMES, max_size=2))
        extra = {"composite": "+"} if others and draw(st.booleans()) else None
        link = Link(
            start, end, draw(NAMES), kb, "gold", draw(st.sampled_from(["X", None])), others or None, extra
        )
        nil = Link(start, end, kind="gold", type="Y")
        found.append(draw(st.sampled_from([link, nil, nil._replace(kind="ner")])))
    meta = json.dumps({"title": title}, ensure_ascii=False, separators=(",", ":")) if title else None
    return Document(draw(NAMES), text, "en", meta, found)


@given(st.lists(documents(), max_size=4))
def test_what_is_written_is_read_as_it_was(tmp_path_factory, made):
    made = [one._replace(doc_id=f"{one.doc_id}-{number}") for number, one in enumerate(made)]
    path = tmp_path_factory.mktemp("written") / "a.pubtator"
    expected = list(batches(made, Report()))
    with path.open("wb") as file:
        corpus.write("pubtator", expected, file)
    if made:
        report = Report()
        assert rows(path, report) == [row for batch in expected for row in batch.to_pylist()]
        assert not report.rejects


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (Document("a|b", "x"), "no ids with a bar"),
        (Document("a", "x", links=[Link(0, 1, eid=3)]), "the number 3"),
        (Document("a", "x", links=[Link(0, 1, "1;2", "omim")]), "cannot be told"),
        (Document("a", "x", links=[Link(0, 1, "-1")]), "cannot be told"),
    ],
)
def test_what_would_be_read_as_something_else_is_not_written(document, why):
    found: list[pa.RecordBatch] = list(batches([document], Report()))
    with pytest.raises(KbError, match=why):
        corpus.write("pubtator", found, io.BytesIO())


def test_a_line_without_end_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("kbtools.corpus._streams.LONGEST", 1 << 20)
    report = Report()
    assert [row["doc_id"] for row in read(tmp_path, "1|t|x\n\n2|t|" + "x" * (1 << 22), report)] == ["1"]
    assert [(one["line"], one["reason"]) for one in report.rejects] == [(3, "a line of more than 1 MiB")]
