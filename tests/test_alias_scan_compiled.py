"""A scan with a compiled alias table says of each span what a look-up of the span says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.alias.lookup import Alias
from kbtools.alias.scanning.scan import scan
from kbtools.alias.schema import LEVELS
from tests import tiny_alias
from tests.oracle_scan import brute_force
from tests.tiny_alias import name

SURFACES = [
    "NATO", "Nato", "North Atlantic Treaty Organization", "New York", "york", "Who? Me", "U.S.", "US", "city",
    "中国", "中国人民", "長城", "钓鱼", "삼성 전자", "삼성", "ไทย", "Spider-Man", "McDonald's",
    "Straße", "É", "a b c d e", "Yahoo!", "Yahoo", ".NET", "(x) y?", "!!!",
]  # fmt: skip
PIECES = [
    *SURFACES, "nato", "ＮＡＴＯ", "cities", "长城", "中 国", "é", "e\u0301", "'s", "은", "x", "y", "NET",
    ". ", *" ,.?!()\u200b",
]  # fmt: skip


@pytest.fixture(scope="module")
def alias(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compiled")
    names = [name(at % 5, surface) for at, surface in enumerate(SURFACES)]
    return Alias(tiny_alias.build(folder, [*names, name(4, "Nato", "anchor", 3), name(3, "NATO", "alias")]))


def test_names_are_found_in_running_text(alias):
    text = "NATO’s cities: New\nYork, 萬里長城 and the U.S. army. Who? Me!"
    spans = scan(alias.arrays, [text])
    found = [text[low:high] for low, high in zip(spans.start.tolist(), spans.end.tolist(), strict=True)]
    assert found == ["NATO", "cities", "New\nYork", "York", "長城", "U.S.", "Who? Me"]


@given(text=st.lists(st.sampled_from(PIECES) | st.just(" "), max_size=12).map("".join))
@settings(max_examples=150, deadline=None)
def test_a_scan_says_what_a_look_up_says(alias, text):
    def look(name):
        found = alias.lookup([name])
        level = LEVELS[found.level[0]]
        return (alias.norm(found.norm[0]), None, level) if found.norm[0] >= 0 else None

    spans = scan(alias.arrays, [text])
    norms = [alias.norm(norm) for norm in spans.norm.tolist()]
    levels = [LEVELS[level] for level in spans.level.tolist()]
    found = list(zip(spans.start.tolist(), spans.end.tolist(), norms, levels, strict=True))
    assert found == brute_force(look, text)
    slices = alias.lookup([text[start:end] for start, end, *_ in found])
    for said, mine in zip(slices, spans[:6], strict=True):
        np.testing.assert_array_equal(said, mine)
