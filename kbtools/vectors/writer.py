"""Write vectors of entities: from an array, or block by block if they are more than memory holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kbtools import artefact
from kbtools.artefact import Input, KbRef, Manifest, Staging, Table, digest
from kbtools.errors import ArtefactError, ConfigError
from kbtools.io import tensors
from kbtools.kb.schema_digest import schema_digest
from kbtools.vectors import words as lexicon
from kbtools.vectors.mapping import AT_ONCE, DTYPES, Array
from kbtools.vectors.reader import FILE, I64, IDS, KIND, NAME, OTHERS, RELATIONS, SCHEMA
from kbtools.vectors.words import Words

GROUP = 1 << 20
MOST = 1 << 32


def write(
    out: Path | str,
    ids: Sequence[int] | I64,
    vectors: Array | Iterable[Array],
    *,
    kb: Path | str | None = None,
    inputs: Sequence[Path | str] = (),
    relations: Mapping[str, Array] | None = None,
    settings: Mapping[str, Any] | None = None,
    counts: Mapping[str, int] | None = None,
    words: Words | None = None,
    overwrite: bool = False,
) -> Manifest:
    """Write `vectors` [rows, dim], whole or in blocks of rows; `ids` tells whose each row is, in any order.

    They are vectors of `kb`, or of the knowledge bases that `inputs` (other artefacts they were made from)
    speak of. `settings` say how they were made: with blocks, those and the ids must tell what comes out.
    Where there are `words`, there may be no entity: `vectors` [0, dim].
    """
    eids = _checked(ids)
    first, blocks = _peek(_blocks(vectors) if isinstance(vectors, np.ndarray) else iter(vectors))
    parents = [Path(one) for one in ([kb] if kb else []) + list(inputs)]
    manifests = [artefact.read(one, "kb" if at == 0 and kb else None) for at, one in enumerate(parents)]
    made_from = [
        Input(path=str(path), kind=one.kind, content=one.content)
        for path, one in zip(parents, manifests, strict=True)
    ]
    told: dict[str, Any] = {**(settings or {}), "rows": len(eids), "dim": first.shape[1]}
    told |= {"dtype": first.dtype.name, **(told_of(words) if words is not None else {})}
    asked = {**told, "ids": digest.of_bytes(eids.tobytes()), "vectors": _digests(vectors)}
    plan = artefact.plan(KIND, asked, [one.content for one in manifests])
    with Staging(Path(out), plan, overwrite=overwrite, restart=True) as staging, staging.worthwhile():
        if staging.whole is not None:
            return staging.whole
        tables = fill(staging.new, eids, blocks, first, relations or {}, words=words)
        told_counts = {"entities": len(eids), **_counted(words), **(counts or {})}
        return staging.commit(
            artefact.begin(
                KIND,
                settings=told,
                inputs=made_from,
                kbs=refs(manifests),
                licences=artefact.unite(licence for one in manifests for licence in one.licences),
                incomplete=any(one.incomplete for one in manifests),
                tables=tables,
                counts=told_counts,
            )
        )


def _digests(vectors: Array | Iterable[Array]) -> list[str]:
    """Return what tells vectors from others; blocks are told by what they were made from."""
    return (
        [digest.of_bytes(one.tobytes()) for one in _blocks(vectors)]
        if isinstance(vectors, np.ndarray)
        else []
    )


def _counted(words: Words | None) -> dict[str, int]:
    return {"words": len(words.texts)} if words is not None else {}


def told_of(words: Words) -> dict[str, Any]:
    """Return what the settings of a folder say of its words."""
    if words.ngrams is None:
        return {"words": len(words.texts)}
    array, min_n, max_n = words.ngrams
    return {
        "words": len(words.texts),
        lexicon.NGRAMS: {"buckets": len(array), "min_n": min_n, "max_n": max_n},
    }


def fill(
    new: Path,
    eids: I64,
    blocks: Iterable[Array],
    like: Array,
    relations: Mapping[str, Array],
    *,
    words: Words | None = None,
) -> dict[str, Table]:
    """Write the files into a folder and describe them: for builds that have a staging of their own.

    `like` is an array of the blocks' type and width. The settings of such a build need `told_of(words)`.
    """
    dim, kind = like.shape[1], like.dtype
    tensors.write(new / FILE, NAME, _finite(blocks, eids), kind, (len(eids), dim))
    order = np.argsort(eids)
    told = pa.table(
        [pa.array(order.astype(np.uint32)), pa.array(eids[order].astype(np.uint32))], schema=SCHEMA
    )
    pq.write_table(told, new / IDS, compression="zstd", compression_level=1, row_group_size=GROUP)
    tables = {
        NAME: _table(new, FILE, len(eids), digest.of_json([kind.name, dim])),
        "ids": _table(new, IDS, len(eids), schema_digest(SCHEMA)),
    }
    if relations:
        if RELATIONS not in relations:
            raise ConfigError(f"what is written of relations has an array {RELATIONS!r}, whose row is rid")
        (new / OTHERS).write_bytes(tensors.encode(relations))
        shapes = [[name, array.dtype.name, *array.shape[1:]] for name, array in sorted(relations.items())]
        tables[RELATIONS] = _table(new, OTHERS, len(relations[RELATIONS]), digest.of_json(shapes))
    return tables | (_fill_words(new, words, dim) if words is not None else {})


def _fill_words(new: Path, words: Words, dim: int) -> dict[str, Table]:
    """Write words, their vectors and those of their n-grams."""
    texts = _distinct(words)
    whole = words.array
    first, blocks = _peek(_blocks(whole) if isinstance(whole, np.ndarray) else iter(whole))
    counts = (
        pa.nulls(len(texts), pa.uint64()) if words.counts is None else pa.array(words.counts, pa.uint64())
    )
    told = pa.table([pa.array(np.arange(len(texts), dtype=np.uint32)), texts, counts], schema=lexicon.SCHEMA)
    pq.write_table(told, new / lexicon.TEXTS, compression="zstd", compression_level=1, row_group_size=GROUP)
    tables = {lexicon.TABLE: _table(new, lexicon.TEXTS, len(texts), schema_digest(lexicon.SCHEMA))}
    arrays = [(lexicon.ARRAYS, lexicon.FILE, lexicon.TABLE, len(texts), first, blocks)]
    if words.ngrams is not None:
        array = words.ngrams.array
        like, pieces = _peek(_blocks(array))
        arrays.append((lexicon.NGRAMS, lexicon.PIECES, lexicon.NGRAMS, len(array), like, pieces))
    for table, file, name, number, like, pieces in arrays:
        if like.shape[1] != dim:
            raise ConfigError(
                f"{name} of {like.shape[1]} numbers beside entities of {dim}; give both one width"
            )
        tensors.write(new / file, name, _finite(pieces, None, name), like.dtype, (number, dim))
        tables[table] = _table(new, file, number, digest.of_json([like.dtype.name, dim]))
    return tables


def _distinct(words: Words) -> pa.Array:
    """Return the words as they are written; refuse one that stands there twice."""
    texts = words.texts
    texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else pa.array(texts, pa.string())
    if texts.null_count:
        raise ConfigError("a word without a text")
    if len(pc.unique(texts)) < len(texts):
        counted = pc.value_counts(texts)
        many = pc.struct_field(counted, "values").filter(pc.greater(pc.struct_field(counted, "counts"), 1))
        raise ConfigError(f"the word {many[0].as_py()!r} has two vectors; each has one")
    if words.counts is not None and len(words.counts) != len(texts):
        raise ConfigError(f"{len(words.counts):,} counts of {len(texts):,} words")
    return texts


def _table(new: Path, file: str, rows: int, schema: str) -> Table:
    return Table(rows=rows, files=[artefact.entry(new, file)], schema=schema)


def _checked(ids: Sequence[int] | I64) -> I64:
    eids = np.asarray(ids)
    if eids.ndim != 1 or (len(eids) and eids.dtype.kind not in "iu"):
        raise ConfigError(f"ids of vectors are a list of whole numbers, not {eids.dtype} {eids.shape}")
    if len(eids) >= MOST or (len(eids) and not 0 <= int(eids.min()) <= int(eids.max()) < MOST):
        raise ConfigError("ids of vectors are eids: numbers from 0 to 4,294,967,295")
    eids = eids.astype(np.int64)
    ordered = np.sort(eids)
    if len(twice := ordered[1:][ordered[1:] == ordered[:-1]]):
        raise ConfigError(f"eid {twice[0]} has two vectors; each entity has one")
    return eids


def _blocks(vectors: Array) -> Iterator[Array]:
    """Cut an array into blocks of rows; one of no rows is one block."""
    step = max(1, AT_ONCE * len(vectors) // max(1, vectors.nbytes))
    return (vectors[at : at + step] for at in range(0, max(1, len(vectors)), step))


def _peek(blocks: Iterator[Array]) -> tuple[Array, Iterator[Array]]:
    """Return the first block, which has the type and width of all, and all of them."""
    first = next(blocks, None)
    if first is None:
        raise ConfigError("no block of vectors: how wide they are cannot be told")
    if first.ndim != 2 or first.dtype.name not in DTYPES or not first.shape[1]:
        raise ConfigError(f"vectors are {' or '.join(DTYPES)} [rows, dim], not {first.dtype} {first.shape}")
    return first, chain([first], blocks)


def _finite(blocks: Iterable[Array], eids: I64 | None, what: str = NAME) -> Iterator[Array]:
    at = 0
    for block in blocks:
        wrong = np.flatnonzero(~np.isfinite(block).all(axis=tuple(range(1, block.ndim))))
        if len(wrong):  # said with whose it is: the row means nothing to whoever trained them
            row = at + int(wrong[0])
            whose = f" (eid {eids[row]})" if eids is not None and row < len(eids) else ""
            raise ArtefactError(f"row {row:,} of the {what}{whose} holds NaN or infinite numbers")
        at += len(block)
        yield block


def refs(manifests: Sequence[Manifest]) -> list[KbRef]:
    """Name the knowledge bases that vectors made from these artefacts speak of."""
    found: dict[str, KbRef] = {}
    for one in manifests:
        itself = KbRef(name=one.name or "", content=one.content, id_space=one.id_space)
        for ref in [itself] if one.kind == "kb" else one.kbs:
            found.setdefault(ref.name, ref)
    return list(found.values())
