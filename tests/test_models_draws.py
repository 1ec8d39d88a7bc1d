"""Random numbers that belong to an example, however it is batched."""

from __future__ import annotations

import numpy as np
import torch
import xxhash

from kbtools.models.draws import Draws, key

MASK = (1 << 64) - 1


def padded(rows, epoch=0, width=6):
    ids = torch.zeros(len(rows), width, dtype=torch.int32)
    return {"input_ids": ids, "batch.rows": torch.tensor(rows), "batch.epoch": epoch}


def splitmix(state: int) -> int:
    """The finaliser as Steele, Lea & Flood write it, in whole numbers of Python."""
    z = (state + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def test_numbers_are_the_hash_of_what_they_belong_to():
    found = Draws(padded([7, 123_456], epoch=3), seed=5).tokens("mask")
    start = xxhash.xxh3_64_intdigest(b"5 3 mask")
    for row, number in enumerate((7, 123_456)):
        for place in range(6):
            want = splitmix((splitmix((start + number) & MASK) + place) & MASK) >> 11
            assert found[row, place].item() == want / 2**53


def test_an_example_has_its_numbers_wherever_it_stands():
    alone = Draws(padded([7]), 0)
    among = Draws(padded([3, 7, 9], width=9), 0)
    assert torch.equal(alone.tokens("a"), among.tokens("a")[1:2, :6])
    assert torch.equal(alone.examples("a"), among.examples("a")[1:2])
    packed = {
        "input_ids": torch.zeros(1, 8, dtype=torch.int32),
        "batch.rows": torch.tensor([[9, 7, -1]]),
        "batch.epoch": 0,
        "sequence": torch.tensor([[1, 1, 2, 2, 2, 2, 2, 0]]),
        "positions": torch.tensor([[0, 1, 0, 1, 2, 3, 4, 0]]),
    }
    assert torch.equal(Draws(packed, 0).tokens("a")[:, 2:7], alone.tokens("a")[:, :5])
    assert torch.equal(Draws(packed, 0).examples("a")[1:], alone.examples("a"))


def test_purpose_seed_and_epoch_make_other_numbers():
    base = Draws(padded([1, 2]), 0).tokens("a")
    others = [
        Draws(padded([1, 2]), 0).tokens("b"),
        Draws(padded([1, 2]), 1).tokens("a"),
        Draws(padded([1, 2], epoch=1), 0).tokens("a"),
        Draws(padded([3, 4]), 0).tokens("a"),
    ]
    for other in others:
        assert not torch.isin(base, other).any()


def test_numbers_are_spread_evenly_and_independent():
    found = Draws(padded(list(range(2000)), width=50), 0).tokens("a").numpy()
    assert abs(found.mean() - 0.5) < 0.005
    counts = np.bincount((found * 64).astype(int).ravel(), minlength=64)
    assert abs(counts - 100_000 / 64).max() < 200  # five times the deviation
    assert abs(np.corrcoef(found[:, 0], found[:, 1])[0, 1]) < 0.1
    assert abs(np.corrcoef(found[:-1, 0], found[1:, 0])[0, 1]) < 0.1


def test_whole_numbers_stay_below():
    found = Draws(padded(list(range(500)), width=20), 0).numbers("a", 7)
    assert set(found.unique().tolist()) == set(range(7))


def test_keys_are_not_negative():
    assert all(0 <= key("a", number) < 2**63 for number in range(100))
