"""Controls of links: what becomes of the mentions of a batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kbtools.errors import ConfigError
from kbtools.kb.kinds import Kinds, circles
from kbtools.models import controls
from kbtools.models.controls import Links, Pool

EIDS = np.array([0, 2, 3, 5, 8, 9, 11, 14])


def batch(rows: tuple[int, ...] = (7, 4), epoch: int = 0, order: tuple[int, ...] = (0, 1)):
    """Two examples: two mentions with candidates, then one with a single one; −1 and masks behind."""
    spans = torch.tensor([[[1, 3], [4, 5]], [[2, 3], [0, 0]]])
    eids = torch.tensor([[[2, 5, 8], [3, 9, -1]], [[11, -1, -1], [-1, -1, -1]]])
    told = {
        "input_ids": torch.zeros(2, 6, dtype=torch.int64),
        "batch.rows": torch.tensor(rows),
        "entities.kb.spans": spans,
        "entities.kb.spans.mask": torch.tensor([[True, True], [True, False]]),
        "entities.kb.eids": eids,
        "entities.kb.eids.mask": eids >= 0,
        "entities.kb.priors": torch.tensor([[[0.5, 0.3, 0.2], [0.9, 0.1, 0]], [[1.0, 0, 0], [0.0, 0, 0]]]),
        "entities.kb.gold": torch.tensor([[5, -2], [11, -1]]),
        "entities.kb.best": torch.tensor([[2, 3], [-1, -1]]),
        "entities.kb.types": torch.tensor([[[0], [0]], [[0], [-1]]]),
    }
    told = {name: value[list(order)] for name, value in told.items()}
    return told | {"batch.epoch": epoch}


def links(which, pool=None):
    return Links(which, 13, {"kb": pool or Pool(EIDS)})


def changed(which, pool=None, **how):
    found = batch(**how)
    links(which, pool)(found)
    return found


def test_none_leaves_no_mention():
    before, found = batch(), changed("none")
    for part in ("eids", "gold", "best", "types"):
        assert (found[f"entities.kb.{part}"] == -1).all()
    assert not found["entities.kb.spans.mask"].any()
    assert not found["entities.kb.eids.mask"].any()
    assert not found["entities.kb.priors"].any()
    assert {name: value.shape for name, value in found.items() if torch.is_tensor(value)} == {
        name: value.shape for name, value in before.items() if torch.is_tensor(value)
    }


@pytest.mark.parametrize("which", ["redrawn", "wrong", "swap"])
def test_what_is_no_entity_stays(which):
    pool = Pool(EIDS, np.roll(np.arange(len(EIDS)), 1))
    before, found = batch(), changed(which, pool)
    for part in ("eids", "gold", "best"):
        old, new = before[f"entities.kb.{part}"], found[f"entities.kb.{part}"]
        assert torch.equal(old[old < 0], new[old < 0])
        assert (new[old >= 0] != old[old >= 0]).all()
        assert torch.equal(torch.isin(new, torch.from_numpy(EIDS)), old >= 0)
    for part in ("spans", "spans.mask", "eids.mask", "priors"):
        assert torch.equal(found[f"entities.kb.{part}"], before[f"entities.kb.{part}"])


@pytest.mark.parametrize("which", ["redrawn", "wrong", "swap"])
def test_columns_change_alike(which):
    found = changed(which, Pool(EIDS, np.roll(np.arange(len(EIDS)), 1)))
    eids = found["entities.kb.eids"]
    assert found["entities.kb.gold"][0, 0] == eids[0, 0, 1]  # gold was the second candidate
    assert found["entities.kb.best"][0].tolist() == [eids[0, 0, 0], eids[0, 1, 0]]
    assert found["entities.kb.gold"][1, 0] == eids[1, 0, 0]
    assert len(set(eids[0, 0].tolist())) == 3  # those that were different are


@pytest.mark.parametrize("which", ["redrawn", "wrong"])
def test_draws_belong_to_the_example(which):
    one, other = changed(which), changed(which, order=(1, 0))
    for part in ("eids", "gold", "best"):
        assert torch.equal(one[f"entities.kb.{part}"], other[f"entities.kb.{part}"].flip(0))


def test_redrawn_anew_in_each_epoch_wrong_ones_stay():
    epochs = [changed("redrawn", epoch=epoch)["entities.kb.eids"].tolist() for epoch in range(4)]
    assert len({str(one) for one in epochs}) == 4
    assert torch.equal(
        changed("wrong", epoch=0)["entities.kb.eids"], changed("wrong", epoch=3)["entities.kb.eids"]
    )


def test_wrong_ones_are_candidates_of_the_mention():
    found = changed("wrong")["entities.kb.eids"]
    assert set(found[0, 0].tolist()) == {2, 5, 8}
    assert found[0, 1].tolist() == [9, 3, -1]
    assert found[1, 0, 0] != 11  # it had no other: somebody
    assert not changed("wrong")["entities.kb.types"].ge(0).any()


def test_wrong_without_candidates_is_anybody():
    told = {name: value for name, value in batch().items() if ".eids" not in name}
    links("wrong")(told)
    assert told["entities.kb.gold"][0, 0] != 5
    assert told["entities.kb.gold"][0, 0] in EIDS


def test_packed_examples_have_their_own_draws():
    plain = changed("redrawn")
    packed = {
        "batch.rows": torch.tensor([[7, 4]]),
        "sequence": torch.tensor([[1] * 6 + [2] * 6]),
        "positions": torch.tensor([[*range(6), *range(6)]]),
        "entities.kb.spans": torch.tensor([[[1, 3], [4, 5], [8, 9]]]),
        "entities.kb.best": torch.tensor([[2, 3, -1]]),
        "entities.kb.gold": torch.tensor([[5, -2, 11]]),
    }
    links("redrawn")(packed)
    assert packed["entities.kb.gold"][0].tolist() == [
        *plain["entities.kb.gold"][0].tolist(), plain["entities.kb.gold"][1, 0]
    ]  # fmt: skip


def test_swap_is_always_the_same_and_of_the_same_types():
    kinds = Kinds(np.arange(15, dtype=np.uint64) % 2, np.zeros(15, np.uint32))
    pool = Pool(EIDS, circles(kinds, EIDS, 5))
    found = changed("swap", pool)
    assert torch.equal(found["entities.kb.eids"], changed("swap", pool, epoch=3)["entities.kb.eids"])
    old = batch()["entities.kb.eids"]
    new = found["entities.kb.eids"]
    assert torch.equal(old[old >= 0] % 2, new[old >= 0] % 2)
    assert torch.equal(found["entities.kb.types"], batch()["entities.kb.types"])


def test_who_is_alone_goes_with_those_who_are():
    sets = np.array([1, 1, 2, 3, 4], np.uint64)
    least = np.array([1, 1, 7, 7, 9], np.uint32)
    assert circles(Kinds(sets, least), np.arange(5), 0)[:4].tolist() == [1, 0, 3, 2]
    assert circles(Kinds(sets, least), np.arange(5), 0)[4] == 4  # nobody is left for him
    few = np.array([0, 1, 2])
    assert sorted(circles(Kinds(sets, least), few, 0).tolist()) == [0, 1, 2]


@pytest.mark.parametrize(
    ("which", "columns", "vectors", "kbs", "says"),
    [
        ("none", ["branch"], [], [], "kbtools tree -o choice.facts=none"),
        ("permuted", ["entities.kb.spans"], [], [], "--vectors"),
        ("swap", ["entities.kb.spans"], ["v"], [], "--kb"),
        ("redrawn", ["entities.kb.spans"], [], [], "--vectors or --kb"),
    ],
)
def test_nothing_to_change_is_refused(which, columns, vectors, kbs, says):
    with pytest.raises(ConfigError, match=says):
        controls.check(which, columns, vectors, kbs)
    controls.check("true", columns, vectors, kbs)


def test_no_two_entities_are_refused():
    with pytest.raises(ConfigError, match="no two entities"):
        controls.links("redrawn", 0, ["entities.kb.spans"], {}, [])
