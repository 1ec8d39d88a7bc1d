"""What all systems of `--compat` have in common, and spaCy's and Wikipedia2Vec's tables, by hand."""

from __future__ import annotations

import dataclasses
from typing import Any

import pyarrow as pa
import pytest

from kbtools import plugins
from kbtools.alias.compat import base
from tests.alias_counts import anchors, counts, weigh

SYSTEMS = plugins.names("kbtools.alias.compat")
OBAMA = [
    *anchors("Obama", 9, 1),
    *anchors("OBAMA", 0, 0, 4),
    *anchors("obama", 7, 0, 3),
    ("Obama", 1, "label", 1),
]
MIXED = [
    *OBAMA,
    *anchors("北京", 5, 5),
    ("U.S.", 4, "title", 1, 1),
    ("dog", 5, "lemma", 3, 2),
    ("Dog", 6, "title", 1),
]


def test_the_folder_is_the_list_of_systems():
    assert SYSTEMS == ["knowbert", "rel", "spacy", "wikipedia2vec"]


@pytest.mark.parametrize("system", SYSTEMS)
class TestEverySystem:
    def test_says_what_it_is(self, system):
        module = plugins.load("kbtools.alias.compat", system)
        assert "p(e|m)" in module.ABOUT or "prior(e|m)" in module.ABOUT
        assert "Different here" in module.ABOUT
        assert all(field.metadata["help"] for field in dataclasses.fields(module.Settings))

    def test_makes_nothing_of_nothing(self, system):
        found = plugins.load("kbtools.alias.compat", system).weigh(base.COUNTS.empty_table())
        assert found.schema == base.ANSWERS
        assert not found.num_rows

    def test_gives_the_same_for_rows_in_any_pieces(self, system):
        weigh_table = plugins.load("kbtools.alias.compat", system).weigh
        whole = counts(*MIXED)
        norms = whole["norm"].unique().to_pylist()
        parts = [weigh_table(whole.filter(pa.compute.equal(whole["norm"], norm))) for norm in norms]
        key = [(name, "ascending") for name in ("norm", "form", "kb", "eid")]
        assert pa.concat_tables(parts).sort_by(key) == weigh_table(whole).sort_by(key)
        chunked = pa.concat_tables([whole.slice(0, 5), whole.slice(5)])
        assert weigh_table(chunked).sort_by(key) == weigh_table(whole).sort_by(key)

    def test_answers_once_for_each_form_and_entity(self, system):
        found = plugins.load("kbtools.alias.compat", system).weigh(counts(*MIXED))
        keys = list(zip(*(found[name].to_pylist() for name in ("norm", "form", "kb", "eid")), strict=True))
        assert len(keys) == len(set(keys))
        assert all(0 < prior <= 1 for prior in found["prior"].to_pylist())
        assert all(found["sources"].to_pylist())

    def test_keeps_knowledge_bases_apart(self, system):
        alone = weigh(system, *OBAMA)
        other = [(surface, eid + 50, source, n * 7, 1) for surface, eid, source, n in OBAMA]
        both = weigh(system, *OBAMA, *other)
        assert {key: best for key, best in both.items() if key[1] == 0} == alone

    def test_survives_large_counts(self, system):
        found = weigh(system, ("Zug", 1, "anchor", (1 << 64) - 1), ("Zug", 2, "anchor", (1 << 64) - 1))
        assert found.of("Zug") == {1: 0.5, 2: 0.5}

    def test_does_not_mix_up_scripts(self, system):
        found = weigh(system, *anchors("北京", 9), *anchors("东京", 0, 9), *anchors("Peking", 0, 0, 9))
        assert (found.of("北京"), found.of("东京"), found.of("Peking")) == ({1: 1}, {2: 1}, {3: 1})


class TestSpacy:
    def test_shares_of_all_links_by_hand(self):
        found = weigh("spacy", *anchors("Jordan", 60, 30, 6, 4))
        assert found == {
            ("Jordan", 0): [(1, 0.6), (2, 0.3), (3, 0.06)]
        }  # 4 are too few, but count below the line

    def test_what_is_cut_is_not_handed_on(self):
        found = weigh("spacy", *anchors("Smith", *range(20, 5, -1)))
        priors = found.of("Smith")
        assert list(priors) == list(range(1, 11))
        assert sum(priors.values()) == pytest.approx(sum(range(11, 21)) / sum(range(6, 21)))

    def test_spellings_are_exact(self):
        found = weigh("spacy", *anchors("NATO", 9), *anchors("Nato", 0, 4))
        assert set(found) == {("NATO", 0)}

    def test_only_anchors_are_links(self):
        assert weigh("spacy", ("Rome", 1, "label", 99), ("Rome", 2, "prior", 99)) == {}
        found = weigh("spacy", ("Rome", 2, "prior", 99), links=("anchor", "prior"))
        assert found.of("Rome") == {2: 1}

    def test_a_second_alias_of_one_spelling_is_added_and_not_ignored(self):
        """`add_alias` warns and returns if the alias is there: what came later was lost."""
        assert weigh("spacy", *anchors("Paris", 6), *anchors(" Paris ", 0, 6)).of("Paris") == {1: 0.5, 2: 0.5}


class TestWikipedia2vec:
    def test_shares_of_a_lower_cased_name_by_hand(self):
        found = weigh(
            "wikipedia2vec", *anchors("Apple", 60, 20), *anchors("apple", 0, 19), *anchors("APPLE", 0, 0, 1)
        )
        expected = {1: 0.6, 2: 0.39, 3: 0.01}
        assert found.of("Apple") == found.of("apple") == found.of("APPLE") == expected
        assert found.of(None) == {}

    def test_capitals_never_seen_are_the_same_name(self):
        assert weigh("wikipedia2vec", *anchors("Apple", 3, 1)).of("apple") == {1: 0.75, 2: 0.25}

    def test_candidates_below_the_limit_count_below_the_line(self):
        assert weigh("wikipedia2vec", *anchors("x", 996, 4)).of("x") == {1: 0.996}

    def test_link_probability_decides(self):
        rows = [*anchors("may", 10), *anchors("May", 20)]
        assert weigh("wikipedia2vec", *rows, occurrences={"may": 100, "May": 50}).of("may") == {
            1: 1
        }  # 30 / 150
        assert weigh("wikipedia2vec", *rows, occurrences={"may": 101, "May": 50}) == {}
        assert weigh("wikipedia2vec", *rows, occurrences={"other": 9}) == {}  # in no text
        assert weigh("wikipedia2vec", *rows, occurrences={"May": 3}).of("may") == {
            1: 1
        }  # more links than texts
        assert weigh("wikipedia2vec", *rows, occurrences={}) == {}
        assert weigh("wikipedia2vec", *rows).of("may") == {1: 1}  # nothing was counted

    def test_long_names_are_left_out(self):
        assert set(weigh("wikipedia2vec", *anchors("x" * 20, 1), *anchors("x" * 21, 1))) == {("x" * 20, 0)}

    def test_as_luke_has_it(self):
        luke: dict[str, Any] = {"min_link_prob": 0.01, "min_prior": 0.0, "most": 2, "min_links": 2}
        rows = anchors("bank", 980, 10, 9, 1)
        assert weigh("wikipedia2vec", *rows, occurrences={"bank": 100_000}, **luke).of("bank") == {
            1: 0.98,
            2: 0.01,
        }
        assert weigh("wikipedia2vec", *rows, occurrences={"bank": 100_001}, **luke) == {}
        assert set(weigh("wikipedia2vec", *rows, **{**luke, "most": 100}).of("bank")) == {1, 2, 3}

    def test_lower_case_is_not_case_folding(self):
        found = weigh("wikipedia2vec", *anchors("Straße", 1), *anchors("Strasse", 0, 1))
        assert found.of("Straße") == {1: 1}
        assert found.of("Strasse") == found.of("strasse") == {2: 1}
