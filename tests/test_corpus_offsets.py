"""Spans against their text, in code points, bytes and UTF-16."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.corpus._offsets import Span, code_points, fitted, same
from kbtools.corpus.base import Report

ENCODED = {"bytes": ("utf-8", 1), "utf-16": ("utf-16-le", 2)}


def slow(text, units):
    """Where each character begins, counted one by one."""
    encoding, width = ENCODED[units]
    return {len(text[:i].encode(encoding)) // width: i for i in range(len(text) + 1)}


@given(st.text(max_size=30), st.sampled_from(["bytes", "utf-16"]))
def test_every_offset_is_that_of_counting(text, units):
    begins = slow(text, units)
    offsets = list(range(-2, len(text) * 4 + 3))
    assert code_points(text, offsets, units).tolist() == [begins.get(one, -1) for one in offsets]


@given(st.text(min_size=1, max_size=30), st.data())
def test_spans_are_found_again_whatever_the_units(text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    for units in ("bytes", "utf-16"):
        told = {point: offset for offset, point in slow(text, units).items()}
        report = Report()
        span = Span(told[start], told[end], text[start:end])
        assert fitted(text, [span], units, report, "x") == [(start, end)]
        assert not report.rejects


TEXT = "Füße in Göteborg 😀 near Malmö."


def spans(units, *words):
    encoding, width = ENCODED[units]
    size = lambda part: len(part.encode(encoding)) // width  # noqa: E731
    return [Span(size(TEXT[: TEXT.index(w)]), size(TEXT[: TEXT.index(w) + len(w)]), w) for w in words]


@pytest.mark.parametrize("units", ["bytes", "utf-16"])
def test_auto_finds_out_by_the_words(units):
    report = Report()
    found = fitted(TEXT, spans(units, "Füße", "Göteborg", "Malmö"), "auto", report, "x")
    assert [TEXT[slice(*place)] for place in found if place] == ["Füße", "Göteborg", "Malmö"]
    assert report.counts == {f"documents with offsets in {units}": 1}


@pytest.mark.parametrize("units", ["bytes", "utf-16"])
def test_fixed_units_are_kept_and_a_hint_is_given(units):
    report = Report()
    found = fitted(TEXT, spans(units, "Malmö"), "code points", report, "x")
    assert found == [None]
    assert report.rejects[0]["reason"].endswith(f"offsets look like {units}: set offsets={units}")
    assert report.rejects[0]["snippet"] == "Malmö"


def test_one_wrong_span_does_not_change_the_units_of_a_document():
    report = Report()
    right = [Span(TEXT.index(w), TEXT.index(w) + len(w), w, 7) for w in ("Füße", "Göteborg", "Malmö")]
    wrong = spans("bytes", "Malmö")[0]._replace(line=9)
    found = fitted(TEXT, [*right, wrong], "auto", report, "x")
    assert [place and TEXT[slice(*place)] for place in found] == ["Füße", "Göteborg", "Malmö", None]
    assert [row["line"] for row in report.rejects] == [9]
    assert "offsets=bytes" in report.rejects[0]["reason"]


@pytest.mark.parametrize(
    ("span", "reason"),
    [
        (Span(3, 3), "the span 3..3 is empty"),
        (Span(4, 3), "the span 4..3 is empty"),
        (Span(-1, 3), "the span -1..3 begins before the text"),
        (Span(0, 99), "the span 0..99 is beyond the text, which has 5 characters"),
        (Span(0, 1 << 70), f"the span 0..{1 << 70} is beyond the text, which has 5 characters"),
        (Span(0, 2, "xy"), "the span 0..2 is 'ab', not 'xy'"),
        (Span(5, 6), "the span 5..6 is beyond the text, which has 5 characters"),
    ],
)
def test_what_does_not_fit_is_said(span, reason):
    report = Report()
    assert fitted("ab cd", [span], "auto", report, "file") == [None]
    assert [(row["file"], row["reason"]) for row in report.rejects] == [("file", reason)]


def test_without_words_only_a_hint_is_possible():
    report = Report()
    text = "ééééé"
    assert fitted(text, [Span(0, 2), Span(8, 10)], "auto", report, "x") == [(0, 2), None]
    assert "set offsets=bytes" in report.rejects[0]["reason"]


def test_white_space_may_differ():
    assert same("New York", "New\nYork")
    assert fitted("New\r\n York", [Span(0, 10, "New York")], "auto", Report(), "x") == [(0, 10)]
    assert not same("NewYork", "New York")


def test_lone_surrogates_and_empty_texts_do_not_break():
    assert fitted("a\ud800b", [Span(4, 5, "b")], "auto", Report(), "x") == [(2, 3)]
    assert fitted("", [Span(0, 1)], "bytes", Report(), "x") == [None]
    assert fitted("", [], "auto", Report(), "x") == []


def test_a_long_document_is_no_trouble():
    text = "naïve 😀 " * 300_000
    begins = [i * 12 for i in range(0, 300_000, 10)]
    found = fitted(text, [Span(b, b + 6, "naïve") for b in begins], "auto", Report(), "x")
    assert all(place is not None and text[slice(*place)] == "naïve" for place in found)
