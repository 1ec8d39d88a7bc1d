"""Triples of a small world: what is drawn, what is read, what is learned from it."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from kbtools.errors import ConfigError
from kbtools.models.base import KnowledgeModel
from kbtools.models.draws import Draws
from kbtools.models.kge.known import Known
from kbtools.models.objectives._described import Described, Texts, conditioned
from kbtools.models.objectives._negatives import Asked, drawn
from kbtools.models.objectives.base import Here
from kbtools.models.objectives.kepler import Kepler, Settings
from kbtools.models.recipe import Model
from kbtools.models.training.data import tensors
from kbtools.shards.reader import Shards
from kbtools.shards.reading.batches import Batches
from kbtools.shards.reading.settings import Reading
from tests import tiny_triples

SPECIAL = {"pad": 0, "unk": 1, "cls": 2, "sep": 3, "mask": 4}
TEXT = {
    "model_type": "roberta", "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 32, "max_position_embeddings": 40, "type_vocab_size": 1, "initializer_range": 0.2,
    "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
}  # fmt: skip


def here(shards=None):
    return Here(size=40, special=SPECIAL, shards=(shards or tiny_triples.opened(),))


def objective(shards=None, **settings):
    return Kepler(Settings(**settings), here(shards))


def batch(one, rows=8, *, epoch=0, seed=0, split="train", numbers=None):
    told = Reading(rows=rows, shuffle="no", columns=("head", "relation", "tail"))
    made = tensors(next(iter(Batches(one.described.shards, split, told).epoch())))
    if numbers is not None:
        made |= {name: made[name][numbers] for name in ("head", "relation", "tail", "batch.rows")}
    made["batch.epoch"] = epoch
    return made, one.corrupt(made, Draws(made, seed))


def model(one, **text):
    shards = one.described.shards
    return KnowledgeModel.make(
        Model(name="bert", text={**TEXT, **text}), heads=one.heads, vocabulary=shards.tokenizer, seed=1
    ).eval()


class Bare(Described):
    """Relations of which nothing is said."""

    def texts(self, eid, rid):
        return super().texts(eid, np.where(eid < 0, rid, -1))


def true_triples():
    return {
        tuple(row.values())
        for split in ("train", "dev")
        for row in tiny_triples.opened().table(split, ["head", "relation", "tail"]).to_pylist()
    }


def told_of(made, place):
    ids, mask = made["kepler.input_ids"][place], made["kepler.attention_mask"][place]
    words = [*tiny_triples.SPECIAL, *tiny_triples.WORDS]
    return " ".join(words[one] for one in ids[mask].tolist())


def description(one, eid):
    texts = one.described.texts(np.array([eid]), np.array([-1]))
    return texts.ids[0, : texts.lengths[0]].tolist()


def test_texts_are_read_once_and_are_those_of_the_ends():
    one = objective(negatives=2)
    made, many = batch(one)
    assert many == 8
    rows = [tuple(row.tolist()) for row in made["kepler.input_ids"]]
    assert len({*rows}) == len(rows)
    assert {row[0] for row in rows} == {SPECIAL["cls"]}
    for name in ("head", "tail"):
        for eid, place in zip(made[name].tolist(), made[f"kepler.{name}"].tolist(), strict=True):
            mask = made["kepler.attention_mask"][place]
            assert made["kepler.input_ids"][place][mask].tolist() == description(one, eid)
    assert made["kepler.widths"] == [int(made["kepler.attention_mask"].sum(1).max())]


@pytest.mark.parametrize("in_batch", [False, True])
def test_nothing_known_is_ever_false(in_batch):
    one, truth = objective(negatives=20, in_batch=in_batch), true_triples()
    by_text = {tuple(description(one, eid)): eid for eid in range(len(one.described.told))}
    for epoch in range(3):
        made, _many = batch(one, rows=40, epoch=epoch)
        who = [by_text[tuple(row[mask].tolist())] for row, mask in
               zip(made["kepler.input_ids"], made["kepler.attention_mask"], strict=True)]  # fmt: skip
        triples = zip(*(made[name].tolist() for name in ("head", "relation", "tail")), strict=True)
        assert made["kepler.false"].all()
        for at, (head, relation, tail) in enumerate(triples):
            for place in made["kepler.heads"][at].tolist():
                assert (who[place], relation, tail) not in truth
            for place in made["kepler.tails"][at].tolist():
                assert (head, relation, who[place]) not in truth
            if in_batch:
                both = torch.cat([made["kepler.all_heads"], made["kepler.all_tails"]]).tolist()
                split = len(made["kepler.all_heads"])
                for number, place in enumerate(both):
                    other = (who[place], relation, tail) if number < split else (head, relation, who[place])
                    assert bool(made["kepler.all_false"][at, number]) == (other not in truth)


def test_what_is_drawn_is_spread_evenly_and_new_in_each_epoch():
    one = objective(negatives=50)
    seen = [batch(one, rows=40, epoch=epoch)[0]["kepler.input_ids"].shape[0] for epoch in range(2)]
    assert min(seen) == int(one.described.told.sum())  # 4000 draws reach all 120
    small = objective(negatives=1)
    assert not torch.equal(batch(small)[0]["kepler.input_ids"], batch(small, epoch=1)[0]["kepler.input_ids"])


def test_where_nearly_all_is_known_the_rest_is_listed():
    pool = np.arange(50)
    known = Known([np.stack([pool[:49], np.zeros(49), np.full(49, 7)], 1).astype(np.int32)], 50, 2)
    asked = Asked(np.full(20, 7), np.zeros(20, np.int64), np.ones(20, np.bool_))
    found, there = drawn(asked, np.arange(20), pool, known)
    assert there.all()
    assert {*found.tolist()} == {49}
    full = Known([np.stack([pool, np.zeros(50), np.full(50, 7)], 1).astype(np.int32)], 50, 2)
    assert not drawn(asked, np.arange(20), pool, full)[1].any()


@pytest.mark.parametrize(
    "settings", [{}, {"conditioned": True}, {"relations": "descriptions"}, {"in_batch": True}]
)
def test_parts_and_checkpoints_change_nothing(settings):
    whole, parts = objective(at_once=500, **settings), objective(at_once=3, **settings)
    made, found = model(whole), []
    for one in (whole, parts):
        some, _ = batch(one)
        made.zero_grad()
        loss = one.loss(made, None, some).total
        loss.backward()
        found.append([loss.detach(), *(weight.grad.clone() for weight in made.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_gradients_reach_encoder_and_relations_and_there_is_no_table_of_entities():
    one = objective()
    made, (some, _) = model(one), batch(one)
    one.loss(made, None, some).total.backward()
    grads = {name: weight.grad for name, weight in made.named_parameters()}
    assert all(grad is not None and grad.any() for grad in grads.values())
    assert {name for name in grads if not name.startswith("body.text.model.")} == {"heads.relations.weight"}
    assert not any(len(weight) == len(one.described.told) for weight in made.parameters())
    used = torch.unique(some["relation"])
    assert {*grads["heads.relations.weight"].abs().sum(1).nonzero()[:, 0].tolist()} == {*used.tolist()}


def test_relations_begin_within_their_reach():
    weight = model(objective(gamma=4.0)).heads["relations"].weight
    assert weight.abs().max() <= 6 / 16
    assert weight.abs().max() > 3 / 16
    assert model(objective()).heads["relations"].ids == tuple(f"P-{name}" for name in tiny_triples.RELATIONS)


def test_conditioned_reads_one_end_with_the_relation():
    one = objective(conditioned=True)
    made, _ = batch(one)
    head, read = (told_of(made, made[name][0]) for name in ("kepler.head", "kepler.head_read"))
    by = tiny_triples.RELATIONS[int(made["relation"][0])]
    assert read == f"{head} {by}"
    assert not torch.equal(made["kepler.tail"], made["kepler.tail_read"])


def test_a_relation_without_words_conditions_nothing():
    entity = Texts(np.array([[2, 7, 8, 3]]), np.array([4]))
    for nothing in (Texts(np.array([[2, 3]]), np.array([2])), Texts(np.array([[0]]), np.array([0]))):
        assert np.array_equal(conditioned(entity, nothing, SPECIAL, 16).ids, entity.ids)
    plain, same = objective(), objective(conditioned=True)
    same.described.__class__ = Bare
    made = model(plain)
    costs = [one.loss(made, None, batch(one)[0]).total for one in (plain, same)]
    torch.testing.assert_close(*costs)


def test_where_there_is_no_room_the_relation_stays():
    entity = Texts(np.array([[2, 7, 8, 9, 10, 3]]), np.array([6]))
    relation = Texts(np.array([[2, 20, 21, 3]]), np.array([4]))
    made = conditioned(entity, relation, SPECIAL, 6)
    assert made.ids.tolist() == [[2, 7, 8, 3, 20, 21]]


def test_described_relations_are_encoded_too():
    one = objective(relations="descriptions")
    assert one.heads == {}
    made, _ = batch(one)
    by = tiny_triples.RELATIONS[int(made["relation"][0])]
    assert told_of(made, made["kepler.relation"][0]) == f"[CLS] {by} [SEP]"


def test_batches_together_cost_what_they_cost_apart():
    one = objective(negatives=3)
    made = model(one)
    whole, many = batch(one)
    parts = [batch(one, numbers=some)[0] for some in (slice(0, 3), slice(3, 8))]
    sums = sum(one.loss(made, None, some).total for some in parts)
    torch.testing.assert_close(one.loss(made, None, whole).total, sums, atol=1e-4, rtol=1e-5)
    assert many == 8


def test_without_triples_all_is_reached_and_costs_nothing():
    for settings in ({}, {"relations": "descriptions"}, {"in_batch": True, "negatives": 0}):
        one = objective(**settings)
        made, (some, many) = model(one), batch(one, numbers=slice(0, 0))
        assert many == 0
        loss = one.loss(made, None, some).total
        assert loss == 0
        loss.backward()
        assert all(weight.grad is not None and not weight.grad.any() for weight in made.parameters())


def test_padding_changes_nothing():
    one = objective()
    made, (some, _) = model(one), batch(one)
    wide = {**some, "kepler.widths": [some["kepler.input_ids"].shape[1] + 8]}
    for name in ("input_ids", "attention_mask"):
        wide[f"kepler.{name}"] = torch.nn.functional.pad(some[f"kepler.{name}"], (0, 8))
    torch.testing.assert_close(
        one.loss(made, None, some).total, one.loss(made, None, wide).total, atol=1e-5, rtol=1e-5
    )


def test_half_precision_is_finite_at_512_tokens():
    one = objective()
    made, (some, _) = model(one, max_position_embeddings=520), batch(one)
    long = {**some, "kepler.widths": [512]}
    ids = torch.randint(5, 30, (len(some["kepler.input_ids"]), 512))
    ids[:, 0] = SPECIAL["cls"]
    long |= {"kepler.input_ids": ids, "kepler.attention_mask": torch.ones_like(ids, dtype=torch.bool)}
    with torch.autocast("cpu", torch.bfloat16):
        loss = one.loss(made, None, long).total
    assert loss.dtype == torch.float32
    assert loss.isfinite()


def test_another_process_reads_the_same():
    one = objective()
    first, _ = batch(one)
    again, _ = batch(pickle.loads(pickle.dumps(one)))
    assert all(
        torch.equal(first[name], again[name]) for name in first if isinstance(first[name], torch.Tensor)
    )


def test_settings_that_do_nothing_are_refused():
    for settings, why in (
        ({"negatives": 0}, "something false"), ({"gamma": 0.0}, "above 0"), ({"at_once": 0}, "at least")
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=why):
            Settings(**settings)


def test_triples_without_descriptions(tmp_path):
    bare = tiny_triples.kb(tmp_path / "bare", described=False)
    shards = Shards(tiny_triples.made(bare, f"bare-{tmp_path.name}", "max_length=16", "dev=0"))
    with pytest.raises(ConfigError, match="0 of 120 entities have a text"):
        objective(shards)
    without = Shards(
        tiny_triples.made(tiny_triples.seen(), f"without-{tmp_path.name}", "triples.texts=false")
    )
    with pytest.raises(ConfigError, match="no table 'entities'"):
        objective(without)
    with pytest.raises(ConfigError, match="both have a table"):
        Kepler(Settings(), replace(here(), shards=(tiny_triples.opened(), Shards(tiny_triples.triples()))))
