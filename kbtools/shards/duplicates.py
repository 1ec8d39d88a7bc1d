"""Near copies of documents: found in a pass over the corpus before the one that makes examples.

Two documents are compared by the runs of n words in them, as sets; case, accents and punctuation aside, and a
Chinese character is a word. A text with fewer words is one run.
    exact     runs of 13; a document goes if SHARE of its runs stand in earlier documents (Brown et al. 2020)
    minhash   runs of 5; documents are alike if the Jaccard index of their sets is SHARE or more; of all that
              hang together by being alike, the first stays (Broder 1997)
For minhash a document is 120 numbers, each the least hash of its runs under another permutation: two have the
same number at a place with the probability of their Jaccard index, so the share of equal places estimates it
(standard error .04 at .8). In 20 bands of 6 numbers, documents are compared with the first that has the same
band: .998 of those with an index of .8, .27 of those with .5, .001 of those with .2.

    prepare(crew, pieces, folder, "minhash")      two stages of tasks; what they found lies below `folder`
    dropped(folder, piece)                        which documents of a piece go, by their rows

Memory: a batch of documents with its runs, or what DuckDB is given; and 16 bytes for each two
documents that are alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kbtools import corpus
from kbtools.alias.hashing import mix, prefix, spans
from kbtools.arrays import ranges
from kbtools.artefact import Outcome, Task
from kbtools.corpus import Piece
from kbtools.executors import Pool
from kbtools.kb.database import connect
from kbtools.progress import Progress
from kbtools.shards.base import I64, Bools
from kbtools.text import BARE
from kbtools.text.bulk import ASCII_WALL, WALL, normalise_block

How = Literal["exact", "minhash"]
U64 = NDArray[np.uint64]

WORDS = {"exact": 13, "minhash": 5}
SHARE = 0.8
BANDS, IN_BAND = 20, 6
NUMBERS = BANDS * IN_BAND
SIZE = 1 << 16  # code points that are looked at together: what stays in the cache; longer texts come in parts
ROOM = "work/duplicates/corpus"
SIGNS, PARTS, DROPPED = "work/duplicates/signs", "work/duplicates/parts", "work/duplicates/dropped"
MEMORY = 1 << 30
_CACHED = 1 << 15  # runs that are permuted together
_SPACE = ord(" ")
_HAN = ((0x3005, 0x312F), (0x3400, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFD))

_PART = pa.schema([pa.field("part", pa.uint64(), False), pa.field("doc", pa.uint64(), False)])  # run or band
_SIGN = pa.schema([pa.field("doc", pa.uint64(), False), pa.field("sign", pa.binary(4 * NUMBERS), False)])


def prepare(
    crew: Pool, pieces: Callable[[str], Iterator[Piece]], folder: Path, how: How, *, quiet: bool = True
) -> dict[str, int]:
    """Find the near copies among all documents; return how many were compared, and how many go.

    `pieces` cuts the corpus into pieces, with what they need laid out in a room.
    """
    tasks = (
        Task(
            name=f"duplicates/{piece.number:06}",
            call="kbtools.shards.duplicates:sign_piece",
            args={"piece": msgspec.to_builtins(piece), "how": how},
            consumes=piece.consumes,
        )
        for piece in pieces(ROOM)
    )
    with Progress("compare documents", None, "documents", quiet=quiet) as progress:
        done = list(crew.run(tasks, on_done=lambda one: progress.advance(one.facts["documents"])))
    rows = [one.facts["documents"] for one in sorted(done, key=lambda one: one.task.name)]
    last = Task(
        name="duplicates/found",
        call="kbtools.shards.duplicates:find_copies",
        args={"rows": rows, "how": how},
    )
    (found,) = crew.run([last])
    return {"documents compared": sum(rows), "near copies left out": int(found.facts["dropped"])}


def dropped(folder: Path, piece: int) -> Bools:
    """Tell which documents of a piece are near copies of others, by their rows."""
    found: Bools = np.load(folder / DROPPED / f"{piece:06}.npy", allow_pickle=False)
    return found


def sign_piece(folder: Path, *, piece: dict[str, Any], how: How) -> Outcome:
    """Write down what the documents of a piece are compared by."""
    mine = msgspec.convert(piece, Piece)
    base = np.uint64(mine.number << 32)
    names = [f"{room}/{mine.number:06}.parquet" for room in ([PARTS, SIGNS] if how == "minhash" else [PARTS])]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    row = 0
    writers = [pq.ParquetWriter(folder / name, schema, compression="none", use_dictionary=False)
               for name, schema in zip(names, (_PART, _SIGN), strict=False)]  # fmt: skip
    try:
        for batch in corpus.read(mine, folder):
            texts = batch["text"].to_pylist()
            for table, writer in zip(_tables(texts, base + np.uint64(row), how), writers, strict=True):
                writer.write_table(table)
            row += len(texts)
    finally:
        for writer in writers:
            writer.close()
    return Outcome(files=names, facts={"documents": row})


def _tables(texts: Sequence[str], base: np.uint64, how: How) -> list[pa.Table]:
    """Return the rows to be written for some documents."""
    owner, hashes = runs(texts, WORDS[how])
    if how == "exact":
        return [pa.table([hashes, owner.astype(np.uint64) + base], schema=_PART)]
    which = np.unique(owner)
    signs = signatures(owner, hashes, len(texts))[which]
    doc = which.astype(np.uint64) + base
    bands = np.tile(np.arange(BANDS, dtype=np.uint64), (len(doc), 1))
    for at in range(IN_BAND):
        bands = mix(bands) ^ signs[:, at::IN_BAND]
    data = pa.FixedSizeBinaryArray.from_buffers(
        _SIGN.field("sign").type, len(doc), [None, pa.py_buffer(signs)]
    )
    return [
        pa.table([mix(bands).ravel(), np.repeat(doc, BANDS)], schema=_PART),
        pa.table([pa.array(doc), data], schema=_SIGN),
    ]


def runs(texts: Sequence[str], words: int) -> tuple[I64, U64]:
    """Return the runs of so many words: whose they are, in order, and their hashes.

    >>> runs(["A rose is a rose, is a ROSE.", "", "一二"], 3)[0].tolist()
    [0, 0, 0, 0, 0, 0, 2]
    """
    owners, hashes = [np.zeros(0, np.int64)], [np.zeros(0, np.uint64)]
    for owner, block in _blocks(texts):
        which, found = _runs(block, words)
        owners.append(np.array(owner, np.int64)[which])
        hashes.append(found)
    return np.concatenate(owners), np.concatenate(hashes)


def _blocks(texts: Sequence[str]) -> Iterator[tuple[list[int], list[str]]]:
    """Gather texts; those that are too long come in parts."""
    owner: list[int] = []
    held: list[str] = []
    size = 0
    for number, text in enumerate(texts):
        for low in range(0, len(text), SIZE):
            part = text[low : low + SIZE]
            if size + len(part) > SIZE:
                yield owner, held
                owner, held, size = [], [], 0
            owner.append(number)
            held.append(part)
            size += len(part)
    if held:
        yield owner, held


def _runs(texts: Sequence[str], words: int) -> tuple[I64, U64]:
    """Normalise texts, find their words, and hash runs of them."""
    codes = _codes(texts)
    plain = codes.dtype == np.uint8
    codes = normalise_block(codes, BARE).codes
    wall = codes == (ASCII_WALL if plain else WALL)
    gap = wall | (codes == _SPACE)
    fresh = np.append(True, gap[:-1])  # a word may begin here
    if not plain:
        han = np.zeros(len(codes), np.bool_)
        for low, high in _HAN:
            han |= (codes >= low) & (codes <= high)
        fresh |= han
        fresh[1:] |= han[:-1]
    begins = np.flatnonzero(fresh & ~gap)
    ends = np.flatnonzero(np.append(fresh[1:] | gap[1:], True) & ~gap) + 1
    count = np.diff(np.searchsorted(begins, np.append(-1, np.flatnonzero(wall))))
    first = np.cumsum(count) - count
    many = np.where(count > 0, np.maximum(count - words + 1, 1), 0)
    start = ranges(first, many)
    last = np.minimum(start + words, np.repeat(first + count, many)) - 1
    return np.repeat(np.arange(len(texts)), many), spans(prefix(codes), begins[start], ends[last])


def _codes(texts: Sequence[str]) -> NDArray[Any]:
    """Lay texts end to end, each with a wall behind it."""
    joined = "\0".join([*texts, ""])
    walls = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)) + 1) - 1
    if joined.isascii():
        codes = np.frombuffer(bytearray(joined, "ascii"), np.uint8)
        codes[walls] = ASCII_WALL
        return codes
    wide = np.frombuffer(bytearray(joined.encode("utf-32-le", "replace")), np.uint32)
    wide[walls] = WALL
    return wide


def signatures(owner: I64, hashes: U64, count: int) -> NDArray[np.uint32]:
    """Return the numbers of each document [count, NUMBERS], of the hashes of its runs."""
    turns = mix(np.arange(1, 2 * NUMBERS + 1, dtype=np.uint64))
    odd, other = turns[:NUMBERS] | np.uint64(1), turns[NUMBERS:]
    least = np.full((count, NUMBERS), np.iinfo(np.uint64).max, np.uint64)
    for low in range(0, len(hashes), _CACHED):
        some, whose = hashes[low : low + _CACHED], owner[low : low + _CACHED]
        starts = np.flatnonzero(np.append(True, whose[1:] != whose[:-1]))
        found = np.empty((NUMBERS, len(starts)), np.uint64)
        turned = np.empty_like(some)
        for at in range(NUMBERS):
            np.bitwise_xor(some, other[at], out=turned)
            turned *= odd[at]
            np.minimum.reduceat(turned, starts, out=found[at])
        least[whose[starts]] = np.minimum(least[whose[starts]], found.T)
    return (least >> np.uint64(32)).astype(np.uint32)


def find_copies(folder: Path, *, rows: list[int], how: How) -> Outcome:
    """Find the documents that go; write for each piece which these are."""
    with connect(folder, MEMORY) as con:
        parts = f"read_parquet('{_quoted(folder / PARTS)}/*.parquet')"
        gone = _by_runs(con, parts) if how == "exact" else _by_bands(con, parts, folder)
    gone.sort()
    names = []
    (folder / DROPPED).mkdir(parents=True, exist_ok=True)
    bounds = np.searchsorted(gone, np.arange(len(rows) + 1, dtype=np.uint64) << np.uint64(32))
    for piece, (low, high) in enumerate(pairwise(bounds.tolist())):
        marks = np.zeros(rows[piece], np.bool_)
        marks[(gone[low:high] & np.uint64(0xFFFFFFFF)).astype(np.int64)] = True
        names.append(f"{DROPPED}/{piece:06}.npy")
        np.save(folder / names[-1], marks, allow_pickle=False)
    return Outcome(files=names, facts={"dropped": len(gone)})


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _by_runs(con: Any, parts: str) -> U64:
    """Return the documents whose runs, most of them, stand in earlier ones."""
    con.execute(
        f"CREATE TABLE firsts AS SELECT part, min(doc) AS first FROM {parts} GROUP BY part "
        f"HAVING min(doc) < max(doc)"
    )
    found = con.execute(
        f"WITH seen AS (SELECT doc, count(*) AS n FROM {parts} JOIN firsts USING (part) WHERE first < doc "
        f"GROUP BY doc), every AS (SELECT doc, count(*) AS n FROM {parts} GROUP BY doc) "
        f"SELECT doc FROM seen JOIN every USING (doc) WHERE seen.n >= {SHARE} * every.n"
    )
    return np.array(found.fetchnumpy()["doc"], np.uint64)


def _by_bands(con: Any, parts: str, folder: Path) -> U64:
    """Return the documents that hang together with an earlier one."""
    signs = f"read_parquet('{_quoted(folder / SIGNS)}/*.parquet')"
    con.execute(
        f"CREATE TABLE pairs AS WITH firsts AS (SELECT part, min(doc) AS one FROM {parts} GROUP BY part "
        f"HAVING min(doc) < max(doc)) SELECT DISTINCT one, doc AS two FROM {parts} JOIN firsts USING (part) "
        f"WHERE one < doc"
    )
    found = con.sql(
        f"SELECT one, two, x.sign AS a, y.sign AS b FROM pairs JOIN {signs} x ON x.doc = one "
        f"JOIN {signs} y ON y.doc = two"
    )
    alike = [np.zeros((0, 2), np.uint64)]
    for batch in found.to_arrow_reader(1 << 14):
        a, b = (
            np.frombuffer(b"".join(batch[name].to_pylist()), np.uint32).reshape(-1, NUMBERS) for name in "ab"
        )
        pairs = np.stack([batch["one"].to_numpy(), batch["two"].to_numpy()], axis=1)
        alike.append(pairs[(a == b).mean(axis=1) >= SHARE])
    return together(np.concatenate(alike))


def together(pairs: U64) -> U64:
    """Return all but the first of each group that hangs together by pairs [P, 2]."""
    names, flat = np.unique(pairs, return_inverse=True)
    one, two = flat.reshape(-1, 2).T
    first = np.arange(len(names))  # of the group, as far as is known
    while True:
        before = first.copy()
        least = np.minimum(first[one], first[two])
        np.minimum.at(first, one, least)
        np.minimum.at(first, two, least)
        first = first[first]
        if (first == before).all():
            return names[first < np.arange(len(names))]
