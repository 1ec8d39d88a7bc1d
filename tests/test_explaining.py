"""`kbtools.linkers.explain_text`: what a linker worked with is what it answers from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kbtools import linkers
from kbtools.errors import ConfigError
from kbtools.linkers import corpora, opening
from kbtools.linkers.base import Block
from kbtools.linkers.explaining import explain_text
from tests import tiny_linking

ABOUT = [
    {"eid": 0, "lang": "en", "kind": "example", "text": "a line about Paris", "source": "s"},
    {"eid": 0, "lang": "en", "kind": "short", "text": "capital of France", "source": "s"},
    {"eid": 0, "lang": "zh", "kind": "short", "text": "法国首都", "source": "s"},
    {"eid": 1, "lang": "de", "kind": "short", "text": "Stadt in Texas", "source": "s"},
]


@pytest.fixture(scope="module")
def alias(tmp_path_factory):
    return tiny_linking.alias(tmp_path_factory.mktemp("names"), descriptions=ABOUT)


@pytest.fixture(scope="module")
def profile(alias):
    out = alias.parent / "profile"
    linkers.build_index([alias.parent / "places", alias.parent / "senses"], out, kind="profile")
    return out


def told(text, alias, **options):
    return explain_text(text, alias=alias, **options).documents[0]


def states(document, kb="places"):
    return [(one.surface, one.state) for one in document.mentions if one.kb == kb]


PIECES = st.lists(
    st.sampled_from(["Paris", "New York City", "New York", "NYC", "中国", "France", " ", ", ", "x", "😀"])
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=PIECES, overrides=st.sampled_from([(), ("nil.total=0.8",), ("overlap=all",), ("by_link=true",)])
)
@pytest.mark.parametrize("linker", ["prior", "context"])
def test_what_is_told_is_what_the_linker_answers(alias, profile, linker, pieces, overrides):
    text = "".join(pieces)
    asked = {"linker": linker, "indexes": [profile], "overrides": overrides}
    found = linkers.explain_text(text, alias=alias, **asked)
    here = opening.opened(opening.ask(alias, **asked))
    answer = here.linker.link(Block([text]))
    kept = [one for one in found.documents[0].mentions if one.state != "dropped"]
    mentions, names = answer.mentions, here.names
    assert [(one.start, one.end, one.kb) for one in kept] == [
        (start, end, names[kb])
        for start, end, kb in zip(mentions.start.tolist(), mentions.end.tolist(), mentions.kb, strict=True)
    ]
    for row, one in enumerate(kept):
        chosen = answer.choice[row]
        assert (one.entity.eid if one.entity else None) == (mentions.eid[chosen] if chosen >= 0 else None)
        assert one.nil == answer.ranked.nil[row]
        at = slice(*mentions.offsets[row : row + 2])
        told = {each.eid: (each.p, each.prior, list(each.features.values())) for each in one.candidates}
        columns = (mentions.eid[at], answer.ranked.p[at], mentions.prior[at])
        features = np.array([values[at] for values in answer.features.values()]).T.tolist()
        features = features or [[] for _ in one.candidates]
        expected = zip(*(column.tolist() for column in columns), features, strict=True)
        assert told == {eid: (p, prior, values) for eid, p, prior, values in expected}
        assert [each.p for each in one.candidates] == sorted((p for p, *_ in told.values()), reverse=True)


def test_overlaps_name_what_stands_there(alias):
    document = told("New York City", alias)
    assert states(document) == [("New York City", "linked"), ("New York", "dropped")]
    whole, part = (one for one in document.mentions if one.kb == "places")
    assert (part.failed, part.over, whole.over, whole.why) == (["overlap"], [whole.number], [], "")
    assert document.counts == {"found": 4, "dropped": 2, "dropped: overlap": 2, "linked": 2}
    everything = told("New York City", alias, overlap="all")
    whole, part = (one for one in everything.mentions if one.kb == "places")
    assert (part.state, part.over, whole.over) == ("linked", [whole.number], [part.number])


@pytest.fixture
def preset(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text('[mentions.dictionary]\n[features.context]\nmodel = "bm25"\n')
    return path


@pytest.mark.parametrize(
    ("override", "why"),
    [
        ("nil.total=0.99", "is below nil.total 0.99"),
        ("nil.prior=0.99", "is below nil.prior 0.99"),
        ("nil.context=99", "is below nil.context 99"),
        ("ranking.nil=5", "that none is right is likelier: 0.99"),
    ],
)
def test_a_mention_that_means_nothing_says_why(alias, profile, preset, override, why):
    failed = "nil.likelier" if "ranking" in override else override.partition("=")[0]
    asked = {"linker": str(preset), "indexes": [profile], "overrides": [override]}
    one = told("Paris", alias, **asked).mentions[0]
    assert (one.state, one.failed, one.entity) == ("dropped", [failed], None)
    assert why in one.why
    assert one.candidates  # what was refused is told nevertheless
    kept = told("Paris", alias, **{**asked, "overrides": [override, "nil.keep=dictionary"]}).mentions[0]
    assert (kept.state, kept.failed) == ("NIL", [failed])


def test_where_a_meaning_comes_from(alias, tmp_path):
    preset = tmp_path / "p.toml"
    preset.write_text("[mentions.dictionary]\n[mentions.abbreviations]\n")
    document = told("Paris, Texas (PT) is small. PT has names.", alias, linker=str(preset))
    full, *short = (one for one in document.mentions if one.kb == "places" and one.surface != "Paris")
    assert [(one.surface, one.kind, one.parent) for one in short] == [
        ("PT", "abbreviation", full.number),
        ("PT", "abbreviation", full.number),
    ]
    assert full.parent is None


def test_rungs(alias):
    rungs = [(one.surface, one.rung) for one in told("Paris PARIS", alias).mentions if one.kb == "places"]
    assert rungs == [("Paris", "exact"), ("PARIS", "norm")]


def test_entities_have_ids_labels_and_descriptions(alias):
    first, second = told("Paris", alias).mentions[0].candidates
    assert (first.id, first.label, first.description) == ("Q90", "Q90 label", "capital of France")
    assert (second.id, second.description) == ("Q830149", "Stadt in Texas")  # if there is no other
    assert told("Paris", alias, lang="zh").mentions[0].candidates[0].description == "法国首都"


def test_without_the_knowledge_bases_there_are_numbers(tmp_path):
    table = tiny_linking.alias(tmp_path)
    (tmp_path / "places").rename(tmp_path / "moved")
    (tmp_path / "senses").rename(tmp_path / "senses-moved")
    found = explain_text("Paris", alias=table)
    first = found.documents[0].mentions[0].candidates[0]
    assert (first.eid, first.id, first.called) == (0, None, "eid 0")
    assert found.notes == ["places, senses: not where it was; numbers are shown, ids and labels with --kb KB"]
    found = explain_text("Paris", alias=table, kbs=[tmp_path / "moved"])
    assert found.documents[0].mentions[0].candidates[0].called == "Q90 Q90 label"
    assert found.notes[0].startswith("senses: ")


def test_lineage(alias, profile):
    found = explain_text("x", alias=alias, linker="context", indexes=[profile], overrides=["nil.total=0.3"])
    assert [(one.kind, one.names) for one in found.sources] == [
        ("alias", ["places", "senses"]), ("index", ["places", "senses"]), ("kb", ["places"]),
        ("kb", ["senses"]),
    ]  # fmt: skip
    assert (found.linker, found.settings["nil"]["total"]) == ("context", 0.3)
    assert all(len(one.content) == 32 for one in found.sources)


@pytest.mark.parametrize("text", ["", " ", "\0", "\ud800 Paris", "😀\u202e\x07", "\r\n"])
def test_odd_texts(alias, text):
    document = told(text, alias)
    assert document.text == text.replace("\ud800", "\ufffd")
    assert [one.surface for one in document.mentions if one.kb == "places"] == ["Paris"] * ("Paris" in text)


def test_of_a_long_text_the_first_mentions_are_told(alias):
    limits = linkers.Limits(mentions=3, characters=1000)
    document = told("France. " * 5000, alias, limits=limits)
    assert [one.start for one in document.mentions] == [0, 8, 16]
    assert (document.until, document.counts["linked"], len(document.text)) == (24, 5000, 40_000)
    document = told("France. " * 5000, alias, limits=linkers.Limits(characters=20))
    assert ([one.start for one in document.mentions], document.until) == ([0, 8, 16], 20)


def test_documents_beyond_what_is_told_are_left_out(alias, tmp_path):
    path = tiny_linking.corpus(tmp_path, *({"text": "France and China"} for _ in range(5)))
    found = linkers.explain_documents(path, alias=alias, limits=linkers.Limits(mentions=3))
    assert [len(one.mentions) for one in found.documents] == [2, 1]
    assert found.documents[1].until == 11
    assert found.notes == ["3 more documents were linked and are not told; --mentions tells of more"]


def test_documents_of_several_blocks_are_told_alike(alias, tmp_path, monkeypatch):
    texts = ["Paris", "", "New York City", "中国 and NYC", "x"] * 3
    path = tiny_linking.corpus(tmp_path, *({"id": str(n), "text": text} for n, text in enumerate(texts)))
    whole = linkers.explain_documents(path, alias=alias)
    monkeypatch.setattr(corpora, "SIZE", 8)
    assert linkers.explain_documents(path, alias=alias) == whole
    assert [one.doc_id for one in whole.documents] == [str(n) for n in range(15)]
    first = linkers.explain_documents(path, alias=alias, most=4)
    assert first.documents == whole.documents[:4]


def test_wrong_settings_are_told_as_for_link(alias):
    with pytest.raises(ConfigError, match="did you mean 'prior'"):
        explain_text("x", alias=alias, linker="priors")
