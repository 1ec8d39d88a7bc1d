"""What a corpus tells of its links, as numbers: ids become entities of the knowledge bases in use."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.kb.reader import Base
from kbtools.kb.resolving import resolve
from kbtools.kb.schema import STR
from kbtools.linkers.base import KINDS, Given, Longs, Own
from kbtools.linkers.lexicon import POS, UNKNOWN, named


class _Word(msgspec.Struct):
    """What is told of a word."""

    lemma: str | None = None
    pos: str | None = None


PARTS = {  # of speech, as corpora tell them: universal, WordNet's and Penn's
    **dict.fromkeys(("NOUN", "n"), "n"), **dict.fromkeys(("VERB", "v"), "v"),
    **dict.fromkeys(("ADJ", "a", "s"), "a"), **dict.fromkeys(("ADV", "r"), "r"),
}  # fmt: skip
PENN = {"NN": "n", "VB": "v", "JJ": "a", "RB": "r"}  # what tags begin with; proper nouns are nouns
_WORDS = msgspec.json.Decoder(_Word)


def given(
    links: pa.Array, bases: Mapping[int, Base], names: list[str], *, lemmas: bool = False
) -> Given | None:
    """Return the links of documents; None if the corpus tells of none.

    An id counts before an eid, and `kb` of a link may be a name of ours or anything else. `names` are the
    knowledge bases in order; without `bases` ids are not looked up. With `lemmas`, what is told of the words.
    """
    if links.null_count == len(links):
        return None
    values = links.flatten()
    text = pc.list_parent_indices(links).to_numpy().astype(np.int32)
    spaces, ids = values.field("kb"), values.field("id")
    ours = pc.fill_null(pc.index_in(spaces, pa.array(names, STR)), -1).to_numpy().astype(np.int16)
    eid = pc.fill_null(values.field("eid").cast(pa.int64()), -1).to_numpy().copy()
    eid[ours < 0] = -1  # a number of something that is not here
    for place, base in bases.items():
        eid[(ours == place) & (eid >= base.kb.rows("entities"))] = -1  # or that nobody has
    if bases and ids.null_count < len(ids):
        found = resolve(bases, ids, spaces)
        known = found.eid >= 0
        eid[known], ours[known] = found.eid[known], found.kb[known]
    kinds = pc.fill_null(pc.index_in(values.field("kind"), pa.array(KINDS, STR)), KINDS.index("anchor"))
    start, end = (values.field(name).to_numpy().astype(np.int32) for name in ("start", "end"))
    order = _order(text, start, end, eid < 0)
    told = Given(text, start, end, ours, eid, kinds.to_numpy().astype(np.uint8))
    if lemmas:
        lemma, pos = _words(values)
        told = told._replace(lemma=lemma, pos=pos)
    return told.take(order)


def _words(values: pa.StructArray) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
    """Return lemmas, as hashes, 0: not told, and parts of speech."""
    extra, types = values.field("extra").to_pylist(), values.field("type").to_pylist()
    told = [_WORDS.decode(one) if one else _Word() for one in extra]
    lemmas = pa.array([one.lemma or "" for one in told], STR)
    hashes = named(lemmas)
    hashes[pc.equal(lemmas, "").to_numpy(zero_copy_only=False)] = 0
    pos = [part_of(word.pos or type_ or "") for word, type_ in zip(told, types, strict=True)]
    return hashes, np.array(pos, np.uint8)


def part_of(told: str) -> int:
    """Return the place in POS of a part of speech as a corpus tells it; UNKNOWN if it is none of these."""
    part = PARTS.get(told) or PENN.get(told[:2])
    return UNKNOWN if part is None else POS.index(part)


class _Page(msgspec.Struct):
    """What `meta` says of the entity that a document is about."""

    eid: int | None = None
    kb: str | None = None


def own(meta: pa.Array, names: list[str]) -> Own | None:
    """Return what documents are about: `eid` and `kb` of their `meta`; None if none says so.

    Of a single knowledge base `kb` need not be told.
    """
    eid, kb = np.full(len(meta), -1, np.int64), np.full(len(meta), -1, np.int16)
    for row in np.flatnonzero(pc.match_substring(meta, '"eid"').fill_null(False)).tolist():
        try:
            page = msgspec.json.decode(meta[row].as_py(), type=_Page)
        except msgspec.ValidationError:  # of another meaning
            continue
        named = page.kb if page.kb is not None or len(names) > 1 else names[0]
        if page.eid is not None and named in names:
            eid[row], kb[row] = page.eid, names.index(named)
    return Own(kb, eid) if (eid >= 0).any() else None


def _order(text: np.ndarray, start: np.ndarray, end: np.ndarray, unknown: np.ndarray) -> Longs:
    """Put links in order; of those at one place the ones that lead somewhere first: the first may stay."""
    order: Longs = np.lexsort((unknown, -end, start, text))
    return order
