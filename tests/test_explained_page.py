"""The page that shows what a linker saw: whatever the texts are, it holds them as text and runs nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kbtools import linkers
from kbtools.errors import ConfigError
from kbtools.linkers.explaining import page, write_page
from kbtools.linkers.explaining.marks import Span, held, line, marked
from tests import tiny_kb, tiny_linking
from tests.tiny_linking import document

TAGS = {
    "html", "meta", "title", "style", "h1", "h2", "h3", "h4", "p", "ul", "li", "span", "section", "div", "a",
    "bdi", "article", "small", "table", "tr", "th", "td", "i", "details", "summary", "footer", "code",
}  # fmt: skip
VOID = {"meta"}
ATTRIBUTES = {
    "name", "content", "charset", "http-equiv", "class", "id", "href", "title", "dir", "lang", "style",
    "data-c",
}  # fmt: skip
NASTY = [
    "<script>alert(1)</script>", "</div>", "<!--", "-->", '"', "'", "&amp;", "&lt;", "&#0;", "<a onclick=x>",
    "\u202e", "\u2066", "\u2069", "\0", "\x07", "\x0c", "\x85", "\r", "\r\n", "\n", "\t", "\ufeff", "\ufffe",
    "\U0001f600", "]]>", "</title>", "</style>", "javascript:", "\u2028", "مرحبا", "e\u0301",
]  # fmt: skip


class Page(HTMLParser):
    """What a browser would make of a page: elements, attributes, and what stands in blocks of text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.open: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.marks: list[tuple[str, str]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        told = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.attributes += told.items()
        if tag not in VOID:
            self.open.append((tag, told.get("class", "")))
        if told.get("class") == "text":
            self.texts.append("")
        if tag == "a" and self.inside("text"):
            self.marks.append((told["class"], ""))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag  # everything is closed, in order

    def handle_data(self, data):
        if self.inside("text"):
            self.texts[-1] += data
        if self.open and self.open[-1][0] == "a" and self.inside("text") and self.marks:
            self.marks[-1] = (self.marks[-1][0], self.marks[-1][1] + data)

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")

    def inside(self, look):
        return any(tag == "div" and found == look for tag, found in self.open)

    def check(self):
        """Nothing runs, nothing is fetched, all that is led to is there."""
        assert {*self.tags} <= TAGS
        assert {name for name, _ in self.attributes} <= ATTRIBUTES
        ids = [value for name, value in self.attributes if name == "id"]
        assert len(ids) == len({*ids})
        links = {value for name, value in self.attributes if name == "href"}
        assert {link[0] for link in links} <= {"#"}
        assert {link[1:] for link in links} <= {*ids}
        assert all(
            re.fullmatch(r"width:\d{1,3}%", value) for name, value in self.attributes if name == "style"
        )
        assert [tag for tag, _ in self.open] == []


@pytest.fixture(scope="module")
def alias(tmp_path_factory):
    return tiny_linking.alias(tmp_path_factory.mktemp("names"))


def read(found, **options):
    seen = Page(page(found, **options))
    seen.check()
    return seen


TEXTS = st.lists(st.sampled_from([*NASTY, "Paris", "New York City", "NYC", "中国", " "]), max_size=12).map(
    "".join
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS, overlap=st.sampled_from(["best", "all"]))
def test_any_text_is_shown_as_it_is_and_nothing_runs(alias, text, overlap):
    found = linkers.explain_text(text, alias=alias, overlap=overlap)
    seen = read(found)
    assert seen.texts
    assert {*seen.texts} == {held(found.documents[0].text)}


PLACES = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(sorted)


@settings(max_examples=100)
@given(
    text=st.lists(st.sampled_from([*NASTY, "a", "中"]), max_size=20).map("".join),
    places=st.lists(PLACES, max_size=8),
)
def test_every_character_of_a_place_is_marked_and_no_other(text, places):
    spans = [Span(low, high, f"look{at}", f"m{at}", 'it\'s "<b>"') for at, (low, high) in enumerate(places)]
    seen = Page(f'<div class="text">{marked(text, spans)}</div>')
    assert {*seen.tags} <= {"div", "a", "bdi"}
    assert seen.texts == [held(text)]
    covered = [char for at, char in enumerate(held(text)) if any(low <= at < high for low, high in places)]
    inside = "".join(re.findall(r"<a .*?</a>", marked(text, spans), re.DOTALL))
    assert Page(f'<div class="text">{inside}</div>').texts == ["".join(covered)]


def test_nested_places_keep_both_looks():
    spans = [Span(0, 8, "outer", "m0", "outer"), Span(4, 6, "inner", "m1", "inner")]
    assert Page(f'<div class="text">{marked("New York", spans)}</div>').marks == [
        ("m outer begins", "New "), ("m inner begins ends deep", "Yo"), ("m outer ends", "rk"),
    ]  # fmt: skip


def test_labels_descriptions_and_names_are_escaped_too(tmp_path):
    evil = "<script>alert('&')</script>\u202e\0"
    about = [{"eid": 0, "lang": "en", "kind": "short", "text": evil, "source": "s"}]
    entities = [tiny_kb.entity(0, evil.strip("\0"), evil.strip("\0"))]
    kb = tiny_linking.kb(tmp_path / "kb", [], tiny_linking.PLACE_NAMES[:1], "k<b>", entities=entities,
                         descriptions=about)  # fmt: skip
    from kbtools import api  # noqa: PLC0415

    api.build_alias([kb], tmp_path / "alias")
    rows = [document("Paris", ("Paris", "nobody's"), id=evil, lang='en" onclick="x')]
    path = tiny_linking.corpus(tmp_path, *rows)
    html = page(linkers.explain_documents(path, alias=tmp_path / "alias"))
    Page(html).check()
    assert "&lt;script&gt;" in html
    assert "<script" not in html
    assert "\u202e" not in line(evil)  # in labels it does not turn the line around
    assert "onclick" not in html


def test_marks_tell_how_sure(alias):
    seen = read(linkers.explain_text("Paris, France", alias=alias))
    assert seen.marks[:2] == [("m p4 begins ends", "Paris"), ("m p4 begins ends", "France")]
    assert len(seen.texts) == 2  # once for each knowledge base
    kept = linkers.explain_text("Paris", alias=alias, overrides=["nil.prior=1.1", "nil.keep=dictionary"])
    assert read(kept).marks[0] == ("m nil begins ends", "Paris")


def test_marks_tell_how_they_fared(alias, tmp_path):
    text = "Paris and France, Gotham, Springfield, NYC"
    links = [("Paris", "Q830149"), ("France", "Q142"), ("Gotham", None), ("Springfield", "Q60")]
    path = tiny_linking.corpus(tmp_path, document(text, *links))
    found = linkers.explain_documents(path, alias=alias, overrides=["candidates.most=1"])
    seen = read(found)
    looks = [
        (look.removeprefix("m ").removeprefix("p4 ").partition(" ")[0], name) for look, name in seen.marks
    ]
    assert looks[:5] == [
        ("wrong", "Paris"), ("right", "France"), ("absent", "Gotham"), ("missed", "Springfield"),
        ("extra", "NYC"),
    ]  # fmt: skip
    html = page(found)
    assert "Gold: “Paris” at 0–5 is Q830149 Q830149 label, not among the candidates there." in html
    assert "legend" in html


def test_candidates_beyond_the_first_are_counted_but_for_what_is_right(alias, tmp_path):
    path = tiny_linking.corpus(tmp_path, document("Paris", ("Paris", "Q830149")))
    html = page(linkers.explain_documents(path, alias=alias), top=1)
    assert "Q830149 label</bdi></td>" in html
    html = page(linkers.explain_text("Paris", alias=alias), top=1)
    assert "and 1 less likely" in html
    assert "Q830149" not in html


def test_of_a_long_text_only_the_beginning_is_shown(alias):
    found = linkers.explain_text("France. " * 5000, alias=alias, limits=linkers.Limits(mentions=10))
    seen = read(found)
    assert seen.texts == ["France. " * 10]
    assert "The first 80 of 40,000 characters are shown" in page(found)


def test_only_a_page_of_ours_is_written_over(alias, tmp_path):
    found = linkers.explain_text("Paris", alias=alias)
    out = tmp_path / "page.html"
    write_page(found, out)
    write_page(found, out)
    assert out.read_text(encoding="utf-8") == page(found)
    out.write_text("<p>mine</p>")
    with pytest.raises(ConfigError, match="is no such page"):
        write_page(found, out)
    with pytest.raises(ConfigError, match="no such folder"):
        write_page(found, tmp_path / "nowhere" / "page.html")
    assert out.read_text() == "<p>mine</p>"


def test_the_foot_names_what_it_was_made_from(alias):
    html = page(linkers.explain_text("x", alias=alias, overrides=["nil.total=0.25"]))
    assert str(alias) in html
    assert "<td>nil.total</td><td>0.25</td>" in html
    assert "default-src &#x27;none&#x27;" in html
