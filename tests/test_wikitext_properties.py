"""Wikitext → text: what holds for every page, however damaged, and a slow oracle for well-formed ones."""

from __future__ import annotations

import bz2
import html
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.sources.wikipedia.site import Site
from kbtools.sources.wikipedia.wikitext import Clean, clean
from tests import oracle_wikitext

EN = Site(lang="en", dbname="enwiki", namespaces={6: "File", 14: "Category"})
ZH = Site(lang="zh", dbname="zhwiki", namespaces={6: "File", 14: "Category"})
MARKUP = ("[[", "]]", "{{", "}}", "'''", "<ref", "{|")

MARKS = """
[[ ]] [ ] {{ }} {{{ }}} { } {| |} | '' ''' '''' ''''' <ref> </ref> <ref/> <ref <!-- --> <nowiki/> <br> <b>
</b> <math> </math> <table> </table> == = * # : ; ---- -{ }- zh-cn: [[File: [[Category: [[A| [[A#b| [[de: [http://a
( ) （ ） , . 、 a B 苹果 é 😀 __TOC__ {{a}} {{!}} [[a]] [[a|b]] [[File:a|b]] <p> & ; &x;"""
PIECES = [*MARKS.split(), " ", "  ", "\n", "\n\n", "\t", "\xa0", "\u3000", "\x01", "\x02"]
soup = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


def check(page: Clean) -> None:
    """Check what holds for every page without literal markup."""
    text = page.text
    assert [mark for mark in MARKUP if mark in text] == []
    assert text == text.strip()
    assert not re.search(r"  | \n|\n |\n\n\n|[\x00-\x08\r\t\xa0]", text)
    end = 0
    for anchor in page.anchors:
        assert end <= anchor.start < anchor.end
        assert text[anchor.start : anchor.end] == anchor.surface == anchor.surface.strip()
        assert anchor.title
        assert not re.search(r"[\[\]{}<>|\n]", anchor.title)
        end = anchor.end
    for section in page.sections:
        assert text.startswith(section.title, section.start)
        assert 1 <= section.level <= 6


@given(soup, st.sampled_from([EN, ZH]))
def test_any_page_gives_clean_text(wikitext, site):
    check(clean(wikitext, site))


@given(st.text())
def test_any_characters_are_taken(wikitext):
    page = clean(wikitext, EN)
    assert all(page.text[a.start : a.end] == a.surface for a in page.anchors)


words = st.text("abcXYZ 苹果é😀.,()!?-1", min_size=1).map(lambda line: " ".join(line.split()).strip("- "))
paragraphs = st.lists(words.filter(bool), min_size=1, max_size=5)


@given(paragraphs)
def test_plain_text_stays_as_it_is(lines):
    text = "\n\n".join(lines)
    assert clean(text, EN).text == text
    assert clean("\n".join(lines), EN).text == "\n".join(lines)


# Well-formed pages. Words have no punctuation: mending gaps has cases of its own.

word = st.text("abcXYZжé😀", min_size=1, max_size=6)
titles = word.map(lambda name: f"t{name}")
dropped = st.recursive(
    word.map("{{{{{}}}}}".format) | word.map("<!-- {} -->".format) | word.map("<ref>{}</ref>".format),
    lambda inner: st.builds("{{{{{}|x={}}}}}".format, word, inner),
    max_leaves=4,
)
inline = st.lists(word | dropped | st.just(" ") | word.map("x'''{}'''x".format), min_size=1, max_size=4)
surfaces = st.builds("{}{}".format, word, inline.map("".join)).map(str.rstrip)
link = st.builds("[[{}]]".format, titles) | st.builds("[[{}|{}]]".format, titles, surfaces)
file = st.builds("[[File:{}|thumb|{} {}]]".format, word, word, st.lists(link, max_size=3).map(" ".join))
page_line = st.lists(word | st.just(" ") | dropped | link | file, min_size=1, max_size=12).map("".join)


@given(page_line)
def test_the_slow_oracle_agrees(line):
    text, links = oracle_wikitext.read(line)
    page = clean(line, EN)
    assert page.text == text
    assert [(anchor.start, anchor.end, anchor.title) for anchor in page.anchors] == links


ENDLESS = r"""
{ {{ {{{ [ [[ [[A| [[File:a| [[A|[ '''a\_' <ref> <ref <!-- -{ -{zh: {|\n \n{| <table> <table [http://a [//a\_
=a= \n* \n= __A ( (\_{{x}} ({{x}}) {{x}}, {{x}}) & < </b [[A]] {{a|[[b ]]{{ <br> {[ [{[{ &#91; {{a}}\n
\n*{{a}} <nowiki> }} ]] -{H| -{a; <math><ref> =\_\_ \n---- \_ [[File:a|[[b]] [http://a\_[[b\_"""
PATTERNS = sorted({piece.replace(r"\n", "\n").replace(r"\_", " ") for piece in ENDLESS.split()} | {"\u3000"})


@pytest.mark.parametrize("piece", PATTERNS)
def test_damage_takes_linear_time(piece):
    wikitext = piece * (200_000 // len(piece))
    start = time.process_time()
    check(clean(wikitext, ZH)) if "&" not in piece else clean(wikitext, ZH)
    assert time.process_time() - start < 3


@pytest.mark.parametrize(
    "nested", ["{{ }}", "[[A| ]]", "{| |}", "( )", "-{ }-", "<table> </table>", "{{{ }}}"]
)
def test_deep_nesting_takes_linear_time(nested):
    left, right = nested.split()
    newline = "\n" if left == "{|" else ""
    start = time.process_time()
    check(clean((newline + left) * 50_000 + "{{x}}" + (newline + right) * 50_000, ZH))
    assert time.process_time() - start < 3


def pages(path: Path) -> list[str]:
    """List the wikitext of every page of a small dump."""
    data = bz2.decompress(path.read_bytes()) if path.suffix == ".bz2" else path.read_bytes()
    return [html.unescape(text) for text in re.findall(r"<text[^>]*>([^<]*)</text>", data.decode())]


@pytest.mark.parametrize(
    ("dump", "lang"),
    [
        ("dbpedia-minidumps/en/wiki.xml.bz2", "en"),
        ("dbpedia-minidumps/de/wiki.xml.bz2", "de"),
        ("dbpedia-minidumps/ja/wiki.xml.bz2", "ja"),
        ("dbpedia-minidumps/zh/wiki.xml.bz2", "zh"),
        ("dumpster-dive/smallwiki-latest-pages-articles.xml", "ltg"),
    ],
)
def test_real_articles(realdata, dump, lang):
    site = Site(lang=lang, dbname=f"{lang}wiki")
    for wikitext in pages(realdata / "wikipedia" / dump):
        page = clean(wikitext, site)
        if "nowiki" in wikitext or "&" in wikitext:
            assert all(page.text[a.start : a.end] == a.surface for a in page.anchors)
        else:
            check(page)


def test_a_real_article_in_chinese(realdata):
    (wikitext,) = pages(realdata / "wikipedia/dbpedia-minidumps/zh/wiki.xml.bz2")
    page = clean(wikitext, Site(lang="zh", dbname="zhwiki"))
    assert page.text.startswith("柏林是德意志聯邦共和國首都，也是德国最大的城市，现有居民约340万人。")
    assert page.anchors[0].title == "德意志聯邦共和國"
    assert page.sections[0].title == "历史"
    assert "柏林" in page.categories
