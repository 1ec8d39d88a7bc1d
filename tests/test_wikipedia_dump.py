"""The XML of MediaWiki dumps: pages, heads and titles, as they are and as they should not be."""

import html
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.errors import ConfigError, SourceError
from kbtools.io import Block
from kbtools.sources.base import Reading
from kbtools.sources.wikipedia import SOURCE
from kbtools.sources.wikipedia.disambiguation import is_disambiguation, meanings, without_bracket
from kbtools.sources.wikipedia.dump import Bad, Page, pages, plain, site_of
from kbtools.sources.wikipedia.plan import expanded
from kbtools.sources.wikipedia.read import redirect_in
from kbtools.sources.wikipedia.settings import Settings
from kbtools.sources.wikipedia.site import INTERWIKI, LANGUAGE, Site

EN = Site(lang="en", dbname="enwiki")
HEAD = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="de">
  <siteinfo><sitename>Wikipedia</sitename><dbname>dewiki</dbname><case>first-letter</case><namespaces>
  <namespace key="0" case="first-letter" /><namespace key="6" case="first-letter">Datei</namespace>
  <namespace key="14" case="first-letter">Kategorie</namespace></namespaces></siteinfo>
"""


def page(inner: str = "", *, title: str = "A", text: str | None = "text", more: str = "") -> str:
    body = (
        ""
        if text is None
        else f"<revision><id>9</id>{more}<text xml:space='preserve'>{text}</text></revision>"
    )
    return f"<page>\n<title>{title}</title><ns>0</ns><id>12</id>{inner}{body}</page>\n"


def read(*several: str) -> list[Any]:
    return list(pages(Block("".join(several).encode("utf-8", "surrogateescape"), 100, 7)))


def reason(text: str) -> str:
    (bad,) = read(text)
    assert isinstance(bad, Bad)
    return bad.reason


def test_a_page_and_where_it_stands():
    first, second = read(page(), page('<redirect title="B &amp; C" />', title="D&quot;E"))
    assert (first.title, first.namespace, first.number, first.redirect, first.text) == (
        "A",
        0,
        12,
        None,
        b"text",
    )
    assert (first.byte, first.line, first.model, first.revisions) == (100, 7, "wikitext", 1)
    assert (second.title, second.redirect, second.line) == ('D"E', "B & C", 9)
    assert second.byte == 100 + len(page())


def test_the_last_revision_counts_and_order_does_not_matter():
    two = "<revision><id>1</id><text>old</text></revision>"
    two += "<revision><text>new</text><model>css</model></revision>"
    (found,) = read(f"<page>{two}<id>5</id><ns>4</ns><title>T</title></page>")
    assert (found.title, found.number, found.namespace) == ("T", 5, 4)
    assert (found.text, found.revisions, found.model) == (b"new", 2, "css")


def test_texts_that_are_not_there():
    for tag in (
        '<text deleted="deleted" />',
        '<text id="3" bytes="200" />',
        '<text bytes="20" deleted="deleted"/>',
    ):
        (found,) = read(f"<page><title>T</title><revision>{tag}</revision></page>")
        assert found.text is None
    for tag in ("<text />", '<text bytes="0" />', '<text xml:space="preserve"></text>'):
        (found,) = read(f"<page><title>T</title><revision>{tag}</revision></page>")
        assert found.text == b""
        assert found.namespace is None
    assert read("<page><title>T</title></page>")[0].text is None


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0")))
def test_escaping_is_undone(text):
    for escaped in (html.escape(text), "".join(f"&#{ord(c)};" for c in text)):
        assert plain(escaped.encode()) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (page(text="&nbsp;"), "unknown entity &nbsp;"),
        (page(text="a & b"), "begins no entity"),
        (page(text="&#xD800;"), "no character"),
        (page(text="&#0;"), "no character"),
        (page(text="<b>bold</b>"), "a tag within text"),
        (page(text="\udcff"), "not UTF-8"),
    ],
)
def test_texts_that_mean_nothing(text, expected):
    with pytest.raises(ValueError, match=expected):
        plain(read(text)[0].text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (page()[:-9], "cut off in the middle"),
        (page(title=""), "without a title"),
        (page(title="&lol9;"), "unknown entity &lol9;"),
        (page(title="x" * 2000), "a title of 2,000 characters"),
        (page(text="a\0b"), "NUL"),
        (page(more='<!DOCTYPE lolz [<!ENTITY lol "lol">]>'), "declaration"),
        (page(text="<![CDATA[x]]>"), "declaration"),
        ("<page><title>T</title><ns>zero</ns></page>", "a namespace that is no number: 'zero'"),
        ("<page><title>T</title><revision><text>no end</revision></page>", "</text> is missing"),
    ],
)
def test_pages_that_cannot_be_read(text, expected):
    assert expected in reason(text)
    assert [type(found) for found in read(page(), text, page())] == [Page, Bad, Page]


def test_comments_are_no_text():
    assert read(page(text="a<!-- b -->c"))[0].text == b"ac"


def plan(tmp_path: Path, text: str, **settings: Any) -> Reading:
    path = tmp_path / "dump.xml"
    path.write_bytes(text.encode())
    return SOURCE.plan([str(path)], Settings(**settings))


def test_a_dump_says_what_site_it_is_of(tmp_path):
    reading = plan(tmp_path, HEAD + page() + "</mediawiki>")
    assert reading.names == "site:dewiki"
    assert reading.notes == {"site": "dewiki", "lang": "de"}
    assert reading.feeds[0].args["site"]["namespaces"] == {"6": "Datei", "14": "Kategorie"}
    assert reading.feeds[0].layout == "pages"
    other = plan(tmp_path, HEAD + page() + "</mediawiki>", site="zh_yuewiki", namespaces=("Kategorie", "0"))
    assert other.notes["lang"] == "zh-yue"
    assert other.feeds[0].args["namespaces"] == [0, 14]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[\n{"id": "Q1"},\n', "not a MediaWiki XML dump: expected <mediawiki>, found '"),
        ("600:10:AccessibleComputing\n", "index of a multistream dump, which is not needed: leave it out"),
        ("\x1b[31m\0" + "é" * 99, r"found '\\x1b[31m\\x00é{28}'…"),
        (HEAD.replace("dewiki", "wikidatawiki") + page(), "is Wikidata.* JSON dump .* ingest wikidata"),
        (HEAD.replace(">Wikipedia<", ">Wikidata<") + page(), "is Wikidata"),
        (HEAD + page(more="<model>wikibase-item</model>"), "is Wikidata"),
        ("<mediawiki>\n  <siteinfo></siteinfo></mediawiki>", "without a <page>"),
        ('<!DOCTYPE m [<!ENTITY a "b">]>\n' + HEAD + page(), "declares a document type"),
        ('<?xml version="1.0" encoding="GB18030"?>\n' + HEAD + page(), "declared as GB18030"),
        ("<mediawiki><siteinfo/>" + page(), "does not say what language"),
    ],
)
def test_what_is_no_dump_is_refused(tmp_path, text, expected):
    with pytest.raises(SourceError, match=expected.replace("[", "\\[")):
        plan(tmp_path, text)


def test_settings_that_make_no_sense(tmp_path):
    for bad in ({"namespaces": ("Nowhere",)}, {"site": "wikidatawiki"}):
        with pytest.raises(ConfigError):
            plan(tmp_path, HEAD + page() + "</mediawiki>", **bad)
    with pytest.raises(ConfigError, match="can be read only once"):
        SOURCE.plan(["-"], Settings())
    assert SOURCE.plan(["-"], Settings(site="frwiki")).notes["lang"] == "fr"


def test_a_missing_end_and_a_needless_index_are_told(tmp_path):
    reading = plan(tmp_path, HEAD + page())
    assert "</mediawiki> is missing" in reading.notes["warnings"][0]
    index = tmp_path / "dewiki-pages-articles-multistream-index.txt.bz2"
    index.write_bytes(b"")
    reading = SOURCE.plan([str(tmp_path / "dump.xml"), str(index)], Settings())
    assert [feed.paths for feed in reading.feeds] == [(str(tmp_path / "dump.xml"),)]
    with pytest.raises(SourceError, match="index"):
        SOURCE.plan([str(index)], Settings())


def test_a_folder_of_dumps_is_read_in_order(tmp_path):
    for n in (10, 2, 1):
        (tmp_path / f"enwiki-pages-articles{n}.xml-p{n}p{n}.bz2").touch()
    (tmp_path / "enwiki-abstract.xml.gz").touch()
    names = [Path(path).name.partition(".")[0] for path in expanded(str(tmp_path), [])]
    assert names == [f"enwiki-pages-articles{n}" for n in (1, 2, 10)]
    (tmp_path / "enwiki-pages-articles-multistream1.xml-p1p1.bz2").touch()
    with pytest.raises(SourceError, match="multistream dumps and others"):
        expanded(str(tmp_path), [])


def test_titles():
    site = site_of(HEAD, "dump.xml")
    split = site.split
    assert (
        split("kategorie:städte in_europa")
        == split(" Category : Städte in europa")
        == (14, "Städte in europa")
    )
    assert split("Bild:a.png")[0] == split("Image:a.png")[0] == split("datei:a.png")[0] == 6
    assert split("vorlage:X") == (10, "X")
    assert split(":Kategorie:X") == (14, "X")
    assert split("AT&amp;T%21#Lage") == (0, "AT&T!")
    assert (split("ßa"), split("ǆa")) == ((0, "ßa"), (0, "Ǆa"))
    assert split("en:Berlin") == (LANGUAGE, "en:Berlin")
    assert split("wikt:Berlin") == (INTERWIKI, "wikt:Berlin")
    assert split("2001: Odyssee") == (0, "2001: Odyssee")
    assert Site(lang="tr", dbname="trwiki").split("istanbul") == (0, "İstanbul")
    assert Site(lang="en", dbname="enwiktionary", case="case-sensitive").split("istanbul") == (0, "istanbul")
    assert Site(lang="zh", dbname="zhwiki").split("分類:水果") == (14, "水果")
    assert Site(lang="zh", dbname="zhwiki").link_trail is None
    trail = Site(lang="de", dbname="dewiki").link_trail
    assert trail
    assert trail.fullmatch("ßen")


def test_redirects_in_texts_of_old_dumps():
    assert redirect_in("  #redirect: [[ B|c]]") == "B"
    assert redirect_in("#Weiterleitung [[B]] {{x}}") == "B"
    for text in ("#REDIRECT nowhere", "# [[list item]]", "#foo [[B]]", "See #REDIRECT [[B]]"):
        assert redirect_in(text) is None


def test_disambiguation_pages():
    assert is_disambiguation("Mercury (disambiguation)", "", EN)
    assert is_disambiguation("水星（消歧义）", "", EN)
    assert is_disambiguation("A", "x\n{{ Disambig | geo }}", EN)
    assert is_disambiguation("A", "{{Human_name disambiguation}}", EN)
    assert is_disambiguation("A", "__DISAMBIG__", EN)
    assert is_disambiguation("A", "{{Begriffsklärung}}", Site(lang="de", dbname="dewiki"))
    assert not is_disambiguation("A (film)", "{{Disambiguation needed}} {{About|x|y}}", EN)
    assert meanings("* ''[[a (x)|A]]'' of [[b]]\n** [[C]]\n# [[a (x)]]\n[[D]]\n* none\n*[[#here]]", EN) == [
        "A (x)",
        "C",
    ]
    assert [without_bracket(t) for t in ("A (b) (c)", "(a)", "A (b) c")] == ["A (b)", "(a)", "A (b) c"]
