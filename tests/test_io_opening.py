import bz2
import io
import os
import random
import subprocess
import sys
import threading
import zlib

import fsspec
import pytest
import zstandard

from kbtools.errors import KbError, MissingExtraError, SourceError
from kbtools.io import open_stream
from tests.damaged import PACK, held, text

TEXT = text(4000)
SMALL = TEXT[:50_000]


def read_all(path, n=10_000):
    with open_stream(str(path)) as stream:
        parts = []
        while part := stream.read(n):
            parts.append(part)
        assert stream.read(n) == b""
        assert all(len(part) == n for part in parts[:-1])
        return b"".join(parts), stream


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize("name", ["dump.json", "dump.gz", "dump"])
def test_containers_are_recognised_by_what_is_in_them(tmp_path, kind, name):
    path = tmp_path / name
    path.write_bytes(PACK[kind](TEXT))
    data, stream = read_all(path)
    assert data == TEXT
    assert stream.container == kind.partition("-")[0]
    assert stream.damage is None
    assert stream.position_in == stream.size_in == path.stat().st_size


@pytest.mark.parametrize("kind", ["plain", "gz", "gz-members", "bz2-streams", "zst"])
def test_position_grows_with_reading(tmp_path, kind):
    path = tmp_path / "dump"
    path.write_bytes(PACK[kind](text(40_000)))
    with open_stream(str(path)) as stream:
        seen = [stream.position_in]
        while stream.read(1 << 18):
            seen.append(stream.position_in)
    assert seen == sorted(seen)
    assert len(set(seen)) > 2


@pytest.mark.parametrize("kind", ["plain", "gz", "xz"])
def test_standard_input(monkeypatch, kind):
    class Stdin:
        buffer = io.BytesIO(PACK[kind](TEXT))

    monkeypatch.setattr(sys, "stdin", Stdin)
    data, stream = read_all("-")
    assert data == TEXT
    assert stream.size_in is None
    assert not Stdin.buffer.closed


def test_a_real_pipe_with_short_reads():
    code = "from kbtools.io import open_stream as o; s = o('-'); d = s.read(10**9); print(len(d), s.damage)"
    run = subprocess.run(
        [sys.executable, "-c", code], input=PACK["gz"](TEXT), capture_output=True, check=True
    )
    assert run.stdout.split() == [str(len(TEXT)).encode(), b"None"]


def test_a_named_pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(PACK["bz2"](TEXT),))
    writer.start()
    assert read_all(path)[0] == TEXT
    writer.join()


def test_urls(tmp_path):
    with fsspec.open("memory://dumps/a.json.gz", "wb") as file:
        file.write(PACK["gz"](TEXT))
    data, stream = read_all("memory://dumps/a.json.gz")
    assert data == TEXT
    assert stream.size_in == len(PACK["gz"](TEXT))
    path = tmp_path / "a"
    path.write_bytes(SMALL)
    assert read_all(f"file://{path}")[0] == SMALL


def test_a_connection_that_breaks_is_the_users_to_know(monkeypatch):
    with fsspec.open("memory://dumps/b", "wb") as file:
        file.write(TEXT)

    def reset(self, n=-1):
        raise RuntimeError("connection reset\nby peer")

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFile.read", reset, raising=False)
    with pytest.raises(SourceError, match="reading stopped after 0 bytes: connection reset; try again"):
        open_stream("memory://dumps/b")


@pytest.mark.parametrize("protocol", ["s3", "gs", "https"])
def test_a_missing_library_is_named(monkeypatch, protocol):
    for library in ("s3fs", "gcsfs", "aiohttp"):
        monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'kbtools\[remote\]'"):
        open_stream(f"{protocol}://bucket/dump.json.gz")


def test_errors_say_what_to_do(tmp_path):
    empty = tmp_path / "empty"
    empty.touch()
    archive = tmp_path / "a.zip"
    archive.write_bytes(b"PK\x03\x04 and so on")
    cases = [
        (tmp_path / "none", "no such file; check the path"),
        (tmp_path, "is a directory; name the dump file"),
        (empty, "is empty; is the download complete"),
        (archive, "is a zip archive; unpack it first"),
        ("memory://nowhere", "no such file; check the address"),
        ("nonsense://x", "not an address that can be opened"),
    ]
    for path, message in cases:
        with pytest.raises(SourceError, match=message) as caught:
            open_stream(str(path))
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)


def test_no_permission(tmp_path, monkeypatch):
    def refuse(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(KbError, match="no permission"):
        open_stream(str(tmp_path / "a"))


def places(packed):
    rng = random.Random(len(packed))
    return sorted({len(packed) - 1, len(packed) - 3, *(rng.randrange(16, len(packed)) for _ in range(18))})


def most_of(kind, packed):
    """Decode as much as the plain library does, the trivial way."""
    if kind == "zst":
        return zstandard.ZstdDecompressor().decompressobj().decompress(packed)
    if kind == "bz2":
        return bz2.BZ2Decompressor().decompress(packed)
    out = b""
    while packed:
        decoder = zlib.decompressobj(31)
        out += decoder.decompress(packed)
        packed = decoder.unused_data
    return out


@pytest.mark.parametrize("kind", [kind for kind in PACK if kind != "plain"])
def test_truncated_containers_give_all_that_is_there(kind):
    truth = text(30_000, seed=3) if kind == "bz2" else TEXT
    packed = PACK[kind](truth)
    for place in places(packed):
        with held(packed[:place]) as path:
            data, stream = read_all(path)
        assert truth.startswith(data)
        assert stream.damage is None or stream.damage.byte == len(data)
        if kind in {"gz", "gz-members", "zst", "bz2"}:
            most = most_of(kind, packed[:place])
            # isal leaves a symbol undecoded whose last bits may be missing
            assert len(most) - len(data) <= (258 if kind.startswith("gz") else 0)
        name = {"gz": "gzip", "bz2": "bzip2", "zst": "zstd", "xz": "xz"}[kind.partition("-")[0]]
        assert stream.damage
        assert stream.damage.reason == f"truncated {name} stream after {place:,} compressed bytes"


@pytest.mark.parametrize("kind", [kind for kind in PACK if kind != "plain"])
def test_a_flipped_bit_is_found_and_the_result_depends_on_nothing_else(kind):
    truth = text(20_000, seed=4)
    packed = PACK[kind](truth)
    rng = random.Random(5)
    for _ in range(4):
        damaged = bytearray(packed)
        damaged[rng.randrange(len(packed) // 10, len(packed))] ^= 1 << rng.randrange(8)
        with held(bytes(damaged)) as path:
            data, stream = read_all(path, 7_777)
            again, same = read_all(path, 1 << 30)
        assert data == again
        assert stream.damage == same.damage
        assert data[:1000] == truth[:1000] or kind.startswith(("gz", "bz2", "xz"))
        if data != truth:
            assert stream.damage
            assert stream.damage.byte == len(data)
        if kind.startswith("bz2"):  # every block has a checksum
            assert truth.startswith(data)


def test_a_wrong_checksum_at_the_end_loses_nothing(tmp_path):
    packed = bytearray(PACK["gz"](SMALL))
    packed[-6] ^= 1
    path = tmp_path / "a"
    path.write_bytes(packed)
    data, stream = read_all(path)
    assert data == SMALL
    assert "wrong checksum" in stream.damage.reason


@pytest.mark.parametrize("kind", ["gz", "bz2", "zst", "xz"])
def test_something_else_behind_a_stream_is_reported(tmp_path, kind):
    path = tmp_path / "a"
    path.write_bytes(PACK[kind](SMALL) + b"<html>error 500, sorry</html>")
    data, stream = read_all(path)
    assert data == SMALL
    assert stream.damage.byte == len(SMALL)
    assert "is not" in stream.damage.reason


@pytest.mark.parametrize("kind", ["gz", "xz"])
def test_padding_is_no_damage(tmp_path, kind):
    path = tmp_path / "a"
    path.write_bytes(PACK[kind](SMALL) + bytes(1024) + PACK[kind](SMALL) + bytes(70_000))
    data, stream = read_all(path)
    assert data == SMALL * 2
    assert stream.damage is None


def test_bombs_are_read_in_bounded_steps(tmp_path):
    zeros = bytes(1 << 26)
    for kind in ("gz", "zst", "xz", "bz2"):
        path = tmp_path / kind
        path.write_bytes(PACK[kind](zeros))
        with open_stream(str(path)) as stream:
            largest = max(len(chunk) for chunk in stream.chunks())
        assert largest <= 1 << 26
        if kind in {"gz", "xz"}:
            assert largest <= 1 << 17


def test_zstd_with_skippable_frames_first(tmp_path):
    skippable = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"abcd"
    path = tmp_path / "a"
    path.write_bytes(skippable + PACK["zst"](SMALL) + skippable + PACK["zst"](SMALL))
    data, stream = read_all(path)
    assert (data, stream.damage) == (SMALL * 2, None)


def test_zstd_with_a_long_window(tmp_path):
    settings = zstandard.ZstdCompressionParameters(window_log=28, enable_ldm=True)
    packer = zstandard.ZstdCompressor(compression_params=settings).compressobj()
    path = tmp_path / "a"
    path.write_bytes(packer.compress(SMALL) + packer.flush())
    data, stream = read_all(path)
    assert (data, stream.damage) == (SMALL, None)


def test_gz_headers_with_everything_in_them(tmp_path):
    body = zlib.compressobj(9, zlib.DEFLATED, -15)
    deflated = body.compress(SMALL) + body.flush()
    header = b"\x1f\x8b\x08\x1f" + bytes(6) + b"\x03\x00abc" + b"name\0" + b"comment\0" + b"\x12\x34"
    tail = zlib.crc32(SMALL).to_bytes(4, "little") + len(SMALL).to_bytes(4, "little")
    path = tmp_path / "a"
    path.write_bytes(header + deflated + tail)
    data, stream = read_all(path)
    assert (data, stream.damage) == (SMALL, None)
