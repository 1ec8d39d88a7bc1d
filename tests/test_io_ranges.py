import bz2
import gzip
import random
from contextlib import nullcontext
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.io import Dump, bzip, gz, open_stream
from kbtools.io.nouns import Broken
from tests.damaged import PACK, Lines, held, many, text, texts

TEXT = text(3000)


@settings(max_examples=40, deadline=None)
@given(truth=texts, cuts=st.lists(st.integers(0, 4000), max_size=8), size=st.integers(1, 3000))
def test_members_and_streams_of_any_length(truth, cuts, size):
    places = sorted({0, len(truth), *(min(cut, len(truth)) for cut in cuts)})
    parts = [truth[a:b] for a, b in pairwise(places)] + [b"", b""]
    for compress in (gzip.compress, bz2.compress):
        with held(b"".join(map(compress, parts))) as path:
            got = Lines(path, size=size)
        assert got.data == truth
        got.in_place(truth)


@pytest.mark.parametrize("kind", ["gz-members", "bz2", "bz2-streams"])
def test_nothing_is_lost_in_silence_when_a_bit_flips(kind):
    """Ranges after the break are read, so more is had than from the stream, but no line that never was."""
    truth = text(20_000, seed=9)
    packed = PACK[kind](truth)
    known = set(truth.split(b"\n"))
    rng = random.Random(8)
    for _ in range(6):
        damaged = bytearray(packed)
        damaged[rng.randrange(40, len(packed))] ^= 1 << rng.randrange(8)
        with held(bytes(damaged)) as path:
            got = Lines(path, size=200_000)
        assert got.damages or got.data == truth
        if kind.startswith("bz2"):
            assert set(got.data.split(b"\n")) <= known
            assert len(got.data) > len(truth) // 2


def test_a_member_whose_header_is_lost_is_reported(tmp_path):
    parts = [gzip.compress(text(300, seed=n)) for n in range(6)]
    second = len(parts[0]) + len(parts[1])
    for at in (0, 1, 2, 10, 12):
        packed = bytearray(b"".join(parts))
        packed[second + at] ^= 0xFF
        path = tmp_path / f"a{at}"
        path.write_bytes(packed)
        for size in (len(parts[0]) * 5, len(parts[0]) * 10, second * 10):
            assert Lines(path, size=size).damages


@pytest.mark.parametrize("seed", range(3))
def test_bzip2_blocks_are_found_at_every_shift(seed):
    rng = np.random.default_rng(seed)
    truth = rng.integers(97, 105, 1_500_000, np.uint8).tobytes()
    packed = bz2.compress(truth, 1)
    marks = bzip.find_marks(packed)
    assert len({bit % 8 for bit, _ in marks}) >= 6
    assert [kind for _, kind in marks].count(bzip.END) == 1
    assert b"".join(data for _, data in bzip.whole(iter([packed]))) == truth
    small_steps = (packed[i : i + 777] for i in range(0, len(packed), 777))
    assert b"".join(data for _, data in bzip.whole(small_steps)) == truth


def test_bzip2_streams_of_every_level_one_after_another(tmp_path):
    parts = [bz2.compress(text(2000, seed=level), level) for level in range(1, 10)]
    parts.insert(3, bz2.compress(b""))
    path = tmp_path / "a"
    path.write_bytes(b"".join(parts))
    got = Lines(path, size=100_000)
    assert got.data == bz2.decompress(path.read_bytes())
    assert not got.damages


@pytest.mark.parametrize("kind", ["bz2", "bz2-streams"])
def test_bzip2_cut_off_around_marks(kind):
    """Between blocks a break may fall into a mark, a checksum or the next header: it is told once."""
    truth = text(60 if kind == "bz2-streams" else 2500, seed=2)
    packed = PACK[kind](truth)
    for bit, _ in bzip.find_marks(packed):
        for place in range(bit // 8 + 1, min(bit // 8 + 24, len(packed)), 1 if kind == "bz2-streams" else 5):
            with held(packed[:place]) as path:
                with open_stream(str(path)) as stream:
                    there = stream.read(1 << 30)
                got = Lines(path, size=len(truth) // 7)
            if stream.damage is None:
                assert got.data == there
                assert not got.damages
            else:
                assert got.data == there[: there.rfind(b"\n") + 1]
                assert len(got.damages) == 1


def test_bzip2_without_marks_is_read_in_bounded_memory():
    packed = bz2.compress(TEXT)
    steps = [packed[:50], *[bytes(1 << 16)] * 100]
    for marks in (bzip.Marks(iter(steps)), bzip.Marks(iter(steps[1:]))):
        with pytest.raises(Broken) if marks.get(0) else nullcontext():
            list(bzip.blocks(marks))
        assert len(marks._data) < 3 << 20


@pytest.mark.parametrize("kind", ["bz2", "bz2-streams"])
@pytest.mark.parametrize("false", [bzip.BLOCK, bzip.END])
def test_marks_that_are_none(tmp_path, monkeypatch, kind, false):
    """The 48 bits of a mark occur within a block once in 2^48 bits: in a few dumps of this size."""
    real = bzip.find_marks
    truth = text(8000, seed=11)
    packed = PACK[kind](truth)
    path = tmp_path / "a"
    path.write_bytes(packed)
    rng = random.Random(1)
    # as for a mark, several are found in one range
    bits = [rng.randrange(400, 8 * len(packed) - 400) for _ in range(8)]
    made = {packed[bit // 8 : bit // 8 + 12]: bit % 8 for bit in bits}

    def find_marks(data, start=0):
        more = [
            (data.find(at, start) * 8 + shift, false)
            for at, shift in made.items()
            if data.find(at, start) >= 0
        ]
        return sorted({*real(data, start), *more})

    monkeypatch.setattr(bzip, "find_marks", find_marks)
    for size in (50_000, 300_000, 1 << 30):
        got = Lines(path, size=size)
        assert got.data == truth
        assert not got.damages


def test_gz_members_that_are_none(tmp_path):
    """A magic within compressed data is tried and found to be none."""
    noise = bytes(np.random.default_rng(1).integers(0, 256, 60_000, np.uint8)).replace(b"\n", b" ")
    fake = b"\x1f\x8b\x08\x00" + bytes(5) + b"\x03"
    lines = [noise[i : i + 500] + fake + noise[i + 500 : i + 700] for i in range(0, 50_000, 700)]
    truth = b"\n".join(lines) + b"\n"
    path = tmp_path / "a"
    path.write_bytes(many(lambda data: gzip.compress(data, 0), 5)(truth))
    assert path.read_bytes().count(fake) > 10
    for size in (5_000, 20_000, 200_000):
        got = Lines(path, size=size)
        assert got.data == truth
        assert {piece.reader for piece in got.pieces} == {"gz"}
    path.write_bytes(gzip.compress(truth, 0))
    dump = Dump(str(path))
    dump.close()
    assert dump.reader == "spool"


def test_gz_header_in_pieces():
    header = gzip.compress(b"")[:10]
    assert [gz.header_size(header[:n]) for n in range(11)] == [None] * 10 + [10]
    with pytest.raises(ValueError, match="endless"):
        gz.header_size(b"\x1f\x8b\x08\x08" + b"x" * 200_000)
