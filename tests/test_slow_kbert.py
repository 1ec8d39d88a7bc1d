"""K-BERT beside a slow version of it, in float64: trees, the three switches, and the norms of UER."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from kbtools.models.zoo import kbert  # noqa: E402
from kbtools.models.zoo.base import Given  # noqa: E402
from tests import slow_adapters as adapters  # noqa: E402
from tests import slow_transformer as slow  # noqa: E402
from tests.test_slow_transformer import CONFIG, HEADS, rows  # noqa: E402

WAYS = [
    {},
    {"soft_positions": False},
    {"visibility": False},
    {"knowledge": False},
    {"layer_norm": "uer", "segments": "uer"},
    {"layer_norm": "uer", "soft_positions": False, "visibility": False},
]


def slowly(columns, row, weights, told):
    """Return the states of the real tokens of a row, and their places; of branches that are hidden, none."""
    one = {name: column[row].tolist() for name, column in columns.items()}
    kept = [
        i
        for i, n in enumerate(one["sequence"])
        if n and (told.get("knowledge", True) or not one["branch"][i])
    ]
    seen = {name: [numbers[i] for i in kept] for name, numbers in one.items()}
    size, positions, sees = (
        len(kept),
        seen["soft"],
        slow.tree(seen["branch"], seen["word"], None, seen["sequence"]),
    )
    if not told.get("soft_positions", True):
        positions = [i - seen["sequence"].index(seen["sequence"][i]) for i in range(size)]
    if not told.get("visibility", True):
        sees = [[j for j in range(size) if seen["sequence"][j] == seen["sequence"][i]] for i in range(size)]
    segments = [one + 1 for one in seen["segment"]] if told.get("segments") == "uer" else seen["segment"]
    kind = told.get("layer_norm", "bert")
    eps = 1e-6 if kind == "uer" else 1e-12
    states = slow.bert(
        seen["input_ids"], positions, segments, weights, heads=HEADS, sees=sees, eps=eps, kind=kind
    )
    return np.array(states[-1]), kept


@pytest.mark.parametrize("told", WAYS, ids=lambda told: "-".join(told) or "whole")
@settings(max_examples=10, deadline=None)
@given(made=rows(), packed=st.booleans())
def test_states_are_those_of_the_slow_version(told, made, packed):
    columns, seed = made
    columns["segment"] = columns["segment"] % 2
    if not packed:
        columns["sequence"] = np.minimum(columns["sequence"], 1) * (columns["sequence"] == 1)
    body = adapters.stirred(kbert.build(kbert.Settings(**told), Given(CONFIG)), seed)
    batch = {name: torch.from_numpy(one) for name, one in columns.items()}
    batch["attention_mask"] = batch["sequence"] > 0
    if packed:
        examples = columns["sequence"].tolist()
        first = [[row.index(n) if n in row else -1 for n in (1, 2)] for row in examples]
        starts = np.array([[row.index(n) for n in row] for row in examples])
        batch["positions"] = torch.arange(starts.shape[1]) - torch.from_numpy(starts)
        batch["sequence.start"] = torch.tensor(first)
    else:
        del batch["sequence"]
    with torch.no_grad():
        found = body(batch).hidden.numpy()
    weights = adapters.of_bert(adapters.arrays(body.text.model))
    for row in range(len(found)):
        wanted, kept = slowly(columns, row, weights, told)
        np.testing.assert_allclose(found[row][kept], wanted, atol=1e-10)
