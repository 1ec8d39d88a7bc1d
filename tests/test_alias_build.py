"""Alias tables: what is counted, and the priors, against a slow oracle and cases worked out by hand."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kbtools import api
from kbtools.alias.lookup import Alias
from kbtools.alias.schema import LEVELS
from tests import oracle_alias, small_names
from tests.oracle_alias import Estimate
from tests.small_names import Name, ask

slow = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def rows(alias, table, columns="*"):
    return ask(f"SELECT {columns} FROM '{alias}/{table}/*.parquet'")


def priors(alias):
    found: dict[Any, Any] = defaultdict(dict)
    for norm, form, kb, eid, prior in rows(alias, "candidates", "norm, form, kb, eid, prior"):
        found[norm, form, kb][eid] = prior
    return dict(found)


@pytest.fixture
def build(tmp_path):
    """Build an alias table of the names of each knowledge base."""

    def make(*kbs, popularity=((), ()), **options):
        paths = [
            small_names.write(tmp_path / f"kb{i}", names, name=f"kb{i}", popularity=popularity[i])
            for i, names in enumerate(kbs)
        ]
        out = tmp_path / "alias"
        api.build_alias(paths, out, overwrite=True, restart=True, **options)
        return out

    return make


@slow
@given(
    st.lists(small_names.names(), min_size=1, max_size=2),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=8, max_size=8),
    st.builds(
        Estimate,
        alpha=st.sampled_from([0.0, 1.0, 7.5]),
        beta=st.sampled_from([0.0, 0.5]),
        gamma=st.just(0.5),
        kappa=st.sampled_from([0.0, 1.0, 3.0]),
        most=st.sampled_from([1, 2, 30]),
    ),
)
def test_tables_are_those_of_the_oracle(build, kbs, popularity, how):
    out = build(*kbs, popularity=[popularity] * 2, numbers="keep", **how._asdict())
    counted = {tuple(row[:5]): row[5] for row in rows(out, "counts", "surface, norm, kb, eid, source, n")}
    assert counted == oracle_alias.counts(kbs)
    expected = oracle_alias.candidates(kbs, [popularity] * 2, how)
    found = priors(out)
    assert found.keys() == expected.keys()
    for key, distribution in expected.items():
        assert found[key] == pytest.approx(distribution, abs=1e-6), key


@slow
@given(st.lists(small_names.names(), min_size=1, max_size=2))
def test_a_look_up_finds_what_the_tables_say(build, kbs):
    out = build(*kbs, numbers="keep")
    alias, table = Alias(out), priors(out)
    surfaces = sorted({row[0] for row in rows(out, "counts", "surface")})
    found = alias.lookup(surfaces)
    told: dict[Any, Any] = defaultdict(dict)
    for row in alias.candidates(found).to_pylist():
        told[row["query"], row["kb"]][row["eid"]] = row["prior"]
    for query, surface in enumerate(surfaces):
        norm = oracle_alias.norm_of(surface)
        for kb in range(len(kbs)):
            expected = table.get((norm, surface, kb), table.get((norm, None, kb), {}))
            assert told[query, kb] == expected
        assert alias.norm(found.norm[query]) == norm


@slow
@given(small_names.names())
def test_priors_sum_to_one_and_ranks_count_up(build, names):
    out = build(names)
    for distribution in priors(out).values():
        assert math.isclose(sum(distribution.values()), 1, abs_tol=1e-5)
    groups = defaultdict(list)
    for norm, form, kb, rank, prior in rows(out, "candidates", "norm, form, kb, rank, prior"):
        groups[norm, form, kb].append((rank, -prior))
    for group in groups.values():
        assert [rank for rank, _ in group] == list(range(len(group)))
        assert group == sorted(group)


def test_the_formula_by_hand(build):
    # label 1 × 1 and anchor 1 × 6 for entity 0, anchor 1 × 2 for entity 1; π is 2 : 3 : 1
    names = [
        Name(0, "Rome"),
        Name(0, "Rome", "anchor", 6),
        Name(1, "Rome", "anchor", 2),
        Name(2, "Rome", "alias"),
    ]
    out = build(names, popularity=[[(3, 0), (0, 8), (0, 0)]], alpha=2.0)
    expected = {0: (7 + 2 * 2 / 6) / 11.5, 1: (2 + 2 * 3 / 6) / 11.5, 2: (0.5 + 2 * 1 / 6) / 11.5}
    assert priors(out)["rome", None, 0] == pytest.approx(expected, abs=1e-6)


def test_an_alias_never_seen_in_text_does_not_outweigh_links(build):
    names = [Name(0, "Paris", "anchor", 900), Name(1, "Paris", "label"), Name(2, "PARIS", "alias")]
    found = priors(build(names, popularity=[[(50, 50)]]))
    assert found["paris", None, 0][0] > 0.99
    assert found["paris", "PARIS", 0][2] < 0.5  # its own spelling says 2, the norm behind it says 0


def test_forms_stay_apart_and_unknown_ones_are_found(build):
    names = [Name(0, "NATO", "anchor", 90), Name(1, "Nato", "anchor", 10), Name(2, "Obama", "anchor", 5)]
    alias = Alias(build(names))
    asked = ["NATO", "Nato", "nAtO", "obama", "Barack"]
    found = alias.lookup(asked)
    best = dict.fromkeys(range(len(asked)))
    for row in reversed(alias.candidates(found).to_pylist()):
        best[row["query"]] = row["eid"]
    assert list(best.values()) == [0, 1, 0, 2, None]
    assert [LEVELS[level] for level in found.level[:4]] == ["exact", "exact", "norm", "norm"]
    assert found.norm[4] == -1
    assert found.length[4] == 0


def test_plurals_and_variants_of_script_are_found(build):
    names = [Name(0, "city"), Name(1, "dog"), Name(2, "台湾"), Name(3, "bus"), Name(4, "café")]
    alias = Alias(build(names))
    found = alias.lookup(["Cities", "dogs", "臺灣", "bu", "buses", "ＣＡＦÉ", "cafes"])
    assert [alias.norm(n) if n >= 0 else None for n in found.norm] == [
        "city", "dog", "台湾", None, None, "cafe", "cafe",
    ]  # fmt: skip
    assert LEVELS[found.level[0]] == "inflected"


def test_weights_change_priors_and_not_counts(build, tmp_path):
    names = [Name(0, "Rome", "anchor", 9), Name(1, "Rome", "label")]
    plain = build(names)
    before, counted = priors(plain), rows(plain, "counts")
    file = tmp_path / "weights.toml"
    file.write_text("anchor = 0.0\n")
    out = build(names, weights=file)
    assert rows(out, "counts") == counted
    assert priors(out)["rome", None, 0][0] < 0.5 < before["rome", None, 0][0]


@slow
@given(small_names.names())
def test_an_unrelated_name_changes_nothing_else(build, names):
    before = priors(build(names))
    after = priors(build([*names, Name(7, "Zanzibar", "anchor", 99)]))
    assert after.pop(("zanzibar", None, 0)) == {7: 1.0}
    assert after == before
