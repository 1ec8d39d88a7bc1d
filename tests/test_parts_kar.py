"""Knowledge attention: what it computes, by hand and by its invariants."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from kbtools.errors import ConfigError
from kbtools.models.masking.mentions import HIDDEN
from kbtools.models.parts.kar import NOBODY, Kar, Mentions, Settings
from tests import small_kar as small

KB = "entities.wiki"
MODES = ["threshold", "softmax"]


def run(made, batch, hidden=None):
    hidden = small.states() if hidden is None else hidden
    return made(hidden, Mentions.of(batch, "wiki"), batch)


def close(found, wanted, atol=1e-5):
    torch.testing.assert_close(found, wanted, atol=atol, rtol=1e-5)


def picked(batch, order, axis):
    """Put mentions (axis 1) or candidates (axis 2) in another order."""
    found = dict(batch)
    for name, value in batch.items():
        if name.startswith(KB) and value.dim() > axis and (axis == 1 or ".eids" in name or ".priors" in name):
            found[name] = value.index_select(axis, order)
    return found


@pytest.mark.parametrize(
    ("dim", "told", "wanted"),
    [
        (300, {}, 2_422_154),
        (200, {}, 1_456_354),
        (2048 + 200 + 9, {"width": 200, "classes": 9}, 1_911_379),
    ],
)
def test_it_has_as_many_weights_as_published(dim, told, wanted):
    made = Kar(small.table(dim=dim, entities=3), 768, Settings(**told), 0.1)
    assert sum(one.numel() for one in made.parameters() if one.requires_grad) == wanted


def test_scores_by_hand():
    made = small.kar(dim=4, width=4, heads=1, norms="paper")
    spans = torch.tensor([[[1.0, 0, -1, 2]]])
    vectors = torch.tensor([[[[0.5, 1, 0, 1], [1, 1, 1, 1]]]])
    linker = made.linker
    assert linker.scale == 0.5
    assert (linker.candidates.dots(spans, vectors) * linker.scale).tolist() == [[[1.25, 1.0]]]
    unscaled = small.kar(dim=4, width=4, heads=1, scale=False).linker
    assert unscaled.scale == 1


def test_the_weights_of_the_norm_may_stand_on_the_other_side():
    candidates = small.kar().linker.candidates
    eids = torch.tensor([[[3, 7, 1]]])
    vectors, known = candidates(eids)
    whole = functional.layer_norm(
        candidates.table(eids), (small.E,), candidates.norm.weight, candidates.norm.bias
    )
    spans = torch.randn(1, 1, small.E)
    assert known.all()
    close(candidates.dots(spans, vectors), (whole @ spans[..., None]).squeeze(-1))
    close(candidates.weighed(vectors.mean(2)), whole.mean(2))


@pytest.mark.parametrize("mode", MODES)
@given(order=st.permutations(range(small.K)))
@settings(max_examples=10)
def test_the_order_of_candidates_is_theirs_alone(mode, order):
    made, batch, order = small.kar(mode=mode), small.batch(), torch.tensor(order)
    (hidden, linked), (again, other) = run(made, batch), run(made, picked(batch, order, 2))
    close(again, hidden)
    close(other.scores, linked.scores.index_select(2, order))
    assert torch.equal(other.eids, linked.eids.index_select(2, order))


@given(order=st.permutations(range(small.M)))
@settings(max_examples=10)
def test_the_order_of_mentions_is_theirs_alone(order):
    made, batch, order = small.kar(), small.batch(), torch.tensor(order)
    (hidden, linked), (again, other) = run(made, batch), run(made, picked(batch, order, 1))
    close(again, hidden)
    close(other.scores, linked.scores.index_select(1, order))


@pytest.mark.parametrize("mode", MODES)
def test_padding_changes_nothing(mode):
    made, batch = small.kar(mode=mode), small.batch()
    wide = dict(batch)
    for name, value in batch.items():
        if name.startswith(KB):
            places = (0, 0) * (value.dim() - 2) + (0, 3)
            fill = -1 if name.endswith("eids") else 0
            wide[name] = functional.pad(value, places, value=fill)
            if ".eids" in name or ".priors" in name:
                wide[name] = functional.pad(wide[name], (0, 2), value=fill)
    (hidden, linked), (again, other) = run(made, batch), run(made, wide)
    close(again, hidden)
    close(other.scores[:, : small.M, : small.K], linked.scores)
    assert (other.scores[:, small.M :] == NOBODY).all()
    assert not other.there[:, small.M :].any()


def test_what_stands_at_padding_does_not_count():
    made, batch = small.kar(), small.batch()
    other = dict(batch)
    real = batch[f"{KB}.eids.mask"]
    other[f"{KB}.eids"] = batch[f"{KB}.eids"].masked_fill(~real, 3)
    other[f"{KB}.priors"] = batch[f"{KB}.priors"].masked_fill(~real, 0.9)
    close(run(made, other)[0], run(made, batch)[0])


def test_the_prior_counts():
    made, batch = small.kar(), small.batch()
    zero, one = (batch | {f"{KB}.priors": torch.full_like(batch[f"{KB}.priors"], p)} for p in (0.0, 1.0))
    there = batch[f"{KB}.eids.mask"]
    differ = run(made, zero)[1].scores != run(made, one)[1].scores
    assert differ[there].all()
    assert not differ[~there].any()


@pytest.mark.parametrize("null", ["raw", "normalised"])
def test_with_all_below_the_threshold_it_is_nobody(null):
    made, batch = small.kar(threshold=1e3, null=null), small.batch()
    mentions = Mentions.of(batch, "wiki")
    found = made.linker(small.states(), mentions)
    norm = made.linker.candidates.norm
    wanted = made.null if null == "raw" else norm(made.null)
    weighed = made._weighed(found.scores, found.vectors)
    assert torch.equal(weighed, wanted.expand_as(weighed))


def test_below_the_threshold_a_candidate_has_no_weight():
    made = small.kar()
    vectors = torch.randn(1, 1, 3, small.E)
    found = made._weighed(torch.tensor([[[0.4, -0.1, 0.0]]]), vectors)
    first, third = math.exp(0.4), 1.0
    mean = (first * vectors[:, :, 0] + third * vectors[:, :, 2]) / (first + third)
    close(found, made.linker.candidates.weighed(mean))


def test_an_entity_without_a_vector_is_no_candidate():
    made, batch = small.kar(), small.batch()
    eids = batch[f"{KB}.eids"].clone()
    eids[0, 0, 1] = small.ENTITIES + 5
    fewer = batch[f"{KB}.eids.mask"].clone()
    fewer[0, 0, 1] = False
    (hidden, linked), (again, other) = (
        run(made, batch | {f"{KB}.eids": eids}),
        run(made, batch | {f"{KB}.eids.mask": fewer}),
    )
    close(hidden, again)
    assert linked.eids[0, 0, 1] == -1
    assert linked.scores[0, 0, 1] == other.scores[0, 0, 1] == NOBODY


def test_a_hidden_entity_is_the_same_whoever_it_was():
    made, batch = small.kar(), small.batch()
    batch[f"{KB}.eids"] = torch.where(batch[f"{KB}.eids.mask"], HIDDEN, -1)
    vectors, known = made.linker.candidates(batch[f"{KB}.eids"])
    assert torch.equal(known, batch[f"{KB}.eids.mask"])
    wanted = functional.layer_norm(made.linker.candidates.hidden, (small.E,))
    close(vectors[known], wanted.expand(int(known.sum()), -1))
    assert run(made, batch)[0].isfinite().all()


@pytest.mark.parametrize("mode", MODES)
def test_with_all_candidates_masked_it_is_finite(mode):
    made, batch = small.kar(mode=mode), small.batch()
    batch[f"{KB}.eids.mask"] = torch.zeros_like(batch[f"{KB}.eids.mask"])
    hidden, linked = run(made, batch)
    assert hidden.isfinite().all()
    assert (linked.scores == NOBODY).all()
    assert (linked.eids == -1).all()


@pytest.mark.parametrize("sizes", [(0, 0), (0, 3), (2, 0)])
def test_a_batch_without_mentions_or_candidates_passes(sizes):
    made, hidden = small.kar(), small.states()
    m, k = sizes
    batch = {f"{KB}.spans": torch.tensor([[0, 1]]).expand(small.B, m, 2)}
    batch[f"{KB}.eids"] = torch.zeros(small.B, m, k, dtype=torch.long)
    new, linked = run(made, batch, hidden.requires_grad_())
    assert linked.scores.shape == (small.B, m, k)
    assert torch.equal(new, hidden) == (m == 0)
    (new.sum() + linked.scores.sum()).backward()  # all weights are reached, by zeros
    assert all(one.grad is not None and one.grad.isfinite().all() for one in made.parameters())


@pytest.mark.parametrize("output_norm", ["reference", "paper"])
def test_a_text_without_mentions_passes_or_not(output_norm):
    hidden, batch = small.states(), small.batch()
    batch[f"{KB}.spans.mask"][1] = False
    skip = small.kar(output_norm=output_norm)
    new, _ = run(skip, batch, hidden)
    assert torch.equal(new[1], hidden[1])
    assert not torch.isclose(new[0], hidden[0]).all()
    reference = small.kar(output_norm=output_norm, no_span="reference")
    assert not torch.isclose(run(reference, batch, hidden)[0][1], hidden[1]).all()


def test_packed_examples_do_not_see_each_other():
    made, batch = small.kar(), small.batch()
    batch[f"{KB}.spans.mask"][1, 3] = True
    batch[f"{KB}.spans"][1, 3] = torch.tensor([2, 4])
    hidden = small.states()
    alone, linked = run(made, batch, hidden)
    packed = {name: value.flatten(0, 1)[None] for name, value in batch.items() if name.startswith(KB)}
    packed[f"{KB}.spans"] = packed[f"{KB}.spans"].clone()
    packed[f"{KB}.spans"][:, small.M :] += small.T
    packed["sequence"] = torch.tensor([1, 2]).repeat_interleave(small.T)[None]
    again, other = run(made, packed, hidden.flatten(0, 1)[None])
    close(again[0], alone.flatten(0, 1))
    close(other.scores[0], linked.scores.flatten(0, 1))


@pytest.mark.parametrize(
    ("told", "said"),
    [({"heads": 3}, "3 heads"), ({"classes": 8}, "classes = 0"), ({"inner": 0}, "1 at least")],
)
def test_what_cannot_be_is_refused(told, said):
    with pytest.raises(ConfigError, match=said):
        small.kar(**told)
