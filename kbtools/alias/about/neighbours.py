"""The known names most similar to one that is not known.

All names are compared by the pairs of bytes that they share with it, which takes 10 million names in a few
seconds; the best of them, and all short ones if it is short, by how many bytes have to be changed.
"""

from __future__ import annotations

import duckdb
import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.alias.about.referents import Referents
from kbtools.alias.lookup import Alias
from kbtools.kb.schema import STR
from kbtools.kb.views import ask

FEWEST = 2  # bytes that may be changed in any name; in a longer one, half of them
SHORT = 5  # bytes of a name with too few pairs to go by
POOL = 500  # names that are compared closely
NAMES = 1 << 18  # at a time


class Near(msgspec.Struct, frozen=True, kw_only=True):
    """A known name: how many bytes have to be changed to get there, and what it means most likely."""

    surface: str
    norm: str
    edits: int
    kb: str | None
    eid: int | None
    id: str | None
    label: str | None
    prior: float | None


def neighbours(
    con: duckdb.DuckDBPyConnection, alias: Alias, who: Referents, norm: str, most: int
) -> list[Near]:
    """Return the most similar names."""
    room = max(FEWEST, len(norm.encode()) // 2)
    names = [alias.norm(number) for number in _alike(alias, norm.encode(), room).tolist()]
    con.register("pool", pa.table({"norm": pa.array(names, STR)}))
    near = ask(
        con,
        f"SELECT norm, damerau_levenshtein(norm, $1) AS edits FROM pool WHERE edits <= {room}"
        " ORDER BY edits, jaro_winkler_similarity(norm, $1) DESC, norm LIMIT $2",
        [norm, most],
    )
    return [_near(con, alias, who, found, edits) for found, edits in near]


def _near(con: duckdb.DuckDBPyConnection, alias: Alias, who: Referents, norm: str, edits: int) -> Near:
    """Say how a norm is spelt, and what it means."""
    spelt = ask(
        con,
        "SELECT surface FROM forms WHERE norm = ? AND surface IS NOT NULL"
        " ORDER BY linked DESC, surface LIMIT 1",
        [norm],
    )
    best = ask(
        con,
        "SELECT kb, eid, prior FROM candidates WHERE norm = ? AND form IS NULL ORDER BY kb, rank LIMIT 1",
        [norm],
    )
    kb, eid, prior = best[0] if best else (None, None, None)
    entity = None if kb is None or eid is None else who.entities(con, [(kb, eid)]).get((kb, eid))
    return Near(
        surface=spelt[0][0] if spelt else norm,
        norm=norm,
        edits=edits,
        kb=None if kb is None else alias.kbs[kb].name,
        eid=eid,
        id=entity and entity.id,
        label=entity and entity.label,
        prior=prior,
    )


def _alike(alias: Alias, query: bytes, room: int) -> NDArray[np.int64]:
    """Return the numbers of names that may be similar; all that are short, if the query is."""
    data, offsets = alias.arrays["norms"], alias.arrays["offsets"]
    letters = np.frombuffer(query, np.uint8)
    pairs = np.zeros(1 << 16, np.uint8)
    pairs[_pairs(letters)] = 1
    numbers, scores = np.zeros(0, np.int64), np.zeros(0)
    for low in range(0, len(alias), NAMES):
        ends = offsets[low : low + NAMES + 1].astype(np.int64)
        piece = np.asarray(data[ends[0] : ends[-1]])
        ends -= ends[0]
        length = np.diff(ends)
        fits = np.flatnonzero(np.abs(length - len(letters)) <= room)
        if len(letters) > SHORT:
            hits = np.append(pairs[_pairs(piece)], 0)
            hits[ends[1:] - 1] = 0  # a pair of two names' letters
            shared = np.add.reduceat(hits, ends[:-1], dtype=np.int64)[fits]
            shared += piece[ends[fits]] == letters[0]
            shared += piece[ends[fits + 1] - 1] == letters[-1]
            score = shared / (length[fits] + len(letters))
            best = np.argsort(-score, kind="stable")[:POOL]
            fits, scores = fits[best], np.append(scores, score[best])
        numbers = np.append(numbers, fits + low)
    if len(letters) > SHORT:
        numbers = numbers[np.argsort(-scores, kind="stable")[:POOL]]
    return numbers


def _pairs(letters: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Return each byte and the next as one number."""
    wide = letters.astype(np.uint16)
    return (wide[:-1] << np.uint16(8)) | wide[1:]
