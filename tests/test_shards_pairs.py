"""Pairs: what each kind is, that no sentence is lost, what truncation takes, what draws depend on."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools import config
from kbtools.errors import ConfigError
from kbtools.shards.assembly import assemble
from kbtools.shards.base import Here, Texts
from kbtools.shards.layouts.pairs import KINDS, LAYOUT, Settings
from kbtools.tokens.stream import Stream

CLS, SEP = 101, 102
FIVE = ("random", "next", "previous", "apart-next", "apart-previous")


def here(length=32, seed=0, between=(SEP,)):
    special = SimpleNamespace(pad=0, unk=1, cls=CLS, sep=SEP, mask=3)
    tokenizer: Any = SimpleNamespace(special=special, between=between)
    return Here(tokenizer, length, seed)


def texts(documents, ids=None, whole=(), word=None):
    """Documents as lists of lengths of sentences; a token's id tells its place."""
    sizes = [sum(one) for one in documents]
    begins = np.append(0, np.cumsum(sizes)).astype(np.int64)
    count = int(begins[-1])
    lengths = [length for one in documents for length in one]
    where = np.arange(count, dtype=np.int32)
    words = np.ones(count, np.bool_) if word is None else np.array(word)
    stream = Stream(where + 1000, where, where + 1, words, begins)
    names = ids or [f"d{at}" for at in range(len(documents))]
    spans = np.array(whole, np.int64).reshape(-1, 2)
    batch = pa.record_batch({"doc_id": names})
    return Texts(batch, stream, np.append(0, np.cumsum(lengths)).astype(np.int64), spans)


class Pair(NamedTuple):
    kind: str
    a: range
    b: range


def drawn(told, where=None, copy=0, chosen=None, **settings):
    where = where or here()
    some = np.arange(len(told.stream)) if chosen is None else np.array(chosen)
    cut = LAYOUT.cut(told, some, Settings(**settings), where, copy)
    spans = list(map(range, cut.segments.start.tolist(), cut.segments.stop.tolist()))
    return list(map(Pair, cut.columns["pair.kind"].to_pylist(), spans[::2], spans[1::2]))


def document(told, span):
    return int(np.searchsorted(told.stream.begins, span.start, side="right")) - 1


LONG = [[3 + (at * 7 + number) % 6 for at in range(60)] for number in range(30)]


def test_a_row_is_two_texts_between_special_tokens():
    told = texts([[2, 1], [2]])
    rows = assemble(
        told.stream, LAYOUT.cut(told, np.arange(2), Settings(kinds=("next",), short=0.0), here(), 0).segments
    )
    assert rows.ids.tolist() == [CLS, 1000, 1001, SEP, 1002, SEP]
    assert rows.kind.tolist() == [0, 0, 0, 0, 1, 1]
    where = here(between=(SEP, SEP))
    cut = LAYOUT.cut(told, np.arange(2), Settings(kinds=("next",), short=0.0), where, 0)
    rows = assemble(told.stream, cut.segments)
    assert rows.ids.tolist() == [CLS, 1000, 1001, SEP, SEP, 1002, SEP]


def test_each_kind_is_what_it_is_called():
    told = texts(LONG)
    starts = set(told.sentences.tolist())
    # Sentences have 8 tokens at most, so that chunks have 37 at most: there is room.
    found = drawn(told, here(128), kinds=FIVE, apart=60, short=1.0)
    assert {one.kind for one in found} == set(FIVE)
    for kind, a, b in found:
        same = document(told, a) == document(told, b)
        assert same is (kind != "random")
        assert {a.start, a.stop, b.start, b.stop} <= starts or len(a) + len(b) == 125
        if kind in ("next", "previous") and len(a) + len(b) < 125:
            earlier, later = (a, b) if kind == "next" else (b, a)
            assert earlier.stop == later.start
        if kind.startswith("apart") and len(a) + len(b) < 125:
            earlier, later = (a, b) if kind == "apart-next" else (b, a)
            between = [at for at in starts if earlier.stop <= at < later.start]
            assert earlier.stop < later.start
            assert len(between) >= 1  # a sentence stands between them, so that they do not meet


@pytest.mark.parametrize("kinds", [("random",), ("random", "apart-next", "apart-previous"), FIVE])
def test_no_sentence_is_lost(kinds):
    told = texts([[1 + (at * 5 + number) % 4 for at in range(40)] for number in range(12)])
    found = drawn(told, here(4000), kinds=kinds, short=1.0, apart=1)
    covered = Counter[int]()
    for kind, a, b in found:
        covered.update(b if kind == "apart-previous" else a)  # the part of the chunk that was gone through
        covered.update(b if kind in ("next", "previous") else ())
    assert set(covered) == set(range(len(told.stream.ids)))
    assert set(covered.values()) == {1}


def test_of_a_document_of_one_sentence_nothing_follows():
    told = texts([[4]] * 300 + [[4, 4]] * 100)
    kinds = Counter(one.kind for one in drawn(told, here(16)))
    assert kinds["next"] / sum(kinds.values()) < 0.25
    assert kinds["next"] > 20
    assert drawn(told, here(16), kinds=("next", "previous"), chosen=range(300)) == []


@pytest.mark.parametrize("kinds", [("next", "random"), ("next", "previous", "random"), FIVE])
def test_kinds_are_drawn_equally_often_where_all_can_be(kinds):
    told = texts([[3] * 400 for _ in range(40)])
    found = Counter(one.kind for one in drawn(told, here(35), kinds=kinds, apart=64, short=0.0))
    total = sum(found.values())
    assert total > 1000
    for kind in kinds:
        assert abs(found[kind] / total - 1 / len(kinds)) < 0.04


def test_weights():
    told = texts([[3] * 400 for _ in range(20)])
    found = Counter(one.kind for one in drawn(told, here(35), weights=(3.0, 1.0), short=0.0))
    assert 2.3 < found["next"] / found["random"] < 4


def test_partners_come_from_all_other_documents_alike():
    told = texts([[3] * 40 for _ in range(6)])
    met = Counter[tuple[int, int]]()
    for copy in range(60):
        for _, a, b in drawn(told, here(20), kinds=("random",), copy=copy):
            met[document(told, a), document(told, b)] += 1
    assert set(met) == {(a, b) for a in range(6) for b in range(6) if a != b}
    assert max(met.values()) < 1.6 * min(met.values())
    some = drawn(told, here(20), kinds=("random",), chosen=[1, 4])  # of another split: never
    assert {(document(told, a), document(told, b)) for _, a, b in some} == {(1, 4), (4, 1)}


def test_alone_a_document_has_no_random_pairs():
    told, where = texts([[3] * 40, [5]]), here(20)
    assert {one.kind for one in drawn(told, where, chosen=[0], short=0.0)} == {"next"}
    assert drawn(told, where, chosen=[1]) == []
    assert where.counts["chunks without a partner"] >= 1


@given(
    st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=12), min_size=1, max_size=5),
    st.integers(5, 60),
    st.sampled_from([("next", "random"), FIVE]),
    st.sampled_from(["random", "junction"]),
)
def test_there_is_room_for_every_pair(documents, length, kinds, truncate):
    told = texts(documents)
    found = drawn(told, here(length), kinds=kinds, truncate=truncate, apart=20)
    for kind, a, b in found:
        assert len(a) + len(b) <= length - 3
        assert min(len(a), len(b)) >= 1
        assert (document(told, a) == document(told, b)) is (kind != "random")
        assert not set(a) & set(b) or kind == "random"
        assert document(told, range(a.stop - 1, a.stop)) == document(told, a)


def test_the_longer_text_is_cut_first_as_token_by_token():
    told = texts([[n, m] for n in range(1, 14) for m in range(1, 14)])
    sizes = [(n, m) for n in range(1, 10) for m in range(1, 14)]  # of others the first fills a chunk alone
    for (one, two), (_, a, b) in zip(sizes, drawn(told, here(13), kinds=("next",), short=0.0), strict=True):
        while one + two > 10:
            one, two = (one - 1, two) if one > two else (one, two - 1)  # noqa: PLW2901 - the slow way
        assert (len(a), len(b)) == (one, two)


def test_where_they_meet_nothing_is_cut():
    told = texts([[20, 20, 20] for _ in range(50)])
    for kind, a, b in drawn(told, here(33), kinds=("next", "previous"), truncate="junction"):
        earlier, later = (a, b) if kind == "next" else (b, a)
        assert earlier.stop == later.start
    at_random = [(a, b) for kind, a, b in drawn(told, here(33), truncate="random") if kind == "next"]
    assert any(a.stop != b.start for a, b in at_random)
    assert any(a.start % 20 for a, _ in at_random)


def test_no_cut_goes_through_a_mention_or_a_word():
    spans = [(at, at + 4) for at in range(2, 1180, 7)]
    word = [at % 3 != 1 for at in range(1200)]
    told = texts([[60] * 10, [60] * 10], whole=spans, word=word)
    inside = {at for start, end in spans for at in range(start + 1, end)} | set(range(1, 1200, 3))
    where = here(37)
    found = drawn(told._replace(sentences=np.array([0, 300, 600, 903, 1200])), where)
    assert len(found) > 3
    for _, a, b in found:
        assert not {a.start, a.stop, b.start, b.stop} & inside
    assert where.counts["texts of pairs cut within a word or mention"] == 0
    huge = texts([[30, 30], [30, 30]], whole=[(0, 30), (30, 60), (60, 90), (90, 120)])
    where = here(12)
    assert all(len(a) + len(b) <= 9 for _, a, b in drawn(huge, where))
    assert where.counts["texts of pairs cut within a word or mention"] > 0


def test_what_is_drawn_depends_on_seed_copy_and_document():
    told = texts(LONG)
    found = drawn(told, kinds=("next", "previous"))
    assert drawn(told, kinds=("next", "previous")) == found
    assert drawn(told, here(seed=1), kinds=("next", "previous")) != found
    assert drawn(told, copy=1, kinds=("next", "previous")) != found
    alone = [drawn(told, kinds=("next", "previous"), chosen=[at]) for at in range(len(LONG))]
    assert [pair for one in alone for pair in one] == found  # whatever stands beside a document
    order = np.random.default_rng(1).permutation(len(LONG))
    ids = [f"d{at}" for at in order]
    turned = drawn(texts([LONG[at] for at in order], ids=ids))
    told_of = Counter((one.kind, len(one.a), len(one.b)) for one in drawn(texts(LONG)))
    assert Counter((one.kind, len(one.a), len(one.b)) for one in turned) == told_of  # nor in which order


def test_a_copy_cuts_other_lengths():
    told = texts([[1] * 300] * 200)
    lengths = [
        max(len(a) + len(b) for _, a, b in drawn(told, here(103), chosen=[at, 0])) for at in range(1, 200)
    ]
    assert 0.02 < np.mean([length < 100 for length in lengths]) < 0.4
    whole = drawn(told, here(103), short=0.0)
    assert all(one.stop <= two.start or document(told, one) != document(told, two)
               for (_, one, _), (_, two, _) in pairwise(whole))  # fmt: skip


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"kinds": "next,later"}, "kinds"),
        ({"kinds": ()}, "once"),
        ({"kinds": ("next", "next")}, "once"),
        ({"weights": (1.0,)}, "each of 2"),
        ({"weights": (1.0, 0.0)}, "above 0"),
        ({"short": 1.5}, "short"),
    ],
)
def test_settings_that_make_no_sense(told, said):
    with pytest.raises(ConfigError, match=said):
        config.build(Settings, told, where="here")


def test_no_room_at_all_and_too_many_special_tokens():
    for where, said in ((here(4), "no room"), (here(9, between=(1, 2, 3)), "two at most")):
        with pytest.raises(ConfigError, match=said):
            drawn(texts([[1, 1]]), where)


def test_names_of_kinds_are_in_the_files():
    told = texts([[3] * 9, [3] * 9])
    cut = LAYOUT.cut(told, np.arange(2), Settings(), here(), 0)
    assert cut.columns["pair.kind"].type == LAYOUT.fields[0].type
    assert cut.columns["pair.kind"].dictionary.to_pylist() == list(KINDS)
    empty = LAYOUT.cut(told, np.arange(0), Settings(), here(), 0)
    assert len(empty.segments.example) == len(empty.columns["pair.kind"]) == 0
