"""What gold says of the mentions that a linker sees."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.linkers.base import KINDS, Block, Given, no_mentions
from kbtools.linkers.fitting.evidence import columns_of, evidence
from kbtools.linkers.fitting.gathering import labelled, outside
from tests.some_mentions import Said, mentions_of

TEXTS = ["abcdefghij", "klmnopqrst"]
SPANS = st.tuples(st.integers(0, 1), st.integers(0, 9), st.integers(1, 4))
LINKS = st.tuples(SPANS, st.integers(-1, 1), st.integers(-1, 2), st.booleans())
SAID = st.tuples(SPANS, st.integers(0, 1), st.lists(st.integers(0, 2), unique=True, max_size=3))


def place(span):
    text, start, length = span
    return text, start, min(start + length, 10)


def gold_of(links):
    rows = []
    for span, kb, eid, complete in links:
        known = kb if eid >= 0 else -1 if kb < 0 else kb
        kind = KINDS.index("gold" if complete else "anchor")
        rows.append((*place(span), known, eid if known >= 0 else -1, kind))
    rows.sort(key=lambda row: (row[0], row[1], -row[2]))
    table = np.array(rows, np.int64).reshape(-1, 6)
    kinds = (np.int32, np.int32, np.int32, np.int16, np.int64, np.uint8)
    return Given(*(table[:, at].astype(kind) for at, kind in enumerate(kinds)))


def mentions(block, said):
    surfaces = []
    for span, kb, candidates in said:
        text, start, end = place(span)
        listed = [(eid, 0.5) for eid in candidates]
        surfaces.append(Said(text, TEXTS[text][start:end], listed, kb))
    return mentions_of(block, surfaces)


@given(st.lists(SAID, min_size=1, max_size=5), st.lists(LINKS, max_size=5))
def test_gold_is_of_a_place_and_a_knowledge_base(said, links):
    """Beside one mention after the other, compared with one link after the other."""
    block, gold = Block(TEXTS), gold_of(links)
    some = mentions(block, said)
    told, meant, right = labelled(some, gold)
    stray = outside(block, some, gold)
    rows = list(zip(*(column.tolist() for column in gold[:6]), strict=True))
    at = 0
    for number, (span, kb, candidates) in enumerate(said):
        here = [row for row in rows if row[:3] == place(span)]
        answers = {row[4] for row in here if row[3] == kb and row[4] >= 0}
        assert meant[number] == bool(answers)
        assert told[number] == (bool(answers) or any(r[4] < 0 and r[3] in (-1, kb) for r in here))
        for eid in candidates:
            assert right[at] == (eid in answers)
            at += 1
        text, start, end = place(span)
        mine = [row for row in rows if row[0] == text]
        touched = any(row[1] < end and start < row[2] for row in mine)
        complete = any(row[5] == KINDS.index("gold") for row in mine)
        assert stray[number] == (complete and not touched)


def test_evidence_by_hand():
    block = Block(["Paris and Nice and Rome"])
    said = [Said(0, "Paris", [(5, 0.5), (7, 0.25)]), Said(0, "Nice", []), Said(0, "Rome", [(9, 0.0)])]
    some = mentions_of(block, said, string=[1.0, 1.0, 0.5])
    some = some._replace(kind=np.array([KINDS.index("gold"), 0, 0], np.uint8))
    some = some._replace(link=np.array([0.25, np.nan, np.nan], np.float32))
    names, found = evidence(some, {"context": np.array([1, 4, np.nan], np.float32)}, None)
    candidate = dict(zip(names.candidate, found.candidate.T.tolist(), strict=True))
    nil = dict(zip(names.nil, found.nil.T.tolist(), strict=True))
    assert candidate["log prior"] == pytest.approx(np.log([0.5, 0.25, 1e-6]))
    assert candidate["log prior, below best"] == pytest.approx([0, -np.log(2), 0])
    assert (candidate["best prior"], candidate["named"]) == ([1, 0, 1], [1, 1, 0])
    assert candidate["string"] == [1, 1, 0.5]
    assert (candidate["feature context"], candidate["feature context, below best"]) == ([1, 4, 0], [-3, 0, 0])
    assert (nil["nil"], nil["given"], nil["counted"]) == ([1, 1, 1], [1, 0, 0], [1, 0, 0])
    assert nil["candidates"] == pytest.approx(np.log([3, 1, 2]))
    assert nil["link"] == [0.25, 0, 0]
    assert (nil["best prior"], nil["lead in prior"]) == ([0.5, 0, 0], [0.25, 0, 0])
    assert (nil["best feature context"], nil["lead in feature context"]) == ([4, 0, 0], [3, 0, 0])
    assert names == columns_of(["context"], None)
    assert evidence(no_mentions(), {}, None)[0] == columns_of([], None)
