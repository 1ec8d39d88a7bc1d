"""Whose foreign vectors are: entities of a knowledge base by id or title, or words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.errors import ConfigError, SourceError
from kbtools.kb import resolving, statements
from kbtools.kb.reader import Base
from kbtools.vectors.formats.base import I64, Reading
from kbtools.vectors.spool import Spool

PREFIX = "ENTITY/"  # before titles, in the files of wikipedia2vec (Yamada et al. 2020)
SHOWN = 5
AGAIN = "a second vector of the same"

Mask = NDArray[np.bool_]


class Owners(NamedTuple):
    """The rows that are kept, ascending, and whose they are; what is left out is counted."""

    eids: I64
    rows: I64
    words: pa.Array
    word_rows: I64
    lacking: int = 0  # names the knowledge base lacks
    examples: Sequence[str] = ()
    unasked: int = 0  # titles of entities, where no knowledge base is given


class _Kinds(NamedTuple):
    word: Mask
    title: Mask


def find(spool: Spool, reading: Reading, base: Base | None, site: str) -> Owners:
    """Find out whose rows they are; a second vector of the same one is noted as rejected."""
    titled = reading.names == "auto" and any(
        pc.any(pc.starts_with(table["name"], PREFIX)).as_py() for table in spool.names()
    )
    eids: list[I64] = []
    rows: list[I64] = []
    words: list[pa.ChunkedArray] = []
    word_rows: list[I64] = []
    lacking, unasked, at = 0, 0, 0
    examples: list[str] = []
    for table in spool.names():
        kinds = _kinds(table, reading, titled=titled, entities=base is not None)
        names = table["name"].combine_chunks()
        here = np.arange(at, at + len(table))
        at += len(table)
        words.append(names.filter(pa.array(kinds.word)))
        word_rows.append(here[kinds.word])
        if base is None:
            unasked += int((~kinds.word).sum())
            continue
        others = np.flatnonzero(~kinds.word)
        found = _eids(base, names.take(pa.array(others)), kinds.title[others], site)
        known = found >= 0
        eids.append(found[known])
        rows.append(here[others[known]])
        lacking += int((~known).sum())
        examples += names.take(pa.array(others[~known][: SHOWN - len(examples)])).to_pylist()
    made = Owners(
        np.concatenate([np.zeros(0, np.int64), *eids]),
        np.concatenate([np.zeros(0, np.int64), *rows]),
        pa.concat_arrays([pa.array([], pa.string()), *words]),
        np.concatenate([np.zeros(0, np.int64), *word_rows]),
        lacking,
        examples,
        unasked,
    )
    _refuse_nothing(made, spool, reading, base)
    return _once(made, spool, reading)


def _kinds(table: pa.Table, reading: Reading, *, titled: bool, entities: bool) -> _Kinds:
    word = table["word"].to_numpy().astype(bool)
    prefixed = pc.starts_with(table["name"], PREFIX).to_numpy().astype(bool)
    if reading.names == "words":
        return _Kinds(np.ones(len(word), bool), prefixed)
    if reading.names == "titles":
        return _Kinds(word, np.ones(len(word), bool))
    if reading.names == "auto" and (titled or not entities):
        word |= ~prefixed
    return _Kinds(word, prefixed & (reading.names == "auto"))


def _eids(base: Base, names: pa.Array, title: Mask, site: str) -> I64:
    """Return the eid of each name; −1 if nothing is called so."""
    eids = np.full(len(names), -1, np.int64)
    if title.any():
        at = np.flatnonzero(title)
        said = pc.replace_substring_regex(names.take(pa.array(at)), f"^{PREFIX}", "")
        spaced = pc.replace_substring(said, "_", " ")
        eids[at] = resolving.resolve({0: base}, spaced, [resolving.TITLES] * len(at), site=site).eid
        left = at[eids[at] < 0]
        eids[left] = resolving.own(base, said.filter(pa.array(eids[at] < 0)))
    if not title.all():
        at = np.flatnonzero(~title)
        eids[at] = resolving.own(base, names.take(pa.array(at)))
    return eids


def relations(base: Base, ids: Sequence[str]) -> I64:
    """Return the rid of each id of a relation; −1 if the knowledge base has none such."""
    told = statements.relations(base) if any(part.rows("relations") for part in base.parts) else None
    places: dict[str, int] = {}
    for rid, name in enumerate(told["id"].to_pylist() if told else ()):
        places.setdefault(name, rid)
    return np.array([places.get(name, -1) for name in ids], np.int64)


def _refuse_nothing(made: Owners, spool: Spool, reading: Reading, base: Base | None) -> None:
    """Refuse a file of which nothing could be kept, with the likely reason."""
    if len(made.rows) or len(made.words):
        return
    if not spool.rows:
        first = (
            f": line {reading.rejects[0]['line']}: {reading.rejects[0]['reason']}" if reading.rejects else ""
        )
        raise SourceError(f"not one vector in it{first}", path=reading.path)
    if base is None:
        raise ConfigError(
            f"{reading.path}: its {spool.rows:,} vectors are of entities; say of which knowledge base "
            "with --kb KB"
        )
    cure = "; if they are words, -o names=words" if reading.names in {"auto", "ids"} else ""
    some = ", ".join(map(repr, made.examples))
    raise SourceError(
        f"none of its {spool.rows:,} names is known to {base.kb.path}: {some}{cure}", path=reading.path
    )


def _once(made: Owners, spool: Spool, reading: Reading) -> Owners:
    """Keep the first vector of each entity and word."""
    codes = made.words.dictionary_encode().indices.to_numpy()
    first, first_word = _firsts(made.eids), _firsts(codes)
    again = np.sort(np.concatenate([made.rows[~first], made.word_rows[~first_word]]))
    if not len(again):
        return made
    at = 0
    for table in spool.names():
        mine = again[(again >= at) & (again < at + len(table))] - at
        for row in table.take(pa.array(mine)).to_pylist():
            reading.reject(reading.path, row["line"], AGAIN, row["name"])
        at += len(table)
    return made._replace(
        eids=made.eids[first],
        rows=made.rows[first],
        words=made.words.filter(pa.array(first_word)),
        word_rows=made.word_rows[first_word],
    )


def _firsts(values: NDArray[np.integer]) -> Mask:
    """Tell which values are the first of their kind."""
    found = np.zeros(len(values), bool)
    found[np.unique(values, return_index=True)[1]] = True
    return found
