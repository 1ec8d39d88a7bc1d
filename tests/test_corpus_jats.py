"""JATS: articles as text with blank lines, their sections and what is told of them."""

from __future__ import annotations

import gzip
import json

import pytest

from kbtools import corpus
from kbtools.corpus.base import Report

DOCTYPE = '<!DOCTYPE article PUBLIC "-//NLM//DTD JATS v1.2//EN" "JATS-archivearticle1.dtd">\n'
FRONT = """<front><journal-meta><journal-id>jx</journal-id>
<journal-title-group><journal-title>Journal of X</journal-title></journal-title-group></journal-meta>
<article-meta><article-id pub-id-type="pmc">12</article-id><article-id pub-id-type="doi">10.1/2</article-id>
<title-group><article-title>On <italic>E.
  coli</italic> and &alpha;<sub>2</sub></article-title></title-group>
<pub-date pub-type="collection"><year>2021</year></pub-date><pub-date><year>2020</year></pub-date>
<permissions><license xlink:href="https://cc.org/by/4.0"><license-p>Free.</license-p></license></permissions>
<abstract><sec><title>Aim</title><p>To see.</p></sec></abstract><abstract abstract-type="short"/>
</article-meta></front>"""
BODY = """<body><p>Lead <xref ref-type="bibr">[1,<sup>2</sup>]</xref>.</p>
<sec><label>1</label><title>First</title>
 <p>Before <inline-formula><mml:math><mml:mi>x</mml:mi></mml:math></inline-formula> after
  <list><list-item><label>a</label><p>one</p></list-item><list-item><p>two</p></list-item></list> tail.</p>
 <sec><title>Inner</title><p>Deep<break/>down.</p><table-wrap><caption><p>T</p></caption></table-wrap></sec>
 <fig><caption><p>F</p></caption></fig><disp-formula><tex-math>x^2</tex-math></disp-formula>
</sec><sec><title/></sec></body><back><ack><p>Thanks</p></ack><ref-list><ref>R</ref></ref-list></back>"""
ARTICLE = f'{DOCTYPE}<article xml:lang="en-GB" article-type="research-article">{FRONT}{BODY}</article>'
TEXT = (
    "On E. coli and α2\n\nAim\n\nTo see.\n\nLead [1,2].\n\nFirst\n\nBefore after\n\none\n\ntwo\n\ntail.\n\n"
    "Inner\n\nDeep down."
)


def rows(path, report=None, **more):
    found = corpus.documents(f"jats:{path}", report=report, **more)
    return [row for batch in found for row in batch.to_pylist()]


def put(folder, **files):
    for name, data in files.items():
        (folder / name.replace("_", ".")).write_bytes(data if isinstance(data, bytes) else data.encode())
    return folder


def test_an_article(tmp_path):
    report = Report()
    (row,) = rows(put(tmp_path, a_nxml=ARTICLE), report)
    assert (row["doc_id"], row["lang"], row["links"]) == ("PMC12", "en", None)
    assert row["text"] == TEXT
    meta = json.loads(row["meta"])
    sections = [(TEXT[start:end], title) for start, end, title in meta.pop("sections")]
    assert sections == [
        ("Aim\n\nTo see.", "Abstract"),
        ("Aim\n\nTo see.", "Aim"),
        (TEXT[TEXT.index("First") :], "First"),
        ("Inner\n\nDeep down.", "Inner"),
    ]
    assert meta == {
        "title": "On E. coli and α2", "ids": {"pmc": "PMC12", "doi": "10.1/2"}, "journal": "Journal of X",
        "year": 2020, "licence": "https://cc.org/by/4.0", "type": "research-article",
    }  # fmt: skip
    assert report.counts == {"read": 1, "skipped: tables": 1, "skipped: figures": 1, "skipped: formulas": 2}
    assert rows(tmp_path, settings=["body=false"])[0]["text"] == "On E. coli and α2\n\nAim\n\nTo see."


def test_files_folders_and_sets_of_articles(tmp_path):
    plain = "<article><front><article-meta><title-group><article-title>{}</article-title></title-group>"
    plain += '<article-id pub-id-type="pmid">{}</article-id></article-meta></front></article>'
    put(tmp_path, b_nxml_gz=gzip.compress(b"\xef\xbb\xbf" + plain.format("b", 2).encode()))
    put(
        tmp_path,
        a_xml=f"<pmc-articleset>\r\n{plain.format('a', 1)}\r\n{plain.format('é', '')}</pmc-articleset>",
    )
    put(tmp_path, c_xml="<article/>")
    report = Report()
    assert [(row["doc_id"], row["text"]) for row in rows(tmp_path, report)] == [
        ("1", "a"), ("a.xml", "é"), ("2", "b"), ("c.xml", ""),
    ]  # fmt: skip
    assert report.counts == {"read": 4, "documents without text": 1}
    assert corpus.named(str(tmp_path / "b.nxml.gz")).format == "jats"


@pytest.mark.parametrize(
    ("data", "line", "why"),
    [
        ("<article>\n<front></article>", 2, "not XML: mismatched tag"),
        ("<article><front>\n", 2, "not XML: no element found"),
        ("<html>\n</html>", None, "of another format"),
        ("", None, "is empty"),
        ('<!DOCTYPE x [\n<!ENTITY a "b">]><article>&a;</article>', 2, "declares the entity 'a'"),
        ("<article>" + "\n<p>" * 300, 252, "inside each other"),
        ('<?xml version="1.0" encoding="x-none"?><article/>', None, "cannot be decoded"),
        ("<article><body><p>\xff</p></body></article>".encode("latin-1"), 1, "not XML: not well-formed"),
        ("<article>&boom;</article>", 1, "not XML: undefined entity"),
    ],
)
def test_bad_files_cost_no_others(tmp_path, data, line, why):
    report = Report()
    found = rows(put(tmp_path, a_nxml=data, b_nxml=ARTICLE), report)
    assert [row["doc_id"] for row in found] == ["PMC12"]
    (reject,) = report.rejects
    assert (reject["file"], reject["line"]) == ("a.nxml", line)
    assert why in reject["reason"]


def test_an_entity_that_nobody_knows_is_told(tmp_path):
    article = f"{DOCTYPE}<article><body>\n<p>a&eacute;b&boom;c</p></body></article>"
    report = Report()
    assert rows(put(tmp_path, a_nxml=article), report)[0]["text"] == "aébc"
    assert (report.rejects[0]["line"], "'boom'" in report.rejects[0]["reason"]) == (3, True)


def test_a_container_that_breaks_off(tmp_path):
    many = "".join(f"<article><body><p>{n} {'x' * (n % 91)}</p></body></article>" for n in range(20_000))
    packed = gzip.compress(f"<set>{many}</set>".encode())
    report = Report()
    found = rows(put(tmp_path, a_nxml_gz=packed[: len(packed) // 2]), report)
    assert 1000 < len(found) < 20_000
    assert len(report.rejects) == len(report.damage) == 1


def test_an_article_that_does_not_end_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("kbtools.io.markup.LONGEST", 1 << 20)
    put(tmp_path, a_nxml="<set>\n<article>" + "<p>x</p>" * 400_000, b_nxml=ARTICLE)
    report = Report()
    assert [row["doc_id"] for row in rows(tmp_path, report)] == ["PMC12"]
    assert [(one["line"], one["reason"]) for one in report.rejects] == [
        (2, "<article> has more than 1 MiB; cut it up")
    ]
