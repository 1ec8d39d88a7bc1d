"""Scores, losses, gradients and weights of the code that RotatE was published with, from its own tables."""

import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from kbtools import plugins
from kbtools.models.kge import comparing, losses
from kbtools.models.kge.known import Known
from kbtools.models.kge.parts import Part
from kbtools.models.kge.recipe import Loss, Negatives, Recipe, Regulariser
from kbtools.models.kge.sampling import Batch, Sampler
from kbtools.models.kge.small import Small
from kbtools.models.kge.stepping import Held, Stepper

MODELS = {
    "TransE": {"norm": 1},
    "DistMult": {},
    "ComplEx": {},
    "RotatE": {},
    "pRotatE": {},
}
SIDES = ("head-batch", "tail-batch")


class Case:
    """One model's tables and results."""

    def __init__(self, folder, name):
        self.told = load_file(folder / f"{name}.safetensors")
        about = json.loads((folder / f"{name}.json").read_text())
        self.temperature = about["adversarial_temperature"]
        module = plugins.load("kbtools.models.kge.scorers", name.lower())
        settings = {"dim": about["hidden_dim"], **MODELS[name]}
        if name not in {"DistMult", "ComplEx"}:
            settings["gamma"] = about["gamma"]
        self.scorer = module.SCORER(module.SCORER.Settings(**settings))
        if name == "pRotatE":
            assert self.scorer.modulus.item() == pytest.approx(self.told["w.modulus"].item())
        self.entities = self.told["w.entity_embedding"].clone().requires_grad_()
        self.relations = self.told["w.relation_embedding"].clone().requires_grad_()
        self.positive, self.negative = self.told["in.positive"], self.told["in.negative"]

    def asked(self, side):
        """Return anchors, rids and answers [5, 1], and whether heads are asked for."""
        head, rid, tail = self.positive[:, :, None].unbind(1)
        heads = torch.full_like(rid, side == "head-batch", dtype=torch.bool)
        return (tail, rid, head, heads) if side == "head-batch" else (head, rid, tail, heads)

    def scores(self, side):
        """Score triples [5, 1], and their negatives [5, 1, 7]."""
        anchor, rid, answer, heads = self.asked(side)
        relation = self.relations[rid]
        turned = torch.where(heads[..., None], self.scorer.inverse(relation), relation)
        query, kind, offset = (
            self.scorer.query(self.entities[anchor], turned),
            self.scorer.compare,
            self.scorer.offset,
        )
        right = offset + comparing.one(kind, query, self.entities[answer])
        return right, offset + comparing.many(kind, query, self.entities[self.negative])

    def loss(self, adversarial):
        return Loss(kind="adversarial", temperature=self.temperature if adversarial else 0.0)

    def weight(self, uniform):
        return None if uniform else self.told["in.subsampling_weight"][:, None]


@pytest.fixture(params=MODELS)
def case(request, golden):
    return Case(golden / "09_kge", request.param)


@pytest.mark.parametrize("side", SIDES)
def test_scores(case, side):
    right, wrong = case.scores(side)
    torch.testing.assert_close(right, case.told["out.score_single"], rtol=1e-5, atol=1e-5)
    expected = case.told[f"out.score_{side.replace('-', '_')}"]
    torch.testing.assert_close(wrong[:, 0], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("uniform", [0, 1])
@pytest.mark.parametrize("adversarial", [0, 1])
@pytest.mark.parametrize("side", SIDES)
def test_losses_and_gradients(case, side, adversarial, uniform):
    right, wrong = case.scores(side)
    found = losses.loss(case.loss(adversarial), right, wrong, None, case.weight(uniform))
    key = f"{side}.adv{adversarial}.uni{uniform}.reg0"
    torch.testing.assert_close(found, case.told[f"out.loss.{key}"], rtol=1e-5, atol=1e-6)
    found.backward()
    for table, name in ((case.entities, "entity"), (case.relations, "relation")):
        expected = case.told.get(f"grad.{name}.{key}")
        if expected is not None:
            torch.testing.assert_close(table.grad, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("weight", [0.0, 0.001])
@pytest.mark.parametrize("side", SIDES)
def test_a_step_has_the_loss_with_what_keeps_vectors_small(case, side, weight):
    recipe = Recipe(
        dim=6,
        loss=case.loss(1),
        regulariser=Regulariser(weight=weight, of="tables"),
        negatives=Negatives(number=7, share=1, known=False),
    )
    entities, relations = case.entities.detach(), case.relations.detach()
    small = Small(recipe, case.scorer, len(relations), torch.device("cpu"))
    small.relations.copy_(relations)
    stepper = Stepper(recipe, case.scorer, small, Known([], len(entities), len(relations)), len(relations))
    held = Held({0: Part(entities, stepper.how.state(*entities.shape))}, [0, len(entities)])
    anchor, rid, answer, heads = case.asked(side)
    batch = Batch(anchor, rid, answer, heads, case.negative, None, case.weight(0), len(case.positive))
    found = stepper(held, batch, 1.0)
    key = f"{side}.adv1.uni0.reg{weight or 0}"
    torch.testing.assert_close(found, case.told[f"out.loss.{key}"], rtol=1e-5, atol=1e-6)


def test_weights_of_triples_by_how_often_their_pairs_are_seen(golden):
    told = json.loads((golden / "09_kge" / "subsampling.json").read_text())
    triples = np.array(told["train"], np.int32)
    expected = dict(zip(map(tuple, told["train"]), told["subsampling_weight"], strict=True))
    recipe = Recipe(batch=4, loss=Loss(subsampling=True), negatives=Negatives(number=2, share=1))
    sampler = Sampler(recipe, 2, Known([triples], 12, 2), None, torch.device("cpu"))
    found: dict[tuple[int, ...], float] = {}
    for batches in sampler.epoch(triples, 0, (0, 0), (range(12), range(12))):
        for batch in batches:
            assert batch.weight is not None
            head = torch.where(batch.heads, batch.answer, batch.anchor)
            tail = torch.where(batch.heads, batch.anchor, batch.answer)
            seen = torch.stack([head, batch.relation, tail], -1).view(-1, 3).tolist()
            found.update(zip(map(tuple, seen), batch.weight.flatten().tolist(), strict=True))
    assert found == {triple: pytest.approx(weight) for triple, weight in expected.items()}
    assert max(found.values()) == pytest.approx(1 / math.sqrt(8))  # of a triple whose pairs occur once
