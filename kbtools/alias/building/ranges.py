"""One range of norms: its names are counted, weighed, written, and prepared for the look-up."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools import config, plugins
from kbtools.alias import hashing, normal
from kbtools.alias.building import entries as looked_up
from kbtools.alias.building import forms, tables, weighing
from kbtools.alias.building.candidates import Candidates, estimated, given
from kbtools.alias.building.entities import popularity_file
from kbtools.alias.building.names import STAGED, read_range
from kbtools.alias.building.weighing import Counts, Estimate
from kbtools.alias.scanning.boundaries import prefixes
from kbtools.alias.schema import SOURCES
from kbtools.artefact import Outcome
from kbtools.kb.database import connect, feed
from kbtools.kb.quoting import quote, read_parquet

ANCHOR = SOURCES.index("anchor")
LARGEST = (1 << 64) - 1
BLOCK = 1 << 14  # norms
FORMS = pa.schema(
    [("norm", pa.string()), ("surface", pa.string()), ("linked", pa.uint64()), ("number", pa.int64())]
)


class Names(msgspec.Struct, frozen=True):
    """Where names come from: staged files, and the `counts` of an earlier table."""

    staged: list[str]  # below the staging folder
    counts: list[str] = []  # files of an earlier artefact
    places: list[
        tuple[int, int]
    ] = []  # of knowledge bases: there and here; of others its counts are not taken


class How(msgspec.Struct, frozen=True):
    """What the estimate depends on; plain values, to travel in a task."""

    weights: list[float]
    alpha: float
    kappa: float
    most: int
    min_count: int
    kbs: int
    counting: bool  # text is counted, so that every surface needs an entry
    compat: str | None
    compat_settings: dict[str, Any]


class Range(NamedTuple):
    """The norms from `low` to below `high`."""

    number: int
    low: str | None
    high: str | None


def weigh(
    folder: Path,
    *,
    part: str,
    number: int,
    low: str | None,
    high: str | None,
    names: dict[str, Any],
    how: dict[str, Any],
    memory: int,
) -> Outcome:
    """Count and weigh the names of one range; write its tables, and its piece of the look-up at `part`."""
    told = msgspec.convert(how, How)
    mine = Range(number, low, high)
    table = _count(folder, msgspec.convert(names, Names), mine, memory)
    files = [tables.write(folder, "counts", number, _told(table))]
    counts = weighing.arrays(table)
    spelt = normal.rungs(counts.surfaces)
    found = _candidates(folder, table, counts, spelt, told)
    files.append(tables.write(folder, "candidates", number, found.table(counts.norms)))
    listed = looked_up.entries(counts, found, spelt, counting=told.counting)
    seen = _forms(counts)
    if told.counting:
        files.append(f"{part}.forms")
        entry = _entries_of(listed, seen)
        _write_ipc(folder / files[-1], seen.append_column("entry", entry))
    else:
        unknown = [pa.nulls(seen.num_rows, kind) for kind in (pa.uint64(), pa.float32())]
        rows = seen.append_column("unlinked", unknown[0]).append_column("link_prob", unknown[1])
        files.append(tables.write(folder, "forms", number, rows.drop_columns("number")))
    files.append(part)
    _write_piece(folder / part, counts, found, listed)
    facts = {
        "counts": len(counts.n),
        "candidates": len(found.norm),
        "forms": seen.num_rows,
        "norms": len(counts.norms),
        "entries": len(listed.norm),
    }
    return Outcome(files=files, facts=facts)


def _count(folder: Path, names: Names, mine: Range, memory: int) -> pa.Table:
    """Add up the rows that speak of one surface, entity and source; staged names and earlier counts alike."""
    staged = read_range([folder / file for file in names.staged], mine.number)
    with connect(folder, memory) as con, feed(STAGED, staged) as batches:
        con.register("staged", batches)
        rows = "FROM staged"
        if names.counts:
            codes = pa.table({"code": pa.array(range(len(SOURCES)), pa.uint8()), "source": SOURCES})
            con.register("codes", codes)
            con.register("places", pa.table(list(zip(*names.places, strict=True)), names=["kb", "place"]))
            rows = f"({rows} UNION ALL BY NAME {_earlier(names.counts, mine)})"
        return con.sql(
            f"SELECT norm, surface, kb, eid, source, least(sum(n), {LARGEST})::UBIGINT AS n FROM ({rows})"
            " GROUP BY ALL ORDER BY norm, surface, kb, eid, source"
        ).to_arrow_table()


def _earlier(files: list[str], mine: Range) -> str:
    """Select what an earlier table counted in a range of norms."""
    inside = [f"norm >= {quote(mine.low)}"] if mine.low is not None else []
    inside += [f"norm < {quote(mine.high)}"] if mine.high is not None else []
    return (
        "SELECT norm, surface, place::UTINYINT AS kb, eid, code AS source, n"
        f" FROM (SELECT * REPLACE (source::VARCHAR AS source) FROM {read_parquet(list(map(Path, files)))})"
        f" JOIN codes USING (source) JOIN places USING (kb) WHERE {' AND '.join(inside) or 'true'}"
    )


def _told(table: pa.Table) -> pa.Table:
    """Return the counts with their sources as words, in the order of the table's columns."""
    words = pa.array(SOURCES).take(table["source"].combine_chunks())
    columns = {
        **{name: table[name] for name in ("surface", "norm", "kb", "eid")},
        "source": words,
        "n": table["n"],
    }
    return pa.table(columns)


def _candidates(folder: Path, table: pa.Table, counts: Counts, spelt: normal.Rungs, how: How) -> Candidates:
    if how.compat:
        system = plugins.load("kbtools.alias.compat", how.compat)
        settings = config.build(system.Settings, how.compat_settings, where=how.compat)
        return given(counts, system.weigh(_told(table), settings=settings))
    popularity = [np.load(popularity_file(folder, kb), mmap_mode="r") for kb in range(how.kbs)]
    estimate = Estimate(how.weights, how.alpha, how.kappa, how.most, how.min_count, popularity)
    weighed = weighing.weigh(counts, estimate)
    return estimated(weighed.pairs, forms.estimate(counts, weighed, spelt, how.kappa))


def _forms(counts: Counts) -> pa.Table:
    """List norms as a whole (first) and their surfaces, with the links to them."""
    anchors = np.where(counts.source == ANCHOR, counts.n, 0)
    by_surface = _sums(counts.surface, anchors, len(counts.surfaces))
    by_norm = _sums(counts.norm_of, by_surface, len(counts.norms))
    norm = np.concatenate([np.arange(len(counts.norms)), counts.norm_of])
    surface = np.concatenate([np.full(len(counts.norms), -1), np.arange(len(counts.surfaces))])
    order = np.argsort(norm, kind="stable")  # surfaces are in alphabetical order already
    norm, surface = norm[order], surface[order]
    linked = np.where(surface < 0, by_norm[norm], by_surface[surface])
    text = counts.surfaces.take(pa.array(surface, mask=surface < 0))
    return pa.table([counts.norms.take(pa.array(norm)), text, linked, norm], schema=FORMS)


def _entries_of(listed: looked_up.Entries, seen: pa.Table) -> pa.Array:
    """Find the entry of each form: text is counted, so all have one."""
    count = len(listed.norm)
    text = pa.concat_arrays([listed.text, seen["surface"].combine_chunks()])
    rank = np.where(text.is_null().to_numpy(zero_copy_only=False), -1, forms.alphabetical(text.fill_null("")))
    key = np.concatenate([listed.norm, seen["number"].to_numpy()]) * (len(text) + 1) + rank + 1
    return pa.array(np.searchsorted(key[:count], key[count:]), pa.uint32())


def _sums(group: NDArray[np.int64], values: NDArray[np.uint64], groups: int) -> NDArray[np.uint64]:
    """Add up by sorted group; what exceeds 64 bits stays at the largest number there is."""
    found = np.zeros(groups, np.uint64)
    if len(group):
        first = np.flatnonzero(weighing.new(group))
        found[group[first]] = np.add.reduceat(values.astype(np.uint64), first)
    return found


def _write_piece(path: Path, counts: Counts, found: Candidates, listed: looked_up.Entries) -> None:
    """Write the arrays of this range; numbers of entries and candidates are its own."""
    data, sizes = _utf8(counts.norms)
    arrays: dict[str, NDArray[Any]] = {
        "norms": data,
        "sizes": sizes,
        "hashes": hashing.of_strings(counts.norms),
        "prefixes": _prefixes(counts.norms),
        "entries": np.bincount(listed.norm, minlength=len(counts.norms)).astype(np.uint32),
        "form_tags": listed.tag,
        "firsts": listed.first.astype(np.uint64),
        "lengths": listed.length.astype(np.uint16),
        "eids": found.eid,
        "priors": found.prior,
        "kbs": found.kb,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _prefixes(norms: pa.StringArray) -> NDArray[np.uint64]:
    """Hash the beginnings of long norms, a block at a time: what stays in the cache."""
    blocks = [prefixes(norms[low : low + BLOCK]) for low in range(0, len(norms), BLOCK)]
    return np.concatenate(blocks) if blocks else np.zeros(0, np.uint64)


def _utf8(strings: pa.StringArray) -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
    data, offsets = hashing.buffers(strings)
    return data, np.diff(offsets).astype(np.uint32)


def _write_ipc(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as out:
        out.write_table(table)
