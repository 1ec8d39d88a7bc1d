from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.alias.about.explain import explain_surface
from kbtools.alias.about.explanation import Candidate, Explanation
from kbtools.alias.lookup import Alias
from kbtools.errors import ArtefactError
from tests import tiny_alias, tiny_kb
from tests.tiny_alias import name


@pytest.fixture(scope="module")
def alias(tmp_path_factory):
    return tiny_alias.build(tmp_path_factory.mktemp("explain"))


def candidates(found: Explanation) -> dict[int, Candidate]:
    return {one.eid: one for sense in found.senses for one in sense.candidates}


def test_everything_about_a_name(alias):
    found = explain_surface("NATO", alias)
    assert found.forms == {"exact": "NATO", "case": "nato", "folded": "nato", "norm": "nato"}
    assert (found.norm, found.level, found.form) == ("nato", "exact", "NATO")
    (sense,) = found.senses
    assert sense.kb == "tiny"
    human, adams, universe = sense.candidates
    assert [(one.id, one.label, one.rank) for one in sense.candidates] == [
        ("Q5", "human", 0), ("Q42", "Douglas Adams", 1), ("Q1", "universe", 2)
    ]  # fmt: skip
    assert [(c.surface, c.source, c.n, c.weight) for c in adams.counts] == [
        ("Nato", "anchor", 4, 1.0),
        ("Nato", "alias", 1, 0.5),
    ]
    assert (human.n, adams.n, universe.n) == (10, 4.5, 2)
    # in_degree 2, 0, 0 and no sitelinks: π ∝ √3, 1, 1
    assert human.popularity == pytest.approx(3**0.5 / (3**0.5 + 2))
    assert universe.popularity == pytest.approx(1 / (3**0.5 + 2))
    assert [(one.surface, one.linked) for one in found.spellings][:3] == [
        (None, 14),
        ("NATO", 8),
        ("Nato", 5),
    ]
    assert (found.near, found.notes, found.link_prob) == ([], [], None)


def test_the_form_path_is_the_formula_by_hand(alias):
    found = explain_surface("NATO", alias)
    rungs = found.senses[0].rungs
    assert [(r.level, r.form, r.spellings, r.n, r.candidates) for r in rungs] == [
        ("norm", "nato", 4, 16.5, 3),  # 10 + 4.5 + 2
        ("folded", "nato", 3, 15.5, 3),  # without N.A.T.O.
        ("case", "nato", 2, 14.5, 2),  # without nató
        ("exact", "NATO", 1, 9, 1),
    ]
    assert [rung.weight for rung in rungs] == pytest.approx([16.5 / 17.5, 15.5 / 18.5, 14.5 / 16.5, 0.9])
    human = found.senses[0].candidates[0]
    norm = (10 + 3**0.5 / (3**0.5 + 2)) / 17.5
    folded = (10 + 3 * norm) / 18.5
    case = (10 + 2 * folded) / 16.5
    assert human.priors == pytest.approx([norm, folded, case, 0.9 + 0.1 * case], rel=1e-6)
    assert human.prior == pytest.approx(human.priors[-1], rel=1e-6)


@pytest.mark.parametrize(
    ("surface", "level", "form", "path"),
    [
        ("Nato", "exact", "Nato", ["norm", "folded", "case", "exact"]),
        ("nato", "exact", "nato", ["norm", "folded", "case"]),  # no name is spelt so: the CASE form is
        ("nATO", "case", "nato", ["norm", "folded", "case"]),
        ("NATÓ", "case", "nató", ["norm", "folded", "case"]),
        ("N.A.T.O.", "exact", "N.A.T.O.", ["norm", "folded"]),  # alone on both rungs
        ("N-ATO", None, None, []),  # a hyphen parts words
        ("*NATO*", "norm", None, ["norm"]),
        ("NATOs", "inflected", None, ["norm"]),
        ("柏 林", "folded", None, ["norm"]),  # one entity: no forms
    ],
)
def test_levels(alias, surface, level, form, path):
    found = explain_surface(surface, alias)
    assert (found.level, found.form) == (level, form)
    assert [rung.level for sense in found.senses for rung in sense.rungs] == path


surfaces = st.sampled_from(["NATO", "Nato", "nato", "nAto", "nató", "NATÓ", "N.A.T.O.", "N.a.t.o.", "*Nato"])
rows = st.builds(
    name,
    st.integers(0, 5),
    surfaces,
    st.sampled_from(["label", "alias", "anchor"]),
    st.none() | st.integers(0, 50),
)


@settings(max_examples=15)
@given(st.lists(rows, min_size=1, max_size=12), st.sampled_from([0.0, 1.0, 2.5]), st.integers(1, 3))
def test_what_is_explained_is_what_a_look_up_gives(tmp_path_factory, names, kappa, least):
    alias = tiny_alias.build(tmp_path_factory.mktemp("any"), names, kappa=kappa, min_count=least)
    opened = Alias(alias)
    for surface in ["NATO", "nato", "Nató", "n.a.t.o.", "natos"]:
        found = explain_surface(surface, alias)
        given_ = opened.candidates(opened.lookup([surface])).to_pydict()
        told = {eid: one for eid, one in candidates(found).items() if one.rank is not None}
        assert sorted(told, key=lambda eid: told[eid].rank or 0) == given_["eid"]
        for eid, prior in zip(given_["eid"], given_["prior"], strict=True):
            assert told[eid].prior == prior
            assert told[eid].priors[-1] == pytest.approx(prior, abs=1e-6)


def test_a_candidate_that_was_never_seen_has_its_share_of_popularity(tmp_path):
    seen, never = tiny_alias.name(0, "hound", "lemma", 3), tiny_alias.name(1, "hound", "lemma", 0)
    found = candidates(explain_surface("hound", tiny_alias.build(tmp_path, [seen, never])))
    assert found[0].popularity == pytest.approx(3**0.5 / (3**0.5 + 1))  # in_degree 2, and 0
    assert found[1].popularity == pytest.approx(1 / (3**0.5 + 1))
    for one in found.values():
        assert one.prior == pytest.approx((one.n + (one.popularity or 0)) / 4)


def test_candidates_that_were_cut_are_shown(tmp_path):
    alias = tiny_alias.build(tmp_path, most=2)
    universe = candidates(explain_surface("nato", alias))[2]
    assert (universe.rank, universe.prior, universe.n, universe.priors) == (None, None, 2, [])


def test_links_below_min_count_weigh_nothing(tmp_path):
    alias = tiny_alias.build(tmp_path, min_count=3)
    universe = candidates(explain_surface("nato", alias))[2]
    assert {(count.source, count.weight) for count in universe.counts} == {("anchor", 0.0), ("title", 1.0)}


def test_an_unknown_name_has_neighbours(alias):
    found = explain_surface("Gremany", alias)
    assert (found.level, found.norm, found.senses) == (None, None, [])
    (near,) = found.near
    assert (near.surface, near.norm, near.edits, near.id) == ("Germany", "germany", 1, "Q183")
    assert explain_surface("Gremany", alias, near=0).near == []
    assert explain_surface("completely different", alias).near == []


@pytest.mark.parametrize(
    "surface", ["", " ", "\u200b", "\ud800", "\0", "x" * 10_000, "!!!", "'\"; DROP", "%"]
)
def test_odd_names_are_no_trouble(alias, surface):
    found = explain_surface(surface, alias)
    assert found.level is None
    assert found.surface.encode() is not None  # can be written
    if not surface.strip(" \u200b"):
        assert found.notes == ["nothing visible is left of this name"]


def test_without_the_knowledge_base_numbers_are_shown(tmp_path):
    alias = tiny_alias.build(tmp_path)
    (tmp_path / "kb").rename(tmp_path / "moved")
    found = explain_surface("NATO", alias)
    human = candidates(found)[0]
    assert (human.id, human.label, human.popularity) == (None, None, None)
    assert human.prior == pytest.approx(human.priors[-1], rel=1e-6)  # the path needs no knowledge base
    assert found.notes == ["tiny: not where it was; numbers are shown, ids and labels with --kb KB"]
    given_ = explain_surface("NATO", alias, kbs=[tmp_path / "moved"])
    assert (candidates(given_)[0].id, given_.notes) == ("Q5", [])


def test_a_knowledge_base_that_does_not_fit_is_refused(tmp_path):
    alias = tiny_alias.build(tmp_path)
    world = tiny_kb.world()
    other = tiny_kb.write(tmp_path / "other", world, name="other")
    with pytest.raises(ArtefactError, match="no candidates of 'other' here; there are: tiny"):
        explain_surface("NATO", alias, kbs=[other])
    world["entities"][0]["label"] = "person"
    release = tiny_kb.write(tmp_path / "release", world)
    with pytest.raises(ArtefactError, match="another release of 'tiny'"):
        explain_surface("NATO", alias, kbs=[release])
    with pytest.raises(ArtefactError, match="no such artefact"):
        explain_surface("NATO", tmp_path / "nowhere")
    with pytest.raises(ArtefactError, match="a kb artefact, where an alias is wanted"):
        explain_surface("NATO", tmp_path / "kb")
