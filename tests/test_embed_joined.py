"""Vectors side by side: whose rows they are, what stands where nothing was, and classes behind them."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools import vectors
from kbtools.errors import ArtefactError, ConfigError
from kbtools.models.embedding import joined
from kbtools.vectors import Vectors
from tests import tiny_kb
from tests.tiny_alias import name

POS = ["n", "v", "a", "r", "s", None]


def word(eid, pos):
    return name(eid, f"w{eid}", "lemma") | {"pos": pos}


def base(folder, called="words", pos=tuple(POS)):
    rows = {
        "entities": [tiny_kb.entity(eid, f"E{eid}", f"w{eid}") for eid in range(len(pos))],
        "surfaces": [word(eid, one) for eid, one in enumerate(pos)],
    }
    return tiny_kb.write(folder / called, rows, name=called)


def part(kb, called, eids, dim, number=1.0):
    array = np.array([[eid + number] * dim for eid in eids], np.float32).reshape(len(eids), dim)
    vectors.write(kb.parent / called, eids, array, kb=kb)
    return str(kb.parent / called)


@pytest.fixture
def kb(tmp_path):
    return base(tmp_path)


def rows(path):
    found = Vectors(path)
    return dict(zip(found.eids().tolist(), np.asarray(found.array, np.float64).tolist(), strict=True))


def embed(kb, *told, of, out="joined", **options):
    return joined.embed(kb, kb.parent / out, overrides=[f"of={','.join(of)}", *told], **options)


def test_rows_stand_side_by_side(kb):
    of = [part(kb, "a", [2, 0, 1], 2), part(kb, "b", [1, 3, 0], 1, 0.5)]
    made = embed(kb, of=of)
    assert rows(kb.parent / "joined") == {0: [1, 1, 0.5], 1: [2, 2, 1.5], 2: [3, 3, 0], 3: [0, 0, 3.5]}
    assert made.counts == {"entities": 4, "without a vector in a": 1, "without a vector in b": 1}
    assert made.settings["widths"] == [2, 1]
    assert {(one.kind, one.path) for one in made.inputs} >= {("vectors", of[0]), ("vectors", of[1])}


def test_entities_that_some_lack_may_be_left_out(kb):
    of = [part(kb, "a", [2, 0, 1], 2), part(kb, "b", [1, 3, 0], 1, 0.5)]
    made = embed(kb, "missing=drop", of=of)
    assert rows(kb.parent / "joined") == {0: [1, 1, 0.5], 1: [2, 2, 1.5]}
    assert made.counts["left out"] == 2
    with pytest.raises(ConfigError, match="no entity has a vector in all"):
        embed(kb, "missing=drop", of=[part(kb, "c", [4], 1), of[0]], out="none")


def test_each_part_may_have_length_1(kb):
    of = [part(kb, "a", [0, 1], 4), part(kb, "b", [1], 1, 3.0)]
    embed(kb, "normalise=true", "numbers=float16", of=of)
    assert rows(kb.parent / "joined") == {0: [0.5, 0.5, 0.5, 0.5, 0], 1: [0.5, 0.5, 0.5, 0.5, 1]}
    assert Vectors(kb.parent / "joined").array.dtype == np.float16


def test_parts_of_speech_are_columns(kb):
    made = embed(kb, "classes=pos", of=[part(kb, "a", list(range(6)), 1)])
    found = rows(kb.parent / "joined")
    assert [one[1:].index(1) for one in found.values()] == [1, 2, 3, 4, 5, 8]  # n v a r s, and unknown
    assert all(sum(one[1:]) == 1 and len(one) == 1 + 9 for one in found.values())
    assert made.counts["without a part of speech"] == 1


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.integers(0, 5), unique=True, min_size=1), min_size=1, max_size=3))
def test_any_parts_are_joined_as_dictionaries_are(tmp_path_factory, some):
    kb = base(tmp_path_factory.mktemp("any"))
    of = [part(kb, f"p{at}", eids, at + 1, float(at + 1)) for at, eids in enumerate(some)]
    embed(kb, of=of)
    parts = [rows(one) for one in of]
    every = sorted(set().union(*parts))
    wanted = {
        eid: [number for at, one in enumerate(parts) for number in one.get(eid, [0] * (at + 1))]
        for eid in every
    }
    assert rows(kb.parent / "joined") == wanted


def test_bad_input(kb, tmp_path):
    mine, other = part(kb, "a", [0], 1), base(tmp_path, "others", ("n",))
    theirs, bare = part(other, "b", [0], 1), base(tmp_path, "bare", (None,))
    again = base(tmp_path / "again", "words", ("n",) * 3)
    with pytest.raises(ArtefactError, match="vectors of others, not of words"):
        embed(kb, of=[mine, theirs])
    with pytest.raises(ArtefactError, match="another release of words"):
        embed(again, of=[mine])
    with pytest.raises(ConfigError, match="no part of speech"):
        embed(bare, "classes=pos", of=[part(bare, "c", [0], 1)])
    with pytest.raises(ConfigError, match="the folders of vectors"):
        joined.embed(kb, tmp_path / "no")
    with pytest.raises(ArtefactError):
        embed(kb, of=[mine, str(tmp_path / "nowhere")])


def test_command(kb):
    from kbtools.cli.main import main  # noqa: PLC0415

    of = part(kb, "a", [0, 1], 2)
    told = ["embed", str(kb), "--model", "joined", "-o", f"of={of},{of}", "-o", "classes=pos"]
    done = CliRunner().invoke(main, [*told, "--out", str(kb.parent / "cli"), "--quiet"])
    assert done.exit_code == 0, done.output
    assert "2 entities vectors of 13 numbers" in done.output
    done = CliRunner().invoke(main, ["embed", str(kb), "--model", "joined", "--out", "x", "--seed", "1"])
    assert (done.exit_code, "--seed does nothing for joined" in done.output) == (2, True)
