"""Keys of examples: the same everywhere, different where anything differs, evenly spread."""

import numpy as np
import pyarrow as pa
import pytest

from kbtools.shards.keys import key, of_numbers, parts, purpose


def test_the_same_on_every_machine() -> None:
    assert key(1, pa.array(["北京", "d1"])).tolist() == [498562380883050919, 601432467664919433]
    assert of_numbers(7, np.array([0, 41])).tolist() == [9436445630029382655, 8985534802237174468]
    assert purpose(3, "split") == 2111710951776464704


def test_a_string_has_its_key_whatever_stands_beside_it() -> None:
    ids = pa.array([f"d{n}" for n in range(20_000)])
    whole = key(5, ids)
    assert (key(5, ids[7000:7010]) == whole[7000:7010]).all()
    assert (key(5, ids.cast(pa.large_string())) == whole).all()
    assert (key(5, ids.dictionary_encode()) == whole).all()
    assert (key(5, pa.chunked_array([ids[:9], ids[9:]])) == whole).all()


def test_seed_string_and_number_all_count() -> None:
    ids = pa.array(["a", "b", "", "ab", "ba"])
    found = np.concatenate([key(seed, ids, number) for seed in (0, 1, -1) for number in (0, 1, 2**40)])
    assert len(np.unique(found)) == len(found)
    assert (key(0, ids, np.arange(5)) == [key(0, ids, n)[n] for n in range(5)]).all()
    assert purpose(0, "split") != purpose(0, "order") != purpose(1, "order")
    assert purpose(0, "order") >= 0


def test_null_and_empty() -> None:
    assert key(1, pa.array([None, ""], pa.string()))[0] == key(1, pa.array([""]))[0]
    assert len(key(1, pa.array([], pa.string()))) == 0


@pytest.mark.parametrize("shares", [(0.9, 0.05, 0.05), (1.0, 0.0, 0.0), (0.0, 0.5, 0.5)])
def test_shares(shares: tuple[float, ...]) -> None:
    found = np.bincount(parts(key(11, pa.array([f"x{n}" for n in range(40_000)])), shares), minlength=3)
    assert np.allclose(found / 40_000, shares, atol=0.01)
    assert (found[np.array(shares) == 0] == 0).all()


def test_the_split_says_nothing_of_the_order() -> None:
    ids = pa.array([f"doc-{n:06d}" for n in range(50_000)])
    split, order = key(purpose(0, "split"), ids), key(purpose(0, "order"), ids)
    assert abs(np.corrcoef(split.astype(float), order.astype(float))[0, 1]) < 0.02
    assert (np.abs(np.corrcoef(order.astype(float)[:-1], order.astype(float)[1:])) < 0.02)[0, 1]
