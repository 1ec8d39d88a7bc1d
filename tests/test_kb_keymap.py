import tempfile
import time
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kbtools.kb.keymap import MISSING, SPACE_BITS, KeyMap, Pages, id_of, split

NO_KEY = -1  # what sources write where there is none
LARGEST = 2**31 - 1

indices = st.one_of(st.integers(0, 200), st.sampled_from([4095, 4096, 70_000]))
keys = st.builds(lambda space, index: (space << SPACE_BITS) + index, st.integers(0, 3), indices)


def made(folder, known):
    """Make a map in three steps, as numbering does: room, numbers, opened again."""
    pages = Pages()
    for key in known:  # one at a time: room grows
        pages.mark(np.array([key], np.int64))
    found = KeyMap.create(Path(folder), pages)
    some = np.array(list(known), np.int64)
    found.put(some, np.array(list(known.values()), np.uint32))
    return KeyMap(Path(folder))


@given(
    known=st.dictionaries(keys, st.integers(0, int(MISSING) - 1), max_size=30),
    asked=st.lists(st.one_of(keys, st.integers(-(2**63), 2**63 - 1), st.just(NO_KEY)), max_size=40),
)
def test_it_is_a_dict(known, asked):
    with tempfile.TemporaryDirectory() as folder:
        found = made(folder, known)
        some = np.array([*known, *asked], np.int64)
        got = found.get(some)
        assert got.dtype == np.uint32
        assert got.tolist() == [known.get(int(key), int(MISSING)) for key in some]


@given(known=st.dictionaries(keys, st.integers(0, 99), min_size=1, max_size=9))
def test_the_last_number_put_counts_and_a_new_map_is_empty(known):
    with tempfile.TemporaryDirectory() as folder:
        made(folder, known)
        again = made(folder, dict.fromkeys(known, 7))
        some = np.array(list(known), np.int64)
        assert set(again.get(some).tolist()) == {7}
        assert set(made(folder, {}).get(some).tolist()) == {int(MISSING)}


def test_a_few_ids_far_apart_cost_little(tmp_path):
    begun = time.perf_counter()
    known = {index: index % 1000 for index in (0, 5, 1 << 20, LARGEST - 1, LARGEST)}
    found = made(tmp_path, known | {(1 << SPACE_BITS) + LARGEST: 1})
    assert found.get(np.array([LARGEST, LARGEST - 2, LARGEST + 1])).tolist() == [
        647,
        int(MISSING),
        int(MISSING),
    ]
    assert time.perf_counter() - begun < 60
    # a page table of 2^31 / 64 entries for each of two spaces; as an array they would be 16 GB
    assert sum(path.stat().st_blocks * 512 for path in tmp_path.iterdir()) < 300 << 20


def test_keys_and_their_parts():
    some = np.array([5, (2 << SPACE_BITS) + 7, NO_KEY])
    spaces, indices = split(some)
    assert spaces.tolist() == [0, 2, -1]
    assert indices[:2].tolist() == [5, 7]
    assert id_of(int(some[1]), ["Q", "P", "L"]) == "L7"
