"""The features `type` and `string`: hand-made cases, and a slow oracle of the first."""

from __future__ import annotations

import math
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools import linkers
from kbtools.alias.schema import LEVELS
from kbtools.errors import ConfigError
from kbtools.linkers.base import Block, take
from kbtools.linkers.features import string
from kbtools.linkers.features import type as types
from tests import tiny_kb
from tests.some_mentions import Said, mentions_of

PERSON, CITY, RIVER, PLACE = 6, 7, 8, 9
TYPES = {0: [PERSON], 1: [CITY], 2: [CITY], 3: [RIVER], 4: [CITY, RIVER], 5: []}
TEXT = "a b c d e f"


@pytest.fixture(scope="module")
def profile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("types")
    tables = {
        "entities": [tiny_kb.entity(eid, f"Q{eid}", None) for eid in range(10)],
        "types": [{"eid": eid, "type": one} for eid, some in TYPES.items() for one in some],
        "classes": [{"type": one, "ancestor": PLACE, "depth": 1} for one in (CITY, RIVER)],
    }
    kb = tiny_kb.write(folder / "kb", tables)
    linkers.build_index(kb, folder / "p", kind="profile")
    return linkers.open_index(folder / "p")


def scored(profile, texts, said, **settings):
    block = Block(texts)
    knowledge: Any = SimpleNamespace(need_profile=lambda _: profile)
    feature = types.make(knowledge, types.Settings(**settings))
    return feature(block, mentions_of(block, said), {})


def expected(said, settings):
    """Score candidate by candidate."""
    classes = {eid: [*some, *([PLACE] if settings.superclasses and {CITY, RIVER} & {*some} else [])]
               for eid, some in TYPES.items()}  # fmt: skip
    counts: dict[int, int] = defaultdict(int)
    typed = 0
    for some in classes.values():
        typed += bool(some)
        for one in some:
            counts[one] += 1

    def name(one):
        return one.text, one.candidates[0][0], len(one.candidates)

    found = []
    for mine in said:
        others: dict[Any, Said] = {}
        for one in said:
            if one.candidates and one.text == mine.text:
                others.setdefault(name(one), one)
        if mine.candidates:
            del others[name(mine)]
        for eid, _ in mine.candidates:
            odds = []
            for kind in classes.get(eid, []):
                there = sum(
                    prior
                    for one in others.values()
                    for who, prior in one.candidates
                    if prior >= settings.least and kind in classes.get(who, [])
                )
                share, s = counts[kind] / typed, settings.smoothing
                odds.append(math.log((there + s * share) / ((len(others) + s) * share)))
            found.append(sum(odds) / len(odds) if odds else 0.0)
    return found


SAID = [
    Said(0, "a", [(0, 0.5), (1, 0.5)]), Said(0, "b", [(2, 0.75), (0, 0.25)]),
    Said(0, "c", [(1, 0.5), (4, 0.5)]), Said(0, "d", [(2, 0.75), (0, 0.25)]), Said(1, "a", [(3, 1.0)]),
    Said(1, "b", [(5, 0.9), (4, 0.0625), (77, 0.01)]), Said(2, "a", [(0, 1.0)]), Said(2, "b", []),
]  # fmt: skip


@pytest.mark.parametrize("settings", [{}, {"superclasses": True}, {"least": 0.5, "smoothing": 1.0}])
def test_types_are_scored_as_by_the_slow_oracle(profile, settings):
    found = scored(profile, [TEXT] * 3, SAID, **settings)
    assert found.tolist() == pytest.approx(expected(SAID, types.Settings(**settings)), abs=1e-6)


PRIORS = st.sampled_from([0.0, 0.125, 0.25, 0.5, 1.0])
SOME = st.lists(st.tuples(st.integers(0, 5), PRIORS), max_size=3, unique_by=lambda one: one[0])


@given(st.lists(st.tuples(st.integers(0, 1), SOME), max_size=6))
def test_any_types_are_scored_as_by_the_slow_oracle(profile, some):
    said = [Said(text, "abcdef"[place], candidates) for place, (text, candidates) in enumerate(some)]
    firsts: dict[Any, Said] = {}
    for one in said:  # names with the same first candidate and number of candidates are the same name
        if one.candidates:
            known = firsts.setdefault((one.text, one.candidates[0][0], len(one.candidates)), one)
            if known.candidates != one.candidates:
                return
    found = scored(profile, [TEXT] * 2, said)
    assert found.tolist() == pytest.approx(expected(said, types.Settings()), abs=1e-5)


def test_a_city_among_cities(profile):
    said = [Said(0, "a", [(0, 0.5), (1, 0.5)]), Said(0, "b", [(2, 1.0)]), Said(0, "c", [(4, 1.0)])]
    found = scored(profile, [TEXT], said)
    assert found[1] > 0 > found[0]


def test_a_name_that_is_alone_says_nothing(profile):
    said = [Said(0, "a", [(0, 0.5), (1, 0.5)]), Said(0, "b", [(0, 0.5), (1, 0.5)])]
    assert scored(profile, [TEXT], said).tolist() == [0, 0, 0, 0]
    assert scored(profile, [TEXT], []).tolist() == []


def test_settings_that_cannot_be():
    with pytest.raises(ConfigError, match="least"):
        types.Settings(least=2.0)
    with pytest.raises(ConfigError, match="smoothing"):
        types.Settings(smoothing=0.0)
    with pytest.raises(ConfigError, match="folded"):
        string.Settings(folded=1.5)


def test_names_are_as_alike_as_they_were_found():
    block = Block(["a b c"])
    said = [Said(0, "a", [(0, 1.0)], level=level) for level in range(len(LEVELS))]
    said.append(Said(0, "b", [(0, 0.5), (1, 0.0)], level=LEVELS.index("norm")))  # the second from an index
    mentions = mentions_of(block, said, string=[1.0] * 6 + [0.625])
    unused: Any = None
    feature = string.make(unused, string.Settings(norm=0.5))
    found = feature(block, mentions, {})
    assert found.tolist() == pytest.approx([1, 0.95, 0.9, 0.5, 0.75, 0.5, 0.625])
    assert found.dtype == np.float32
    assert not len(feature(block, take(mentions, np.zeros(0, np.int64)), {}))
