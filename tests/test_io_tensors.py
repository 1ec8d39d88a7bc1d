"""Named arrays in a file that nobody vouches for."""

from __future__ import annotations

import json
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from kbtools.errors import ArtefactError, ConfigError
from kbtools.io import tensors

KINDS = ["?", "u1", "i1", "<u2", "<i2", "<f2", "<u4", "<i4", "<f4", "<u8", "<i8", "<f8"]
ARRAYS = st.sampled_from(KINDS).flatmap(
    lambda kind: arrays_of.arrays(
        kind, arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
    )
)
NAMES = st.text(st.characters(codec="utf-8"), max_size=8).filter(lambda name: name != "__metadata__")


def loaded(folder, data):
    path = folder / "x.safetensors"
    path.write_bytes(data)
    return tensors.load(path)


def written(header, data=b"", length=None):
    told = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(told) if length is None else length).to_bytes(8, "little") + told + data


def entry(kind="F32", shape=(1,), at=(0, 4)):
    return {"dtype": kind, "shape": list(shape), "data_offsets": list(at)}


@given(st.dictionaries(NAMES, ARRAYS, max_size=4), st.dictionaries(NAMES, NAMES, max_size=3))
def test_what_was_written_is_read(tmp_path_factory, arrays, words):
    found, told = loaded(tmp_path_factory.mktemp("x"), tensors.encode(arrays, words))
    assert told == words
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == array.tobytes()
        assert not found[name].flags.writeable


def test_the_bytes_are_those_of_the_format():
    data = tensors.encode({"b": np.array([1, 2], "<u2"), "a": np.array([1.0], "<f4")}, {"x": "y"})
    length = int.from_bytes(data[:8], "little")
    assert length % 8 == 0
    assert json.loads(data[8 : 8 + length]) == {
        "__metadata__": {"x": "y"},
        "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
        "b": {"dtype": "U16", "shape": [2], "data_offsets": [4, 8]},
    }
    assert data[8 + length :] == b"\x00\x00\x80\x3f\x01\x00\x02\x00"


def test_the_order_in_which_arrays_come_is_nothing():
    one, two = np.zeros(3), np.ones((2, 2), "<f4")
    assert tensors.encode({"a": one, "b": two}) == tensors.encode({"b": two, "a": one})
    assert tensors.encode({"a": np.arange(6).reshape(2, 3).T}) == tensors.encode(
        {"a": np.ascontiguousarray(np.arange(6).reshape(2, 3).T)}
    )


def test_others_read_it_and_are_read(tmp_path):
    theirs = pytest.importorskip("safetensors.numpy")
    arrays = {"a": np.arange(5, dtype="<f8"), "b": np.array([True, False]), "c": np.zeros((0, 3), "<i2")}
    back = theirs.load(tensors.encode(arrays, {"model": "x"}))
    assert all(np.array_equal(back[name], array) for name, array in arrays.items())
    found = loaded(tmp_path, theirs.save(arrays)).arrays
    assert all(np.array_equal(found[name], array) for name, array in arrays.items())


def test_a_header_without_padding_is_read(tmp_path):
    header = json.dumps({"a": entry("F64", (1,), (0, 8))}).encode()
    header += b" " * (1 + (-len(header)) % 8)
    found = loaded(tmp_path, written(header, np.array([2.5]).tobytes())).arrays["a"]
    assert found.tolist() == [2.5]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "a header of 0 bytes"),
        (b"\x01\x00", "a header of"),
        (written({}, length=10**9), "a header of 1,000,000,000 bytes"),
        (written({}, length=2**63), "a header of"),
        (written(b"{"), "no JSON"),
        (written(b"\xff{}"), "no JSON"),
        (written(b"[" * 100_000), "no JSON"),
        (written(b'{"a":1,"a":2}'), "stands there twice"),
        (written([]), "no table"),
        (written({"__metadata__": {"a": 1}}), "words alone"),
        (written({"__metadata__": "a"}), "words alone"),
        (written({"a": 1}), "something else"),
        (written({"a": entry() | {"more": 1}}, bytes(4)), "something else"),
        (written({"a": entry("F8")}, bytes(4)), "of F8"),
        (written({"a": entry(["F32"])}, bytes(4)), "read are"),
        (written({"a": entry(shape=(-1,))}, bytes(4)), "not one"),
        (written({"a": entry(shape=(True,))}, bytes(4)), "not one"),
        (written({"a": entry(shape=(1.0,))}, bytes(4)), "not one"),
        (written({"a": entry(shape=[1] * 40)}, bytes(4)), "not one"),
        (written({"a": entry(at=(0, 4, 8))}, bytes(4)), "not one"),
        (written({"a": entry(at=(4, 0))}, bytes(4)), "takes 4 bytes"),
        (written({"a": entry(shape=(2,))}, bytes(4)), "takes 8 bytes, and has 4"),
        (written({"a": entry(shape=(2**40, 2**40))}, bytes(4)), "bytes, and has 4"),
        (written({"a": entry(), "b": entry()}, bytes(4)), "overlaps"),
        (written({"a": entry(), "b": entry(at=(2, 6))}, bytes(6)), "overlaps"),
        (written({"a": entry(at=(4, 8))}, bytes(8)), "after a gap"),
        (written({"a": entry()}, bytes(5)), "take 4 bytes, and there are 5"),
        (written({"a": entry()}, bytes(3)), "take 4 bytes, and there are 3"),
    ],
)
def test_what_is_damaged_is_told_in_one_line(tmp_path, data, what):
    with pytest.raises(ArtefactError) as error:
        loaded(tmp_path, data)
    assert what in str(error.value)
    assert "\n" not in str(error.value)


@given(st.data())
def test_a_changed_byte_gives_arrays_or_an_error(tmp_path_factory, data):
    whole = bytearray(tensors.encode({"a": np.arange(3), "b": np.ones(2, "<f4")}, {"c": "d"}))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(ArtefactError):
        loaded(tmp_path_factory.mktemp("x"), bytes(whole))


def test_what_cannot_be_written_is_refused(tmp_path):
    for name, array in (("a", np.array(["x"])), ("a", np.array([1j])), ("__metadata__", np.zeros(1))):
        with pytest.raises(ConfigError, match="cannot be written"):
            tensors.encode({name: array})
    with pytest.raises(ArtefactError, match="cannot be read"):
        tensors.load(tmp_path / "none")
