"""Names among tags: how tags are read, and which names were found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.metrics import spans

NAMES = ("O", "B-X", "I-X", "E-X", "S-X", "B-Y", "I-Y", "E-Y", "S-Y")


def slow(tags):
    """Read the tags of a sentence one after the other, with what is open kept in hand."""
    found, begun, kind, before = [], None, None, "O"
    for at, tag in enumerate([*tags, "O"]):
        letter, _, of = tag.partition("-")
        goes_on = letter in "IE" and before in ("B", "I") and of == kind
        if begun is not None and not goes_on:
            found.append((begun, at - 1, kind))
            begun = None
        if letter != "O" and not goes_on:
            begun, kind = at, of
        before = letter
    return found


def read(sentences, names=NAMES):
    told = spans.scheme(names)
    assert told is not None
    number = {name: at for at, name in enumerate(names)}
    flat = np.array([number[tag] for one in sentences for tag in one], np.int64)
    sequence = np.repeat(np.arange(len(sentences)), [len(one) for one in sentences])
    return told, spans.marks(np.array(told.prefix)[flat], np.array(told.type)[flat], sequence)


def listed(sentences, names=NAMES):
    told, marks = read(sentences, names)
    found = spans.names(marks)
    return [(a, b, told.types[c]) for a, b, c in zip(*(one.tolist() for one in found), strict=True)]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("B-X I-X O B-Y", [(0, 1, "X"), (3, 3, "Y")]),
        ("I-X I-X O I-Y", [(0, 1, "X"), (3, 3, "Y")]),  # IOB1: B only parts neighbours
        ("I-X B-X I-X", [(0, 0, "X"), (1, 2, "X")]),
        ("B-X E-X S-Y S-Y", [(0, 1, "X"), (2, 2, "Y"), (3, 3, "Y")]),
        ("B-X I-Y", [(0, 0, "X"), (1, 1, "Y")]),  # another type is another name
        ("B-X B-X", [(0, 0, "X"), (1, 1, "X")]),
        ("E-X I-X", [(0, 0, "X"), (1, 1, "X")]),
        ("O O", []),
        ("", []),
    ],
)
def test_names_by_hand(tags, expected):
    assert listed([tags.split()]) == expected


def test_no_name_goes_from_one_sentence_into_another():
    assert listed([["B-X", "I-X"], ["I-X"]]) == [(0, 1, "X"), (2, 2, "X")]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("B-LOC", "I-LOC", "O"), ([1, 2, 0], [0, 0, -1], ["LOC"])),
        (("O", "B", "M", "E", "S"), ([0, 1, 2, 3, 4], [-1, 0, 0, 0, 0], [""])),
        (("O", "U-A", "L_A"), ([0, 4, 3], [-1, 0, 0], ["A"])),
        (("O", "PER", "LOC"), ([0, 2, 2], [-1, 1, 0], ["LOC", "PER"])),  # types without letters
    ],
)
def test_all_ways_to_write_tags(names, told):
    assert spans.scheme(names) == told


@pytest.mark.parametrize("names", [("NOUN", "VERB"), ("B-X", "NN"), ("positive", "negative")])
def test_what_is_no_tag_of_names(names):
    assert spans.scheme(names) is None


sentences = st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=7), max_size=4)


@given(sentences)
def test_as_read_one_by_one(some):
    expected, at = [], 0
    for one in some:
        expected += [(at + a, at + b, kind) for a, b, kind in slow(one)]
        at += len(one)
    assert listed(some) == expected


@given(st.lists(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), min_size=1), max_size=4))
def test_found_are_those_in_both(some):
    gold, said = ([[pair[side] for pair in one] for one in some] for side in (0, 1))
    (_, one), (_, other) = read(gold), read(said)
    both = {*listed(gold)} & {*listed(said)}
    assert sorted(np.flatnonzero(spans.found(one, other)).tolist()) == sorted(end for _, end, _ in both)


@given(sentences)
def test_tensors_are_read_as_arrays_are(some):
    torch = pytest.importorskip("torch")
    told, marks = read(some)
    number = {name: at for at, name in enumerate(NAMES)}
    flat = torch.tensor([number[tag] for one in some for tag in one], dtype=torch.long)
    sequence = torch.tensor([n for n, one in enumerate(some) for _ in one], dtype=torch.long)
    same = spans.marks(
        torch.tensor(told.prefix)[flat], torch.tensor(told.type)[flat], sequence,
        latest=lambda values: values.cummax(0).values,
    )  # fmt: skip
    assert [one.tolist() for one in same] == [one.tolist() for one in marks]
