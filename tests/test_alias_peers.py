"""Alias tables beside other systems': `--compat` through a whole build, and what the default does otherwise.

Each default below stands against a defect of a published program (named in the test).
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kbtools import api, plugins
from kbtools.alias.lookup import Alias
from kbtools.alias.schema import LEVELS
from kbtools.errors import ConfigError
from tests import small_names
from tests.small_names import Name

SYSTEMS = plugins.names("kbtools.alias.compat")
slow = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def build(tmp_path):
    """Build an alias table of the names of each knowledge base."""

    def make(*kbs, popularity=(), **options):
        paths = [
            small_names.write(tmp_path / f"kb{i}", names, name=f"kb{i}", popularity=popularity)
            for i, names in enumerate(kbs)
        ]
        api.build_alias(paths, tmp_path / "alias", overwrite=True, restart=True, **options)
        return Alias(tmp_path / "alias")

    return make


def looked_up(alias, *texts):
    """Return eid → prior for each text, of the first knowledge base."""
    slices = alias.lookup(texts)
    found: list[dict[int, float]] = [{} for _ in texts]
    for row in alias.candidates(slices).to_pylist():
        if not row["kb"]:
            found[row["query"]][row["eid"]] = row["prior"]
    return found


def answers(alias, system):
    """Return (form, kb) → eid → prior as the system's formula gives it for these counts."""
    counts = pq.read_table(alias.path / "counts")
    weigh = plugins.load("kbtools.alias.compat", system).weigh
    found: dict[Any, dict[int, float]] = defaultdict(dict)
    source = counts["source"].cast(pa.string())
    for row in weigh(counts.set_column(counts.column_names.index("source"), "source", source)).to_pylist():
        found[row["norm"], row["form"], row["kb"]][row["eid"]] = row["prior"]
    return found


@pytest.mark.parametrize("system", SYSTEMS)
@slow
@given(kbs=st.lists(small_names.names(), min_size=1, max_size=2))
def test_a_look_up_gives_what_the_formula_gives(system, build, kbs):
    alias = build(*kbs, compat=system, numbers="keep")
    expected = answers(alias, system)
    counts = pq.read_table(alias.path / "counts", columns=["norm", "surface"])
    known = dict(zip(counts["surface"].to_pylist(), counts["norm"].to_pylist(), strict=True))
    slices = alias.lookup(list(known))
    told: dict[Any, dict[int, float]] = defaultdict(dict)
    for row in alias.candidates(slices).to_pylist():
        told[row["query"], row["kb"]][row["eid"]] = row["prior"]
    for query, (surface, norm) in enumerate(known.items()):
        if any((norm, surface, kb) in expected for kb in range(len(kbs))):
            assert LEVELS[slices.level[query]] == "exact"
            for kb in range(len(kbs)):
                assert told[query, kb] == expected.get((norm, surface, kb), {})


NAMES = [
    Name(0, "Washington", "anchor", 60), Name(1, "Washington", "anchor", 40), Name(2, "Washington", "label"),
    Name(1, "WASHINGTON", "anchor", 3), Name(3, "Washington!", "anchor", 9),
]  # fmt: skip


def test_rel_from_end_to_end(build):
    alias = build(NAMES, compat="rel")
    found = looked_up(alias, "Washington", "WASHINGTON", "washington", "Washington,", "Washington!")
    whole = pytest.approx({2: 1, 0: 0.6, 1: 0.4}, abs=1e-6)
    assert found == [whole, whole, whole, whole, {3: 1}]


def test_spacy_from_end_to_end(build):
    found = looked_up(build(NAMES, compat="spacy"), "Washington", "washington", "WASHINGTON")
    assert found == [pytest.approx({0: 0.6, 1: 0.4}, abs=1e-6), {}, {}]


def test_an_unknown_system_is_refused_with_a_hint(build):
    with pytest.raises(ConfigError, match="did you mean 'spacy'"):
        build(NAMES, compat="spacey")


class TestTheDefault:
    def test_a_label_never_seen_in_text_is_not_certain(self, build):
        """Adding up dictionaries and links (REL, Kolitsas et al.) makes it 1 or more."""
        (found,) = looked_up(build([Name(0, "Paris", "anchor", 999), Name(1, "Paris", "label")]), "Paris")
        assert found[0] > 0.99
        assert found[1] < 0.01
        assert sum(found.values()) == pytest.approx(1)

    def test_a_label_of_one_entity_does_not_take_the_name_of_another(self, build):
        """One count for each label, alias and title (ReFinED): a name without links has p = 1."""
        alias = build([Name(0, "Apple", "anchor", 500), Name(1, "apple", "alias")])
        small, large = looked_up(alias, "apple", "Apple")
        assert small[1] < 1
        assert small[0] > 0.1  # what the name means elsewhere is not forgotten
        assert large[0] > 0.98

    def test_chinese_names_do_not_collapse(self, build):
        """Names reduced to ASCII (ReFinED's unidecode): 北京 and 背景 are both `Bei Jing`."""
        alias = build(
            [Name(0, "北京", "anchor", 5), Name(1, "背景", "anchor", 5), Name(2, "Bei Jing", "label")]
        )
        assert looked_up(alias, "北京", "背景", "Bei Jing") == [{0: 1}, {1: 1}, {2: 1}]

    def test_no_spelling_is_lost_when_others_look_alike(self, build):
        """A table of lower-cased names overwritten for each spelling (KnowBert): {Obama .9, OBAMA}."""
        names = [Name(0, "Obama", "anchor", 9), Name(1, "Obama", "anchor", 1), Name(2, "OBAMA", "anchor", 4)]
        (found,) = looked_up(build(names), "obama")
        assert set(found) == {0, 1, 2}
        assert max(found, key=found.__getitem__) == 0
        assert sum(found.values()) == pytest.approx(1)

    def test_capitals_do_not_make_another_name(self, build):
        """`str.title()` (KnowBert) turns NATO into Nato."""
        nato, title = looked_up(
            build([Name(0, "NATO", "anchor", 90), Name(1, "Nato", "anchor", 200)]), "NATO", "Nato"
        )
        assert max(nato, key=nato.__getitem__) == 0
        assert max(title, key=title.__getitem__) == 1

    def test_ties_are_broken_by_popularity_and_not_by_chance(self, build):
        """Candidates shuffled before the best is taken (spaCy), or in order of their ids (scispaCy)."""
        names = [Name(eid, "Springfield", "label") for eid in range(3)]
        (found,) = looked_up(build(names, popularity=[(0, 0), (0, 0), (8, 0)]), "Springfield")
        assert list(found) == [2, 0, 1]  # as popular as another: by eid

    def test_a_second_list_of_one_spelling_is_added(self, build):
        """`add_alias` (spaCy) leaves the second one out, with a warning."""
        (found,) = looked_up(build([Name(0, "Paris", "anchor", 6), Name(1, " Paris", "anchor", 6)]), "Paris")
        assert found == pytest.approx({0: 0.5, 1: 0.5})
