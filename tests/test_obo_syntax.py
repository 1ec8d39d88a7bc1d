"""The syntax of OBO: what a line is made of, whatever stands in it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.sources.obo.stanzas import Stanza, plain, quoted, stanzas


def parse(data: str | bytes) -> tuple[list[Stanza], list[tuple[str, int, int]]]:
    bad: list[tuple[str, int, int]] = []
    raw = data if isinstance(data, bytes) else data.encode()
    return list(stanzas(raw, lambda reason, line, byte, _: bad.append((reason, line, byte)))), bad


@pytest.mark.parametrize(
    ("line", "value", "modifiers"),
    [
        ("name: a", "a", {}),
        ("name:a", "a", {}),
        ("name: a ! b", "a", {}),
        ("name: wow!", "wow!", {}),
        ("name: a\\! b", "a\\! b", {}),
        ('def: "a ! b" [] ! c', '"a ! b" []', {}),
        ('def: "a \\" ! b" []', '"a \\" ! b" []', {}),
        ("is_a: X:1 {a=\"1\", b=2} ! c", "X:1", {"a": "1", "b": "2"}),
        ("is_a: X:1 {}", "X:1", {}),
        ('is_a: X:1 {a="x}, y=\\"z\\""}', "X:1", {"a": 'x}, y="z"'}),
        ("name: N-{2-[oxo]}", "N-{2-[oxo]}", {}),
        ("name: set {a, b}", "set {a, b}", {}),
        ("xref: http://a.b/c", "http://a.b/c", {}),
    ],
)  # fmt: skip
def test_lines(line, value, modifiers):
    ((stanza,), bad) = parse(line)
    (tag,) = stanza.tags
    assert (tag.value, dict(tag.modifiers), bad) == (value, modifiers, [])


def test_line_ends_and_places():
    data = b"\xef\xbb\xbfformat-version: 1.2\r\n\r\n! remark\r\n[Term] ! one\r\nid: a\r\n"
    data += b"name: b\\\r\n  c\\\\\r\n[Typedef]\nid: d"
    found, bad = parse(data)
    tags = [[(tag.name, tag.value, tag.line) for tag in stanza.tags] for stanza in found]
    assert [(stanza.kind, stanza.line, mine) for stanza, mine in zip(found, tags, strict=True)] == [
        ("", 0, [("format-version", "1.2", 0)]),
        ("Term", 3, [("id", "a", 4), ("name", "b  c\\\\", 5)]),
        ("Typedef", 7, [("id", "d", 8)]),
    ]  # fmt: skip
    assert all(data[tag.byte :].startswith(tag.name.encode()) for stanza in found for tag in stanza.tags)
    assert bad == []


def test_a_backslash_at_the_end_of_the_file():
    ((header,), bad) = parse("name: a\\")
    assert [tag.value for tag in header.tags] == ["a"]
    assert bad == []


def test_bad_lines_have_their_place():
    _, bad = parse(b"a: b\nno colon\n[open\na b: c\nx: \xff\ny: \0\n: v\n")
    assert [(line, byte) for _, line, byte in bad] == [(1, 5), (2, 14), (3, 20), (4, 27), (5, 32), (6, 37)]


ESCAPES = {"\n": "\\n", "\t": "\\t", '"': '\\"', "\\": "\\\\", "!": "\\!", ":": "\\:", "{": "\\{", "}": "\\}"}


@given(st.text(alphabet='ab "\\:!{}[]\n\té狗=,', max_size=20))
def test_what_is_escaped_comes_back(text):
    escaped = "".join(ESCAPES.get(char, char) for char in text)
    assert plain(escaped) == text
    ((header,), bad) = parse(
        f'def: "{escaped}" [x] {{a="{escaped}"}} ! {text.splitlines()[0] if text.strip() else ""}'
    )
    (tag,) = header.tags
    assert quoted(tag.value) == (text, "[x]")
    assert dict(tag.modifiers) == {"a": text}
    assert bad == []


@given(st.binary(max_size=60) | st.text(alphabet='ab:"\\!{}[]=, \n\r', max_size=40).map(str.encode))
def test_any_bytes_are_read(data):
    found, _ = parse(data)
    assert found[0].kind == ""


@pytest.mark.parametrize(
    "text", ['{a="1", ' * 4000 + "}", 'a="' * 9000 + "}", " {" * 9000 + "}", '" !' * 9000, "a=b" * 9000 + "}"]
)
def test_no_line_takes_long(text):
    begun = time.process_time()
    parse(f"name: {text}")
    parse(f"name: {{{text}")
    assert time.process_time() - begun < 2
