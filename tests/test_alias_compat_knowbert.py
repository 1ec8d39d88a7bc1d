"""KnowBert's candidates: by hand, and beside a slow program that goes the published way."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.alias_counts import Row, anchors, norm_of, weigh

LINKED, DICTIONARIES = ("anchor", "prior"), ("label", "alias", "redirect", "title")


def test_priors_are_renormalised_over_the_candidates():
    """q: 0.5, 0.3 + 0.5, 0.2, 0.5; their sum is 2."""
    found = weigh(
        "knowbert", *anchors("Jordan", 50, 30, 20), ("Jordan", 2, "label", 1), ("Jordan", 4, "alias", 1)
    )
    assert found.of("Jordan") == {2: 0.4, 1: 0.25, 4: 0.25, 3: 0.1}


def test_thirty_candidates_share_what_the_rest_had():
    rows = anchors("Smith", *range(40, 0, -1))
    found = weigh("knowbert", *rows).of("Smith")
    assert list(found) == list(range(1, 31))
    assert found[1] == pytest.approx(40 / sum(range(11, 41)), abs=1e-7)
    assert sum(found.values()) == pytest.approx(1, abs=1e-5)


def test_the_cap_can_be_left_out():
    rows = [*anchors("Obama", 9, 1), ("Obama", 1, "label", 1)]
    assert weigh("knowbert", *rows).of("Obama") == {1: 0.9090909, 2: 0.0909091}  # 1 : .1
    assert weigh("knowbert", *rows, capped=False).of("Obama") == {1: 0.95, 2: 0.05}  # 1.9 : .1


def test_the_text_or_its_title_whichever_is_more_frequent():
    found = weigh("knowbert", *anchors("nato", 5), *anchors("Nato", 0, 4), *anchors("NATO", 0, 0, 4))
    assert found.of("nato") == {1: 1}
    assert found.of("Nato") == {2: 1}
    assert found.of("NATO") == {2: 1}  # a tie: the title


def test_no_spelling_of_a_lower_cased_list_is_lost():
    """`combined_candidates[0] = cand`, and a table written anew for each spelling: .9 and O2 were lost."""
    rows = [*anchors("oBama", 9, 1), *anchors("OBAMA", 0, 0, 4), *anchors("obamA", 7, 0, 3)]
    found = weigh("knowbert", *rows)
    expected = {3: 1 / 2, 1: 0.9 / 2, 2: 0.1 / 2}  # the largest of each: 1, .9, .1
    assert found.of("obama") == pytest.approx(expected, abs=1e-7)


def test_a_lower_cased_list_has_its_own_spelling_too():
    rows = [*anchors("obama", 7, 0, 3), *anchors("OBAMA", 0, 0, 4)]
    found = weigh("knowbert", *rows)
    assert found.of("obama") == {1: 0.7, 3: 0.3}
    assert found.of("Obama") == pytest.approx({3: 1 / 1.7, 1: 0.7 / 1.7}, abs=1e-7)  # neither it nor a title


def test_a_title_is_found_from_capitals_never_seen():
    found = weigh("knowbert", *anchors("Barack Obama", 3), *anchors("barack obama", 0, 5))
    assert found.of("BARACK OBAMA") == {1: 1}
    assert found.of("barack obama") == {2: 1}
    assert found.of(None) == {}


class TestWordNet:
    def test_tag_counts_plus_one(self):
        found = weigh("knowbert", ("dog", 1, "lemma", 42), ("dog", 2, "lemma", 0), ("dog", 3, "lemma", 5))
        assert found.of(None) == pytest.approx({1: 43 / 50, 3: 6 / 50, 2: 1 / 50}, abs=1e-7)
        assert set(found) == {(None, 0)}

    def test_hyphens_underscores_and_full_stops_on_both_sides(self):
        """'.' was left out of the text, and not of the table: lemmas with one were never found."""
        rows = [("hot-dog", 1, "lemma", 0), ("hot dog", 2, "lemma", 2), ("Hot Dog", 1, "lemma", 0)]
        assert weigh("knowbert", *rows).of(None) == {1: 0.4, 2: 0.6}  # two senses of 1 + 0, one of 1 + 2
        assert weigh("knowbert", ("U.S.", 3, "lemma", 1)).of(None) == {3: 1}
        assert norm_of("U.S.") == "us"

    def test_thirty_senses(self):
        found = weigh("knowbert", *[("set", sense, "lemma", 50 - sense) for sense in range(45)]).of(None)
        assert list(found) == list(range(30))
        assert sum(found.values()) == pytest.approx(1, abs=1e-5)

    def test_inflected_forms_are_no_lemmas(self):
        rows = [("saw", 1, "lemma", 3), ("saw", 2, "exception", 1), ("geese", 3, "exception", 1)]
        assert weigh("knowbert", *rows) == {(None, 0): [(1, 1.0)]}

    def test_without_smoothing_and_tags_all_are_alike(self):
        assert weigh("knowbert", ("a", 1, "lemma", 0), ("a", 2, "lemma", 0), smoothing=0.0).of(None) == {
            1: 0.5,
            2: 0.5,
        }

    def test_beside_wikipedia_each_spelling_has_both(self):
        found = weigh("knowbert", *anchors("Dog", 5), *anchors("dog", 0, 4), ("dog", 9, "lemma", 1, 1))
        assert found.of("Dog") == {1: 1}
        for form in ("Dog", "dog", None):
            assert found.of(form, 1) == {9: 1}


# --- beside a slow program ---------------------------------------------------------------------------------

SPELLINGS = [
    "Nato",
    "NATO",
    "nato",
    "naTo",
    "NATo",
    "N.A.T.O.",
    "n.a.t.o.",
    "Na-to",
    "NA-TO",
    "na to",
    "北约",
    "30",
]
ROWS = st.lists(
    st.tuples(
        st.sampled_from(SPELLINGS),
        st.integers(1, 6),
        st.sampled_from(LINKED + DICTIONARIES),
        st.integers(1, 9),
    ),
    max_size=30,
)


class SlowKnowBert:
    """Dictionaries of lists; the lower-cased table as the program's own comment says it should be."""

    def __init__(self, rows: list[Row], most: int) -> None:
        links: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        means: dict[str, set[int]] = defaultdict(set)
        for spelling, eid, source, n in rows:
            if source in LINKED:
                links[spelling][eid] += n
            else:
                means[spelling].add(eid)
        self.freq: dict[str, int] = defaultdict(int)
        self.p: dict[str, list[tuple[int, float]]] = {}
        self.low: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
        self.most = most
        for spelling in {*links, *means}:
            linked, named = links[spelling], means[spelling]
            total = sum(linked.values())
            self.freq[spelling] = total + len(named)
            p = {}
            for eid in {*linked, *named}:
                by_links = linked[eid] / total if total else 0.0
                p[eid] = min(1.0, by_links + (1 / len(named) if eid in named else 0.0))
            self.p[spelling] = self.best(p)
            merged = self.low[norm_of(spelling), spelling.lower()]
            for eid, value in self.p[spelling]:
                merged[eid] = max(value, merged.get(eid, 0.0))

    def best(self, p: dict[int, float]) -> list[tuple[int, float]]:
        found = [(eid, value) for eid, value in p.items() if value]
        return sorted(found, key=lambda one: (-one[1], one[0]))[: self.most]

    def answer(self, text: str) -> dict[int, float]:
        freq = self.freq
        title = text.title() if norm_of(text.title()) == norm_of(text) else text
        if not freq.get(text) and not freq.get(title):
            found = self.best(self.low.get((norm_of(text), text.lower()), {}))
        else:
            found = self.p[text if freq.get(text, 0) > freq.get(title, 0) else title]
        total = sum(p for _, p in found)
        return {eid: float(np.float32(p / total)) for eid, p in found}


@given(ROWS, st.sampled_from([2, 30]))
def test_every_spelling_finds_what_the_slow_program_finds(rows, most):
    slow, found = SlowKnowBert(rows, most), weigh("knowbert", *rows, most=most)
    known = {row[0] for row in rows}
    for spelling in sorted(known):
        assert found.of(spelling) == pytest.approx(slow.answer(spelling), abs=2e-7)
        for text in {spelling.upper(), spelling.title()} - known:
            assert (found.of(text) or found.of(text.lower())) == pytest.approx(slow.answer(text), abs=2e-7)
