"""KnowBert's published weights by our names: none is missing, none is taken twice."""

from __future__ import annotations

import pytest
import torch

from kbtools.models import keys
from tests import small_kar as small

LINKER = "wiki_soldered_kg.entity_linker.disambiguator."


def names(**told):
    made = small.body({"wiki": small.settings(**told)}).kars["wiki"]
    return {f"body.kars.wiki.{name}" for name in made.state_dict()}


@pytest.mark.parametrize("told", [{}, {"classes": 2, "width": 6}])
def test_each_weight_has_one_name_there(told):
    known = keys.load("knowbert")
    ours = names(**told) - {"body.kars.wiki.linker.candidates.hidden"}  # there it is a row of the table
    theirs = [name for name in map(known.theirs, ours) if name is not None]
    assert len({*theirs}) == len(ours)
    assert {*map(known.ours, theirs)} == ours


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (f"{LINKER}bert_to_kg_projector.weight", "linker.into.weight"),
        (f"{LINKER}span_extractor._global_attention._module.bias", "linker.pool.score.bias"),
        (f"{LINKER}span_encoder.layer.0.attention.self.query.weight", "linker.spans.query.weight"),
        (f"{LINKER}span_encoder.layer.0.output.LayerNorm.gamma", "linker.spans.last_norm.weight"),
        (f"{LINKER}dot_attention_with_prior.out_layer_2.bias", "linker.score.2.bias"),
        (f"{LINKER}dot_attention_with_prior.null_embedding", "null"),
        ("wiki_soldered_kg.span_attention_layer.attention.attention.key.bias", "words.key.bias"),
        ("wiki_soldered_kg.span_attention_layer.attention.output.dense.bias", "words.dense.bias"),
        ("wiki_soldered_kg.kg_to_bert_projection.weight", "out.weight"),
        ("wiki_soldered_kg.output_layer_norm.bias", "out_norm.bias"),
    ],
)
def test_by_hand(theirs, ours):
    assert keys.load("knowbert").ours(theirs) == f"body.kars.wiki.{ours}"


def test_it_is_told_from_bert_and_says_what_it_does_not_know():
    one = torch.zeros(1)
    there = {
        "pretrained_bert.bert.embeddings.word_embeddings.weight": one,
        "pretrained_bert.cls.predictions.bias": one,
        "pretraining_heads.predictions.bias": one,
        "pretraining_heads.seq_relationship.weight": one,
        "pooler.dense.weight": one,
        "pretrained_bert.bert.pooler.dense.weight": one,
        f"{LINKER}entity_embeddings.weight": one,
        f"{LINKER}something.else": one,
    }
    known = keys.find(there)
    assert known == keys.load("knowbert")
    found, left = known.rename(there)
    assert {*found} == {
        "body.text.model.embeddings.word_embeddings.weight", "heads.lm.bias", "heads.nsp.out.weight",
        "heads.pooler.dense.weight",
    }  # fmt: skip
    assert left == [f"{LINKER}something.else"]
