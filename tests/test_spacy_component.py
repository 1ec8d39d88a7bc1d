"""The component: ids of entities, overlapping spans, candidates; batches, processes, saving."""

from __future__ import annotations

import json
import multiprocessing
import os
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, DocBin

from kbtools.errors import ConfigError, KbError
from kbtools.linkers.spacy import component, placing
from tests import spacy_world

ROOT = Path(__file__).parents[1]
PATTERNS = [{"label": "GPE", "pattern": "Paris"}, {"label": "PERSON", "pattern": "Nobody Known"}]
TEXTS = ["She left Paris, Texas for 巴黎.", "Ada Lovelace met Nobody Known.", "", "Nothing here."]


@pytest.fixture(scope="module")
def alias(tmp_path_factory):
    return spacy_world.build(tmp_path_factory.mktemp("spacy"))


def linking(alias, **config: Any) -> Any:
    nlp = spacy_world.pipeline(*PATTERNS)
    nlp.add_pipe("kbtools_linker", config={"alias": str(alias), **config})
    return nlp


def ents(doc: Doc) -> list[tuple[str, str, str]]:
    return [(ent.text, ent.label_, ent.kb_id_) for ent in doc.ents]


def spans(doc: Doc) -> list[tuple[str, str, str]]:
    return [(span.text, span.label_, span.kb_id_) for span in doc.spans["kbtools"]]


def test_entities_get_ids_and_spans_may_overlap(alias):
    doc = linking(alias)(TEXTS[0])
    assert ents(doc) == [("Paris", "GPE", "E0")]
    assert spans(doc) == [("Paris, Texas", "world", "E1"), ("Paris", "world", "E0"), ("巴黎", "world", "E0")]
    assert doc.text == TEXTS[0]


def test_candidates_and_scores_are_there(alias):
    doc = linking(alias)(TEXTS[0])
    told = doc.ents[0]._.kbtools_candidates
    assert [one["id"] for one in told] == ["E0", "E1", "E2"]
    assert all(one["kb"] == "world" and 0 < one["prior"] <= 1 and 0 <= one["p"] <= 1 for one in told)
    assert doc[0:1]._.kbtools_candidates == []
    assert doc.spans["kbtools"][0]._.kbtools_candidates[0]["id"] == "E1"


def test_an_unknown_entity_is_kept_without_an_id(alias):
    doc = linking(alias)(TEXTS[1])
    assert ents(doc) == [("Nobody Known", "PERSON", "")]
    assert ("Nobody Known", "world", "") in spans(doc)
    assert ents(linking(alias, nil="NIL")(TEXTS[1])) == [("Nobody Known", "PERSON", "NIL")]


def test_entities_kept_filled_or_replaced(alias):
    text = "Ada Lovelace met Nobody Known in Paris, Texas."
    kept = linking(alias)(text)
    assert ents(kept) == [("Nobody Known", "PERSON", ""), ("Paris", "GPE", "E0")]
    filled = linking(alias, ents="fill")(text)
    assert ents(filled) == [
        ("Ada Lovelace", "world", "E3"), ("Nobody Known", "PERSON", ""), ("Paris", "GPE", "E0"),
    ]  # fmt: skip
    replaced = linking(alias, ents="replace")(text)
    assert ents(replaced) == [
        ("Ada Lovelace", "world", "E3"), ("Nobody Known", "world", ""), ("Paris, Texas", "world", "E1"),
    ]  # fmt: skip


def test_only_what_the_pipeline_found(alias):
    doc = linking(alias, find=False)(TEXTS[0])
    assert spans(doc) == [("Paris", "world", "E0")]


def test_ids_that_are_there(alias):
    def linked(**config: Any) -> Doc:
        nlp = linking(alias, **config)
        doc = nlp.make_doc("Paris")
        doc.ents = [spacy.tokens.Span(doc, 0, 1, "GPE", kb_id="mine")]
        found: Doc = nlp.get_pipe("kbtools_linker")(doc)
        return found

    assert ents(linked()) == [("Paris", "GPE", "E0")]
    assert ents(linked(overwrite=False)) == [("Paris", "GPE", "mine")]


def test_no_spans_if_none_are_wanted(alias):
    doc = linking(alias, spans_key="")(TEXTS[0])
    assert not doc.spans
    assert ents(doc) == [("Paris", "GPE", "E0")]


def test_batches_say_what_single_documents_say(alias):
    nlp = linking(alias)
    alone = [(doc.text, ents(doc), spans(doc)) for doc in map(nlp, TEXTS)]
    assert [(doc.text, ents(doc), spans(doc)) for doc in nlp.pipe(TEXTS, batch_size=3)] == alone


# newer Pythons warn of any fork where threads run; it is what spaCy does on Linux, so it has to work
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_several_processes(alias, monkeypatch):
    nlp = linking(alias)
    alone = [(ents(doc), doc.user_data["kbtools"]) for doc in nlp.pipe(TEXTS)]
    monkeypatch.setattr(spacy.language, "mp", multiprocessing.get_context("fork"))
    found = list(nlp.pipe(TEXTS * 3, n_process=2, batch_size=2))
    assert [(ents(doc), doc.user_data["kbtools"]) for doc in found] == alone * 3
    assert found[0].ents[0]._.kbtools_candidates[0]["id"] == "E0"


def test_it_travels_to_a_process_as_settings(alias):
    pipe = linking(alias).get_pipe("kbtools_linker")
    pipe(Doc(pipe_vocab(), words=["Paris"]))
    make, told = pipe.__reduce__()
    assert told == (pipe.name, pipe.settings)
    assert spans(make(*told)(Doc(pipe_vocab(), words=["Paris"]))) == [("Paris", "world", "E0")]


def test_a_forked_process_opens_them_again(alias, monkeypatch):
    pipe = linking(alias).get_pipe("kbtools_linker")
    pipe(Doc(pipe_vocab(), words=["Paris"]))
    mine = pipe._open
    monkeypatch.setattr(os, "getpid", lambda: -1)
    pipe(Doc(pipe_vocab(), words=["Paris"]))
    assert pipe._open[1] is not mine[1]


def pipe_vocab() -> Any:
    return spacy.blank("en").vocab


def test_saving_keeps_settings_and_paths_only(alias, tmp_path):
    nlp = linking(alias, nil="NIL")
    nlp.to_disk(tmp_path / "model")
    saved = tmp_path / "model" / "kbtools_linker"
    assert json.loads(saved.read_text())["alias"] == str(alias)
    assert saved.stat().st_size < 1000
    again = spacy.load(tmp_path / "model")
    assert ents(again(TEXTS[1])) == ents(nlp(TEXTS[1]))
    blank = linking("elsewhere").from_bytes(nlp.to_bytes())
    assert spans(blank(TEXTS[0])) == spans(nlp(TEXTS[0]))


def test_documents_can_be_stored(alias):
    nlp = linking(alias)
    held = DocBin(docs=[nlp(TEXTS[0])], store_user_data=True).to_bytes()
    doc = next(DocBin().from_bytes(held).get_docs(spacy.blank("xx").vocab))
    assert spans(doc)[0] == ("Paris, Texas", "world", "E1")
    assert doc.spans["kbtools"][1]._.kbtools_candidates[0]["id"] == "E0"


def test_damaged_settings_are_told(alias):
    pipe = linking(alias).get_pipe("kbtools_linker")
    with pytest.raises(ConfigError, match="not what was saved"):
        pipe.from_bytes(b'{"alias": 3}')
    with pytest.raises(ConfigError, match="not what was saved"):
        pipe.from_bytes(b"{")


def test_no_table_is_told():
    nlp = spacy.blank("en")
    nlp.add_pipe("kbtools_linker")
    with pytest.raises(ConfigError, match="no table of names"):
        nlp("Paris")


def test_documents_that_fail_go_to_the_pipelines_handler(alias, monkeypatch):
    nlp = linking(alias)
    failed: list[str] = []

    def handler(name: str, proc: Any, docs: list[Doc], error: Exception) -> None:
        failed.extend(doc.text for doc in docs)

    nlp.get_pipe("kbtools_linker").set_error_handler(handler)
    real = component.KbtoolsLinker.link

    def link(self: Any, docs: list[Doc]) -> None:
        if any(doc.text == "Nothing here." for doc in docs):
            raise KbError("no")
        real(self, docs)

    monkeypatch.setattr(component.KbtoolsLinker, "link", link)
    assert [doc.text for doc in nlp.pipe(TEXTS, batch_size=1)] == TEXTS[:3]
    assert failed == ["Nothing here."]


def test_spans_end_where_tokens_end(alias):
    nlp = spacy.blank("zh")
    nlp.add_pipe("kbtools_linker", config={"alias": str(alias)})
    doc = nlp("我在巴黎 。")
    assert [(span.text, span.start, span.end) for span in doc.spans["kbtools"]] == [("巴黎", 2, 4)]
    whole = Doc(nlp.vocab, words=["在巴黎", "、Paris"], spaces=[True, False])
    nlp.get_pipe("kbtools_linker")(whole)
    assert [span.text for span in whole.spans["kbtools"]] == ["在巴黎", "、Paris"]


def test_an_installed_pipeline_finds_what_is_promised():
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    promised = told["spacy_factories"] | told["spacy_misc"]
    assert set(promised) == {"kbtools_linker", "kbtools.KnowledgeBase.v1"}
    for name, value in promised.items():
        assert callable(EntryPoint(name, value, "spacy").load())


def test_tokens_of_places():
    doc = Doc(spacy.blank("en").vocab, words=["ab", " ", "c", "def"], spaces=[True, False, False, True])
    assert doc.text == "ab  cdef "
    starts, ends = np.array([0, 1, 4, 5, 2, 8]), np.array([2, 5, 8, 6, 3, 9])
    first, last = placing.tokens_of(doc, starts, ends)
    assert list(zip(first.tolist(), last.tolist(), strict=True)) == [
        (0, 1), (0, 3), (2, 4), (3, 4), (1, 1), (4, 4),
    ]  # fmt: skip
