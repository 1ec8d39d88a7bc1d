"""From a system's own tables to the answers of a look-up: which spelling finds which table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.alias.building.weighing import Floats, Ints, new
from kbtools.alias.compat._names import Bits, Mask, Names, each
from kbtools.alias.compat.base import ANSWERS
from kbtools.kb.schema import STR
from kbtools.text import CASE, normalise_many


class Tables(NamedTuple):
    """A system's candidate lists, laid end to end."""

    table: Ints  # [X] the list's number, ascending
    eid: Ints  # [X]
    n: Floats  # [X]
    prior: Floats  # [X]
    sources: Bits  # [X]

    def where(self, kept: Mask) -> Tables:
        """Return the lists with the candidates marked."""
        return Tables(self.table[kept], self.eid[kept], self.n[kept], self.prior[kept], self.sources[kept])


class Asked(NamedTuple):
    """Spellings that somebody may look up, each in each knowledge base of its norm."""

    norm: Ints  # [Q]
    kb: Ints  # [Q]
    text: pa.StringArray  # [Q] null: any other spelling

    def take(self, rows: Ints) -> Asked:
        """Return some of them."""
        return Asked(self.norm[rows], self.kb[rows], self.text.take(pa.array(rows)))


Resolve = Callable[[Asked], Ints]  # the number of the list that each finds, or −1


class Finder:
    """Numbers by norm, knowledge base and string. A string of another norm is never found."""

    def __init__(self, norm: Ints, kb: Ints, text: pa.StringArray, numbers: Ints | None = None) -> None:
        self._strings = text.unique()
        key = self._key(norm, kb, self._code(text))
        order = np.argsort(key, kind="stable")
        self._keys = key[order]
        self._numbers = order if numbers is None else numbers[order]

    def __call__(self, norm: Ints, kb: Ints, text: pa.StringArray) -> Ints:
        """Return the number of each, −1 if there is none; of several, the first that was given."""
        if not len(self._keys):
            return np.full(len(norm), -1)
        code = self._code(text)
        key = self._key(norm, kb, code)
        at = np.minimum(np.searchsorted(self._keys, key), len(self._keys) - 1)
        found: Ints = np.where((self._keys[at] == key) & (code >= 0), self._numbers[at], -1)
        return found

    def _code(self, text: pa.StringArray) -> Ints:
        codes: Ints = pc.index_in(text, self._strings).fill_null(-1).to_numpy(zero_copy_only=False)
        return codes.astype(np.int64)

    def _key(self, norm: Ints, kb: Ints, code: Ints) -> Ints:
        return (norm * 256 + kb) * (len(self._strings) + 1) + code + 1


def answer(
    names: Names,
    tables: Tables,
    resolve: Resolve,
    *,
    whole: bool = False,
    folded: bool = True,
    capitals: Sequence[Callable[[str], str]] = (),
) -> pa.Table:
    """Write down what each spelling finds.

    `whole`: also the norm as a whole; `folded`: the case-folded strings, which a look-up tries for capitals
    it has not seen; `capitals`: changes of case after which a system does something else than for those.
    """
    surfaces = names.surfaces
    case = pa.array(normalise_many(surfaces.to_pylist(), CASE), STR)
    parts = [(names.norm_of, surfaces)]
    if folded:
        parts.append((names.norm_of, case))
    asked = _asked(names, parts, whole=whole)
    found = resolve(asked)
    if capitals:
        more = _asked(names, [(names.norm_of, each(surfaces, change)) for change in capitals])
        more, theirs = _told_apart(asked, found, more, resolve)
        asked = Asked(
            np.concatenate([asked.norm, more.norm]),
            np.concatenate([asked.kb, more.kb]),
            pa.concat_arrays([asked.text, more.text]),
        )
        found = np.concatenate([found, theirs])
    return _rows(names, tables, asked, found)


def _asked(names: Names, parts: Sequence[tuple[Ints, pa.StringArray]], *, whole: bool = False) -> Asked:
    """List the strings of each norm, each once for each knowledge base that has the norm."""
    norm = np.concatenate([part[0] for part in parts])
    text = pa.concat_arrays([part[1] for part in parts])
    if whole:
        norm = np.concatenate([norm, np.arange(len(names.norms))])
        text = pa.concat_arrays([text, pa.nulls(len(names.norms), STR)])
    code = text.dictionary_encode(null_encoding="encode").indices.to_numpy(zero_copy_only=False)
    order = np.lexsort((code, norm))
    once = order[new(norm[order], code[order])]
    norm, text = norm[once], text.take(pa.array(once))
    pair = np.unique(names.norm_of[names.surface] * 256 + names.kb)
    first = np.searchsorted(pair, norm * 256)
    many = np.searchsorted(pair, (norm + 1) * 256) - first
    row = np.repeat(np.arange(len(norm)), many)
    kb = pair[np.repeat(first - (np.cumsum(many) - many), many) + np.arange(len(row))] % 256
    return Asked(norm[row], kb, text.take(pa.array(row)))


def _told_apart(asked: Asked, found: Ints, more: Asked, resolve: Resolve) -> tuple[Asked, Ints]:
    """Keep of further spellings those that a look-up would otherwise take for another one."""
    known = Finder(asked.norm, asked.kb, asked.text)
    more = more.take(np.flatnonzero(known(*more) < 0))
    theirs = resolve(more)
    case = pa.array(normalise_many(more.text.to_pylist(), CASE), STR)
    at = known(more.norm, more.kb, case)
    other = (at < 0) | (found[at] != theirs)
    code = more.text.dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64)
    spelling = more.norm * (len(code) + 1) + code
    kept = np.flatnonzero(np.isin(spelling, spelling[other]))  # in all knowledge bases, or in none
    return more.take(kept), theirs[kept]


def _rows(names: Names, tables: Tables, asked: Asked, found: Ints) -> pa.Table:
    """Copy the list that each spelling finds."""
    size = np.bincount(tables.table, minlength=int(found.max(initial=-1)) + 1)
    begin = np.cumsum(size) - size
    mine = np.flatnonzero(found >= 0)
    many = size[found[mine]]
    row = np.repeat(mine, many)
    at = np.repeat(begin[found[mine]] - (np.cumsum(many) - many), many) + np.arange(len(row))
    columns = [
        names.norms.take(pa.array(asked.norm[row])), asked.text.take(pa.array(row)),
        pa.array(asked.kb[row].astype(np.uint8)), pa.array(tables.eid[at].astype(np.uint32)),
        pa.array(tables.n[at]), pa.array(tables.prior[at].astype(np.float32)), pa.array(tables.sources[at]),
    ]  # fmt: skip
    return pa.table(columns, schema=ANSWERS)
