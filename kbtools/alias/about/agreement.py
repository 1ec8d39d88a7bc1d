"""Whether a compiled look-up says what the tables say: its norms, its candidates, where each name leads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.alias.building.weighing import changes
from kbtools.alias.lookup import Alias
from kbtools.alias.schema import LOOKUP
from kbtools.kb.reader import Tables

ROWS = 1 << 16


class Slices(NamedTuple):
    """Names, and the rows of `candidates` that each should lead to."""

    names: list[str]
    first: NDArray[np.int64]
    length: NDArray[np.int64]


def problems(tables: Tables) -> Iterator[str]:
    """Yield every problem of the look-up, in one sentence each."""
    alias = Alias(tables.path)
    try:
        yield from _norms(tables, alias)
        wrong = list(_candidates(tables, alias))
        yield from wrong or _names(tables, alias)
    except (IndexError, ValueError, pa.ArrowException) as error:
        yield f"{LOOKUP}: its arrays do not fit each other: {' '.join(str(error).split())}"


def _norms(tables: Tables, alias: Alias) -> Iterator[str]:
    """Compare the norms with those of `forms`, in order."""
    norms, at = alias.norms, 0
    for batch in tables.scan("forms", ["norm", "surface"], rows=ROWS):
        told = batch["norm"].filter(batch["surface"].is_null()).cast(pa.large_string())
        if not told.equals(norms.slice(at, len(told))):
            yield f"{LOOKUP}: its names are not those of forms, from number {at:,} on"
            return
        at += len(told)
    if at != len(norms):
        yield f"{LOOKUP}: it has {len(norms):,} names, forms {at:,}"


def _candidates(tables: Tables, alias: Alias) -> Iterator[str]:
    """Compare the candidates with those of the table, row by row."""
    if (size := len(alias.arrays["eids"])) != (rows := tables.rows("candidates")):
        yield f"{LOOKUP}: it has {size:,} candidates, the table {rows:,}"
        return
    at = different = 0
    for batch in tables.scan("candidates", ["kb", "eid", "prior"], rows=ROWS):
        rows_here = np.arange(at, at + batch.num_rows)
        same = alias.arrays["eids"][rows_here] == batch["eid"].to_numpy()
        same &= alias.arrays["priors"][rows_here] == batch["prior"].to_numpy()
        same &= alias.kb_of(rows_here) == batch["kb"].to_numpy()
        different += int((~same).sum())
        at += batch.num_rows
    if different:
        yield f"{LOOKUP}: {different:,} of its candidates are not those of the table"


def _names(tables: Tables, alias: Alias) -> Iterator[str]:
    """Look up every norm and every form, and compare where they lead."""
    missing = other = 0
    example = ""
    for slices in _expected(tables):
        found = alias.lookup(slices.names)
        lost = found.norm < 0
        astray = ~lost & ((found.first != slices.first) | (found.length != slices.length))
        missing, other = missing + int(lost.sum()), other + int(astray.sum())
        if not example and (bad := np.flatnonzero(lost | astray)).size:
            example = slices.names[bad[0]]
    if missing:
        yield f"{LOOKUP}: names that are not found: {missing:,}, such as {example!r}"
    if other:
        yield f"{LOOKUP}: names that lead to other candidates: {other:,}, such as {example!r}"


def _expected(tables: Tables) -> Iterator[Slices]:
    """Say for each norm and form where it should lead; a norm that is also a form leads to the form."""
    at = 0
    for rows in _whole(tables.scan("candidates", ["norm", "form"], rows=ROWS)):
        norm, form = rows["norm"], rows["form"].fill_null("")
        new = changes(norm)
        first = np.flatnonzero(new | changes(form))
        length = np.diff(np.append(first, len(norm)))
        number = (np.cumsum(new) - 1)[first]
        norm, form = norm.take(pa.array(first)), form.take(pa.array(first))
        whole = pc.equal(form, "").to_numpy(zero_copy_only=False)
        place = np.full(number[-1] + 1, -1)
        place[number[whole]] = np.flatnonzero(whole)
        spelt = np.flatnonzero(pc.equal(form, norm).to_numpy(zero_copy_only=False))
        spelt = spelt[place[number[spelt]] >= 0]
        names = pc.if_else(pa.array(whole), norm, form).to_pylist()
        first += at
        first[place[number[spelt]]], length[place[number[spelt]]] = first[spelt], length[spelt]
        yield Slices(names, first, length)
        at += rows.num_rows


def _whole(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Cut batches anew, so that none ends within a norm."""
    rest: pa.RecordBatch | None = None
    for batch in batches:
        rows = batch if rest is None else pa.concat_batches([rest, batch])
        if not rows.num_rows:
            continue
        last = int(np.flatnonzero(changes(rows["norm"]))[-1])
        if last:
            yield rows.slice(0, last)
        rest = rows.slice(last)
    if rest is not None and rest.num_rows:
        yield rest
