"""The nearest neighbours of an entity or a word: by cosine, over the whole table, block by block."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from kbtools.errors import ConfigError, KbError
from kbtools.kb import resolving
from kbtools.kb.asking import answer
from kbtools.kb.bases import bases_of
from kbtools.kb.ids import Ids
from kbtools.kb.quoting import quote
from kbtools.kb.reader import Base
from kbtools.kb.schema import TOMBSTONE
from kbtools.vectors.formats.base import F32, I64
from kbtools.vectors.mapping import Array
from kbtools.vectors.reader import Vectors
from kbtools.vectors.words import ANY, TABLE

SMALL = 1e-15  # lengths whose squares lose digits
LIKE = 0.75  # how similar a name must be to be offered
BEST = f"WHERE score >= {LIKE} ORDER BY score DESC, name LIMIT 3"
NAMED = ("entities", "labels", "surfaces")  # tables in which a name is looked for, in this order


class Neighbour(msgspec.Struct, frozen=True, kw_only=True):
    """An entity or a word, and how similar it is."""

    id: str
    label: str | None = None
    eid: int | None = None
    similarity: float


class Near(msgspec.Struct, frozen=True, kw_only=True):
    """What is near to what was asked for; `others` have the same name."""

    path: str
    asked: str
    kind: str  # "entity" or "word"
    id: str
    label: str | None
    length: float
    others: list[str]
    entities: list[Neighbour]
    words: list[Neighbour]


class _Found(NamedTuple):
    kind: str
    vector: F32
    id: str
    label: str | None
    row: int
    others: list[str]


def near(path: Path | str, asked: str, *, kbs: Sequence[Path | str] = (), rows: int = 10) -> Near:
    """Find the entities and the words nearest to one: `asked` is an id, a label or a word.

    Ids and labels are those of `kbs`, or of where these were when the vectors were made.
    """
    try:
        asked.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(f"{asked!r} is no text in UTF-8, as ids and words are") from error
    vectors = Vectors(path)
    base = _base(vectors, kbs)
    found = (_entity(vectors, base, asked) if base else None) or _word(vectors, asked)
    if found is None:
        raise ConfigError(_unknown(vectors, base, asked))
    if not found.vector.any():
        raise ConfigError(f"{path}: the vector of {asked!r} is zero: nothing is near to it")
    mine, others = (found.row, -1) if found.kind == "entity" else (-1, found.row)
    entities = _nearest(vectors.blocks(), found.vector, rows, mine)
    words = _nearest(vectors.words.blocks() if vectors.words else (), found.vector, rows, others)
    return Near(
        path=str(path),
        asked=asked,
        kind=found.kind,
        id=found.id,
        label=found.label,
        length=_rounded(float(_lengths(found.vector[None])[0])),
        others=found.others,
        entities=_of_entities(vectors, base, entities),
        words=[Neighbour(id=vectors.words.texts[row].as_py(), similarity=value) for row, value in words]
        if vectors.words
        else [],
    )


def _base(vectors: Vectors, kbs: Sequence[Path | str]) -> Base | None:
    """Open the knowledge base; vectors with words can do without."""
    if not vectors.manifest.kbs and not kbs:
        return None
    try:
        return next(iter(bases_of(vectors.manifest, kbs).values()))
    except KbError:
        if kbs or vectors.words is None:
            raise
        return None


def _entity(vectors: Vectors, base: Base, asked: str) -> _Found | None:
    """Find an entity by id, else by name: of several of one name the best known that has a vector."""
    eids = vectors.eids()
    by_id = resolving.own(base, [asked])
    candidates = [int(eid) for eid in by_id if eid >= 0] or _called(base, asked)
    if not candidates:
        return None
    rows = [_row(eids, eid) for eid in candidates]
    names = Ids(base.kb)
    ids = names.take(np.array(candidates)).to_pylist()
    known = [at for at, row in enumerate(rows) if row >= 0]
    if not known and (vectors.words is None or vectors.words.rows([asked], ANY)[0] < 0):
        raise ConfigError(f"{vectors.path}: {asked!r} ({ids[0]}) has no vector here")
    if not known:
        return None
    at = known[0]
    label = names.take(np.array([candidates[at]]), "label")[0].as_py()
    vector = np.asarray(vectors.array[rows[at]], np.float32)
    others = [ids[other] for other in known[1:]]
    return _Found("entity", vector, ids[at], label, rows[at], others)


def _row(eids: I64, eid: int) -> int:
    found = np.flatnonzero(eids == eid)
    return int(found[0]) if len(found) else -1


def _called(base: Base, asked: str) -> list[int]:
    """Return the entities of a name, the best known first; exact spellings before others."""
    columns = {"entities": "label", "labels": "text", "surfaces": "text"}
    parts = [
        f"SELECT eid, {column} AS name FROM {table} WHERE lower({column}) = lower({quote(asked)})"
        for table, column in columns.items()
        if table in base.tables
    ]
    sql = (
        f"SELECT eid FROM ({' UNION ALL '.join(parts)}) JOIN entities USING (eid)"
        f" WHERE flags & {TOMBSTONE} = 0 GROUP BY eid ORDER BY max(name = {quote(asked)}) DESC,"
        " max(sitelinks) DESC, max(in_degree + out_degree) DESC, eid LIMIT 20"
    )
    found = answer(base.kb.path, sql, parts=base.parts, only={*NAMED})
    return [int(eid) for eid in found["eid"].to_pylist()]


def _word(vectors: Vectors, asked: str) -> _Found | None:
    words = vectors.words
    if words is None:
        return None
    row = int(words.rows([asked], ANY)[0])
    if row >= 0:
        vector = np.asarray(words.array[row], np.float32)
        return _Found("word", vector, words.texts[row].as_py(), None, row, [])
    looked = words.phrases([asked], forms=ANY)
    return _Found("word", looked.array[0], asked, None, -1, []) if looked.found[0] else None


def _nearest(blocks: Iterable[Array], vector: F32, rows: int, leave_out: int) -> list[tuple[int, float]]:
    """Return the rows with the largest cosine, and that; of equals the first row."""
    unit = (vector / np.linalg.norm(vector.astype(np.float64))).astype(np.float32)
    best_row, best = np.zeros(0, np.int64), np.zeros(0, np.float32)
    at = 0
    for block in blocks:
        numbers = block.astype(np.float32)
        lengths = _lengths(numbers)
        similar = numbers @ unit / np.where(lengths == 0, 1, lengths)
        if at <= leave_out < at + len(block):
            similar[leave_out - at] = -np.inf
        best_row = np.concatenate([best_row, np.arange(at, at + len(block))])
        best = np.concatenate([best, similar])
        order = np.lexsort((best_row, -best))[:rows] if len(best) <= 4 * rows else _top(best, best_row, rows)
        best_row, best = best_row[order], best[order]
        at += len(block)
    kept = np.isfinite(best)
    return [(int(row), _rounded(float(one))) for row, one in zip(best_row[kept], best[kept], strict=True)]


def _lengths(numbers: F32) -> F32:
    """Return the lengths of rows, also of those whose squares are no numbers of 32 bits."""
    with np.errstate(over="ignore"):
        lengths: F32 = np.sqrt(np.einsum("nd,nd->n", numbers, numbers))
    odd = np.flatnonzero((lengths < SMALL) | np.isinf(lengths))
    lengths[odd] = np.linalg.norm(numbers[odd].astype(np.float64), axis=1)
    return lengths


def _top(values: F32, rows: I64, number: int) -> I64:
    """Return the places of the largest values, in order; of equals the first rows."""
    if not number:
        return np.zeros(0, np.int64)
    least = np.partition(values, len(values) - number)[len(values) - number]
    some = np.flatnonzero(values >= least)
    return some[np.lexsort((rows[some], -values[some]))][:number]


def _of_entities(vectors: Vectors, base: Base | None, found: list[tuple[int, float]]) -> list[Neighbour]:
    eids = vectors.eids()[[row for row, _ in found]]
    if base is None:
        ids, labels = [f"eid {eid}" for eid in eids], [None] * len(eids)
    else:
        names = Ids(base.kb)
        ids, labels = names.take(eids).to_pylist(), names.take(eids, "label").to_pylist()
    return [
        Neighbour(id=id_ or f"eid {eid}", label=label, eid=int(eid), similarity=value)
        for eid, id_, label, (_, value) in zip(eids, ids, labels, found, strict=True)
    ]


def _unknown(vectors: Vectors, base: Base | None, asked: str) -> str:
    """Say that something is unknown, and what is spelt like it."""
    like: list[str] = []
    if base is not None:
        names = f"SELECT label || ' (' || id || ')' AS name, {_score('label', asked)} AS score FROM living"
        names += f" UNION ALL SELECT id, {_score('id', asked)} FROM living"
        living = f"WITH living AS (SELECT id, label FROM entities WHERE flags & {TOMBSTONE} = 0)"
        sql = f"{living} SELECT name FROM ({names}) {BEST}"
        like += answer(base.kb.path, sql, parts=base.parts, only={"entities"})["name"].to_pylist()
    if vectors.words is not None:
        sql = f"SELECT name FROM (SELECT word AS name, {_score('word', asked)} AS score FROM asked) {BEST}"
        like += answer(vectors.path, sql, {"word": vectors.words.texts})["name"].to_pylist()
    where = " or ".join(
        [
            *(["entity of " + str(base.kb.path)] if base else []),
            *(["word"] if TABLE in vectors.tables else []),
        ]
    )
    hint = f"; did you mean {', '.join(map(repr, like[:3]))}?" if like else ""
    return f"{vectors.path}: no {where or 'name'} is called {asked!r}{hint}"


def _score(column: str, asked: str) -> str:
    """Say in SQL how much a name is spelt like what was asked for."""
    return f"jaro_winkler_similarity(lower({column}), lower({quote(asked)}))"


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
