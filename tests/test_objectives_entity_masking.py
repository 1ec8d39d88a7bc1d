"""Who is meant is hidden with the text that says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from kbtools.errors import ConfigError
from kbtools.models.draws import Draws
from kbtools.models.masking.mentions import HID, HIDDEN, KEPT, SWAPPED, UNTOUCHED
from kbtools.models.objectives import knowledge, mlm
from kbtools.models.objectives.entity_masking import EntityMasking, Settings
from kbtools.models.objectives.knowledge import Knowledge
from kbtools.models.objectives.mlm import Mlm
from tests import tiny_objectives
from tests.masked_batches import chosen, here, large

KB = "entities.w"
FATE = "entity_masking.w.fate"


def mentions(rows=300, width=7, seed=0):
    """Mentions that overlap, of one to four tokens, each with candidates of its own."""
    some = large(rows, length=64, seed=seed)
    rng = np.random.default_rng(seed)
    first = np.sort(rng.integers(1, 58, (rows, 8)), 1)
    spans = np.stack([first, first + rng.integers(1, 5, first.shape)], 2)
    there = spans[..., 1] < some["attention_mask"].sum(1).numpy()[:, None]
    many = rng.integers(1, width + 1, first.shape) * there
    listed = np.arange(width) < many[..., None]
    eids = np.where(
        listed, (np.arange(rows)[:, None, None] * 8 + np.arange(8)[:, None]) * 10 + np.arange(width), -1
    )
    priors = np.where(listed, 1 / np.maximum(many, 1)[..., None], 0).astype(np.float32)
    columns = {"spans": spans, "eids": eids, "priors": priors, "gold": eids[..., 0], "best": eids[..., 0]}
    some |= {f"{KB}.{name}": torch.from_numpy(value) for name, value in columns.items()}
    some |= {f"{KB}.{name}.mask": torch.from_numpy(listed) for name in ("eids", "priors")}
    return some | {f"{KB}.{name}.mask": torch.from_numpy(there) for name in ("spans", "gold", "best")}


def corrupt(some, **settings):
    EntityMasking(Settings(**settings), here()).corrupt(some, Draws(some, 0))
    return chosen(some, "entity_masking")


def touched(some, flags):
    """Count the chosen tokens of each mention, one by one; −1: it has special tokens, or is none."""
    found = torch.full(some[f"{KB}.spans"].shape[:2], -1)
    told = (one.tolist() for one in (some[f"{KB}.spans"], some[f"{KB}.spans.mask"], some["input_ids"], flags))
    for row, (spans, there, ids, chosen_here) in enumerate(zip(*told, strict=True)):
        for at, (first, stop) in enumerate(spans):
            if there[at] and not {0, 2, 3, 4} & {*ids[first:stop]}:
                found[row, at] = sum(chosen_here[first:stop])
    return found


def test_what_is_touched_is_told():
    before, some = mentions(), mentions()
    counts = touched(before, corrupt(some))
    fate = some[FATE]
    assert fate.dtype == torch.int8
    assert torch.equal(fate == UNTOUCHED, counts <= 0)
    assert {*fate.unique().tolist()} == {UNTOUCHED, KEPT, HID, SWAPPED}


def test_candidates_do_not_tell():
    before, some = mentions(), mentions()
    corrupt(some)
    fate, width = some[FATE], before[f"{KB}.eids"].shape[2]
    for column in ("eids", "priors", "eids.mask", "priors.mask"):
        now, then = some[f"{KB}.{column}"], before[f"{KB}.{column}"]
        same = (fate == UNTOUCHED) | (fate == KEPT)
        assert torch.equal(now[same][:, :width], then[same]), column
    eids, mask, priors = (some[f"{KB}.{name}"] for name in ("eids", "eids.mask", "priors"))
    hid = fate == HID
    assert (eids[hid][:, 0] == HIDDEN).all()
    assert (eids[hid][:, 1:] == -1).all()
    assert (mask[hid].sum(1) == 1).all()
    assert torch.equal(priors[hid].sum(1), torch.ones(int(hid.sum())))
    assert (some[f"{KB}.best"][hid] == HIDDEN).all()
    assert torch.equal(some[f"{KB}.gold"], before[f"{KB}.gold"])  # for linkers to find


@pytest.mark.parametrize("column", ["types", "parents", "relations"])
def test_nothing_is_said_of_who_is_hidden(column):
    some = mentions()
    mask = some[f"{KB}.eids.mask"].clone()
    some |= {f"{KB}.{column}": some[f"{KB}.eids"].clone(), f"{KB}.{column}.mask": mask.clone()}
    corrupt(some)
    gone = (some[FATE] == HID) | (some[FATE] == SWAPPED)
    assert gone.any()
    assert torch.equal(some[f"{KB}.{column}.mask"], mask & ~gone[..., None])


def test_random_ones_are_of_the_same_example():
    before, some = mentions(), mentions()
    corrupt(some)
    eids, mask, priors = (some[f"{KB}.{name}"] for name in ("eids", "eids.mask", "priors"))
    row, at = torch.nonzero(some[FATE] == SWAPPED, as_tuple=True)
    for one, other in zip(row.tolist(), at.tolist(), strict=True):
        pool = set(before[f"{KB}.eids"][one][before[f"{KB}.eids.mask"][one]].tolist())
        found = eids[one, other][mask[one, other]].tolist()
        assert 1 <= len(found) <= 5
        assert set(found) <= pool
        assert (eids[one, other][~mask[one, other]] == -1).all()
        assert priors[one, other].sum() == pytest.approx(1)
        assert some[f"{KB}.best"][one, other] == found[0]
    assert set(mask[row, at].sum(1).tolist()) == {1, 2, 3, 4, 5}


def test_how_often():
    found: dict[int, list[int]] = {1: [], 2: []}
    for seed in range(12):
        some = mentions(seed=seed)
        counts = touched(mentions(seed=seed), corrupt(some, rate=0.3))
        for many in found:
            found[many] += some[FATE][counts == many].tolist()
    for many, fates in found.items():
        assert len(fates) > 1000
        shares = np.bincount(fates, minlength=4)[1:] / len(fates)
        kept, swapped = 0.1**many, 1 - 0.9**many
        np.testing.assert_allclose(shares, [kept, 1 - kept - swapped, swapped], atol=0.02)


def test_without_candidates_nobody_is_put_in_their_place():
    some = mentions(rows=40)
    some[f"{KB}.eids"][:] = -2
    corrupt(some, candidates=(0, 1, 0))
    assert {*some[FATE].unique().tolist()} == {UNTOUCHED, HID}


def test_linked_mentions_need_no_candidates():
    some = mentions(rows=40)
    for column in ("eids", "eids.mask", "priors", "priors.mask"):
        del some[f"{KB}.{column}"]
    before = some[f"{KB}.best"].clone()
    corrupt(some, candidates=(0.5, 0.5, 0))
    fate, best = some[FATE], some[f"{KB}.best"]
    assert (best[fate == HID] == HIDDEN).all()
    assert (best[fate == SWAPPED] // 80 == before[fate == SWAPPED] // 80).all()  # of the same row
    assert torch.equal(best[fate == UNTOUCHED], before[fate == UNTOUCHED])


def test_mentions_as_a_whole():
    before, some = mentions(), mentions()
    first = before[f"{KB}.spans"][:, :1]  # one in a row, so that none overlap
    for one in (before, some):
        one[f"{KB}.spans.mask"][:, 1:] = False
    flags = corrupt(some, mentions="whole")
    counts = touched(before, flags)[:, 0]
    length = (first[..., 1] - first[..., 0])[:, 0]
    assert ((counts <= 0) | (counts == length)).all()
    assert (counts == length).any()


@pytest.mark.parametrize("unit", ["tokens", "words"])
def test_mentions_left_out(unit):
    some = mentions()
    counts = touched(mentions(), corrupt(some, mentions="out", unit=unit))
    assert len(some["entity_masking.places"])
    assert (counts <= 0).all()
    assert not some[FATE].any()


OTHERS = [(Mlm, mlm.Settings(rate=0.3)), (Knowledge, knowledge.Settings(rate=0.3))]


@pytest.mark.parametrize(("other", "settings"), OTHERS, ids=["mlm", "knowledge"])
def test_what_others_have_chosen_is_hidden_too(other, settings):
    """Most of it stands there as [MASK] by then, some of it as a random token, which may be special."""
    before, some = mentions(rows=100), mentions(rows=100)
    other(settings, here()).corrupt(some, Draws(some, 0))
    corrupt(some, candidates=(1, 0, 0))
    counts = touched(before, some["corrupted"])
    assert (counts > 0).sum() > 200
    assert torch.equal(some[FATE] == HID, counts > 0)
    assert (some[f"{KB}.eids"][counts > 0][:, 0] == HIDDEN).all()


@pytest.mark.parametrize("how", ["whole", "out"])
def test_mentions_that_others_have_touched_are_not_chosen(how):
    before, some = mentions(rows=100), mentions(rows=100)
    for one in (before, some):
        one[f"{KB}.spans.mask"][:, 1:] = False  # one in a row, so that none overlap
    Mlm(mlm.Settings(rate=0.3), here()).corrupt(some, Draws(some, 0))
    counts = touched(before, some["corrupted"])
    assert (counts > 0).any()
    flags = corrupt(some, mentions=how, rate=1.0)
    assert flags.any()
    assert not touched(before, flags)[counts > 0].any()


def test_only_the_bases_that_are_named():
    some = mentions(rows=20)
    some |= {name.replace(KB, "entities.v"): value.clone() for name, value in some.items() if KB in name}
    before = some["entities.v.eids"].clone()
    corrupt(some, kbs=("w",))
    assert torch.equal(some["entities.v.eids"], before)
    assert "entity_masking.v.fate" not in some
    assert EntityMasking(Settings(kbs=("w",)), here()).columns == ("entities.w.*",)


def seen(some):
    """What a model sees of each mention, by its example and its place there."""
    one = EntityMasking(Settings(rate=0.5), tiny_objectives.HERE)
    one.corrupt(some, Draws(some, 1))
    name, found = tiny_objectives.MENTIONS, {}
    for row, spans in enumerate(some[f"{name}.spans"].tolist()):
        for at, (first, stop) in enumerate(spans):
            if some[f"{name}.spans.mask"][row, at]:
                number, begin = some["batch.rows"][row], 0
                if number.dim():
                    inside = int(some["sequence"][row, first]) - 1
                    number, begin = number[inside], int(some["sequence.start"][row, inside])
                mask = some[f"{name}.eids.mask"][row, at]
                told = [some[f"{name}.{part}"][row, at][mask].tolist() for part in ("eids", "priors")]
                found[int(number), first - begin, stop - begin] = told
    return found


def test_the_same_however_examples_are_batched():
    numbers = tuple(range(20))
    together = seen(tiny_objectives.batch(numbers))
    assert any(HIDDEN in eids for eids, _ in together.values())
    assert together == seen(tiny_objectives.packed([numbers[:7], numbers[7:8], numbers[8:]]))
    alone: dict[tuple[int, ...], Any] = {}
    for number in numbers:
        alone |= seen(tiny_objectives.batch([number]))
    assert alone == together


def test_what_it_cannot_do():
    with pytest.raises(ConfigError, match="no mentions"):
        EntityMasking(Settings(), here("input_ids"))
    with pytest.raises(ConfigError, match=r"no column entities\.x\.spans"):
        EntityMasking(Settings(kbs=("x",)), here("input_ids", "entities.w.spans"))
    with pytest.raises(ConfigError, match="1 in sum"):
        Settings(candidates=(1, 1, 0))
