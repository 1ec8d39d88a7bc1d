import bz2
import gzip
import io
import os
import random
import sys
import threading
from contextlib import nullcontext
from itertools import pairwise

import fsspec
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.errors import SourceError
from kbtools.io import Blocks, Dump, Piece, bzip, gz, open_stream, reading
from tests.damaged import PACK, Lines, held, many, never, text

TEXT = text(3000)

# what lines are made of: nothing, something, much; with every kind of line end
lines = st.lists(
    st.one_of(
        st.binary(max_size=12).map(lambda b: b.replace(b"\n", b" ")),
        st.integers(0, 400).map(lambda n: b"x" * n),
        st.just(b"windows\r"),
    ),
    max_size=30,
)
texts = st.builds(lambda parts, end: b"\n".join(parts) + end, lines, st.sampled_from([b"", b"\n"])).filter(
    len
)


@settings(max_examples=150, deadline=None)
@given(truth=texts, kind=st.sampled_from(sorted(PACK)), size=st.integers(1, 900), block=st.integers(1, 300))
def test_every_line_is_delivered_once_and_in_order(truth, kind, size, block):
    with held(PACK[kind](truth)) as path:
        got = Lines(path, size=size, block=block)
    bom = 3 if truth.startswith(b"\xef\xbb\xbf") else 0
    assert got.data == truth[bom:]
    assert got.bytes == len(truth)
    assert not got.damages
    got.in_place(truth)


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


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize("size", [3_000, 50_000, 1 << 30])
def test_larger_files(tmp_path, kind, size):
    path = tmp_path / "dump"
    path.write_bytes(PACK[kind](TEXT))
    got = Lines(path, size=size)
    assert got.data == TEXT
    got.in_place(TEXT)
    ranges = kind in {"plain", "gz-members", "bz2", "bz2-streams"}
    assert {piece.reader for piece in got.pieces} == {kind.partition("-")[0] if ranges else "spool"}
    assert [piece.last for piece in got.pieces][-1]
    assert (len(got.pieces) > 1) == (size < len(TEXT))


def test_pieces_travel_as_json(tmp_path):
    path = tmp_path / "dump"
    path.write_bytes(TEXT)
    for piece in Dump(str(path), source=3).pieces(tmp_path, size=50_000, skip=never):
        assert msgspec.json.decode(msgspec.json.encode(piece), type=Piece) == piece
        assert piece.source == 3


def test_spool_cuts_do_not_depend_on_the_container_or_on_reads(tmp_path):
    spooled = {}
    for kind in ("gz", "zst", "zst-frames", "xz"):
        path = tmp_path / kind
        path.write_bytes(PACK[kind](TEXT))
        pieces = list(Dump(str(path)).pieces(tmp_path / "w", size=40_000, skip=never))
        spooled[kind] = [(tmp_path / "w" / piece.path).read_bytes() for piece in pieces]
    assert spooled["gz"] == spooled["zst"] == spooled["zst-frames"] == spooled["xz"]
    assert b"".join(spooled["gz"]) == TEXT
    # they are the cuts of the plain file as well
    plain = tmp_path / "plain"
    plain.write_bytes(TEXT)
    own = [
        b"".join(block.data for block in Blocks(piece, tmp_path))
        for piece in Dump(str(plain)).pieces(tmp_path, size=40_000, skip=never)
    ]
    assert own == spooled["gz"]


def test_a_spool_file_is_written_when_it_is_asked_for(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(PACK["gz"](TEXT))
    folder = tmp_path / "work"
    pieces = Dump(str(path)).pieces(folder, size=30_000, skip=never)
    for n in range(1, 4):
        piece = next(pieces)
        assert piece.path == f"spool/000-{n - 1:06}"
        assert len(list((folder / "spool").iterdir())) == n
    pieces.close()


def test_what_is_done_is_passed_over(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(PACK["zst"](TEXT))
    whole = list(Dump(str(path)).pieces(tmp_path / "all", size=30_000, skip=never))
    asked = []

    def skip(piece):
        asked.append(piece)
        return piece.number % 2 == 0

    half = list(Dump(str(path)).pieces(tmp_path / "half", size=30_000, skip=skip))
    assert whole == half == asked  # so that a record made from a piece is found again
    for piece in half:
        there = tmp_path / "half" / piece.path
        assert there.exists() == (piece.number % 2 == 1)
        if there.exists():
            assert there.read_bytes() == (tmp_path / "all" / piece.path).read_bytes()


def test_standard_input_pipes_and_urls_are_spooled(tmp_path, monkeypatch):
    class Stdin:
        buffer = io.BytesIO(TEXT)

    monkeypatch.setattr(sys, "stdin", Stdin)
    with fsspec.open("memory://dumps/c", "wb") as file:
        file.write(PACK["bz2"](TEXT))
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(TEXT,))
    writer.start()
    for path in ("-", "memory://dumps/c", str(tmp_path / "pipe")):
        dump = Dump(path, layout="lines")
        data = b""
        for piece in dump.pieces(tmp_path, size=50_000, skip=never):
            assert piece.reader == "spool"
            data += b"".join(block.data for block in Blocks(piece, tmp_path))
        assert data == TEXT
        assert dump.position_in >= len(PACK["bz2"](TEXT))
        if "memory" not in path:
            with pytest.raises(RuntimeError, match="only once"):
                next(dump.pieces(tmp_path, size=50_000, skip=never))
    writer.join()


def test_a_dump_can_be_read_again_or_left(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(PACK["xz"](TEXT))
    dump = Dump(str(path))
    assert list(dump.pieces(tmp_path, size=9999, skip=never)) == list(
        dump.pieces(tmp_path, size=9999, skip=never)
    )
    next(dump.pieces(tmp_path, size=9999, skip=never))
    dump.close()
    with pytest.raises(SourceError, match="no such file"):
        Dump(str(tmp_path / "b"))


def test_blocks_are_about_as_long_as_asked(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(text(100_000))
    (piece,) = Dump(str(path)).pieces(tmp_path, size=1 << 30, skip=never)
    sizes = [len(block.data) for block in Blocks(piece, tmp_path, size=1 << 20)]
    assert all(1 << 19 < size < 3 << 20 for size in sizes[:-1])


def test_a_long_line_is_one_block_and_an_endless_one_an_error(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(b"short\n" + b"x" * 5_000_000 + b"\nshort\n")
    got = Lines(path, size=1_000_000, block=100_000)
    assert got.data == path.read_bytes()
    assert len(got.pieces) == 6
    monkeypatch.setattr(reading, "LONGEST_LINE", 4_000_000)
    with pytest.raises(SourceError, match=r"\(byte 6\): a line of more than"):
        Lines(path, size=1 << 30)
    with pytest.raises(SourceError, match=r"\(byte 6\): a line of more than"):
        Lines(path, size=1_000_000)


def rng_places(packed, n=20):
    rng = random.Random(len(packed))
    return [rng.randrange(16, len(packed)) for _ in range(n)]


@pytest.mark.parametrize("kind", [kind for kind in PACK if kind != "plain"])
def test_truncation_drops_the_unfinished_line_and_nothing_else(kind):
    packed = PACK[kind](TEXT)
    for place in rng_places(packed):
        with held(packed[:place]) as path:
            with open_stream(str(path)) as stream:
                there = stream.read(1 << 30)
            got = Lines(path, size=20_000)
        whole = there[: there.rfind(b"\n") + 1]
        assert got.data == whole
        assert TEXT.startswith(whole)
        assert len(got.damages) == 1
        assert got.damages[0].byte == len(there) == got.bytes or got.pieces[0].reader == "spool"
        assert got.damages[0].byte == len(there)
        assert stream.damage.reason in got.damages[0].reason
        got.in_place(TEXT)


def test_the_dropped_line_is_mentioned(tmp_path):
    truth = b"a line\n" + b"and half of one that goes on"
    for kind in ("gz", "zst"):
        path = tmp_path / kind
        path.write_bytes(PACK[kind](truth)[:-3])
        (damage,) = Lines(path, size=1000).damages
        assert damage.reason.endswith("; 28 bytes of an unfinished line dropped")


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
    truth = text(60 if kind == "bz2-streams" else 6000, seed=2)
    packed = PACK[kind](truth)
    for bit, _ in bzip.find_marks(packed):
        for place in range(bit // 8 + 1, min(bit // 8 + 24, len(packed))):
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
        with pytest.raises(bzip.Broken) if marks.get(0) else nullcontext():
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


def test_a_byte_order_mark_is_passed_over(tmp_path):
    truth = b"\xef\xbb\xbf" + TEXT
    for kind in PACK:
        path = tmp_path / kind
        path.write_bytes(PACK[kind](truth))
        got = Lines(path, size=30_000)
        assert got.data == TEXT
        got.in_place(truth)
