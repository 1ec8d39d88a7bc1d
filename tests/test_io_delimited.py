"""Fields of lines: checked against a reader that goes line by line."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kbtools.io import Block
from kbtools.io.delimited import split

TAB = b"\t"


def plural(n, fields):
    return f"{n} field{'' if n == 1 else 's'} instead of {fields}"


def fields_of(line, separator, fields, *, rest, trailing, ended):
    """The fields of one line, or why it has none."""
    if b"\0" in line:
        return "NUL byte"
    try:
        line.decode()
    except UnicodeDecodeError:
        return "not UTF-8"
    found = line.split(separator)
    if rest:
        head, tail = found[: fields - 1], found[fields - 1 :]
        return [*head, separator.join(tail)] if tail else plural(len(found), fields)
    if trailing and len(found) == fields + 1 and not found[-1]:
        return found[:-1]
    if len(found) != fields or (ended and not found[-1]):
        return plural(len(found), fields)
    return found


def oracle(data, separator, fields, *, rest, trailing, line=0, byte=0):
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    stripped = [text[:-1] if text.endswith(b"\r") else text for text in lines]
    ended = trailing and any(
        text.count(separator) == fields and text.endswith(separator) for text in stripped
    )
    good, bad = [], []
    for n, (text, short) in enumerate(zip(lines, stripped, strict=True)):
        if short:
            found = fields_of(short, separator, fields, rest=rest, trailing=trailing, ended=ended)
            if isinstance(found, str):
                bad.append((line + n, byte, found, short))
            else:
                good.append((line + n, byte, [field.decode() for field in found]))
        byte += len(text) + 1
    return good, bad


def rows(found):
    columns = [column.to_pylist() for column in found.columns]
    texts = [list(row) for row in zip(*columns, strict=True)]
    return list(zip(found.line.tolist(), found.byte.tolist(), texts, strict=True))


pieces = st.sampled_from(
    [TAB, TAB, b"\n", b"\r\n", b"\r", b"|", b"\0", b"a", b"bc", b" ", "苹果".encode(), b"\xff", b"\xe8\x8b"]
)
texts = st.lists(pieces, max_size=40).map(b"".join) | st.binary(max_size=60)


@given(texts, st.integers(1, 4), st.sampled_from([TAB, b"|"]), st.sampled_from(["", "rest", "trailing"]))
@example(b"a|b|\na|\na|b\n", 2, b"|", "trailing")
@example(b"\r\n\r\r\n", 1, TAB, "")
@example(b"\xed\xa0\x80\t\n", 2, TAB, "")  # half a surrogate pair
@example(b"\xe8\t\x8b\n", 2, TAB, "")
def test_fields_are_those_of_a_reader_that_goes_line_by_line(data, fields, separator, manner):
    how = {"rest": manner == "rest", "trailing": manner == "trailing"}
    found = split(Block(data, 1000, 70), separator, fields=fields, wanted=range(fields), **how)
    good, bad = oracle(data, separator, fields, **how, line=70, byte=1000)
    assert rows(found) == good
    assert [tuple(each) for each in found.bad] == bad


def test_only_the_wanted_columns_in_the_wanted_order():
    found = split(Block(b"a\tb\tc\nd\te\tf", 0, 0), TAB, fields=3, wanted=[2, 0, 2])
    assert [column.to_pylist() for column in found.columns] == [["c", "f"], ["a", "d"], ["c", "f"]]
    assert split(Block(b"a\tb\n", 0, 0), TAB, fields=2, wanted=[]).line.tolist() == [0]


@pytest.mark.parametrize("data", [b"", b"\n", b"\r\n", b"\n\n\r\n", b"a\n"])
def test_nothing_is_nothing(data):
    found = split(Block(data, 0, 0), TAB, fields=2, wanted=[0, 1])
    assert [len(column) for column in found.columns] == [0, 0]
    assert all(str(column.type) == "string" for column in found.columns)
    assert found.line.dtype == found.byte.dtype == np.int64


def test_quotes_mean_nothing():
    """A quote at the beginning of a field must not swallow lines, as it does in readers of CSV."""
    found = split(Block(b'"a\tb\nc"\td\n', 0, 0), TAB, fields=2, wanted=[0])
    assert found.columns[0].to_pylist() == ['"a', 'c"']


def test_a_line_without_its_last_separator_is_accepted_if_no_field_is_missing():
    data = b"a|b|c|\na|b|\na|b|c\n"
    found = split(Block(data, 0, 0), b"|", fields=3, wanted=[2], trailing=True)
    assert found.columns[0].to_pylist() == ["c", "c"]
    assert [each.line for each in found.bad] == [
        1
    ]  # here lines end in a separator: so this one lacks a field
    found = split(Block(b"a|b|\na|b|c\n", 0, 0), b"|", fields=3, wanted=[2], trailing=True)
    assert found.columns[0].to_pylist() == ["", "c"]
