"""PubMed: what a citation says, which of its revisions counts, and files that are damaged."""

from __future__ import annotations

import gzip
import io
import json
import random
from pathlib import Path

import pytest

from kbtools import corpus
from kbtools.corpus import _pubmed_blocks
from kbtools.corpus._pubmed_blocks import blocks
from kbtools.corpus.base import Report
from kbtools.errors import SourceError

HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE PubmedArticleSet SYSTEM "http://x/pubmed.dtd">\n'
    "<PubmedArticleSet>\n"
)
FOOT = "</PubmedArticleSet>\n"
FULL = """<PubmedArticle>
 <MedlineCitation Status="MEDLINE">
  <PMID Version="2">17</PMID>
  <DateRevised><Year>2020</Year><Month>01</Month><Day>02</Day></DateRevised>
  <Article><Journal><JournalIssue><PubDate><MedlineDate>1998 Dec-1999</MedlineDate></PubDate></JournalIssue>
   <Title>Annals of Gout</Title></Journal>
   <ArticleTitle>[Gout &amp; CO<sub>2</sub>
     in  <i>vitro</i> &#945;].</ArticleTitle>
   <ELocationID EIdType="doi" ValidYN="N">10.1/wrong</ELocationID>
   <ELocationID EIdType="doi" ValidYN="Y">10.1/17</ELocationID>
   <Abstract><AbstractText Label="AIM" NlmCategory="OBJECTIVE">To see p &lt; 0.05.</AbstractText>
    <AbstractText Label="UNLABELLED">Seen.</AbstractText><AbstractText/>
    <AbstractText>The mml <mml:math><mml:mi>x</mml:mi></mml:math>.</AbstractText>
    <CopyrightInformation>(c)</CopyrightInformation></Abstract>
   <AuthorList><Author><LastName>Doe</LastName></Author></AuthorList>
   <Language>fre</Language><Language>eng</Language></Article>
  <MeshHeadingList><MeshHeading><DescriptorName UI="D006073" MajorTopicYN="Y">Gout</DescriptorName>
   <QualifierName UI="Q000150" MajorTopicYN="N">complications</QualifierName></MeshHeading></MeshHeadingList>
  <CommentsCorrectionsList><CommentsCorrections><PMID Version="1">99</PMID></CommentsCorrections>
  </CommentsCorrectionsList></MedlineCitation>
 <PubmedData><ArticleIdList><ArticleId IdType="pmc">PMC5</ArticleId></ArticleIdList>
  <ReferenceList><Reference><ArticleIdList><ArticleId IdType="doi">10.1/other</ArticleId></ArticleIdList>
  </Reference></ReferenceList></PubmedData>
</PubmedArticle>
"""


def citation(pmid, title, version=1, revised=None):
    date = f"<DateRevised><Year>{revised}</Year><Month>1</Month><Day>2</Day></DateRevised>" if revised else ""
    return (
        f'<PubmedArticle><MedlineCitation><PMID Version="{version}">{pmid}</PMID>{date}<Article>'
        f"<ArticleTitle>{title}</ArticleTitle></Article></MedlineCitation></PubmedArticle>\n"
    )


def deletion(*pmids):
    inner = "".join(f'<PMID Version="{version}">{pmid}</PMID>' for pmid, version in pmids)
    return f"<DeleteCitation>\n{inner}</DeleteCitation>\n"


def put(folder, files):
    for name, parts in files.items():
        data = (HEAD + "".join(parts) + FOOT).encode()
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return folder


def rows(path, report=None, **more):
    found = corpus.documents(f"pubmed:{path}", report=report, **more)
    return [row for batch in found for row in batch.to_pylist()]


def titles(path, report=None):
    return {row["doc_id"]: row["text"] for row in rows(path, report)}


def test_a_citation(tmp_path):
    (row,) = rows(put(tmp_path, {"a.xml.gz": [FULL]}))
    text = "[Gout & CO2 in vitro α].\nAIM: To see p < 0.05.\nSeen.\nThe mml x."
    assert (row["doc_id"], row["text"], row["lang"], row["links"]) == ("17", text, "en", None)
    meta = json.loads(row["meta"])
    sections = [(text[start:end], label) for start, end, label in meta.pop("sections")]
    assert sections == [("AIM: To see p < 0.05.", "AIM"), ("Seen.", None), ("The mml x.", None)]
    heading = {"id": "D006073", "name": "Gout", "major": True}
    qualifiers = [{"id": "Q000150", "name": "complications"}]
    assert meta == {
        "title": "[Gout & CO2 in vitro α].", "version": 2, "journal": "Annals of Gout", "year": 1998,
        "language": ["fre", "eng"], "pmc": "PMC5", "doi": "10.1/17",
        "mesh": [heading | {"qualifiers": qualifiers}],
    }  # fmt: skip


def test_citations_without_title_or_abstract(tmp_path):
    empty = citation(1, "").replace("</ArticleTitle>", "</ArticleTitle><Abstract><AbstractText/></Abstract>")
    only = citation(2, "").replace(
        "</ArticleTitle>", "</ArticleTitle><Abstract><AbstractText>x</AbstractText></Abstract>"
    )
    assert titles(put(tmp_path, {"a.xml": [empty, only]})) == {"1": "", "2": "x"}


NAMES = ("pubmed24n0001.xml", "pubmed24n0900.xml.gz", "pubmed24n1000.xml", "pubmed25n0001.xml.gz")
HISTORY = (
    [citation(1, "one"), citation(2, "two"), citation(3, "three"), citation(4, "four"), citation(5, "five")],
    [citation(1, "one, revised"), citation(3, "three, v2", 2), deletion((4, 1), (3, 2), (77, 1))],
    [citation(1, "one, again"), citation(1, "one, at last"), citation(6, "six"), deletion((2, 1))],
    [citation(4, "four, returned")],
)
LEFT = {"1": "one, at last", "3": "three", "4": "four, returned", "5": "five", "6": "six"}


@pytest.mark.parametrize("folders", [("", "", "", ""), ("d", "c", "b", "a"), ("b", "a", "b", "a")])
def test_later_revisions_win_and_deleted_citations_go_however_files_are_sorted(tmp_path, folders):
    places = (f"{folder}/{name}".lstrip("/") for folder, name in zip(folders, NAMES, strict=True))
    report = Report()
    assert titles(put(tmp_path, dict(zip(places, HISTORY, strict=True))), report) == LEFT
    assert report.counts["skipped: earlier revisions"] == 4  # of 1 three, of 4 one
    assert report.counts["skipped: deleted citations"] == 2  # 2, and the second version of 3
    assert not report.rejects


def test_versions_count_for_themselves(tmp_path):
    old = [citation(1, "v1"), citation(1, "v2", 2), citation(1, "v3", 3)]
    put(
        tmp_path,
        {"pubmed24n0001.xml": old, "pubmed24n0002.xml": [citation(1, "v1, later"), deletion((1, 3))]},
    )
    assert titles(tmp_path) == {"1": "v2"}


def test_files_without_a_number_are_ordered_by_dates(tmp_path):
    new, old = [citation(1, "new", revised=2021), citation(2, "x")], [citation(1, "old", revised=2019)]
    assert titles(put(tmp_path, {"a.xml": new, "b.xml": old})) == {"1": "new", "2": "x"}
    assert titles(put(tmp_path, {"a.xml": old, "b.xml": new})) == {"1": "new", "2": "x"}
    assert titles(put(tmp_path, {"pubmed24n0009.xml": [citation(1, "from the baseline", revised=2024)]})) == {
        "1": "new", "2": "x",
    }  # fmt: skip


def test_the_same_history_by_a_slow_way(tmp_path):
    chance = random.Random(5)
    state: dict[tuple[int, int], str] = {}
    files: dict[str, list[str]] = {}
    for number in range(1, 7):
        parts = []
        for step in range(60):
            key = (chance.randint(1, 25), chance.randint(1, 2))
            if chance.random() < 0.25:
                parts.append(deletion(key))
                state.pop(key, None)
            else:
                state[key] = f"{number}-{step}"
                parts.append(citation(key[0], state[key], key[1]))
        files[f"{chance.choice('abc')}/pubmed23n{number:04d}.xml"] = parts
    expected = {str(pmid): state[pmid, version] for pmid, version in sorted(state)}
    assert titles(put(tmp_path, files)) == expected


def test_pieces_read_apart_are_the_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("kbtools.corpus._whole.PIECE", 1)
    put(tmp_path / "in", dict(zip(NAMES, HISTORY, strict=True)))
    room = tmp_path / "room"
    pieces = list(corpus.plan(f"pubmed:{tmp_path / 'in'}", room))
    assert len(pieces) == 4
    assert all((room / name).is_file() for piece in pieces for name in piece.consumes)
    found = [row for piece in pieces for batch in corpus.read(piece, room) for row in batch.to_pylist()]
    assert found == rows(tmp_path / "in")


def test_bad_citations_cost_no_others(tmp_path):
    broken = citation(2, "<i>x</b>")
    entity = citation(3, "&boom;")
    nameless = "<PubmedArticle>\n<MedlineCitation><Article/></MedlineCitation></PubmedArticle>\n"
    endless = "<PubmedArticle><MedlineCitation>\n"
    book = "<PubmedBookArticle><BookDocument><PMID>9</PMID></BookDocument></PubmedBookArticle>\n"
    report = Report()
    parts = [citation(1, "one"), broken, entity, nameless, endless, citation(5, "five"), book, book]
    assert titles(put(tmp_path, {"a.xml": parts}), report) == {"1": "one", "5": "five"}
    assert [(one["line"], one["reason"]) for one in report.rejects] == [
        (5, "not XML: mismatched tag"),
        (6, "not XML: undefined entity"),
        (7, "a citation that does not begin with its PMID"),
        (9, "not XML: a citation that does not end"),
    ]
    assert report.counts["skipped: books"] == 2


@pytest.mark.parametrize("version", ["x", "", "9" * 50, "0002"])
def test_odd_versions(tmp_path, version):
    row = rows(put(tmp_path, {"a.xml": [citation(1, "x", version)]}))[0]
    assert json.loads(row["meta"])["version"] == (2 if version == "0002" else 1)


def test_nothing_that_a_document_type_declares_is_put_in(tmp_path):
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b SYSTEM "file:///etc/passwd">]>'
    (tmp_path / "a.xml").write_text(f"{bomb}<PubmedArticleSet>{citation(1, '&a;')}{citation(2, '&b;')}{FOOT}")
    report = Report()
    assert rows(tmp_path, report) == []
    assert [one["reason"] for one in report.rejects] == ["not XML: undefined entity"] * 2


def test_damaged_files(tmp_path):
    whole = (
        HEAD + "".join(citation(n, f"title {n} " + "x" * (n % 97)) for n in range(1, 3000)) + FOOT
    ).encode()
    packed = gzip.compress(whole)
    (tmp_path / "a.xml.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "b.xml").write_bytes(b"\xef\xbb\xbf" + whole[: len(whole) // 2].replace(b"\n", b"\r\n"))
    (tmp_path / "c.xml").write_bytes(b"")
    (tmp_path / "d.xml").write_text("<html></html>")
    (tmp_path / "e.xml").write_text(HEAD + citation(9999, "x"))
    report = Report()
    found = titles(tmp_path, report)
    assert 1000 < len(found) < 2999
    assert found["9999"] == "x"
    assert [
        (one["file"], one["reason"].split(";")[0]) for one in report.rejects if one["file"] != "a.xml.gz"
    ] == [
        ("b.xml", "not XML: a citation that does not end"),
        ("c.xml", "is empty"),
        ("d.xml", "has no citations of PubMed in it"),
        ("e.xml", "breaks off: </PubmedArticleSet> is missing"),
    ]
    assert report.damage[0][0] == "a.xml.gz"


def test_a_pipe_cannot_be_read_twice(tmp_path):
    with pytest.raises(SourceError, match="save it in a file first"):
        list(corpus.documents("pubmed:-"))


@pytest.mark.parametrize("step", [1, 7, 64, 1000, 1 << 20])
def test_blocks_do_not_depend_on_how_the_file_is_read(step, monkeypatch):
    monkeypatch.setattr(_pubmed_blocks, "STEP", step)
    parts = [
        citation(1, "one"),
        deletion((4, 1)),
        deletion((5, 1)),
        "<PubmedBookArticle/>",
        "<PubmedArticle>\n\n",
    ]
    book = "<PubmedBookArticle></PubmedBookArticle>"
    data = (HEAD + "".join([*parts, citation(2, "\ntwo"), book, book, citation(3, "x")]) + FOOT).encode()
    file = io.BytesIO(data)
    found = list(blocks(iter(lambda: file.read(step), b"")))
    kinds = [one.kind for one in found]
    assert kinds == ["article", "deletions", "deletions", "broken", "article", "books", "books", "article"]
    assert all(data[one.byte :].startswith(one.data) for one in found)
    assert [one.line for one in found] == [1 + data[: one.byte].count(b"\n") for one in found]


def test_a_citation_without_end_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(_pubmed_blocks, "STEP", 1000)
    monkeypatch.setattr(_pubmed_blocks, "LONGEST", 5000)
    data = (HEAD + "<PubmedArticle>" + "\n" * 20_000 + citation(1, "x") + FOOT).encode()
    file = io.BytesIO(data)
    first, *_, last = blocks(iter(lambda: file.read(100), b""))
    assert (first.kind, first.line, len(first.data)) == ("broken", 4, 5000)
    assert (last.kind, last.line) == ("article", 20_004)


def test_settings_and_example(tmp_path):
    assert rows(put(tmp_path, {"a.xml": [FULL]}), settings=["lang=de"])[0]["lang"] == "de"
    assert corpus.format_of("pubmed").example == "pubmed:baseline/"
    assert Path(corpus.inputs(f"pubmed:{tmp_path}")[0].path) == tmp_path
