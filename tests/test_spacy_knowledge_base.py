"""spaCy's own entity linker on our tables: it trains, predicts, is saved; its weak points do no harm."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab

from kbtools import api, linkers
from kbtools.errors import ArtefactError, ConfigError
from kbtools.linkers.spacy import knowledge_base
from tests import small_names, spacy_world
from tests.small_names import Name

TEXTS = {"She lives in Paris, France.": "E0", "He has a ranch in Paris, you know.": "E1"}


@pytest.fixture(scope="module")
def alias(tmp_path_factory):
    return spacy_world.build(tmp_path_factory.mktemp("spacy"))


@pytest.fixture(scope="module")
def dense(alias):
    linkers.build_index(alias.parent / "kb", alias.parent / "dense", kind="dense")
    return alias.parent / "dense"


def opened(alias, **settings: Any) -> Any:
    return knowledge_base.loader(alias=str(alias), **settings)(Vocab(), 8)


def test_candidates_are_those_of_the_table_best_first(alias):
    kb = opened(alias)
    doc = Doc(kb.vocab, words=["In", "PARIS", "巴黎", "Nowhere"])
    found = kb.get_candidates_batch([doc[1:2], doc[2:3], doc[3:4]])
    assert [[one.entity_ for one in some] for some in found] == [["E0", "E1", "E2"], ["E0"], []]
    assert [one.alias_ for one in found[0]] == ["PARIS"] * 3
    told = opened(alias).alias
    priors = told.candidates(told.lookup(["PARIS"]))["prior"].to_pylist()
    assert [one.prior_prob for one in found[0]] == pytest.approx(priors)
    assert [one.entity_ for one in kb.get_candidates(doc[1:2])] == ["E0", "E1", "E2"]
    assert kb.get_prior_prob("E1", "Paris") == pytest.approx(found[0][1].prior_prob, rel=0.1)
    assert kb.get_prior_prob("E5", "Paris") == 0
    assert [kb.contains_alias(name) for name in ("Paris", "Nowhere")] == [True, False]
    assert [kb.contains_entity(name) for name in ("E5", "E6")] == [True, False]
    assert len(kb) == 6


def test_no_more_than_asked_for(alias):
    assert [one.entity_ for one in opened(alias, most=1).get_alias_candidates("Paris")] == ["E0"]


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.0, 0.25, 0.25, 0.5, 1.0])), max_size=12))
def test_no_two_priors_of_a_name_are_equal(rows):
    rows = sorted(rows, key=lambda row: (row[0], -row[1]))
    name = np.array([row[0] for row in rows], np.int64)
    prior = np.array([row[1] for row in rows], np.float32)
    rank = np.array([sum(other == own for other in name[:at]) for at, own in enumerate(name)], np.int64)
    found = knowledge_base._without_ties(prior, name, rank)
    np.testing.assert_allclose(found, prior, atol=1e-6)
    for one in set(name.tolist()):
        mine = found[name == one]
        assert ((np.diff(mine) < 0) | (mine[1:] == 0)).all()


def linking(alias, **config: Any) -> tuple[Any, Any, list[Example]]:
    """Assemble a pipeline with spaCy's linker, and examples for it."""
    settings = {"alias": str(alias)} | config.pop("settings", {})
    nlp = spacy_world.pipeline({"label": "GPE", "pattern": "Paris"})
    examples = []
    for text, meant in TEXTS.items():
        known = nlp(text)
        known.ents = [Span(known, ent.start, ent.end, ent.label_, kb_id=meant) for ent in known.ents]
        examples.append(Example(nlp(text), known))
    empty = {"@misc": "kbtools.KnowledgeBase.v1", **settings}
    pipe: Any = nlp.add_pipe("entity_linker", config={"generate_empty_kb": empty, **config})
    pipe.initialize(lambda: examples, nlp=nlp)
    return nlp, pipe, examples


def meant(nlp: Any) -> list[str]:
    return [ent.kb_id_ for text in TEXTS for ent in nlp(text).ents]


def test_spacys_linker_trains_on_it_and_is_saved(alias, dense, tmp_path):
    vectors = {"vectors": str(dense)}
    nlp, pipe, examples = linking(alias, settings=vectors, incl_prior=False)
    optimizer = nlp.create_optimizer()
    losses = [pipe.update(examples, sgd=optimizer)["entity_linker"] for _ in range(40)]
    assert losses[-1] < losses[0] / 2
    assert meant(nlp) == [*TEXTS.values()]  # though E0 is ten times as frequent
    nlp.to_disk(tmp_path / "model")
    assert (tmp_path / "model" / "entity_linker" / "kb").stat().st_size < 1000
    again = spacy.load(tmp_path / "model")
    assert meant(again) == [*TEXTS.values()]
    blank, other, _ = linking(alias, settings=vectors, incl_prior=False)
    other.from_bytes(pipe.to_bytes())
    assert meant(blank) == [*TEXTS.values()]


def test_no_vector_is_zero(alias):
    """spaCy divides by the length of vectors: zeros make every score NaN, and the first candidate wins."""
    nlp, pipe, _ = linking(alias)  # no vectors at all: the prior decides, and no warning is given
    assert meant(nlp) == ["E0", "E0"]
    found = pipe.kb.get_vectors(["E0", "E5", "nobody"])
    assert np.linalg.norm(found, axis=1) == pytest.approx(1)
    assert found[0] == found[1] == found[2]


def test_vectors_are_those_of_the_dense_index(alias, dense):
    kb = opened(alias, vectors=str(dense))
    raw = np.load(dense / "vectors.npy").astype(np.float32)
    norm = np.linalg.norm(raw, axis=1)
    assert kb.entity_vector_length == raw.shape[1]
    for eid in np.flatnonzero(norm):
        assert kb.get_vector(f"E{eid}") == pytest.approx(raw[eid] / norm[eid], abs=1e-3)
    assert np.linalg.norm(kb.get_vector("nobody")) == pytest.approx(1)
    candidate = kb.get_alias_candidates("Paris")[1]
    assert list(candidate.entity_vector) == pytest.approx(kb.get_vector("E1"))


def test_equal_candidates_are_no_lottery(tmp_path):
    """spaCy shuffles candidates before it takes the best: of equal ones, any would be."""
    equal = [Name(eid, "Springfield", "anchor", 5) for eid in range(8)]
    api.build_alias([small_names.write(tmp_path / "kb", equal)], tmp_path / "alias")
    nlp = spacy_world.pipeline({"label": "GPE", "pattern": "Springfield"})
    pipe: Any = nlp.add_pipe("entity_linker", config={"incl_context": False})
    pipe.set_kb(knowledge_base.loader(alias=str(tmp_path / "alias")))
    found = set()
    for seed in range(12):
        random.seed(seed)
        found.add(nlp("In Springfield.").ents[0].kb_id_)
    assert found == {"E0"}


def test_it_moves_to_another_process_as_paths(alias):
    kb = opened(alias)
    make, told = kb.__reduce__()
    assert told == (kb.vocab, kb.settings)
    assert make(*told).get_alias_candidates("Paris")[0].entity_ == "E0"


def test_without_a_table(alias, tmp_path):
    empty = knowledge_base.loader()(Vocab(), 8)
    assert empty.is_empty()
    assert not empty.contains_entity("E0")
    with pytest.raises(ConfigError, match="no names yet"):
        empty.get_alias_candidates("Paris")
    opened(alias).to_disk(tmp_path / "deep" / "kb")
    assert empty.from_disk(tmp_path / "deep" / "kb").get_alias_candidates("Paris")
    with pytest.raises(ConfigError, match="not what was saved"):
        empty.from_bytes(b'{"alias": 1}')
    with pytest.raises(ArtefactError, match=str(alias)):
        opened(alias, vectors=str(alias))
