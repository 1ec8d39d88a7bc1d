"""Who is called what: rows of names, normalised, filtered, and laid out by ranges of their norm.

A part of a table becomes a staged file: Arrow batches, one for each range. All rows of a norm lie in one
range, so that each range can be counted and weighed by itself, and what comes of it, one range after the
other, is sorted.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kbtools.alias import hashing, normal
from kbtools.alias.building.entities import denied_file
from kbtools.alias.schema import SOURCES
from kbtools.artefact import Outcome
from kbtools.kb.schema import STR, U8, U32, U64

STAGED = pa.schema([("norm", STR), ("surface", STR), ("kb", U8), ("eid", U32), ("source", U8), ("n", U64)])
OF_NAMES = ("label", "alias", "title", "lemma", "term", "name", "user")  # they name; the others point
SNIPPET = 200

Words: TypeAlias = pa.StringArray


class Rules(NamedTuple):
    """Which names are kept; plain values, to travel in a task."""

    langs: Sequence[str]
    min_length: int
    max_length: int
    numbers: str
    stop: Sequence[str]  # norms
    bounds: Sequence[str]  # where ranges of norms end


def stage(folder: Path, *, part: str, file: str, group: int, kb: int, rules: dict[str, Any]) -> Outcome:
    """Stage one row group of a knowledge base's `surfaces`."""
    with pq.ParquetFile(file) as table:
        rows = table.read_row_group(group, columns=["eid", "text", "lang", "source", "count"])
    counts = {"read": rows.num_rows}
    wanted = Rules(**rules)
    if wanted.langs:
        lang = rows["lang"].cast(STR)
        mine = pc.or_kleene(lang.is_null(), pc.is_in(lang, pa.array(wanted.langs, STR)))
        counts["skipped: another language"] = rows.num_rows - pc.sum(mine).as_py()
        rows = rows.filter(mine)
    denied = denied_file(folder, kb)
    if denied.exists():
        kept = ~np.load(denied, mmap_mode="r")[rows["eid"].to_numpy()]
        counts["skipped: of a denied class"] = int(rows.num_rows - kept.sum())
        rows = rows.filter(pa.array(kept))
    place = pc.index_in(rows["source"].cast(STR), pa.array(SOURCES, STR)).combine_chunks()
    n = pc.fill_null(rows["count"], 1).combine_chunks()
    batch = pa.record_batch(
        [rows["text"].combine_chunks(), _all(kb, rows), rows["eid"].combine_chunks(), place.cast(U8), n],
        names=["text", "kb", "eid", "source", "n"],
    )
    outcome = lay(folder, part=part, rows=batch, file=file, rules=wanted, counts=counts)
    counts["read"] -= counts["rejected"]
    return outcome


def _all(value: int, rows: pa.Table) -> pa.UInt8Array:
    return pa.array(np.full(rows.num_rows, value, np.uint8))


def lay(
    folder: Path,
    *,
    part: str,
    rows: pa.RecordBatch,
    file: str,
    rules: Rules,
    counts: dict[str, int],
) -> Outcome:
    """Normalise and filter rows (text, kb, eid, source, n), and write them in the order of the ranges."""
    text, norm = normal.spell(rows["text"])
    keep, rejects = _judged(Spelt(text, norm, rows["source"]), rules, counts, file)
    chosen = pa.array(np.flatnonzero(keep))
    staged = pa.record_batch(
        [norm.take(chosen), text.take(chosen), *(rows[c].take(chosen) for c in STAGED.names[2:])],
        schema=STAGED,
    )
    ranges = range_of(staged["norm"], rules.bounds)
    order = np.argsort(ranges, kind="stable")
    ends = np.searchsorted(ranges[order], np.arange(len(rules.bounds) + 1), side="right")
    staged = staged.take(pa.array(order))
    path = folder / part
    path.parent.mkdir(parents=True, exist_ok=True)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, STAGED) as out:
        for low, high in zip([0, *ends[:-1]], ends, strict=True):
            out.write_batch(staged.slice(low, high - low))
    return Outcome(files=[part], facts={"counts": counts, "rejects": rejects})


class Spelt(NamedTuple):
    """Names in their normal forms, and who says them."""

    text: Words
    norm: Words
    source: pa.Array


def _judged(
    names: Spelt, rules: Rules, counts: dict[str, int], file: str
) -> tuple[NDArray[np.bool_], list[dict[str, Any]]]:
    """Say which rows stay; count what is left out, list what is rejected."""
    text, norm, source = names
    length = pc.utf8_length(text).to_numpy(zero_copy_only=False)
    ill = {
        f"a name of more than {rules.max_length} characters": length > rules.max_length,
        "a name without a visible character": ~_flags(pc.match_substring_regex(norm, r"[^\pC\pZ]")),
        "a name with the character U+0000": _flags(pc.match_substring(text, "\0")),
        "a name of an unknown source": _flags(source.is_null()),
    }
    unwanted = {
        "skipped: too short": length < rules.min_length,
        "skipped: a stop alias": _flags(pc.is_in(norm, pa.array(rules.stop, STR))),
        "skipped: a number": _numbers(norm, source, rules.numbers),
    }
    keep = np.ones(len(text), bool)
    rejects: list[dict[str, Any]] = []
    for reason, bad in ill.items():
        told = text.take(pa.array(np.flatnonzero(bad & keep))).to_pylist()
        row = {"file": file, "line": None, "byte": None, "reason": reason}
        rejects += [{**row, "snippet": name[:SNIPPET]} for name in told]
        keep &= ~bad
    counts["rejected"] = len(rejects)
    for reason, bad in unwanted.items():
        counts[reason] = int((bad & keep).sum())
        keep &= ~bad
    return keep, rejects


def _numbers(norm: Words, source: pa.Array, rule: str) -> NDArray[np.bool_]:
    if rule == "keep":
        return np.zeros(len(norm), bool)
    bare = _flags(pc.match_substring_regex(norm, r"^[\pN\pP\pS ]*\pN[\pN\pP\pS ]*$"))
    if rule == "names":
        named = pa.array([SOURCES.index(word) for word in OF_NAMES], U8)
        bare &= ~_flags(pc.is_in(source, named))
    return bare


def _flags(mask: pa.Array) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = pc.fill_null(mask, False).to_numpy(zero_copy_only=False)
    return found


def range_of(norm: Words, bounds: Sequence[str]) -> NDArray[np.uint16]:
    """Return the number of the range that each norm lies in; range i ends before bounds[i]."""
    if not bounds:
        return np.zeros(len(norm), np.uint16)
    edges = [bound.encode() for bound in bounds]
    keys = np.array([int.from_bytes(edge[:8].ljust(8, b"\0"), "big") for edge in edges], np.uint64)
    mine = first_bytes(norm)
    found = np.searchsorted(keys, mine, side="right").astype(np.uint16)
    tied = np.flatnonzero(found != np.searchsorted(keys, mine, side="left"))
    if len(tied):  # the same first eight bytes as a bound: few, unless all names begin alike
        told = norm.take(pa.array(tied)).cast(pa.binary()).to_pylist()
        found[tied] = [bisect.bisect_right(edges, name) for name in told]
    return found


def first_bytes(norm: Words) -> NDArray[np.uint64]:
    """Return the first eight bytes of each string as one number that sorts as they do."""
    data, offsets = hashing.buffers(norm)
    key = np.zeros(len(norm), np.uint64)
    for place in range(8):
        at = offsets[:-1] + place
        inside = at < offsets[1:]
        key[inside] |= data[at[inside]].astype(np.uint64) << np.uint64(8 * (7 - place))
    return key


def choose_bounds(files: Sequence[Path], rows: int, size: int) -> list[str]:
    """Cut the norms into ranges of about `size` rows, by a sample of the names; the data alone decide."""
    parts = -(-rows // size)
    if parts < 2:
        return []
    step = max(1, rows // (parts * 64))
    sample: list[str] = []
    for file in files:
        with pq.ParquetFile(file) as table:
            for batch in table.iter_batches(batch_size=1 << 18, columns=["text"]):
                sample += batch["text"].take(pa.array(np.arange(0, batch.num_rows, step))).to_pylist()
    norms = sorted(normal.spell(pa.array(sample, STR)).norm.to_pylist(), key=str.encode)
    chosen = {norms[len(norms) * i // parts] for i in range(1, parts)} - {""}
    return sorted(chosen, key=str.encode)


def read_range(files: Sequence[Path], number: int) -> Iterator[pa.RecordBatch]:
    """Read what staged files hold of one range."""
    for file in files:
        with pa.memory_map(str(file)) as source:
            yield pa.ipc.open_file(source).get_batch(number)
