"""KnowBert beside a slow version of it, in float64: states, scores, slopes, losses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from transformers import BertConfig  # noqa: E402

from kbtools.models.batch import Output  # noqa: E402
from kbtools.models.draws import Draws  # noqa: E402
from kbtools.models.objectives.base import Here  # noqa: E402
from kbtools.models.objectives.linking import OBJECTIVE as LINKING  # noqa: E402
from kbtools.models.parts import linking  # noqa: E402
from kbtools.models.parts.kar import Linked  # noqa: E402
from kbtools.models.zoo import knowbert  # noqa: E402
from kbtools.models.zoo.base import Given  # noqa: E402
from tests import random_mentions as some  # noqa: E402
from tests import slow_adapters as adapters  # noqa: E402
from tests import slow_knowbert as slow  # noqa: E402
from tests import slow_transformer as plain  # noqa: E402

HEADS, WIDTH = 2, 6
CONFIG = BertConfig(
    vocab_size=some.WORDS, hidden_size=8, num_hidden_layers=2, num_attention_heads=HEADS,
    intermediate_size=12, max_position_embeddings=16,
    hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
)  # fmt: skip
WAYS = [
    {},
    {"output_norm": "paper"},
    {"norms": "paper", "output_norm": "paper"},
    {"mode": "softmax"},
    {"null": "normalised", "scale": False},
    {"threshold": 0.4},
]


def made(seed, kbs, **told):
    """Return a body of two layers; the knowledge bases come after the layers that `kbs` says."""
    tables = {kb: some.Table(kb, WIDTH, number) for number, kb in enumerate(kbs)}
    kars = {
        kb: linking.Settings(layer=layer, heads=HEADS, inner=10, scorer=5, **told)
        for kb, layer in kbs.items()
    }
    body = knowbert.build(knowbert.Settings(kars=kars), Given(CONFIG, tables))
    adapters.stirred(body, seed)
    return body, tables


def how(told):
    """Say it to the slow version."""
    normed = told.get("norms", "reference") == "reference"
    return slow.Told(
        heads=HEADS, paper=told.get("output_norm") == "paper", softmax=told.get("mode") == "softmax",
        threshold=told.get("threshold", 0.0), null_normed=told.get("null") == "normalised",
        scale=told.get("scale", True), pool_norm=normed, entity_norm=normed, mixed_norm=normed,
    )  # fmt: skip


class Slow:
    """The same, slowly, from the same weights."""

    def __init__(self, body, tables, kbs, told):
        weights = adapters.arrays(body)
        self.text = adapters.of_bert(plain.under(weights, "text.model"))
        self.kars = {kb: adapters.of_kar(plain.under(weights, f"kars.{kb}")) for kb in kbs}
        self.vectors = {kb: tables[kb].vectors.numpy() for kb in kbs}
        self.kbs, self.told = kbs, how(told)

    def run(self, columns):
        """Return states [B][T] of real tokens, and scores by knowledge base [B, M, K]."""
        states = np.zeros((*columns["input_ids"].shape, 8))
        scores = {kb: np.full(columns[f"entities.{kb}.eids"].shape, slow.ABSENT) for kb in self.kbs}
        for row, tokens in some.examples(columns):
            ids, size = columns["input_ids"][row, tokens], len(tokens)
            hidden = plain.embedded(ids, range(size), [0] * size, plain.under(self.text, "embeddings"))
            for number in range(2):
                of_layer = plain.under(self.text, f"layers.{number}")
                hidden = plain.layer(hidden, of_layer, HEADS, [range(size)] * size)
                for kb in sorted(kb for kb, layer in self.kbs.items() if layer == number):
                    hidden = self._read(kb, hidden, some.mentions(columns, kb, row, tokens), scores[kb][row])
            states[row, tokens] = hidden
        return states, scores

    def _read(self, kb, hidden, mentions, scores):
        spans, eids, priors = ([one[at] for one in mentions] for at in (1, 2, 3))
        new, found = slow.kar(
            hidden, spans, eids, priors, vectors=self.vectors[kb], weights=self.kars[kb], told=self.told
        )
        for (m, *_), row in zip(mentions, found, strict=True):
            scores[m] = row
        return new


def able(columns):
    """Say whether each mention has a candidate."""
    return all(
        (columns[f"{name}.eids.mask"].any(-1) | ~columns[f"{name}.spans.mask"]).all()
        for name in ("entities.one", "entities.two")
        if f"{name}.spans.mask" in columns
    )


def compare(pair, kbs, told, columns):
    body, tables = pair
    with torch.no_grad():
        out = body(some.tensors(columns))
    states, scores = Slow(body, tables, kbs, told).run(columns)
    real = columns["attention_mask"]
    np.testing.assert_allclose(out.hidden.numpy()[real], states[real], atol=1e-10)
    for kb, linked in out.parts["knowbert"].items():
        there = columns[f"entities.{kb}.eids.mask"]
        assert linked.scores.shape == there.shape
        np.testing.assert_allclose(linked.scores.numpy()[there], scores[kb][there], atol=1e-10)
        assert (linked.scores.numpy()[~there] == slow.ABSENT).all()


@pytest.mark.parametrize("told", WAYS, ids=lambda told: "-".join(map(str, told.values())) or "reference")
@settings(max_examples=8, deadline=None)
@given(columns=some.batches(), seed=st.integers(0, 99))
def test_states_and_scores_are_those_of_the_slow_version(told, columns, seed):
    if told.get("mode") == "softmax":
        columns["entities.one.spans.mask"] &= columns["entities.one.eids.mask"].any(-1)
    compare(made(seed, {"one": 0}, **told), {"one": 0}, told, columns)


@pytest.mark.parametrize("layers", [(0, 1), (1, 0), (1, 1)])
@settings(max_examples=5, deadline=None)
@given(columns=some.batches(kbs=("one", "two")), seed=st.integers(0, 99))
def test_two_knowledge_bases_after_any_layers(layers, columns, seed):
    kbs = dict(zip(("one", "two"), layers, strict=True))
    compare(made(seed, kbs), kbs, {}, columns)


@settings(max_examples=5, deadline=None)
@given(columns=some.batches(empty=False), seed=st.integers(0, 99))
def test_where_no_candidate_is_left_nobody_is_read(columns, seed):
    columns["entities.one.eids.mask"][:] = False
    columns["entities.one.eids"][:] = -1
    compare(made(seed, {"one": 0}), {"one": 0}, {}, columns)


@pytest.mark.parametrize("told", WAYS[:4:3], ids=["threshold", "softmax"])
@settings(max_examples=1, deadline=None)
@given(columns=some.batches(packed=False, empty=False), seed=st.integers(0, 99))
def test_slopes_are_those_of_small_steps(told, columns, seed):
    columns["entities.one.spans.mask"] &= columns["entities.one.eids.mask"].any(-1)
    body, tables = made(seed, {"one": 0}, **told)
    mine = Slow(body, tables, {"one": 0}, told)
    random = np.random.default_rng(seed)
    pull = random.normal(size=(*columns["input_ids"].shape, 8)) * columns["attention_mask"][..., None]
    asked = random.normal(size=columns["entities.one.eids"].shape) * columns["entities.one.eids.mask"]
    out = body(some.tensors(columns))
    linked = out.parts["knowbert"]["one"].scores
    ((out.hidden * torch.from_numpy(pull)).sum() + (linked * torch.from_numpy(asked)).sum()).backward()

    def value():
        states, scores = mine.run(columns)
        return float((states * pull).sum() + (scores["one"] * asked).sum())

    grads = {name: one.grad for name, one in body.kars["one"].named_parameters() if one.requires_grad}
    reached = adapters.of_kar({name: one.numpy() for name, one in grads.items() if one is not None})
    for name in {"down.weight", "up.weight", "score.weight", "scorer.0.weight", "entity_norm.weight",
                 "span.attention.query.weight", "recontextualise.feed.up.bias"} & set(reached):  # fmt: skip
        places = adapters.some_places(reached[name], seed, many=2)
        found = adapters.slopes(value, mine.kars["one"][name], places)
        np.testing.assert_allclose(found, [reached[name][at] for at in places], atol=1e-7, rtol=1e-6)


def test_the_way_out_is_the_inverse_of_the_way_in():
    body, _ = made(3, {"one": 0})
    before = adapters.of_kar(adapters.arrays(body.kars["one"]))
    body.pseudo_inverse()
    after = adapters.of_kar(adapters.arrays(body.kars["one"]))
    matrix, bias = slow.back(before["down.weight"], before["down.bias"])
    np.testing.assert_allclose(after["up.weight"], matrix, atol=1e-10)
    np.testing.assert_allclose(after["up.bias"], bias, atol=1e-10)
    np.testing.assert_allclose(after["down.weight"] @ after["up.weight"], np.eye(WIDTH), atol=1e-10)


@pytest.mark.parametrize("kind", ["margin", "softmax"])
@settings(max_examples=20, deadline=None)
@given(columns=some.batches(packed=False), seed=st.integers(0, 99))
def test_losses_are_those_of_the_slow_version(kind, columns, seed):
    batch = some.tensors(columns)
    objective: Any = LINKING(LINKING.settings(loss=kind), Here(some.WORDS, {}, columns=[*columns]))
    there, able = columns["entities.one.spans.mask"], columns["entities.one.eids.mask"]
    scores = np.random.default_rng(seed).normal(size=able.shape)
    masked = np.where(able, scores, slow.ABSENT)
    linked = Linked(batch["entities.one.eids"], torch.from_numpy(masked), batch["entities.one.spans"], there)
    targets = objective.corrupt(batch, Draws(batch, seed))
    found = objective.loss(None, Output(parts={"knowbert": {"one": linked}}), batch).total
    total, many = 0.0, 0
    for row, real in enumerate(there):
        if (columns["entities.one.gold"][row][real] == -1).all():
            continue  # a text of which nothing is said
        mentions = zip(columns["entities.one.eids"][row][real], able[row][real], strict=True)
        candidates = [[int(e) if ok else None for e, ok in zip(*one, strict=True)] for one in mentions]
        cost = slow.margin if kind == "margin" else slow.likelihood
        more, terms = cost(scores[row][real], candidates, columns["entities.one.gold"][row][real])
        total, many = total + more, many + terms
    assert float(found) == pytest.approx(total, abs=1e-6)
    assert targets == many


def test_a_product_and_losses_by_hand():
    s, entities = (1, 0, -1, 2), ((0.5, 1, 0, 1), (1, 1, 1, 1))
    assert [plain.dot(s, e) / 2 for e in entities] == [1.25, 1.0]
    assert slow.margin([[0.5, -0.1, 0.3]], [[7, 8, 9]], [7]) == (pytest.approx(0.6), 3)
    total, many = slow.likelihood([[0.0, 0.0], [1.0, 2.0]], [[1, 2], [1, None]], [2, 5])
    assert (total, many) == (pytest.approx(np.log(2)), 1)
