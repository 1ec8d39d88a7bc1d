import io
import os
import random
import sys
import threading

import fsspec
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.errors import SourceError
from kbtools.io import Blocks, Dump, Piece, open_stream, reading
from tests.damaged import PACK, Lines, held, never, text, texts

TEXT = text(3000)


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
    del pieces  # closes the file


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
        assert stream.damage
        assert stream.damage.reason in got.damages[0].reason
        got.in_place(TEXT)


def test_the_dropped_line_is_mentioned(tmp_path):
    truth = b"a line\n" + b"and half of one that goes on"
    for kind in ("gz", "zst"):
        path = tmp_path / kind
        path.write_bytes(PACK[kind](truth)[:-3])
        (damage,) = Lines(path, size=1000).damages
        assert damage.reason.endswith("; 28 bytes of an unfinished line dropped")


def test_a_byte_order_mark_is_passed_over(tmp_path):
    truth = b"\xef\xbb\xbf" + TEXT
    for kind in PACK:
        path = tmp_path / kind
        path.write_bytes(PACK[kind](truth))
        got = Lines(path, size=30_000)
        assert got.data == TEXT
        got.in_place(truth)
