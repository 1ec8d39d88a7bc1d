"""Parts of names: who is called by the first or last words of a longer name.

    names ──first and last words, hashed──▶ (hash, entity) ──by hash──▶ the best known entities of each part

"Kissinger" is in no table of names, but the end of one; so it is with "Dolphins" and "Angelina". How likely a
part means an entity is the entity's share of how well all entities are known that have it: links, facts,
pages in other languages, and one for being there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kbtools.alias import hashing, normal
from kbtools.arrays import ranges
from kbtools.artefact import Outcome
from kbtools.kb.arrays import create_npy
from kbtools.kb.schema import STR
from kbtools.linkers import endings
from kbtools.linkers.base import Longs
from kbtools.linkers.index.profile.csr import offsets_of
from kbtools.linkers.index.profile.layout import BATCH, Range, base_of, fetched, load, save, tables
from kbtools.text.stop_words import stop_words

NAMING = ("label", "alias", "title", "name", "user")
MOST_WORDS, MOST_PARTS = 8, 3  # of a name, of a part
HELD = 1 << 22  # parts that are worked on at once
LEAST = 2  # characters of a part
WHOLE = 255  # `covered` of a part that is all of the name
DOTS = "·•・‧"  # 唐纳德·特朗普
BRACKETS = r"\s*[(（][^()（）]*[)）]\s*$"  # Paris (mythology)
Found = tuple[Longs, NDArray[np.uint64], NDArray[np.uint8]]  # names, hashes, how much is covered


def parts_of(names: pa.StringArray) -> Found:
    """Return the hashes of parts of names, and how much of its name each is.

    >>> name, key, covered = parts_of(pa.array(["Henry Alfred Kissinger", "Paris"]))
    >>> wanted = hashing.of_strings(pa.array(["kissinger", "henry alfred", "alfred"]))
    >>> np.isin(wanted, key).tolist(), name.tolist()
    ([True, True, False], [0, 0, 0, 0])
    """
    names = pc.replace_substring_regex(names.cast(STR), BRACKETS, "")
    dotted = pc.match_substring_regex(names, f"[{DOTS}]").to_numpy(zero_copy_only=False)
    found = [_spaced(normal.spell(names).norm), _dotted(names, np.flatnonzero(dotted))]
    name, key, covered = (np.concatenate(column) for column in zip(*found, strict=True))
    return name, key, covered


def _spaced(norms: pa.StringArray) -> Found:
    """Take names apart at their spaces."""
    codes = hashing.codes_of("".join(norms.to_pylist()))
    ends = np.cumsum(pc.utf8_length(norms).to_numpy().astype(np.int64))
    spaces = np.flatnonzero(codes == ord(" "))
    name = np.searchsorted(ends, spaces, "right")
    words = np.bincount(name, minlength=len(norms)) + 1
    first = np.cumsum(words) - words  # the first word of each name
    order = np.argsort(np.concatenate([ends - np.diff(ends, prepend=0), spaces + 1]), kind="stable")
    begin = np.concatenate([ends - np.diff(ends, prepend=0), spaces + 1])[order]
    end = np.sort(np.concatenate([ends, spaces]))
    sums = hashing.prefix(codes)
    word = hashing.spans(sums, begin, end)
    core = _core(np.isin(word, endings.hashes()), first, words)
    good = (end - begin >= LEAST) & ~np.isin(word, _stops())
    owner, low, high = _spans(first, words, core, good)
    key = hashing.spans(sums, begin[low], end[high])
    length = (end[first + words - 1] - begin[first])[owner]
    covered = (end[high] - begin[low]) * WHOLE // np.maximum(length, 1)
    return owner, key, covered.astype(np.uint8)


def _core(ending: NDArray[np.bool_], first: Longs, words: Longs) -> Longs:
    """Count the words of each name without endings; one at least."""
    core = words.copy()
    for _ in range(2):
        off = (core > 1) & ending[first + core - 1]
        core[off] -= 1
    return core


def _spans(first: Longs, words: Longs, core: Longs, good: NDArray[np.bool_]) -> tuple[Longs, Longs, Longs]:
    """Return names and the words from and to of their parts."""
    found: list[tuple[Longs, Longs, Longs]] = []
    some = words <= MOST_WORDS
    for count in range(1, MOST_PARTS + 1):
        long = np.flatnonzero(some & (core > count))
        found.append((long, first[long], first[long] + count - 1))
        found.append((long, first[long] + core[long] - count, first[long] + core[long] - 1))
    cut = np.flatnonzero(some & (core < words))
    found.append((cut, first[cut], first[cut] + core[cut] - 1))
    name, low, high = (np.concatenate(column) for column in zip(*found, strict=True))
    kept = good[low] & good[high]
    return name[kept], low[kept], high[kept]


def _dotted(names: pa.StringArray, rows: Longs) -> Found:
    """Take names apart at dots between their words, as in Chinese."""
    told = []
    for row, name in zip(rows.tolist(), names.take(pa.array(rows)).to_pylist(), strict=True):
        words = [word for word in re.split(f"[{DOTS}]", name) if len(word) >= LEAST]
        told += [
            (row, word, len(word) * WHOLE // len(name)) for word in dict.fromkeys(words[:1] + words[-1:])
        ]
    norms = normal.spell(normal.words([word for _, word, _ in told])).norm
    owner, covered = (np.array([one[at] for one in told], np.int64) for at in (0, 2))
    return owner, hashing.of_strings(norms), covered.astype(np.uint8)


def _stops() -> NDArray[np.uint64]:
    return hashing.of_strings(pa.array(stop_words(), STR))


def read(folder: Path, *, file: str, group: int, first: int, stem: str) -> Outcome:
    """Write the parts of the names in a row group, by hash; `first` is the row of eid 0."""
    found: list[Found] = []
    with pq.ParquetFile(file) as table:
        for batch in table.iter_batches(BATCH, row_groups=[group], columns=["eid", "text", "source"]):
            some = batch.filter(pc.is_in(batch["source"].cast(STR), pa.array(NAMING, STR)))
            name, key, covered = parts_of(some["text"])
            found.append((some["eid"].to_numpy().astype(np.int64)[name] + first, key, covered))
    rows, keys, covered = _together(found)
    return Outcome(files=_saved(folder, stem, *_once(rows, keys, covered)))


def _together(found: Sequence[Found]) -> Found:
    none: Found = (np.zeros(0, np.int64), np.zeros(0, np.uint64), np.zeros(0, np.uint8))
    rows, keys, covered = (np.concatenate(column) for column in zip(none, *found, strict=True))
    return rows, keys, covered


def _once(rows: Longs, keys: NDArray[np.uint64], covered: NDArray[np.uint8]) -> Found:
    """Keep each pair once, with the name of which the part is most; in order of hash and row."""
    order = np.lexsort((-covered.astype(np.int16), rows, keys))
    rows, keys, covered = rows[order], keys[order], covered[order]
    new = np.ones(len(rows), np.bool_)
    new[1:] = (rows[1:] != rows[:-1]) | (keys[1:] != keys[:-1])
    return rows[new], keys[new], covered[new]


def _saved(
    folder: Path, stem: str, rows: Longs, keys: NDArray[np.uint64], covered: NDArray[np.uint8]
) -> list[str]:
    return save(folder, stem, rows=rows.astype(np.uint32), keys=keys, covered=covered)


def known(folder: Path, *, paths: list[str], mine: dict[str, Any], memory: int) -> Outcome:
    """Write how well the entities of a range are known."""
    some = msgspec.convert(mine, Range)
    with tables(folder, base_of(paths, some.kb).parts, ["entities"], memory) as con:
        sql = "SELECT eid, coalesce(sitelinks, 0)::DOUBLE + coalesce(freq, 0) AS n FROM entities"
        found = fetched(con, f"{sql} WHERE eid >= {some.low} AND eid < {some.high}")
    counts = 1 + load(folder, f"work/neighbours/{some.stem}", "degrees").astype(np.float64)
    np.add.at(counts, found["eid"].astype(np.int64) - some.low, found["n"])
    return Outcome(files=save(folder, f"work/known/{some.stem}", counts=counts.astype(np.float32)))


def choose(folder: Path, *, stems: list[str], ranges_: list[str], firsts: list[int], most: int) -> Outcome:
    """Write for each part the entities best known in each knowledge base; hash range by hash range."""
    counts = np.concatenate([load(folder, f"work/known/{one}", "counts") for one in ranges_])
    lists = [load(folder, one, "keys") for one in stems]
    slices = max(1, -(-sum(map(len, lists)) // HELD))
    bounds = np.array([((1 << 64) // slices) * number for number in range(1, slices)], np.uint64)
    cuts = [[0, *np.searchsorted(one, bounds).tolist(), len(one)] for one in lists]
    heads = [(np.zeros(0, np.uint64), np.zeros(0, np.int64))]
    files: list[str] = []
    for number in range(slices):
        pieces = [
            _piece(folder, one, slice(*cut[number : number + 2]))
            for one, cut in zip(stems, cuts, strict=True)
        ]
        rows, keys, covered = _once(*_together(pieces))
        key, lengths, at, prior = _best(rows, keys, counts, np.searchsorted(firsts, rows, "right"), most)
        heads.append((key, lengths))
        values: dict[str, NDArray[Any]] = {"values": rows[at].astype(np.uint32)}
        values |= {"priors": prior, "covered": covered[at]}
        files += save(folder, f"work/chosen/{number:06}", **values)
    key, lengths = (np.concatenate(column) for column in zip(*heads, strict=True))
    made = save(folder, "new/parts", keys=key, offsets=offsets_of(lengths))
    for name, kind in (("values", "<u4"), ("priors", "<f4"), ("covered", "|u1")):
        made.append(_joined(folder, name, kind, slices, int(lengths.sum())))
    return Outcome(files=[*files, *made])


def _piece(folder: Path, stem: str, some: slice) -> Found:
    rows, keys, covered = (np.asarray(load(folder, stem, name)[some]) for name in ("rows", "keys", "covered"))
    return rows.astype(np.int64), keys, covered


def _joined(folder: Path, name: str, kind: str, slices: int, size: int) -> str:
    """Put what was chosen in each range together."""
    file = f"new/parts.{name}.npy"
    whole = create_npy(folder / file, np.dtype(kind), size)
    at = 0
    for number in range(slices):
        one = load(folder, f"work/chosen/{number:06}", name)
        whole[at : at + len(one)] = one
        at += len(one)
    return file


def _best(
    rows: Longs, keys: NDArray[np.uint64], counts: NDArray[np.float32], kb: Longs, most: int
) -> tuple[NDArray[np.uint64], Longs, Longs, NDArray[np.float32]]:
    """Return the hashes, how many entities are kept of each, which, and how likely each is meant.

    Those of one knowledge base stand together, and are likely by themselves.
    """
    new = np.ones(len(rows), np.bool_)
    new[1:] = (keys[1:] != keys[:-1]) | (kb[1:] != kb[:-1])  # rows are in order of hash and row, so of kb
    first = np.flatnonzero(new)
    lengths = np.diff(first, append=len(rows))
    owner = np.repeat(np.arange(len(first)), lengths)
    count = counts[rows].astype(np.float64)
    order = np.lexsort((rows, -count, owner))
    sums = np.bincount(owner, count, minlength=len(first))
    kept = np.minimum(lengths, most)
    at = order[ranges(first, kept)]
    key, group = np.unique(keys[first], return_inverse=True)
    each = np.bincount(group, kept, minlength=len(key)).astype(np.int64)
    return key, each, at, (count[at] / sums[owner[at]]).astype(np.float32)
