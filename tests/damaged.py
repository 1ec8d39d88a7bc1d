"""Containers of every kind, whole and damaged, for the tests of what reads them."""

import bz2
import gzip
import lzma
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import zstandard
from hypothesis import strategies as st

from kbtools.io import Blocks, Damage, Dump, Piece


def cut_up(data: bytes, n: int) -> list[bytes]:
    """Cut into `n` parts at places that are no line ends."""
    step = len(data) // n + 1
    return [data[i : i + step] for i in range(0, len(data), step)] or [b""]


def many(compress: Callable[[bytes], bytes], n: int) -> Callable[[bytes], bytes]:
    return lambda data: b"".join(compress(part) for part in cut_up(data, n))


PACK: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "gz": gzip.compress,
    "gz-members": many(gzip.compress, 7),
    "bz2": lambda data: bz2.compress(data, 1),
    "bz2-streams": many(lambda data: bz2.compress(data, 1), 5),
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
    "zst-frames": many(zstandard.ZstdCompressor(write_checksum=True).compress, 5),
    "xz": lzma.compress,
    "xz-streams": many(lzma.compress, 3),
}


def text(lines: int, seed: int = 1, width: int = 60) -> bytes:
    """Return lines that compress about as JSON does, with some empty and some long ones."""
    rng = random.Random(seed)
    words = ["".join(rng.choices("abcdefgh", k=rng.randint(1, 9))) for _ in range(500)]
    out = []
    for i in range(lines):
        n = rng.choice([0, 1, width // 6, width // 3, width])
        out.append((f'{{"id": {i}, "text": "{" ".join(rng.choices(words, k=n))}"}}' if n else "").encode())
    return b"\n".join(out) + b"\n"


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


@contextmanager
def held(data: bytes, name: str = "dump.json") -> Iterator[Path]:
    """Keep `data` in a file for a while (hypothesis and tmp_path do not go together)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(data)
        yield path


def never(piece: Piece) -> bool:
    return False


class Lines:
    """All lines of a dump, read piece by piece as workers would; positions are checked on the way."""

    def __init__(self, path: Path, *, size: int, layout: str = "lines", block: int = 1000) -> None:
        self.data = b""
        self.pieces: list[Piece] = []
        self.damages: list[Damage] = []
        dump = Dump(str(path), layout=layout)
        byte = line = 0
        starts: list[tuple[int, int, bytes]] = []
        for piece in dump.pieces(path.parent, size=size, skip=never):
            assert piece.number == len(self.pieces)
            blocks = Blocks(piece, path.parent, size=block)
            for got in blocks:
                starts.append((byte + got.byte, line + got.line, got.data))
                self.data += got.data
            byte, line = byte + blocks.bytes, line + blocks.lines
            self.pieces.append(piece)
            if blocks.damage:
                self.damages.append(Damage(byte - blocks.bytes + blocks.damage.byte, blocks.damage.reason))
        if dump.damage:
            self.damages.append(dump.damage)
        self.bytes, self.starts = byte, starts

    def in_place(self, truth: bytes) -> None:
        """Check that every block says truly where it stands."""
        for byte, line, data in self.starts:
            assert truth[byte : byte + len(data)] == data
            assert line == truth.count(b"\n", 0, byte)
            assert byte == 0 or truth[byte - 1 : byte] == b"\n" or truth.startswith(b"\xef\xbb\xbf")
