"""Wikitext → text: each rule on a case that was worked out by hand."""

from __future__ import annotations

import pytest

from kbtools.sources.wikipedia.site import Site
from kbtools.sources.wikipedia.wikitext import Anchor, Section, clean

EN = Site(lang="en", dbname="enwiki", namespaces={6: "File", 14: "Category", 12: "Help"})
DE = Site(lang="de", dbname="dewiki", namespaces={6: "Datei", 14: "Kategorie"})
FR = Site(lang="fr", dbname="frwiki", namespaces={6: "Fichier", 14: "Catégorie"})
ZH = Site(lang="zh", dbname="zhwiki", namespaces={6: "File", 14: "Category"})


def links(wikitext: str, site: Site = EN) -> list[tuple[str, str, str]]:
    """Clean, check every offset, and list surface, title and kind."""
    page = clean(wikitext, site)
    assert all(page.text[a.start : a.end] == a.surface for a in page.anchors)
    return [(a.surface, a.title, a.kind) for a in page.anchors]


TEXTS = {
    "bold and italic": ("'''Ada''' ''wrote'' '''''notes'''''.", "Ada wrote notes."),
    "an apostrophe before italic": ("''L'amour'' et l'''amour''", "L'amour et l'amour"),
    "an apostrophe before bold": ("l''''amour'''", "l'amour"),
    "bold never closed": ("'''Ada wrote\nnotes", "Ada wrote\nnotes"),
    "one apostrophe": ("rock 'n' roll", "rock 'n' roll"),
    "paragraphs": ("one\n\n\n\ntwo  \nthree\r\n\r\nfour", "one\n\ntwo\nthree\n\nfour"),
    "a heading": ("a\n== ''B'' [[c]] ==\nd\n===e=== \n", "a\n\nB c\n\nd\n\ne"),
    "no heading": ("a = b\n= c\n====", "a = b\n= c\n===="),
    "lists": ("* a\n** b\n# c\n:; d\n----\ne", "a\nb\nc\nd\n\ne"),
    "a comment": ("a<!-- b --> c", "a c"),
    "a comment with a line of its own": ("a\n <!-- b --> \nc", "a\nc"),
    "a comment never closed": ("a <!-- b", "a"),
    "a footnote": ("a<ref>[[b]] {{c}}</ref> d <ref name=x />.", "a d."),
    "a footnote with a > in its name": ('a<ref name="x/y">z</ref>b', "ab"),
    "a footnote never closed": ("a<ref>b", "ab"),
    "a tag never closed": ("a<ref b", "aref b"),
    "a template": ("a {{b|{{c|d}}|[[e]]}} f", "a f"),
    "a template never closed": ("a {{b|{{c}} d", "a b| d"),
    "a template that is a character": ("a{{spaced ndash}}b", "a – b"),
    "a parameter": ("a {{{b|{{c}}}}} d", "a d"),
    "a parser function": ("a {{#if: {{{b|}}} | c }}", "a"),
    "a magic word": ("__NOTOC__\na {{PAGENAME}} __init__", "a __init__"),
    "nested tables": ("a\n{| class=x\n| b\n{|\n| c\n|}\n| d\n|}\ne", "a\n\ne"),
    "a table written by templates": ("a\n{{{!}}\n{{!}} b\n{{!}}}\nc", "a\n\nc"),
    "a table never closed": ("a\n{|\n| b\n\n== C ==\nd", "a\n\nC\n\nd"),
    "a table in HTML": ("a <table><tr><td>b</td></tr></table> c", "a c"),
    "extensions": ("a <math>x</math>b<gallery>\nc\n</gallery> <timeline>d</timeline>e", "a b e"),
    "code": ("a <code>b()</code>\n<syntaxhighlight lang=c>x[[1]]</syntaxhighlight>\nc", "a b()\n\nc"),
    "literal text": ("a <nowiki>[[b]] ''c'' &amp;</nowiki> d<nowiki/>", "a [[b]] ''c'' &amp; d"),
    "a new line": ("a<br>b<br />c\n* d<BR/>e", "a\nb\nc\nd\ne"),
    "tags": ('H<sub>2</sub>O <span style="x">a</span><div>b</div>', "H2O a\nb"),
    "no tags": ("1 < 2 > 1 <foo@b.org>", "1 < 2 > 1 <foo@b.org>"),
    "transclusion": ("a<noinclude>b</noinclude><includeonly>c</includeonly>", "ab"),
    "character references": (
        "a&nbsp;b &ndash; &#8364;&#x41; &amp;lt; &bogus; AT&T",
        "a b – €A &lt; &bogus; AT&T",
    ),
    "references to markup": ("&#91;&#91;a&#93;&#93; &lt;ref&gt; &#39;&#39;b", "[[a]] <ref> ''b"),
    "blanks": ("a\tb\u00a0\u00a0c\u2009d", "a b c d"),
    "a link to the web": ("[http://a.org/b c ''d''] [//e.org] http://f.org", "c d http://f.org"),
    "a link to the web in two brackets": ("a [[http://b.org|c]] d", "a d"),
    "control characters": ("a\x01\x02b\x00", "ab"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_what_stays_of_markup(case):
    wikitext, text = TEXTS[case]
    assert clean(wikitext, EN).text == text


GAPS = {
    "nothing in brackets": ("Ada ({{IPA|x}}) was", "Ada was"),
    "brackets begin with nothing": ("Ada ({{IPA|x}}; born 1815)", "Ada (born 1815)"),
    "brackets end with nothing": ("Ada (born 1815, {{x}})", "Ada (born 1815)"),
    "several in brackets": ("Ada ({{a}}, {{b}}; {{c}} ) was", "Ada was"),
    "brackets in brackets": ("Ada ( ({{a}}) ) was", "Ada was"),
    "before a comma": ("Ada {{x}}, who", "Ada, who"),
    "before a full stop": ("Ada wrote <ref>x</ref>. She", "Ada wrote. She"),
    "between commas": ("Ada, {{x}}, who", "Ada, who"),
    "a comma between two": ("Ada {{x}}, {{y}} wrote", "Ada, wrote"),
    "between words": ("Ada {{x}} wrote", "Ada wrote"),
    "within a word": ("Ada{{x}}wrote", "Adawrote"),
    "a line of its own": ("a\n{{x}}\n\n{{y}}\nb", "a\n\nb"),
    "a list item of its own": ("* a\n* {{x}}\n* b", "a\n\nb"),
    "before a list item's words": ("* {{flag|x}} – a", "a"),
    "full-width brackets": ("柏林（{{lang|de|Berlin}}）是", "柏林是"),
    "full-width separator": ("柏林（{{lang|de|Berlin}}；一）是", "柏林（一）是"),
    "no blank in Chinese": ("甲 {{x}} 乙{{x}} 。[[丙]] {{x}} [[丁]] {{x}} a", "甲乙。丙丁 a"),
    "a blank in Korean": ("가 {{x}} 나", "가 나"),
    "written by the author": ("f() , ( ) ( ; x)", "f() , ( ) ( ; x)"),
}


@pytest.mark.parametrize("case", GAPS)
def test_gaps_are_mended(case):
    wikitext, text = GAPS[case]
    assert clean(wikitext, EN).text == text


LINKS = {
    "plain": ("[[apple]]", EN, [("apple", "Apple", "link")]),
    "with text": ("[[Apple Inc.|Apple]]", EN, [("Apple", "Apple Inc.", "link")]),
    "with a trail": (
        "[[apple]]s, [[pear|pear]]s",
        EN,
        [("apples", "Apple", "link"), ("pears", "Pear", "link")],
    ),
    "no capitals in the trail": ("[[apple]]S", EN, [("apple", "Apple", "link")]),
    "no trail after bold": ("'''[[apple]]'''s", EN, [("apple", "Apple", "link")]),
    "a German trail": ("[[Apfel]]bäume", DE, [("Apfelbäume", "Apfel", "link")]),
    "no trail in Chinese": ("[[苹果]]abc", ZH, [("苹果", "苹果", "link")]),
    "underscores": ("[[_new__york_|NY]]", EN, [("NY", "New york", "link")]),
    "a section": ("[[Apple#Uses|use]]", EN, [("use", "Apple", "section")]),
    "a section of this page": ("[[#Uses|use]]", EN, []),
    "a pipe without text": ("[[Paris (Texas)|]]", EN, [("Paris", "Paris (Texas)", "link")]),
    "bold text": ("[[Apple|'''an''' apple]]", EN, [("an apple", "Apple", "link")]),
    "blanks at the ends": ("a[[Apple| b ]]C", EN, [("b", "Apple", "link")]),
    "no text": ("[[Apple| ]]", EN, []),
    "a bracket in the text": ("[[Apple|[1]]] x", EN, [("[1]", "Apple", "link")]),
    "a template in the text": ("[[Apple|an {{x}} apple]]", EN, [("an apple", "Apple", "link")]),
    "a template in the target": ("[[{{x}} b|c]]", EN, []),
    "lines": ("[[Apple|an\napple]]", EN, [("an apple", "Apple", "link")]),
    "a visible category": ("[[:Category:fruit]]", EN, [("Category:fruit", "Category:Fruit", "link")]),
    "another language": ("[[de:Apfel]] [[:de:Apfel]]", EN, []),
    "another wiki": ("[[wikt:apple|apple]]", EN, []),
    "nested": ("[[Apple|a [[pear]] b]]", EN, [("pear", "Pear", "link")]),
    "never closed": ("[[Apple|a [[pear]] b", EN, [("pear", "Pear", "link")]),
    "three brackets": ("[[[apple]]]", EN, [("apple", "Apple", "link")]),
    "not a title": ("[[a<b]] [[a{b|c]]", EN, []),
    "references": ("[[AT&amp;T|A&amp;T]]", EN, [("A&T", "AT&T", "link")]),
    "in a heading": ("== [[Apple|a]] ==", EN, [("a", "Apple", "link")]),
}


@pytest.mark.parametrize("case", LINKS)
def test_links(case):
    wikitext, site, expected = LINKS[case]
    assert links(wikitext, site) == expected


def test_text_of_links_that_lead_nowhere():
    text = clean("a [[#B|c]] [[wikt:d|e]] [[:fr:F]] [[Media:x.ogg|g]] [[a<b]] [[de:H]].", EN).text
    assert text == "a c e fr:F g a<b ."
    assert clean("a [[Apple|b [[pear]] c]] d [[ e", EN).text == "a b pear c d e"


def test_offsets_count_code_points():
    page = clean("😀 &eacute; [[Apple|🍏]] '''x''' [[Pear]]s", EN)
    assert page.text == "😀 é 🍏 x Pears"
    assert page.anchors == [Anchor(4, 5, "🍏", "Apple", "link"), Anchor(8, 13, "Pears", "Pear", "link")]


def test_files_go_with_captions_and_the_links_in_them():
    page = clean("[[Datei:a.jpg|mini|Ein [[Hund]] [[Bild:b.png]] und [[Katze]]]]\nEin [[Tier]].", DE)
    assert page.text == "Ein Tier."
    assert [a.title for a in page.anchors] == ["Tier"]
    assert page.counts["files"] == 2
    assert clean("[[Image:a.jpg|thumb|a [[b]]", EN).anchors == [Anchor(2, 3, "b", "B", "link")]


def test_categories():
    page = clean("a\n[[Kategorie:Frucht|Apfel]]\n[[Category:obst]] \n[[kategorie:Frucht]]", DE)
    assert page.text == "a"
    assert page.categories == ["Frucht", "Obst"]


def test_sections():
    page = clean("lead\n== One ==\nx\n=== [[Two]] {{x}} ===\ny\n==Three===\n", EN)
    assert page.text == "lead\n\nOne\n\nx\n\nTwo\n\ny\n\nThree="
    assert page.sections == [Section(6, 2, "One"), Section(14, 3, "Two"), Section(22, 2, "Three=")]


def test_what_is_left_out_is_counted():
    page = clean(
        "{{main|A}}{{b|[[c]]|{{d}}}}{{e}}<ref>{{f}}</ref><ref name=g/><math>h</math>\n{|\n|}\n[[File:i]]", EN
    )
    assert page.text == ""
    assert page.counts == {
        "templates": 3, "templates with links": 2, "references": 2, "formulas": 1, "tables": 1, "files": 1,
    }  # fmt: skip


VARIANTS = {
    "two scripts": ("-{zh-hans:计算机;zh-hant:電腦}-", "计算机"),
    "the preferred is not the first": ("-{zh-tw:電腦; zh-cn:计算机;}-", "计算机"),
    "none preferred": ("-{zh-tw:電腦;zh-hk:電腦腦}-", "電腦"),
    "as it stands": ("-{干}-", "干"),
    "raw": ("-{R|乾}-", "乾"),
    "a rule for elsewhere": ("a-{H|zh-cn:b;zh-tw:c}-d", "ad"),
    "a title": ("-{T|zh-cn:b;zh-tw:c}-d", "d"),
    "shown and a rule": ("-{A|zh-cn:b;zh-tw:c}-", "b"),
    "nested": ("-{zh-cn:a-{b}-;zh-tw:c}-", "ab"),
    "a link": ("-{[[苹果|甲]]}-", "甲"),
    "never closed": ("-{zh-cn:a", "-{zh-cn:a"),
}


@pytest.mark.parametrize("case", VARIANTS)
def test_variants(case):
    wikitext, text = VARIANTS[case]
    assert clean(wikitext, ZH).text == text


def test_variant_in_a_link():
    assert links("[[计算机|-{zh-cn:计算机;zh-tw:電腦}-]]", ZH) == [("计算机", "计算机", "link")]
    assert clean("x -{y}- z", EN).text == "x -{y}- z"


def test_french_punctuation_keeps_its_blanks():
    assert clean("Quoi&nbsp;? « Oui »{{Réf}} : non{{x}} ; si", FR).text == "Quoi ? « Oui » : non ; si"
