"""ERNIE beside a slow version of it, in float64: states, slopes, and what it learns from."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from transformers import BertConfig  # noqa: E402

from kbtools.models.batch import Output  # noqa: E402
from kbtools.models.draws import Draws  # noqa: E402
from kbtools.models.objectives.base import Here  # noqa: E402
from kbtools.models.objectives.dea import OBJECTIVE as DEA  # noqa: E402
from kbtools.models.parts.heads import base as heads_of  # noqa: E402
from kbtools.models.zoo import ernie_thu  # noqa: E402
from kbtools.models.zoo.base import Given  # noqa: E402
from tests import random_mentions as some  # noqa: E402
from tests import slow_adapters as adapters  # noqa: E402
from tests import slow_ernie as slow  # noqa: E402
from tests import slow_transformer as plain  # noqa: E402

HEADS, WIDTH = (2, 3), 6
CONFIG = BertConfig(
    vocab_size=some.WORDS, hidden_size=8, num_hidden_layers=4, num_attention_heads=HEADS[0],
    intermediate_size=12, max_position_embeddings=16,
    hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
)  # fmt: skip
REACHED = [
    "layers.0.feed.up.weight",
    "layers.1.fusion.entity.weight",
    "layers.1.fusion.entity_out.weight",
    "layers.2.fusion.token.bias",
    "layers.2.entities.query.weight",
    "layers.2.entities.norm.weight",
    "layers.3.attention.value.weight",
]
KINDS = [("sim", "mix", "norm", "norm"), ("mix", "sim", "norm", "sim"), ("norm", "norm", "mix", "norm")]


def made(seed, kinds, **told):
    """Return a body, and its vectors."""
    table = some.Table("one", WIDTH)
    asked = ernie_thu.Settings(layers=kinds, width=WIDTH, heads=HEADS[1], **told)
    body = adapters.stirred(ernie_thu.build(asked, Given(CONFIG, {"one": table})), seed)
    return body, table.vectors.numpy()


def weights_of(body, kinds, read=None):
    """Name weights (or what `read` has of their names) as the slow version does."""
    named = adapters.arrays(body) if read is None else read
    found = adapters.of_bert(plain.under(named, "text.model"))
    found = {name: one for name, one in found.items() if name.startswith("embeddings")}
    for number in range(len(kinds)):
        of_text = plain.under(named, f"text.model.encoder.layer.{number}")
        block = adapters.of_block(of_text, plain.under(named, f"fusion.{number}"))
        found |= {f"layers.{number}.{name}": one for name, one in block.items()}
    return found


def meant(columns, row, tokens, alignment):
    """Say which entity stands at each token of an example: that of the first mention that means somebody."""
    found: dict[int, int] = {}
    of = {name: columns.get(f"entities.one.{name}") for name in ("spans", "entity", "gold", "best")}
    for m, (first, end) in enumerate(of["spans"][row]):
        if not columns["entities.one.spans.mask"][row, m] or first not in tokens:
            continue
        if of["entity"] is not None:
            eid = of["entity"][row, m]
        else:
            eid = of["gold"][row, m] if of["gold"][row, m] != -1 else of["best"][row, m]
        for at in range(first, end if alignment == "pieces" else first + 1) if eid >= 0 else ():
            found.setdefault(at - tokens[0], eid)
    return found


def slowly(columns, weights, vectors, kinds, *, cls=True, alignment="first"):
    """Return the states of all real tokens."""
    states = np.zeros((*columns["input_ids"].shape, 8))
    for row, tokens in some.examples(columns):
        size = len(tokens)
        hidden = plain.embedded(
            columns["input_ids"][row, tokens], range(size), [0] * size, plain.under(weights, "embeddings")
        )
        at = meant(columns, row, tokens, alignment)
        entities = slow.stream(
            size, at, [vectors[eid] for eid in at.values()], cls=[0] if cls else (), width=WIDTH
        )
        for number, kind in enumerate(kinds):
            hidden, entities = slow.block(
                kind, hidden, entities, plain.under(weights, f"layers.{number}"), heads=HEADS,
                sees=[range(size)] * size,
            )  # fmt: skip
        states[row, tokens] = hidden
    return states


@pytest.mark.parametrize("kinds", KINDS, ids="-".join)
@pytest.mark.parametrize("cls", [True, False], ids=["cls", "none"])
@pytest.mark.parametrize("alignment", ["first", "pieces"])
@settings(max_examples=5, deadline=None)
@given(columns=some.batches(), seed=st.integers(0, 99))
def test_states_are_those_of_the_slow_version(kinds, cls, alignment, columns, seed):
    if seed % 3 == 0:  # an objective has put others there
        columns["entities.one.entity"] = np.roll(columns["entities.one.best"], 1, axis=0)
    body, vectors = made(seed, kinds, cls_entity=cls, alignment=alignment)
    with torch.no_grad():
        found = body(some.tensors(columns)).hidden.numpy()
    wanted = slowly(columns, weights_of(body, kinds), vectors, kinds, cls=cls, alignment=alignment)
    real = columns["attention_mask"]
    np.testing.assert_allclose(found[real], wanted[real], atol=1e-10)


@settings(max_examples=2, deadline=None)
@given(columns=some.batches(packed=False, empty=False), seed=st.integers(0, 99))
def test_slopes_are_those_of_small_steps(columns, seed):
    kinds = KINDS[0]
    body, vectors = made(seed, kinds)
    weights = weights_of(body, kinds)
    pull = np.random.default_rng(seed).normal(size=(*columns["input_ids"].shape, 8))
    pull *= columns["attention_mask"][..., None]
    (body(some.tensors(columns)).hidden * torch.from_numpy(pull)).sum().backward()
    grads = {name: one.grad.numpy() for name, one in body.named_parameters() if one.grad is not None}
    reached = weights_of(body, kinds, grads)

    def value():
        return float((slowly(columns, weights, vectors, kinds) * pull).sum())

    for name in REACHED:
        places = adapters.some_places(reached[name], seed, many=2)
        found = adapters.slopes(value, weights[name], places)
        np.testing.assert_allclose(found, [reached[name][at] for at in places], atol=1e-7, rtol=1e-6)


WAYS = [
    {},
    {"exact_reference": True},
    {"candidates": "sequence"},
    {"candidates": "sequence", "exact_reference": True},
]


@pytest.mark.parametrize("told", WAYS, ids=lambda told: "-".join(map(str, told.values())) or "batch")
@settings(max_examples=20, deadline=None)
@given(columns=some.batches(), seed=st.integers(0, 99))
def test_what_is_asked_of_tokens_costs_what_the_slow_version_says(told, columns, seed):
    special = {"pad": 0, "cls": -1, "sep": -1, "mask": -1, "unk": -1}
    objective = DEA(DEA.settings(width=WIDTH, **told), Here(some.WORDS, special, columns=[*columns]))
    heads = {
        name: adapters.stirred(heads_of.build(one, CONFIG), seed) for name, one in objective.heads.items()
    }
    table = some.Table("one", WIDTH)
    model = SimpleNamespace(heads=torch.nn.ModuleDict(heads), tables={"one": table})
    states = np.random.default_rng(seed).normal(size=(*columns["input_ids"].shape, 8))
    batch = some.tensors(columns)
    targets = objective.corrupt(batch, Draws(batch, seed))
    found = objective.loss(model, Output(torch.from_numpy(states)), batch)
    labels = np.full(columns["input_ids"].shape, -1)
    examples = np.zeros(labels.shape, int)
    for number, (row, tokens) in enumerate(some.examples(columns)):
        examples[row, tokens] = number
        for at, eid in meant(columns, row, tokens, "first").items():
            labels[row, tokens[at]] = eid
    total, _ = slow.dea(
        states.reshape(-1, 8), labels.ravel().tolist(), table.vectors.numpy(), adapters.arrays(heads["dea"]),
        sequence=examples.ravel() if "candidates" in told else None, zero="exact_reference" in told,
    )  # fmt: skip
    assert found.total.item() == pytest.approx(total, abs=1e-5)
    assert targets == (labels >= 0).sum()
